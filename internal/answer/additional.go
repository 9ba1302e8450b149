package answer

import (
	"bytes"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// addAdditional is step 6 of RFC 1034 section 4.3.2: the addresses of the hosts that the answer or the referral names. The
// key is that of the last name looked up.
//
// NSD and Knot both do so for NS, MX and SRV, and both take an address from a wildcard. From below a cut come only the addresses
// of name servers: they are glue, and elsewhere they would be data of a zone that is not ours (so NSD; Knot adds them everywhere).
func (r *Result) addAdditional(key zone.Key) {
	for i := range r.answer {
		r.addAddresses(&r.answer[i].set, nil, inZone)
	}
	for i := range r.authority {
		e := &r.authority[i]
		if e.set.Type != dns.TypeNS {
			continue
		}
		cut := key.First(key.Labels() - int(e.owner.skip))
		// Without the addresses that lie in the delegated zone the referral leads nowhere, so they come first (RFC 9471
		// section 3.1); the others, of sibling zones and of this one, are a help.
		r.addAddresses(&e.set, cut, inDomain)
		r.addAddresses(&e.set, cut, outOfDomain)
	}
}

// targets says which targets of an RRset are meant.
type targets uint8

const (
	inZone      targets = iota // all of them
	inDomain                   // those at and below the cut
	outOfDomain                // the others
)

// addAddresses adds the addresses of the hosts that a set names.
func (r *Result) addAddresses(set *zone.RRset, cut zone.Key, want targets) {
	skip := targetOffset(set.Type)
	if skip < 0 {
		return
	}
	for data := range set.All() {
		if r.room < recordSize {
			return
		}
		key, ok := zone.AppendKey(r.target[:0], zone.Name(data[skip:]), r.version.Apex())
		if !ok || want != inZone && bytes.HasPrefix(key, cut) != (want == inDomain) {
			continue
		}
		if n := r.host(key, set.Type == dns.TypeNS); !n.IsZero() {
			owner := owner{name: zone.Name(data[skip:]), link: -1}
			r.addAddress(n, dns.TypeA, owner, want)
			r.addAddress(n, dns.TypeAAAA, owner, want)
		}
	}
}

// targetOffset returns where the RDATA of a type has the name of a host whose addresses are of use, -1 if nowhere.
func targetOffset(typ uint16) int {
	switch typ {
	case dns.TypeNS:
		return 0
	case dns.TypeMX:
		return 2
	case dns.TypeSRV:
		return 6
	}
	return -1
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

// addAddress adds the set of a type that a node owns, unless the message has it already.
func (r *Result) addAddress(n zone.Node, typ uint16, owner owner, want targets) {
	set, ok := n.RRset(typ)
	if !ok || r.has(r.answer, set, owner.name) || r.has(r.additional, set, owner.name) {
		return
	}
	full := r.Truncated
	if !r.add(&r.additional, n, set, set.TTL, owner) && want != inDomain {
		r.Truncated = full // only what a referral cannot do without (RFC 9471 section 3)
	}
}
