package xfr

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// FuzzIXFR interprets what would come over a connection as the answer to IXFR, on the zone that a whole transfer before it
// brought. The seeds in testdata are what BIND, Knot, NSD and PowerDNS send for one small zone.
func FuzzIXFR(f *testing.F) {
	z, old := smallZone(f, 8, "www A 192.0.2.2"), smallZone(f, 7, "www A 192.0.2.1")
	axfr := join(messages(f, question(f, "example.org.", dns.TypeAXFR), old, primarytest.Behaviour{})...)
	q := question(f, "example.org.", dns.TypeIXFR)
	soa7, soa8 := parseRecords(f, soa7), parseRecords(f, soaOf(8))
	for _, b := range []primarytest.Behaviour{
		{}, {RecordsPerMessage: 1}, {Whole: true}, {Records: soa8}, {Records: append(append(append(soa8, soa7...), soa8...), soa8...)},
	} {
		f.Add(axfr, join(messagesFrom(f, q, old, z, b)...))
	}
	fixed := old.Version(f)
	f.Fuzz(func(t *testing.T, before, octets []byte) {
		const limit = 1 << 16
		msgs := split(before)
		base, err := run(questionOf(msgs, dns.TypeAXFR), limit, msgs...)
		if err != nil {
			base = fixed
		}
		msgs = split(octets)
		q := questionOf(msgs, dns.TypeIXFR)
		q.Zone, q.Have = base.Apex(), base.SOA()
		x, v, err := runIXFR(q, base, limit, msgs...)
		if (v == nil) == (err == nil) {
			t.Fatalf("version %v and error %v, want one of them", v, err)
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T %v, want an *Error", err, err)
			}
			return
		}
		// What it became by changes differs from the base by no more than these, and is what a whole transfer of it gives.
		if x.steps > 0 {
			d := zone.Diff(base, v)
			again, err := zone.Apply(base, d)
			if err != nil || again.Root() != v.Root() || v.Serial() != x.newest {
				t.Fatalf("serial %d, %v", v.Serial(), err)
			}
		}
		axfr := q
		axfr.Type = dns.TypeAXFR
		again, err := run(axfr, 0, messagesOf(t, axfr, v)...)
		if err != nil || again.Root() != v.Root() {
			t.Fatalf("sent again: %v", err)
		}
	})
}

// messagesFrom returns what a primary that has held both zones answers to who has the first.
func messagesFrom(tb testing.TB, q Question, old, z *primarytest.Zone, b primarytest.Behaviour) [][]byte {
	q.Have = old.Version(tb).SOA()
	return messagesBy(tb, q, b, old, z)
}

// What BIND, Knot, NSD and PowerDNS answer leads to one version.
func TestRealPrimariesIXFR(t *testing.T) {
	var first *zone.Version
	for _, name := range []string{"bind", "knot", "nsd", "powerdns", "nsd_mx", "bind_current", "knot_current", "nsd_current", "powerdns_current"} {
		text, err := os.ReadFile(filepath.Join("testdata", "fuzz", "FuzzIXFR", name))
		if err != nil {
			t.Fatal(err)
		}
		var streams [][]byte
		for _, line := range strings.Split(string(text), "\n")[1:3] {
			octets, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(line, "[]byte("), ")"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			streams = append(streams, []byte(octets))
		}
		msgs := split(streams[0])
		base, err := run(questionOf(msgs, dns.TypeAXFR), 0, msgs...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		msgs = split(streams[1])
		q := questionOf(msgs, dns.TypeIXFR)
		q.Have = base.SOA()
		x, v, err := runIXFR(q, base, 0, msgs...)
		if name == "nsd_mx" {
			// NSD 4.6 adds again each MX record of a name that it writes differences of; only the whole zone is right then.
			if e, ok := errors.AsType[*Error](err); !ok || !e.TryAXFR() || !errors.Is(err, zone.ErrPresent) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		steps := 2
		if name == "powerdns" || strings.HasSuffix(name, "_current") {
			steps = 0
		}
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case v.Records() != 25 || v.Serial() != 3 || x.steps != steps:
			t.Errorf("%s: %d records with serial %d, %d steps", name, v.Records(), v.Serial(), x.steps)
		case first == nil:
			first = v
		case v.Root() != first.Root():
			t.Errorf("%s: another version than that of bind: %+v", name, zone.Diff(first, v))
		}
	}
}
