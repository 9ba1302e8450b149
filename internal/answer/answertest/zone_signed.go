package answertest

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// GenerateDelegations makes a random zone in which delegations have more to do with each other than they have in what
// Generate makes: secure and insecure ones, alone and together below names that exist by them only.
func GenerateDelegations(r *rand.Rand, origin string, o Options) *Zone {
	z := Generate(r, origin, o)
	g := generator{Rand: r, zone: z, types: map[string]map[uint16]uint32{}, seen: map[string]bool{}}
	taken := map[string]bool{}
	for _, rr := range z.Records {
		for name := strings.ToLower(rr.Header().Name); name != "."; name = Parent(name) {
			taken[name] = true
		}
	}
	for range r.IntN(4) {
		ent := below(pick(r, []string{"ent", "x", "*", "deep"}), pick(r, z.names))
		if r.IntN(3) == 0 {
			ent = below("ent", ent)
		}
		if taken[strings.ToLower(ent)] || !z.authoritative(ent) {
			continue
		}
		taken[strings.ToLower(ent)] = true
		for range 1 + r.IntN(3) {
			name := below(pick(r, []string{"a", "b", "c", "d", "cut"}), ent)
			if taken[strings.ToLower(name)] {
				continue
			}
			taken[strings.ToLower(name)] = true
			z.names = append(z.names, name, ent)
			if r.IntN(2) == 0 {
				g.types[strings.ToLower(name)] = map[uint16]uint32{dns.TypeNS: 300}
				g.add(name + " 300 IN NS " + below("ns1", name))
				g.add(below("ns1", name) + " 300 IN A 192.0.2.77")
			} else {
				g.addType(name, dns.TypeNS)
			}
			if r.IntN(3) == 0 {
				g.addType(name, dns.TypeDS)
			}
		}
	}
	return z
}

// authoritative reports whether a new name would be neither at nor below an alias, a cut or a DNAME.
func (z *Zone) authoritative(name string) bool {
	for _, rr := range z.Records {
		h := rr.Header()
		switch h.Rrtype {
		case dns.TypeNS:
			if !strings.EqualFold(h.Name, z.Origin) && dns.IsSubDomain(h.Name, name) {
				return false
			}
		case dns.TypeDNAME, dns.TypeCNAME:
			if dns.IsSubDomain(h.Name, name) {
				return false
			}
		}
	}
	return true
}

// DropWildcardNS drops the NS RRsets of wildcards, which RFC 4592 section 4.2 discourages and BIND refuses.
func (z *Zone) DropWildcardNS() {
	z.Records = slices.DeleteFunc(z.Records, isWildcardNS)
}

// HasWildcardNS reports whether a wildcard owns NS.
func (z *Zone) HasWildcardNS() bool { return slices.ContainsFunc(z.Records, isWildcardNS) }

func isWildcardNS(rr dns.RR) bool {
	return rr.Header().Rrtype == dns.TypeNS && strings.HasPrefix(rr.Header().Name, "*.")
}
