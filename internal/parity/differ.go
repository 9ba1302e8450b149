package parity

import (
	"fmt"

	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// MaxDiffering is where the counting of differing records ends: enough to see
// that two copies have little in common, and soon counted.
const MaxDiffering = 10_000

// difference is how two versions differ.
type difference struct {
	records int
	more    bool   // than MaxDiffering
	owner   string // of the first RRset that differs
	typ     uint16
}

func differ(a, b *zone.Version) difference {
	var d difference
	for c := range zone.Changes(a, b) {
		if d.owner == "" {
			d.owner, d.typ = zone.Name(zone.AppendOwner(nil, c.Owner, a.Apex())).String(), c.Type
		}
		d.records += c.Records()
		if d.records > MaxDiffering {
			d.records, d.more = MaxDiffering, true
			break
		}
	}
	return d
}

// String returns "3 records differ, first www.example.org. A".
func (d difference) String() string {
	first := d.owner + " " + dns.Type(d.typ).String()
	switch {
	case d.more:
		return fmt.Sprintf("more than %d records differ, first %s", d.records, first)
	case d.records == 1:
		return "1 record differs, " + first
	}
	return fmt.Sprintf("%d records differ, first %s", d.records, first)
}

// differ is differ, once in a call for the same two roots.
func (j *judge) differ(a, b *zone.Version) difference {
	key := [2]zone.Hash{a.Root(), b.Root()}
	if key[0] == key[1] {
		return difference{}
	}
	if d, ok := j.differences[key]; ok {
		return d
	}
	if j.differences == nil {
		j.differences = make(map[[2]zone.Hash]difference)
	}
	d := differ(a, b)
	j.differences[key] = d
	return d
}
