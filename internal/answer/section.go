package answer

import (
	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// An entry is an RRset of a section.
type entry struct {
	set   zone.RRset
	owner owner
	ttl   uint32
	// alias marks a CNAME whose target is the next name of the chain. The set of a synthesized one holds no RDATA.
	alias bool
	// signature marks the signatures of the entry before.
	signature bool
	// glue marks addresses that a referral cannot do without (RFC 9471 section 3.1).
	glue bool
}

// add adds an RRset, and with DO its signatures, to a section. The node is where it came from; a zero one has no
// signatures. It reports false when a message has no room for the RRset, which is left out as a whole (RFC 2181 section 9).
func (r *Result) add(section *[]entry, n zone.Node, set zone.RRset, ttl uint32, owner owner) bool {
	if set.Type == dns.TypeDNAME && r.has(r.answer, set, r.wireName(owner)) {
		return true // the chain that a DNAME made ends at its owner
	}
	if !r.reserve(set) {
		r.Truncated = true
		return false
	}
	*section = append(*section, entry{set: set, owner: owner, ttl: ttl})
	if r.signed && set.Type != dns.TypeRRSIG {
		if sig, ok := n.Signatures(set.Type); ok {
			at := len(*section)
			if !r.add(section, n, sig, min(sig.TTL, ttl), owner) {
				return false
			}
			(*section)[at].signature = true
		}
	}
	return true
}

// addAlias adds a CNAME, whose target the caller makes the next name of the chain.
func (r *Result) addAlias(n zone.Node, set zone.RRset) bool {
	at := len(r.answer)
	if !r.add(&r.answer, n, set, set.TTL, r.here()) {
		return false
	}
	r.answer[at].alias = true
	return true
}

// reserve takes the room of a set, or says that there is none. It counts the least that the set can take on the wire, so
// it bounds the work and is no substitute for truncation.
func (r *Result) reserve(set zone.RRset) bool {
	size := set.Count * recordSize
	switch {
	case compressible(set.Type):
		size += 2 * set.Count
	case set.Count == 1:
		size += set.Size()
	default:
		size += set.Size() - 3*set.Count // it has up to three octets of framing for each RDATA
	}
	if size > r.room {
		return false
	}
	r.room -= size
	return true
}

// recordSize is the size of a record with a compressed owner name and no RDATA.
const recordSize = 12

// compressible reports whether RDATA of the type may be smaller on the wire than it is in a version (RFC 3597 section 4).
func compressible(typ uint16) bool {
	switch typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypePTR, dns.TypeMX,
		dns.TypeMB, dns.TypeMD, dns.TypeMF, dns.TypeMG, dns.TypeMR, dns.TypeMINFO:
		return true
	}
	return false
}

// has reports whether a section has that set with that owner.
func (r *Result) has(section []entry, set zone.RRset, name zone.Name) bool {
	for i := range section {
		e := &section[i]
		if e.set.Type == set.Type && same(e.set, set) && r.wireName(e.owner).Equal(name) {
			return true
		}
	}
	return false
}

// same reports whether two sets are one and the same place of a version.
func same(a, b zone.RRset) bool {
	x, y := a.First(), b.First()
	return len(x) > 0 && len(y) > 0 && &x[0] == &y[0]
}
