package xfr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// smallZone is a zone whose IXFR is easily forged.
func smallZone(tb testing.TB, serial uint32, records ...string) *primarytest.Zone {
	tb.Helper()
	return primarytest.Make(tb, "example.org.", serial, records...)
}

// What IXFR cannot do AXFR does, in the same check, over the same connection where that is still good.
func TestTransfer(t *testing.T) {
	old, z := smallZone(t, 7, "www A 192.0.2.1"), smallZone(t, 8, "www A 192.0.2.2", "@ NS ns1")
	base := old.Version(t)
	only := func(b primarytest.Behaviour) primarytest.Behaviour { b.Only = dns.TypeIXFR; return b }
	records := func(lines ...string) primarytest.Behaviour {
		return primarytest.Behaviour{Only: dns.TypeIXFR, Records: parseRecords(t, lines...)}
	}
	soa8 := "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 8 3600 600 86400 300"
	soa7 := "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 7 3600 600 86400 300"
	tests := []struct {
		name        string
		behaviour   primarytest.Behaviour
		kind        string
		steps       int
		instead     string // why IXFR did not do
		connections int
	}{
		{"IXFR", primarytest.Behaviour{}, "IXFR", 1, "", 1},
		{"a record a message", primarytest.Behaviour{RecordsPerMessage: 1}, "IXFR", 1, "", 1},
		{"the whole zone by IXFR", primarytest.Behaviour{Whole: true}, "IXFR", 0, "", 1},
		{"SERVFAIL", only(primarytest.Behaviour{Rcode: dns.RcodeServerFailure}), "AXFR", 0, "rcode SERVFAIL: the primary has no usable copy of the zone", 1},
		{"NOTIMP", only(primarytest.Behaviour{Rcode: dns.RcodeNotImplemented}), "AXFR", 0, "rcode NOTIMP", 1},
		{"FORMERR", only(primarytest.Behaviour{Rcode: dns.RcodeFormatError}), "AXFR", 0, "rcode FORMERR", 1},
		{"REFUSED", only(primarytest.Behaviour{Rcode: dns.RcodeRefused}), "AXFR", 0,
			"rcode REFUSED: the primary does not serve the zone, or not to this address", 1},
		{"deletes what is absent", records(soa8, soa7, "www.example.org. 60 A 192.0.2.9", soa8, soa8), "AXFR", 0,
			"deletes a record that is absent: www.example.org.\t60\tIN\tA\t192.0.2.9", 1},
		{"a wrong begin", records(soa8, strings.Replace(soa7, " 7 ", " 6 ", 1), soa8, soa8), "AXFR", 0, "changes since serial 6, want them since ours, 7", 2},
		{"no record", records(), "IXFR", 1, "", 1}, // no records is no behaviour
		{"closed before", only(primarytest.Behaviour{CloseAt: 1}), "AXFR", 0, "connection closed, before the answer", 2},
		{"closed within", only(primarytest.Behaviour{CloseAt: 3, RecordsPerMessage: 1}), "AXFR", 0, "connection closed, after 2 messages of the answer", 2},
		{"reset", only(primarytest.Behaviour{ResetAt: 1}), "AXFR", 0, "read: connection reset by peer, before the answer", 2},
		{"cut", only(primarytest.Behaviour{CutAt: 1}), "AXFR", 0, "connection closed in the middle of a message, before the answer", 2},
		{"garbage", only(primarytest.Behaviour{Garbage: true}), "AXFR", 0, "*", 2},
		{"wrong id", only(primarytest.Behaviour{WrongID: true}), "AXFR", 0, "an id that is not that of the query", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := primarytest.New(t, old, z)
			p.Behave(test.behaviour)
			got, err := new(Client).Transfer(t.Context(), p.Addr(), z.Apex(), base, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			s := got.Stats()
			if got.Version().Root() != z.Version(t).Root() || s.Kind != test.kind || s.Steps != test.steps {
				t.Errorf("another version, or stats %+v", s)
			}
			switch {
			case test.instead == "*" && s.Instead != nil:
			case s.Instead == nil && test.instead != "", s.Instead != nil && s.Instead.Err.Error() != test.instead:
				t.Errorf("instead of %v, want %s", s.Instead, test.instead)
			case s.Instead != nil && s.Instead.Kind != "IXFR":
				t.Errorf("instead of %s", s.Instead.Kind)
			}
			if n := p.Counts().Connections; n != test.connections {
				t.Errorf("%d connections, want %d", n, test.connections)
			}
		})
	}
}

