package primarytest

import (
	"testing"

	"github.com/miekg/dns"
)

// A Lie is an answer to IXFR that is not true, or not even an answer. Behaviour.Records takes it.
type Lie struct {
	Name    string
	Records []dns.RR
}

// Lies returns one of each kind, to a server that holds the one zone and asks for the other. The zones differ in more than
// their serials. A lie that cannot be told from the truth is [Plausible].
func Lies(tb testing.TB, from, to *Zone) []Lie {
	tb.Helper()
	truth := Changes(from, to)
	if len(truth) < 3 {
		tb.Fatalf("primarytest: zone %s: serial %d and %d do not differ", to.origin, from.Serial(), to.Serial())
	}
	middle := 1 // where the SOA record stands that begins what is added
	for truth[middle].Header().Rrtype != dns.TypeSOA {
		middle++
	}
	deleted, added := truth[1:middle], truth[middle+1:]
	stranger := hostOf(tb, "stranger."+to.origin)
	old, now := from.soa, to.soa
	later := func(soa *dns.SOA, by uint32) dns.RR {
		soa = dns.Copy(soa).(*dns.SOA)
		soa.Serial += by
		return soa
	}
	const else1, else2 = 1000, 2000 // serials that nobody has
	return []Lie{
		{"deletes what is absent", join(now, old, deleted, stranger, now, added, now)},
		{"adds what is present", join(now, old, now, unchanged(tb, from), now)},
		{"adds a record twice", join(now, old, deleted, now, added, stranger, stranger, now)},
		{"deletes a record twice", join(now, old, unchanged(tb, from), unchanged(tb, from), now, now)},
		{"begins with a serial that is not ours", join(now, later(old, else1), deleted, now, added, now)},
		{"has a chain with a hole", join(now, old, deleted, later(old, else1), added, later(old, else2), now, now)},
		{"ends with another serial", join(now, old, deleted, now, added, later(now, else1))},
		{"leads to another serial", join(now, old, deleted, later(now, else1), added, now)},
		{"goes on after its end", join(now, old, deleted, now, added, now, stranger)},
		{"has records of another zone", join(now, old, deleted, now, added, hostOf(tb, "www.elsewhere.example."), now)},
		{"goes in a circle", join(now, old, now, old, now, now)},
		{"has no SOA at its begin", join(stranger, now, old, deleted, now, added, now)},
		{"deletes the SOA record of the zone", join(now, old, old, deleted, now, added, now)},
	}
}

// Plausible is a lie that fits the zone: one record more than the truth has.
func Plausible(tb testing.TB, from, to *Zone) Lie {
	tb.Helper()
	return Lie{"is made up", join(to.soa, Changes(from, to), hostOf(tb, "made-up."+to.origin), to.soa)}
}

// join makes one list of records and of lists of them.
func join(parts ...any) (list []dns.RR) {
	for _, p := range parts {
		switch p := p.(type) {
		case []dns.RR:
			list = append(list, p...)
		case dns.RR:
			list = append(list, p)
		}
	}
	return list
}

// unchanged is a record that the zone has, and not its SOA record.
func unchanged(tb testing.TB, z *Zone) dns.RR {
	tb.Helper()
	for rr := range z.records {
		return rr
	}
	tb.Fatalf("primarytest: zone %s has a SOA record alone", z.origin)
	return nil
}

func hostOf(tb testing.TB, name string) dns.RR {
	tb.Helper()
	rr, err := dns.NewRR(name + " 3600 IN A 192.0.2.66")
	if err != nil {
		tb.Fatalf("primarytest: %v", err)
	}
	return rr
}
