package xfr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Whatever the history, what goes out leads a client from any version of it to the newest, as our own interpreter reads it.
func TestIncrementHistory(t *testing.T) {
	q := question(t, "example.org.", dns.TypeIXFR)
	increments := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		serial := uint32(r.IntN(3)) - 2 // across the wrap
		held := make(map[string]bool)
		for range 40 {
			held[randomLine(r)] = true
		}
		var history []*zone.Version
		for range 2 + r.IntN(4) {
			for range r.IntN(6) {
				line := randomLine(r)
				if held[line] = !held[line]; r.IntN(4) == 0 {
					line = strings.Replace(line, " 60 ", " 30 ", 1)
					held[line] = !held[line]
				}
			}
			list := []string{soaOf(serial)}
			for line, there := range held {
				if there {
					list = append(list, line)
				}
			}
			history = append(history, versionOf(t, list...))
			serial += 1 + uint32(r.IntN(100))
		}
		newest := history[len(history)-1]
		for _, from := range history[:len(history)-1] {
			inc, ok := NewIncrement(history, from.Serial())
			if !ok {
				continue
			}
			increments++
			q.Have = from.SOA()
			msg := message(t, q, func(m *dns.Msg) { m.Answer = append(m.Answer, rrs(t, inc)...) })
			_, v, err := runIXFR(q, from, 0, msg)
			if err != nil || v.Root() != newest.Root() {
				t.Fatalf("seed %d, from %d to %d: %v\n%v", seed, from.Serial(), newest.Serial(), err, rrs(t, inc))
			}
		}
	}
	if increments < 100 {
		t.Errorf("only %d answers were incremental", increments)
	}
}

func TestIncrement(t *testing.T) {
	hosts := make([]string, 20)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("host%d.example.org. 60 A 192.0.2.1", i)
	}
	at := func(serial uint32, records ...string) *zone.Version {
		return versionOf(t, append(append([]string{soaOf(serial)}, hosts...), records...)...)
	}
	seven, eight, nine := at(7, www1), at(8, www1, www2), at(9, www2)
	again := at(7, www3) // as 7, with other records
	other := versionOf(t, soaOf(10), www1)
	for _, tt := range []struct {
		name    string
		history []*zone.Version
		serial  zone.Serial
		want    string // the records, without their owner and TTL; "" is the whole zone
	}{
		{"one step", []*zone.Version{seven, eight}, 7, "SOA 8, SOA 7, SOA 8, A 192.0.2.2, SOA 8"},
		{"two steps, condensed", []*zone.Version{seven, eight, nine}, 7, "SOA 9, SOA 7, A 192.0.2.1, SOA 9, A 192.0.2.2, SOA 9"},
		{"from the middle", []*zone.Version{seven, eight, nine}, 8, "SOA 9, SOA 8, A 192.0.2.1, SOA 9, SOA 9"},
		{"up to date", []*zone.Version{seven, eight}, 8, ""},
		{"ahead of us", []*zone.Version{seven, eight}, 9, ""},
		{"not known", []*zone.Version{eight, nine}, 7, ""},
		{"no history", nil, 7, ""},
		{"went back", []*zone.Version{nine, eight}, 9, ""},
		{"one serial, two contents", []*zone.Version{seven, again, eight}, 7, ""},
		{"one version twice", []*zone.Version{seven, eight, seven, nine}, 7, "SOA 9, SOA 7, A 192.0.2.1, SOA 9, A 192.0.2.2, SOA 9"},
		{"more than the zone", []*zone.Version{nine, other}, 9, ""},
	} {
		var got []string
		if inc, ok := NewIncrement(tt.history, tt.serial); ok {
			for _, rr := range rrs(t, inc) {
				fields := strings.Fields(rr.String())
				if last := fields[4]; rr.Header().Rrtype == dns.TypeSOA {
					got = append(got, "SOA "+fields[6])
				} else {
					got = append(got, fields[3]+" "+last)
				}
			}
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func rrs(tb testing.TB, inc Increment) (list []dns.RR) {
	tb.Helper()
	for r := range inc.Records() {
		rr, err := r.RR()
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, rr)
	}
	return list
}
