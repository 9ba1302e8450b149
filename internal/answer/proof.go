package answer

import (
	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// What a signed zone proves beside its answers: RFC 4035 section 3.1.3, RFC 5155 section 7.2. The records go into the authority
// section, each once however many proofs it is part of. A zone whose chain has a hole is answered from as if it had none,
// without the record that is missing; what to make of that is the validator's to say.

// proveNameError proves that neither the name nor a wildcard that could stand for it exists: RFC 4035 section 3.1.3.2, RFC
// 5155 section 7.2.2.
func (r *Result) proveNameError(key zone.Key, m *zone.Match) {
	switch r.denial {
	case zone.ByNSEC:
		r.addNSECBefore(m.Pred)
		w := r.version.Find(r.wildcardKey(key, m.Encloser))
		r.addNSECBefore(w.Pred)
	case zone.ByNSEC3:
		encloser := r.addCloserProof(key, m.Encloser)
		r.addNSEC3Before(r.wildcardKey(key, encloser))
	}
}

// proveNoData proves that the name exists and does not have the type: RFC 4035 section 3.1.3.1, RFC 5155 sections 7.2.3 and
// 7.2.4. Before an empty non-terminal comes the NSEC record whose next name lies below it. A name without an NSEC3
// record is one that opt-out has left out.
func (r *Result) proveNoData(key zone.Key, m *zone.Match) {
	switch r.denial {
	case zone.ByNSEC:
		if m.Node.IsZero() {
			r.addNSECBefore(m.Pred)
		} else {
			r.addNSEC(m.Node, r.here())
		}
	case zone.ByNSEC3:
		if labels := key.Labels(); !r.addNSEC3At(key) {
			r.addCloserProof(key, labels-1)
		}
	}
}

// proveExpansion proves that the name does not exist, so that a wildcard's data stand for it: RFC 4035 section 3.1.3.3, RFC
// 5155 section 7.2.6. The closest encloser is seen from the signature, which has the number of the wildcard's labels.
func (r *Result) proveExpansion(key zone.Key, m *zone.Match) {
	switch r.denial {
	case zone.ByNSEC:
		r.addNSECBefore(m.Pred)
	case zone.ByNSEC3:
		r.addNextCloser(key.First(m.Encloser + 1))
	}
}

// proveWildcardNoData proves that the name does not exist and that the wildcard that stands for it does not have the type:
// RFC 4035 section 3.1.3.4, RFC 5155 section 7.2.5. The wildcard may be an empty non-terminal.
func (r *Result) proveWildcardNoData(key zone.Key, m *zone.Match) {
	wildcard := r.wildcardKey(key, m.Encloser)
	switch r.denial {
	case zone.ByNSEC:
		r.addNSECBefore(m.Pred)
		if m.Wildcard.IsZero() {
			w := r.version.Find(wildcard)
			r.addNSECBefore(w.Pred)
		} else {
			r.addNSEC(m.Wildcard, r.nodeOwner(m.Wildcard))
		}
	case zone.ByNSEC3:
		if encloser := r.addCloserProof(key, m.Encloser); encloser == m.Encloser && !r.addNSEC3At(wildcard) {
			r.addNSEC3Before(wildcard)
		}
	}
}

// proveInsecure proves that a delegation has no DS RRset: RFC 4035 section 3.1.4, RFC 5155 section 7.2.7. The key is that of a
// name at or below the cut.
func (r *Result) proveInsecure(key zone.Key, m *zone.Match) {
	switch r.denial {
	case zone.ByNSEC:
		r.addNSEC(m.Cut, r.above(key.Labels()-m.CutLabels))
	case zone.ByNSEC3:
		if cut := key.First(m.CutLabels); !r.addNSEC3At(cut) {
			r.addCloserProof(cut, m.CutLabels-1)
		}
	}
}

// addNSECBefore adds the NSEC record that covers a name, given the last name before it that owns records.
func (r *Result) addNSECBefore(pred zone.Node) {
	if n, set := r.version.CoverNSEC(pred); !r.proven(set) {
		r.add(&r.authority, n, set, set.TTL, r.nodeOwner(n))
	}
}

// addNSEC adds the NSEC record of a name.
func (r *Result) addNSEC(n zone.Node, owner owner) {
	if set, _ := n.RRset(dns.TypeNSEC); !r.proven(set) {
		r.add(&r.authority, n, set, set.TTL, owner)
	}
}

// proven reports whether there is nothing to add: the set is absent, or in the authority section.
func (r *Result) proven(set zone.RRset) bool {
	for i := range r.authority {
		if e := &r.authority[i]; e.set.Type == set.Type && same(e.set, set) {
			return true
		}
	}
	return set.Count == 0
}

// nodeOwner returns the name of a node, of which nothing is known but that, as an owner.
func (r *Result) nodeOwner(n zone.Node) owner {
	start := len(r.names)
	r.target = n.AppendKey(r.target[:0])
	r.names = zone.AppendOwner(r.names, r.target, r.version.Apex())
	return owner{name: zone.Name(r.names[start:]), link: -1}
}

// wildcardKey returns the key of the wildcard below an ancestor of a name, which has so many labels. It is good until the next.
func (r *Result) wildcardKey(key zone.Key, labels int) zone.Key {
	r.wildcard = append(append(r.wildcard[:0], key.First(labels)...), '*', 0)
	return r.wildcard
}
