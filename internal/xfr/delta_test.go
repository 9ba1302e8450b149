package xfr

import (
	"slices"
	"testing"

	"github.com/concord-dns/concord/internal/zone"
)

// TestLookup asks for records in order, half of which are there: of an RRset each way through, RRSIG by what it covers, NSEC3.
func TestLookup(t *testing.T) {
	const sigA = "www.example.org. 3600 RRSIG A 8 3 3600 20300101000000 20260101000000 1 example.org. AAAA"
	const sigMX = "www.example.org. 3600 RRSIG MX 8 3 3600 20300101000000 20260101000000 1 example.org. AAAA"
	const mx, txt = "www.example.org. 3600 MX 1 www.example.org.", "a.example.org. 3600 TXT a"
	all := []string{soa7, www1, www2, www3, mx, sigA, sigMX, mail1, txt, nsec3, sig3}
	d := delta{apex: versionOf(t, soa7).Apex()}
	for _, rr := range parseRecords(t, all...) {
		r, err := zone.FromRR(rr)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.add(true, record{owner: r.Owner, typ: r.Type, ttl: r.TTL}, r.Data); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortStableFunc(d.list, d.compare)
	for without := range all {
		if without == 0 {
			continue // there is no zone without its SOA record
		}
		for half := range 3 {
			v := versionOf(t, slices.DeleteFunc(slices.Clone(all), func(r string) bool {
				i := slices.Index(all, r)
				return i == without || i > 0 && half > 0 && i%2 == half-1
			})...)
			l := lookup{version: v}
			for _, c := range d.list {
				want := false
				for r := range v.All() {
					key, _ := zone.AppendKey(nil, r.Owner, v.Apex())
					want = want || slices.Equal(key, d.key(c)) && r.Type == c.typ && slices.Equal(r.Data, d.data(c))
				}
				if got := l.holds(d.key(c), c.typ, d.data(c)); got != want {
					t.Errorf("without %q and %d: %q type %d: %t, want %t", all[without], half, d.key(c), c.typ, got, want)
				}
			}
		}
	}
}
