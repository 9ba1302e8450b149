package verify

import (
	"bytes"
	"fmt"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// doubled counts names that end in the zone's own name twice, as www.example.org.example.org. does. That is what becomes of a
// name that was written without its final dot: the origin is appended to it (RFC 1035 section 5.1).
//
// A few of them are in many zones: somebody gave a whole name to a form that appended the rest. Each is a warning. A
// program that forgets the dot forgets it everywhere, as in .se in 2009, and such a zone must not be served. Which names then double depends
// on how the file was written:
//
//   - owner names in full: all of them double. From ten on, more than half of the owner names is a failure; in a smaller zone
//     three, if there are no others, since three mistakes of a form beside one right name are seen in real zones.
//   - owner names relative to the origin, as most people write: only names in RDATA double, and among these only what was meant
//     to be in the zone. What was meant to be elsewhere is in the zone now, and not doubled. So three of them, and more than half
//     of the names in RDATA that are in the zone, are a failure. Few real zones have any at all, since what
//     they name is found missing at once.
//   - all name servers at the apex: a failure in any number. Nobody would find them.
//
// A zone such as com. has a name com.com. and some below it; the shares keep that from mattering. In the root zone nothing
// can double.
type doubled struct {
	all, doubled int
}

const (
	fewDoubled    = 3  // fewer are a person's mistakes
	manyDoubledAt = 10 // from so many owner names on a share of them means something
)

// findings of the zone as a whole.
func (s *survey) doubled(v *zone.Version) []Finding {
	fail := func(format string, args ...any) []Finding {
		return []Finding{{CheckStructure, ruleDots, "", 0,
			fmt.Sprintf(format, args...) + ": final dots are missing where the zone is made", Failure}}
	}
	switch o, t := s.owners, s.targets; {
	case apexServersDoubled(v):
		return fail("all name servers at the apex end in the zone's name twice")
	case o.doubled >= fewDoubled && o.doubled == o.all, o.doubled >= manyDoubledAt && 2*o.doubled > o.all:
		return fail("%d of %d owner names end in the zone's name twice", o.doubled, o.all)
	case t.doubled >= fewDoubled && 2*t.doubled > t.all:
		return fail("%d of %d names in RDATA that are in the zone end in the zone's name twice", t.doubled, t.all)
	}
	return nil
}

func apexServersDoubled(v *zone.Version) bool {
	g := newSurveyor(v, nil, 1)
	ns, _ := v.ApexNode().RRset(dns.TypeNS)
	for data := range ns.All() {
		if !g.inZone(data) || !g.isDoubled(g.target) {
			return false
		}
	}
	return ns.Count > 0
}

// isDoubled reports whether a name below the apex ends in the apex once more.
func (g *surveyor) isDoubled(key zone.Key) bool {
	return len(g.apexKey) > 0 && bytes.HasPrefix(key, g.apexKey)
}

func (g *surveyor) ownerName(key zone.Key, n zone.Node) {
	if n.IsZero() || len(key) == 0 {
		return
	}
	g.owners.all += g.sign
	if g.isDoubled(key) {
		g.owners.doubled += g.sign
		g.add(ruleDoubled, key, 0, func() string { return "its name ends in the zone's name twice; a final dot may be missing" })
	}
}

// names counts the names in an RRset that are in the zone.
func (g *surveyor) names(key zone.Key, s zone.RRset) {
	if _, ok := nameAt(s.Type); !ok || len(g.apexKey) == 0 {
		return
	}
	for it := s.Iter(); ; {
		data, ok := it.Next()
		if !ok {
			return
		}
		first, second := namesIn(s.Type, data)
		if g.inZone(first) {
			g.inRDATA(key, s.Type)
		}
		if second != nil && g.inZone(second) {
			g.inRDATA(key, s.Type)
		}
	}
}

// namesIn returns the names of something else in RDATA of the types that nameAt knows: one, or the two of a SOA record.
func namesIn(typ uint16, data []byte) (first, second zone.Name) {
	switch at, _ := nameAt(typ); typ {
	case dns.TypeSOA:
		soa, _ := zone.ParseSOA(data, 0)
		return soa.MName, soa.RName
	case dns.TypeSVCB, dns.TypeHTTPS: // parameters follow
		end := at
		for end < len(data) && data[end] != 0 {
			end += 1 + int(data[end])
		}
		return data[at:min(end+1, len(data))], nil
	default:
		return data[at:], nil
	}
}

// nameAt returns where in the RDATA of a type the name of something else begins, of the types that people write by hand.
func nameAt(typ uint16) (int, bool) {
	const (
		preference = 2
		service    = 6 // priority, weight and port
	)
	switch typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypePTR, dns.TypeSOA:
		return 0, true
	case dns.TypeMX, dns.TypeAFSDB, dns.TypeKX, dns.TypeSVCB, dns.TypeHTTPS:
		return preference, true
	case dns.TypeSRV:
		return service, true
	}
	return 0, false
}

// inRDATA counts a name in RDATA, which is the target, and in the zone.
func (g *surveyor) inRDATA(key zone.Key, typ uint16) {
	if len(g.target) == 0 {
		return
	}
	g.targets.all += g.sign
	if g.isDoubled(g.target) {
		g.targets.doubled += g.sign
		g.add(ruleDoubled, key, typ, func() string { return g.text(g.target) + " ends in the zone's name twice; a final dot may be missing" })
	}
}
