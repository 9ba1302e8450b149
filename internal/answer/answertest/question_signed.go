package answertest

import (
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// SignedQuestion makes a random question that aims at the edges of a signed zone: at what proofs are made of.
func (z *Zone) SignedQuestion(r *rand.Rand) (name string, typ uint16, do bool) {
	name, typ = z.Question(r)
	do = r.IntN(4) > 0
	g := generator{Rand: r, zone: z}
	switch r.IntN(12) {
	case 0:
		typ = pick(r, dnssecTypes)
	case 1:
		// At, above or below a name from the chain.
		switch rr := pick(r, z.Records).(type) {
		case *dns.NSEC3:
			name = rr.Hdr.Name
			if r.IntN(3) == 0 {
				name = below(strings.ToLower(rr.NextDomain), z.Origin)
			}
		case *dns.NSEC:
			name = rr.NextDomain
		default:
			name = rr.Header().Name
		}
		if r.IntN(3) == 0 {
			name = below(g.label(), name)
		}
	case 2:
		// DS at, below and above cuts.
		if name = z.cut(r); r.IntN(3) == 0 {
			name = below(g.label(), name)
		}
		typ = dns.TypeDS
	case 3:
		// Names that are there only as parents.
		name = pick(r, z.Records).Header().Name
		for range 1 + r.IntN(2) {
			if !strings.EqualFold(name, z.Origin) {
				name = Parent(name)
			}
		}
		if r.IntN(2) == 0 {
			name = below(g.label(), name)
		}
	case 4:
		// The name next to one that is there, in canonical order.
		name = pick(r, z.Records).Header().Name
		if r.IntN(2) == 0 {
			name = below(`\000`, name)
		} else if labels := dns.SplitDomainName(name); len(labels) > 0 && !strings.EqualFold(name, z.Origin) {
			name = below(labels[0]+pick(r, []string{`\000`, "-", "z", `\255`}), Parent(name))
		}
	}
	name = Unpacked(&dns.NULL{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNULL}}).Header().Name
	if !dns.IsSubDomain(z.Origin, name) {
		name = z.Origin
	}
	return name, typ, do
}

var dnssecTypes = []uint16{
	dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeRRSIG, dns.TypeDS, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeSOA,
}

// cut returns the name of a delegation, or any other that has NS.
func (z *Zone) cut(r *rand.Rand) string {
	for _, i := range r.Perm(len(z.Records)) {
		if h := z.Records[i].Header(); h.Rrtype == dns.TypeNS && !strings.EqualFold(h.Name, z.Origin) {
			return h.Name
		}
	}
	return z.Origin
}
