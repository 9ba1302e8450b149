package answer

import (
	"bytes"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// addAdditional is step 6 of RFC 1034 section 4.3.2: the addresses of the hosts that the answer or the referral names. The
// key is that of the last name looked up.
//
// All of NSD, Knot and BIND do so for NS, MX and SRV, two of them for KX, RT, SVCB and HTTPS, BIND alone for NAPTR, AFSDB and
// LP; we go with two. All take an address from a wildcard. From below a cut come only the addresses
// of name servers: that is glue, which is "only used as part of a referral response" (section 4.2.1). So NSD; Knot adds it everywhere.
func (r *Result) addAdditional(key zone.Key) {
	hosts := maxHosts
	for i := range r.answer {
		hosts -= r.addAddresses(&r.answer[i].set, nil, inZone, hosts)
	}
	for i := range r.authority {
		e := &r.authority[i]
		if e.set.Type != dns.TypeNS {
			continue
		}
		cut := key.First(key.Labels() - int(e.owner.skip))
		// Without the addresses that lie in the delegated zone the referral leads nowhere, so they come first and all of
		// them (RFC 9471 section 3.1); the others, of sibling zones and of this one, are a help.
		r.addAddresses(&e.set, cut, inDomain, e.set.Count)
		r.addAddresses(&e.set, cut, outOfDomain, maxHosts)
	}
}

// maxHosts bounds the hosts of an answer whose addresses are looked up only because they may be of use.
const maxHosts = 64

// targets says which targets of an RRset are meant.
type targets uint8

const (
	inZone      targets = iota // all of them
	inDomain                   // those at and below the cut
	outOfDomain                // the others
)

// addAddresses adds the addresses of the hosts that a set names, up to a number of hosts. It returns how many they were.
func (r *Result) addAddresses(set *zone.RRset, cut zone.Key, want targets, most int) (hosts int) {
	for data := range set.All() {
		if hosts == most {
			break
		}
		if r.room < recordSize {
			r.Truncated = r.Truncated || want == inDomain
			break
		}
		target := target(set.Type, data)
		if target == nil {
			return 0
		}
		key, ok := zone.AppendKey(r.target[:0], target, r.version.Apex())
		if !ok || want != inZone && bytes.HasPrefix(key, cut) != (want == inDomain) {
			continue
		}
		hosts++
		if n := r.host(key, set.Type == dns.TypeNS); !n.IsZero() {
			owner := owner{name: target, link: -1}
			r.addAddress(n, dns.TypeA, owner, want)
			r.addAddress(n, dns.TypeAAAA, owner, want)
		}
	}
	return hosts
}

// target returns the name of the host in RDATA whose addresses are of use, nil if the type has none. The target of SVCB and
// HTTPS is followed by parameters (RFC 9460 section 2.2).
func target(typ uint16, data []byte) zone.Name {
	const preference = 2 // or priority
	switch typ {
	case dns.TypeNS:
		return zone.Name(data)
	case dns.TypeMX, dns.TypeKX, dns.TypeRT:
		return zone.Name(data[preference:])
	case dns.TypeSVCB, dns.TypeHTTPS:
		name, _ := splitName(data[preference:])
		return name
	case dns.TypeSRV:
		return zone.Name(data[3*preference:])
	}
	return nil
}

// host returns the node with the data of a host, or a zero one.
func (r *Result) host(key zone.Key, glue bool) zone.Node {
	m := r.version.Find(key)
	if m.Cut.IsZero() {
		if m.Exists {
			return m.Node
		}
		return m.Wildcard
	}
	if !glue || !m.Cut.Delegation() {
		return zone.Node{}
	}
	if !m.Exists {
		// Find has no wildcards for names below a cut, where they are the child's. As glue they serve all the same.
		key = append(key.First(m.Encloser), '*', 0)
		m.Node = r.version.Find(key).Node
	}
	return m.Node
}

// addAddress adds the set of a type that a node owns. Each host of a referral is named once; elsewhere the message may have
// the set already.
func (r *Result) addAddress(n zone.Node, typ uint16, owner owner, want targets) {
	set, ok := n.RRset(typ)
	if !ok || want == inZone && (r.has(r.answer, set, owner.name) || r.has(r.additional, set, owner.name)) {
		return
	}
	full, at := r.Truncated, len(r.additional)
	if !r.add(&r.additional, n, set, set.TTL, owner) && want != inDomain {
		r.Truncated = full // only what a referral cannot do without (RFC 9471 section 3)
	}
	if len(r.additional) > at {
		r.additional[at].glue = want == inDomain
	}
}
