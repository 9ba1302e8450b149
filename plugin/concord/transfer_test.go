package concord

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
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

// TestDownstream has the targets of the transfer plugin told of every version, and served with it.
func TestDownstream(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	notified := make(chan string, 100)
	target := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		notified <- fmt.Sprint(dns.OpcodeToString[r.Opcode], " ", r.Question[0].Name)
		_ = w.WriteMsg(new(dns.Msg).SetReply(r))
	})}
	done := make(chan error)
	go func() { done <- target.ActivateAndServe() }()
	defer func() {
		if err := target.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "www A 192.0.2.1"))
	in := start(t, at(`example.org:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
		}
		transfer {
			to `+conn.LocalAddr().String()+` *
		}
	}`, p))
	want := "NOTIFY example.org."
	if got := <-notified; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.Set(primarytest.Make(t, "example.org.", 8, "www A 192.0.2.8"))
	in.exchange("udp", new(dns.Msg).SetNotify("example.org."))
	if got := <-notified; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	axfr := in.exchange("tcp", question("example.org.", dns.TypeAXFR))
	var got []string
	for _, rr := range axfr.Answer {
		got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	soa := "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 8 3600 600 86400 300"
	if want := []string{soa, "www.example.org. 3600 IN A 192.0.2.8", soa}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	ixfr := new(dns.Msg).SetIxfr("example.org.", 8, "ns1.example.org.", "hostmaster.example.org.")
	if m := in.exchange("tcp", ixfr); len(m.Answer) != 1 {
		t.Errorf("IXFR from the serial that is served: %v", m)
	}
}
