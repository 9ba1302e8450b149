package parity

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// MaxDiffering is where the counting of differing records ends: enough to see
// that two copies have little in common, and soon counted.
const MaxDiffering = 10_000

// Classes are how many records differ, by how. Data and TTL are those that
// are compared; the sum of all is at most MaxDiffering.
type Classes struct {
	Data    int // there on one side only
	TTL     int // there on both, with different TTLs
	Aside   int // of what the comparison leaves aside
	Ignored int // of what the operator ignores
}

// Compared returns how many records differ that are compared.
func (c Classes) Compared() int { return c.Data + c.TTL }

func (c Classes) all() int { return c.Data + c.TTL + c.Aside + c.Ignored }

// add counts an RRset that differs: the larger of how many records only one
// side has, and those that both have with another TTL.
func (c *Classes) add(part Part, d setDifference) {
	switch part {
	case Aside:
		c.Aside += d.records()
	case Ignored:
		c.Ignored += d.records()
	default:
		c.Data += max(d.here, d.there)
		c.TTL += d.ttl
	}
}

// difference is how two versions differ.
type difference struct {
	Classes
	more  bool   // than MaxDiffering
	owner string // of the first RRset that differs and is compared
	typ   uint16
	flat  flattening
}

// differ counts how a and b differ, or says what it has counted before. It
// takes no nil Comparison: see Judge.
func (c *Comparison) differ(a, b *zone.Version) difference {
	pair := [2]zone.Hash{a.Root(), b.Root()}
	if pair[0] == pair[1] {
		return difference{}
	}
	if d, ok := c.counted.of(pair); ok {
		return d
	}
	d := c.count(a, b)
	c.counted.keep(pair, d)
	return d
}

// counted is what was counted of two versions, by their roots. A verdict is
// wanted at each event of a zone, and most events change neither of the two.
type counted struct {
	mu   sync.Mutex // guards list
	list map[[2]zone.Hash]difference
}

// mostCounted is more pairs than one verdict has.
const mostCounted = 8 * config.MaxPrimaries

func (k *counted) of(pair [2]zone.Hash) (d difference, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d, ok = k.list[pair]
	return d, ok
}

func (k *counted) keep(pair [2]zone.Hash, d difference) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.list == nil || len(k.list) == mostCounted {
		k.list = make(map[[2]zone.Hash]difference)
	}
	k.list[pair] = d
}

func (c *Comparison) count(a, b *zone.Version) difference {
	var d difference
	name := func(k zone.Key) string { return zone.Name(zone.AppendOwner(nil, k, a.Apex())).String() }
	for change := range zone.Changes(a, b) {
		part := c.part(change.Owner, change.Type, covered(change))
		d.add(part, split(change))
		if part == Compared {
			if d.owner == "" {
				d.owner, d.typ = name(change.Owner), change.Type
			}
			if d.flat.see(change) {
				d.flat.first = name(change.Owner)
			}
		}
		if over := d.all() - MaxDiffering; over > 0 {
			d.more = true
			d.cut(over)
			break
		}
	}
	return d
}

// cut takes as many off as there are too many, of the last that were counted.
func (c *Classes) cut(over int) {
	for _, n := range [...]*int{&c.Ignored, &c.Aside, &c.TTL, &c.Data} {
		take := min(over, *n)
		*n -= take
		over -= take
	}
}

// String returns "3 records differ, first www.example.org. A".
func (d difference) String() string {
	text := d.counted()
	if n := d.TTL; n > 0 && n == d.Compared() {
		text += ", in TTL alone"
	}
	return text + d.flat.String()
}

func (d difference) counted() string {
	first := d.owner + " " + dns.Type(d.typ).String()
	switch n := d.Compared(); {
	case d.more:
		return fmt.Sprintf("more than %d records differ, first %s", n, first)
	case n == 0:
		return "no record that is compared differs"
	case n == 1:
		return "1 record differs, " + first
	default:
		return fmt.Sprintf("%d records differ, first %s", n, first)
	}
}

// flattening finds names that are an alias on one side and have addresses on
// the other: no comparison can be true of a primary that resolves aliases when
// it sends the zone.
type flattening struct {
	names int
	first string
	owner zone.Key // of the changes that were seen last
	alias int8     // the side that has the CNAME there: -1 before, 1 after
	addrs int8     // the side that has addresses there
	found bool
}

// see takes in a change, which come in the order of their names. It reports
// whether it has found the first.
func (f *flattening) see(c zone.Change) (first bool) {
	if f.owner == nil || !bytes.Equal(f.owner, c.Owner) {
		f.owner, f.alias, f.addrs, f.found = append(f.owner[:0], c.Owner...), 0, 0, false
		if f.owner == nil {
			f.owner = zone.Key{}
		}
	}
	side := int8(0)
	switch {
	case c.Before.Count > 0 && c.After.Count == 0:
		side = -1
	case c.After.Count > 0 && c.Before.Count == 0:
		side = 1
	}
	switch c.Type {
	case dns.TypeCNAME:
		f.alias = side
	case dns.TypeA, dns.TypeAAAA:
		f.addrs = side
	}
	if f.found || f.alias == 0 || f.addrs != -f.alias {
		return false
	}
	f.found = true
	f.names++
	return f.names == 1
}

func (f *flattening) String() string {
	if f.names == 0 {
		return ""
	}
	return "; " + f.words()
}

func (f *flattening) words() string {
	if f.names == 1 {
		return f.first + " is a CNAME on one side and has addresses on the other, as if flattened"
	}
	return fmt.Sprintf("%d names, first %s, are a CNAME on one side and have addresses on the other, as if flattened", f.names, f.first)
}

// setDifference is how one RRset differs.
type setDifference struct {
	here, there int // records that only one side has
	ttl         int // records that both have, with different TTLs
}

func (d setDifference) records() int { return max(d.here, d.there) + d.ttl }

func split(c zone.Change) setDifference {
	var d setDifference
	if c.Before.Count == 0 || c.After.Count == 0 {
		return setDifference{here: c.Before.Count, there: c.After.Count}
	}
	both := 0
	eachRDATA(c, func(_ []byte, here, there bool) {
		switch {
		case here && there:
			both++
		case here:
			d.here++
		default:
			d.there++
		}
	})
	if c.Before.TTL != c.After.TTL {
		d.ttl = both
	}
	return d
}

// eachRDATA yields the RDATAs of both sides in canonical order.
func eachRDATA(c zone.Change, yield func(data []byte, here, there bool)) {
	i, k := c.Before.Iter(), c.After.Iter()
	x, xok := i.Next()
	y, yok := k.Next()
	for xok || yok {
		order := 0
		switch {
		case !yok:
			order = -1
		case !xok:
			order = 1
		default:
			order = bytes.Compare(x, y)
		}
		if order <= 0 {
			yield(x, true, order == 0)
		} else {
			yield(y, false, true)
		}
		if order <= 0 {
			x, xok = i.Next()
		}
		if order >= 0 {
			y, yok = k.Next()
		}
	}
}

// covered returns the type that the signatures of a change cover.
func covered(c zone.Change) uint16 {
	if c.Before.Count > 0 {
		return c.Before.Covered()
	}
	return c.After.Covered()
}