// What is wrong with the primary, and not with IXFR, is not asked about twice.
func TestTransferErrors(t *testing.T) {
	old, z := smallZone(t, 7), smallZone(t, 8, "www A 192.0.2.2")
	for _, test := range []struct {
		behaviour primarytest.Behaviour
		transfers int
		want      string
	}{
		{primarytest.Behaviour{Rcode: dns.RcodeNotAuth}, 0, "IXFR of example.org. from %v: rcode NOTAUTH: the primary does not serve the zone"},
		{primarytest.Behaviour{Rcode: dns.RcodeRefused}, 1,
			"AXFR of example.org. from %v: rcode REFUSED: the primary does not serve the zone, or not to this address " +
				"(and before it IXFR: rcode REFUSED: the primary does not serve the zone, or not to this address)"},
		{primarytest.Behaviour{CloseAt: 1}, 1,
			"AXFR of example.org. from %v: connection closed, before the answer (and before it IXFR: connection closed, before the answer)"},
		{primarytest.Behaviour{Whole: true, EndSerial: 9}, 0, "IXFR of example.org. from %v: a second SOA record with serial 9, the first has 8"},
		{primarytest.Behaviour{Whole: true, Endless: 100}, 0,
			"IXFR of example.org. from %v: more than 1000 octets of records, which is the limit: if the zone is that large, raise limit size"},
		{primarytest.Behaviour{Whole: true, CloseAt: 3, RecordsPerMessage: 1}, 0,
			"IXFR of example.org. from %v: connection closed, after 2 messages of the answer"},
	} {
		p := primarytest.New(t, old, z)
		p.Behave(test.behaviour)
		got, err := new(Client).Transfer(t.Context(), p.Addr(), z.Apex(), old.Version(t), nil, 1000)
		e, ok := errors.AsType[*Error](err)
		if !ok || got.Version() != nil {
			t.Fatalf("%+v: %v, %v", test.behaviour, got, err)
		}
		if want := fmt.Sprintf(test.want, p.Addr()); e.Error() != want {
			t.Errorf("got  %v\nwant %s", e, want)
		}
		if n := p.Counts().Transfers; n != test.transfers {
			t.Errorf("%+v: %d AXFR queries, want %d", test.behaviour, n, test.transfers)
		}
	}
}

// With no base it is AXFR; with the newest version as the base it is that version.
func TestTransferBase(t *testing.T) {
	z := smallZone(t, 8, "www A 192.0.2.2")
	p := primarytest.New(t, z)
	conn := new(Client).Open(p.Addr())
	defer conn.Close()
	first, err := conn.Transfer(t.Context(), z.Apex(), nil, nil, 0)
	if err != nil || first.Stats().Kind != "AXFR" || p.Counts().Increments != 0 {
		t.Fatalf("%+v, %v", first.Stats(), err)
	}
	again, err := conn.Transfer(t.Context(), z.Apex(), first.Version(), nil, 0)
	if err != nil || again.Version() != first.Version() || again.Stats().Kind != "IXFR" || again.Stats().Steps != 0 {
		t.Fatalf("%+v, %v", again.Stats(), err)
	}
	p.Set(smallZone(t, 9, "www A 192.0.2.2", "mail A 192.0.2.3"))
	p.Set(smallZone(t, 10, "mail A 192.0.2.3"))
	got, err := conn.Transfer(t.Context(), z.Apex(), again.Version(), nil, 0)
	if s := got.Stats(); err != nil || s.Steps != 2 || s.Deleted != 3 || s.Added != 3 || s.Records != 7 || got.Version().Records() != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
}

// A lone SOA record is how a primary would ask for AXFR over UDP; one that sends nothing at all is not asked again at once.
func TestTransferSilence(t *testing.T) {
	soa8 := "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 8 3600 600 86400 300"
	for _, test := range []struct {
		name      string
		behaviour primarytest.Behaviour
		ok        bool
	}{
		{"lone", primarytest.Behaviour{Only: dns.TypeIXFR, Records: parseRecords(t, soa8)}, true},
		{"silent", primarytest.Behaviour{Only: dns.TypeIXFR, Silent: true}, false},
		{"silent within", primarytest.Behaviour{Only: dns.TypeIXFR, SilentAfter: 2, RecordsPerMessage: 1}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				old, z := smallZone(t, 7), smallZone(t, 8, "www A 192.0.2.2")
				p := primarytest.Pipe(t, "192.0.2.1:53", old, z)
				p.Behave(test.behaviour)
				c := Client{Dial: primarytest.Dialer(p)}
				begin := time.Now()
				got, err := c.Transfer(t.Context(), p.Addr(), z.Apex(), old.Version(t), nil, 0)
				if (err == nil) != test.ok || test.ok && got.Version().Root() != z.Version(t).Root() {
					t.Errorf("%v, %v", got.Stats(), err)
				}
				if after := time.Since(begin); after != DefaultIdle {
					t.Errorf("after %v", after)
				}
			})
		})
	}
}

// IXFR and the AXFR after it share one bound.
func TestTransferTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, z := smallZone(t, 7), smallZone(t, 8, "www A 192.0.2.2")
		p := primarytest.Pipe(t, "192.0.2.1:53", old, z)
		p.Behave(primarytest.Behaviour{Delay: 20 * time.Second, RecordsPerMessage: 1})
		c := Client{Dial: primarytest.Dialer(p), Time: time.Minute}
		soa := parseRecords(t, soaOf(8))
		p.Behave(primarytest.Behaviour{Delay: 25 * time.Second, RecordsPerMessage: 1, Records: append(soa, parseRecords(t, soaOf(6))...)})
		begin := time.Now()
		_, err := c.Transfer(t.Context(), p.Addr(), z.Apex(), old.Version(t), nil, 0)
		if err == nil || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if want := "AXFR of example.org. from 192.0.2.1:53: not finished within 1m0s (and before it IXFR: message 2: changes since serial 6, want them since ours, 7)"; err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}
