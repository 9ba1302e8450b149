package concord

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/secondary"
)

func TestTransfer(t *testing.T) {
	records := []string{"@ NS ns1"}
	for i := range 1000 {
		records = append(records, fmt.Sprintf("host%d A 192.0.2.%d", i, i%250))
	}
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, records...))
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
	}`, p))
	for serial, whole := range map[uint32]bool{
		0: true, 6: true, 7: false, 8: false, 1<<31 + 6: false,
		1<<31 + 7: true, // neither before nor after
		1<<31 + 8: true,
	} {
		ch, err := s.Transfer("example.org.", serial)
		if err != nil {
			t.Fatal(err)
		}
		var all []dns.RR
		for batch := range ch {
			if len(batch) > streamBatch+1 {
				t.Errorf("%d records at once", len(batch))
			}
			all = append(all, batch...)
		}
		want := 1
		if whole {
			want = 1003
		}
		if len(all) != want {
			t.Errorf("IXFR from %d: %d records, want %d", serial, len(all), want)
		}
		for _, i := range []int{0, len(all) - 1} {
			if soa, ok := all[i].(*dns.SOA); !ok || soa.Serial != 7 {
				t.Errorf("IXFR from %d: record %d is %v", serial, i, all[i])
			}
		}
		seen := make(map[string]bool)
		for _, rr := range all[:len(all)-1] {
			if seen[rr.String()] {
				t.Errorf("%v twice", rr)
			}
			seen[rr.String()] = true
		}
	}
	for _, name := range []string{"www.example.org.", "org.", "example.net."} {
		if _, err := s.Transfer(name, 0); !errors.Is(err, transfer.ErrNotAuthoritative) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTransferIncrement has an IXFR get what has changed since any version of the history, in one step, and the whole zone where
// that is more, or not known.
func TestTransferIncrement(t *testing.T) {
	base := []string{"@ NS ns1", "ns1 A 192.0.2.53"}
	for i := range 20 {
		base = append(base, fmt.Sprintf("host%d A 192.0.2.%d", i, i))
	}
	const serials = 4
	versions := [serials]*primarytest.Zone{ // from below the wrap to above it, without 0
		primarytest.Make(t, "example.org.", 1<<32-2, append(base, "www A 192.0.2.1")...),
		primarytest.Make(t, "example.org.", 1<<32-1, append(base, "www A 192.0.2.2")...),
		primarytest.Make(t, "example.org.", 1, append(base, "www A 192.0.2.3", "new TXT one")...),
		primarytest.Make(t, "example.org.", 2, append(base, "www A 192.0.2.3", "www A 192.0.2.4", "new 60 TXT one")...),
	}
	p := primarytest.New(t, versions[0])
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
		history 3
		guard off
	}`, p))
	for _, v := range versions[1:] {
		p.Set(v)
		s.ask("127.0.0.1", new(dns.Msg).SetNotify("example.org."))
		until(t, func() bool { return uint32(s.snapshot().Version.Serial()) == v.Serial() })
	}
	const soa = "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. %d 3600 600 86400 300"
	for _, tt := range []struct {
		what   string
		serial uint32
		want   []string // nil: the whole zone
	}{
		{"the version before", 1, []string{
			fmt.Sprintf(soa, 2), fmt.Sprintf(soa, 1), "new.example.org. 3600 IN TXT \"one\"",
			fmt.Sprintf(soa, 2), "new.example.org. 60 IN TXT \"one\"", "www.example.org. 3600 IN A 192.0.2.4", fmt.Sprintf(soa, 2),
		}},
		{"one before that, beyond the wrap, without what came and went in between", 1<<32 - 1, []string{
			fmt.Sprintf(soa, 2), fmt.Sprintf(soa, uint32(1<<32-1)), "www.example.org. 3600 IN A 192.0.2.2",
			fmt.Sprintf(soa, 2), "new.example.org. 60 IN TXT \"one\"", "www.example.org. 3600 IN A 192.0.2.3", "www.example.org. 3600 IN A 192.0.2.4",
			fmt.Sprintf(soa, 2),
		}},
		{"one that the history has no more", 1<<32 - 2, nil},
		{"one that never was", 1<<32 - 100, nil},
		{"serial 0, which is how an AXFR is asked for", 0, nil},
		{"what is served", 2, []string{fmt.Sprintf(soa, 2)}},
		{"a newer one", 3, []string{fmt.Sprintf(soa, 2)}},
	} {
		got := s.transfer(tt.serial)
		if tt.want == nil && len(got) == 26+1 && got[0] == fmt.Sprintf(soa, 2) && got[26] == got[0] && got[1] != fmt.Sprintf(soa, tt.serial) {
			continue
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s\ngot  %s\nwant %s", tt.what, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
		}
	}

	// Where half of the zone is another, the whole of it is less.
	p.Set(primarytest.Make(t, "example.org.", 3, "@ NS ns1", "ns1 A 192.0.2.53", "www A 192.0.2.9"))
	s.ask("127.0.0.1", new(dns.Msg).SetNotify("example.org."))
	until(t, func() bool { return s.snapshot().Version.Serial() == 3 })
	if got := s.transfer(2); len(got) != 5 || got[1] == fmt.Sprintf(soa, 2) {
		t.Errorf("a small zone of a large one: %q", got)
	}
}

// snapshot is of the only zone.
func (s *server) snapshot() *secondary.Snapshot { return s.block.order[0].running.zone.Snapshot() }

// transfer returns what an IXFR of the only zone gets.
func (s *server) transfer(serial uint32) []string {
	s.t.Helper()
	ch, err := s.Transfer(s.block.order[0].config.Origin, serial)
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for batch := range ch {
		for _, rr := range batch {
			got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	return got
}

// TestTransferAbandoned has receivers stop in the middle: goleak finds what is left of it.
func TestTransferAbandoned(t *testing.T) {
	records := []string{"@ NS ns1"}
	for i := range 1000 {
		records = append(records, fmt.Sprintf("host%d A 192.0.2.%d", i, i%250))
	}
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, records...))
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
	}`, p))
	for i := range 10 {
		ch, err := s.Transfer("example.org.", 0)
		if err != nil {
			t.Fatal(err)
		}
		for range i {
			<-ch
		}
	}
	if err := s.instance.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Transfer("example.org.", 0); !errors.Is(err, errStopping) {
		t.Errorf("after the end: %v", err)
	}
}
