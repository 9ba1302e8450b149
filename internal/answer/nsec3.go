package answer

import (
	"bytes"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// addCloserProof adds the closest encloser proof (RFC 5155 section 7.2.1) of a name: the NSEC3 records that match its closest
// encloser and cover the next closer name. Of the closest encloser it is known how many labels it has. It returns how
// many the closest provable encloser has, which is another one where empty non-terminals lead to nothing but what opt-out
// leaves out (section 7.1).
//
// Whoever has an NSEC3 record has ancestors that have one (section 7.1). So the closest provable encloser is found by halving, and
// the deepest name costs seven hashes.
func (r *Result) addCloserProof(key zone.Key, encloser int) (provable int) {
	n, set := r.matchNSEC3(key.First(encloser))
	if n.IsZero() {
		n, set = r.version.NSEC3Apex()
		for above := encloser; provable+1 < above; { // it has provable labels or more, and less than above
			middle := (provable + above) / 2
			if m, s := r.matchNSEC3(key.First(middle)); m.IsZero() {
				above = middle
			} else {
				n, set, provable = m, s, middle
			}
		}
	} else {
		provable = encloser
	}
	r.addNSEC3(n, set)
	r.addNextCloser(key.First(provable + 1))
	return provable
}

// addNextCloser adds the NSEC3 record that covers the next closer name. If there is none because the chain has its hash, it
// cannot be proven that the name does not exist.
func (r *Result) addNextCloser(key zone.Key) {
	if !r.addNSEC3Before(key) {
		n, _ := r.version.MatchNSEC3(r.hash(key))
		r.collision = !n.IsZero()
	}
}

// fail answers where a name that the zone does not have is in its chain: "the server MUST return a response with an RCODE of 2"
// (RFC 5155 section 7.2.9). So do NSD and Knot. More likely than a collision is a chain of other names.
func (r *Result) fail() {
	r.Rcode, r.Authoritative, r.Truncated = dns.RcodeServerFailure, false, false
	clear(r.answer)
	clear(r.authority)
	r.answer, r.authority = r.answer[:0], r.authority[:0]
}

// addNSEC3At adds the NSEC3 record that matches a name, and reports whether there is one.
func (r *Result) addNSEC3At(key zone.Key) bool {
	n, set := r.matchNSEC3(key)
	r.addNSEC3(n, set)
	return !n.IsZero()
}

// addNSEC3Before adds the NSEC3 record that covers a name, and reports whether there is one. There is none if the chain has the
// name itself.
func (r *Result) addNSEC3Before(key zone.Key) bool {
	n, set := r.version.CoverNSEC3(r.hash(key))
	r.addNSEC3(n, set)
	return !n.IsZero()
}

func (r *Result) addNSEC3(n zone.Node, set zone.RRset) {
	if !r.proven(set) {
		r.add(&r.authority, n, set, set.TTL, r.nodeOwner(n))
	}
}

func (r *Result) matchNSEC3(key zone.Key) (zone.Node, zone.RRset) {
	if len(key) == 0 {
		return r.version.NSEC3Apex()
	}
	return r.version.MatchNSEC3(r.hash(key))
}

// hashed is a name that was hashed for this answer. An answer never hashes a name twice.
type hashed struct {
	key  zone.Key
	hash zone.NSEC3Hash
}

// hash returns the hash of a name. It is good until the next.
func (r *Result) hash(key zone.Key) *zone.NSEC3Hash {
	for i := range r.hashes {
		if bytes.Equal(r.hashes[i].key, key) {
			return &r.hashes[i].hash
		}
	}
	start := len(r.keys)
	r.keys = append(r.keys, key...)
	r.hashes = append(r.hashes, hashed{r.keys[start:], r.version.NSEC3Hash(key)})
	return &r.hashes[len(r.hashes)-1].hash
}
