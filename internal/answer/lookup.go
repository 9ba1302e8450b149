package answer

import (
	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// maxAliases bounds the CNAMEs of an answer, synthesized ones included. RFC 1034 sets no bound: Knot follows 5, BIND 16,
// NSD whatever the zone has. The client goes on from where we stop.
const maxAliases = 16

// resolve is the algorithm of RFC 1034 section 4.3.2 from step 2 on: the zone is known.
func (r *Result) resolve() {
	key, ok := zone.AppendKeyString(r.key[:0], r.question.Name, r.version.Apex())
	if !ok || !dns.IsFqdn(r.question.Name) {
		r.Rcode = dns.RcodeRefused
		return
	}
	r.chain = append(r.chain, nil)
	r.Authoritative = true
	for r.step(key) && !r.collision {
		// An alias that leads out of the zone is the client's to follow, unless the zone it leads to is to be answered from.
		if key, ok = r.enter(r.chain[len(r.chain)-1]); !ok {
			break
		}
	}
	if r.collision {
		r.fail()
		return
	}
	r.addAdditional(key)
}

// step is step 3 for the last name of the chain, whose key is given. It reports whether an alias is to be followed.
func (r *Result) step(key zone.Key) (again bool) {
	m := r.version.Find(key)
	if !m.Cut.IsZero() {
		switch labels := key.Labels(); {
		case !m.Cut.Delegation():
			return r.redirect(m.Cut, labels-m.CutLabels)
		case r.question.Type != dns.TypeDS || m.CutLabels < labels:
			r.refer(key, &m)
			return false
		}
		// The DS RRset of a cut is this side's (RFC 4035 section 3.1.4.1).
	}
	switch {
	case m.Exists:
		found, again := r.data(m.Node)
		if !found {
			r.addSOA(key)
			r.proveNoData(key, &m)
		}
		return again
	case m.WildcardExists:
		// RFC 4592 section 3.3: the wildcard's data with the name asked for as its owner. A wildcard that owns NS or
		// DNAME is no cut and no redirection for the names that it makes; sections 4.2 and 4.4 leave that open, and NSD
		// has it so.
		found, again := r.data(m.Wildcard)
		if found {
			r.proveExpansion(key, &m)
		} else {
			r.addSOA(key)
			r.proveWildcardNoData(key, &m)
		}
		return again
	}
	r.Rcode = dns.RcodeNameError
	r.addSOA(key)
	r.proveNameError(key, &m)
	return false
}

// data is step 3a: the name exists. A node that is zero is an empty non-terminal. It reports whether the name has what is asked
// for, and whether an alias is to be followed.
func (r *Result) data(n zone.Node) (found, again bool) {
	switch r.question.Type {
	case dns.TypeANY:
		return r.any(n), false
	case dns.TypeRRSIG:
		return r.signatures(n), false
	}
	if set, ok := n.RRset(r.question.Type); ok {
		r.add(&r.answer, n, set, set.TTL, r.here())
		return true, false
	}
	if set, ok := n.RRset(dns.TypeCNAME); ok && (r.question.Type != dns.TypeNSEC || r.version.Denial() == zone.ByNSEC3) {
		// NSEC and RRSIG records stand beside a CNAME (RFC 4035 section 2.5): where there are none, the target's are no answer.
		// With NSEC3 no NSEC can stand there, and a proof of that would have to deny the CNAME (RFC 5155 section 8.5).
		return true, r.addAlias(n, set) && r.follow(zone.Name(set.First()))
	}
	return false, false
}

// any answers ANY: all RRsets of the name, or one.
func (r *Result) any(n zone.Node) (found bool) {
	var best zone.RRset
	for it := n.RRsets(); ; {
		set, ok := it.Next()
		if !ok {
			break
		}
		found = true
		switch {
		case r.question.MinimalAny:
			if best.Count == 0 || anyRank(set.Type) < anyRank(best.Type) {
				best = set
			}
		case !r.signed || set.Type != dns.TypeRRSIG: // with DO they come with what they cover
			r.add(&r.answer, n, set, set.TTL, r.here())
		}
	}
	if best.Count > 0 {
		r.add(&r.answer, n, best, best.TTL, r.here())
	}
	return found
}

// anyRank orders types by how well they do as the one answer to ANY: what people look for, then the rest, then what is
// large and of use to validators only.
func anyRank(typ uint16) int {
	switch typ {
	case dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeSOA, dns.TypePTR:
		return 0
	case dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeRRSIG:
		return 2
	}
	return 1
}

// signatures answers a question for RRSIG, which has no RRset of its own (RFC 4035 section 2.2).
func (r *Result) signatures(n zone.Node) (found bool) {
	for it := n.RRsets(); ; {
		set, ok := it.Next()
		if !ok || set.Type > dns.TypeRRSIG {
			return found
		}
		if set.Type == dns.TypeRRSIG {
			found = true
			if owner := r.here(); !r.has(r.answer, set, r.wireName(owner)) { // that of the DNAME which led here is there
				r.add(&r.answer, n, set, set.TTL, owner)
			}
		}
	}
}

// follow makes target the next name of the chain, and reports whether it is to be looked up: not when it was before, since
// the same aliases would come again, and not at the end of the longest chain.
func (r *Result) follow(target zone.Name) bool {
	last := len(r.chain) - 1
	r.chain = append(r.chain, target)
	if last+1 >= maxAliases {
		return false
	}
	for link := range last + 1 {
		if r.linkName(link).Equal(target) {
			return false
		}
	}
	return true
}

// redirect is step 3c of RFC 6672 section 3.2: the name lies below the owner of a DNAME, by so many labels.
func (r *Result) redirect(n zone.Node, below int) (again bool) {
	set, _ := n.RRset(dns.TypeDNAME)
	target := zone.Name(set.First())
	name, owner := r.linkName(len(r.chain)-1), r.above(below)
	from := r.wireName(owner)
	split := len(name) - len(from)
	told := r.has(r.answer, set, from)
	if !told && !r.add(&r.answer, n, set, set.TTL, owner) {
		return false
	}
	if split+len(target) > maxName {
		r.Rcode = dns.RcodeYXDomain
		return false
	}
	// One that leads below its own owner would lead there for ever; it has been told once, as NSD does.
	if told && target.InZone(from) {
		return false
	}
	if !r.addAlias(zone.Node{}, zone.RRset{Type: dns.TypeCNAME, TTL: set.TTL, Count: 1}) {
		return false
	}
	start := len(r.names)
	r.names = append(append(r.names, name[:split]...), target...)
	again = r.follow(zone.Name(r.names[start:]))
	// The synthesized CNAME is all that a question for CNAME can ask for; BIND, NSD and Knot end there.
	return again && r.question.Type != dns.TypeCNAME
}

// maxName is the size of the longest name (RFC 1035 section 2.3.4).
const maxName = 255

// refer is step 3b: the name lies at or below a cut. The answer to a question that an alias has led here is authoritative
// for its first name.
func (r *Result) refer(key zone.Key, m *zone.Match) {
	r.Authoritative = len(r.answer) > 0
	owner := r.above(key.Labels() - m.CutLabels)
	if set, ok := m.Cut.RRset(dns.TypeNS); ok {
		// Child data, and never signed (RFC 4035 section 2.2).
		r.add(&r.authority, zone.Node{}, set, set.TTL, owner)
	}
	if !r.signed {
		return
	}
	if set, ok := m.Cut.RRset(dns.TypeDS); ok {
		r.add(&r.authority, m.Cut, set, set.TTL, owner)
	} else {
		r.proveInsecure(key, m)
	}
}

// addSOA adds the SOA RRset that goes with NODATA and NXDOMAIN, with the TTL of RFC 2308 section 3.
func (r *Result) addSOA(key zone.Key) {
	apex := r.version.ApexNode()
	set, _ := apex.RRset(dns.TypeSOA)
	r.add(&r.authority, apex, set, min(set.TTL, r.version.SOA().Minimum), r.above(key.Labels()))
}
