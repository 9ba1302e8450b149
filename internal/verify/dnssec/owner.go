package dnssec

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// An item is a name for a worker to look at.
type item struct {
	kind itemKind
	node zone.Node
	key  zone.Key
	// out: below a zone cut or a DNAME.
	out bool
	// trusted: its RRsets have verified and are the same.
	trusted bool
	// common is how many labels the name has in common with the authoritative one before it; what is between has no records.
	common int
}

type itemKind uint8

const (
	itemName   itemKind = iota // owns records
	itemNone                   // owns none, or is out: all that it may have is a place in NSEC3 chains, as an empty non-terminal
	itemHashed                 // of the tree of NSEC3 records
)

// do looks at one name.
func (w *worker) do(it *item) {
	at := &place{nsec3: it.kind == itemHashed, key: it.key}
	w.owner = zone.AppendOwner(w.owner[:0], it.key, w.apex)
	w.gather(it.node)
	switch {
	case it.kind == itemHashed:
		w.signatures(at, false, it.trusted)
		w.links(at, it.node)
		return
	case it.kind == itemNone:
		w.nobody(it)
		return
	case it.out:
		w.occluded(at)
		if !w.all {
			w.nobody(it)
		}
		return
	}
	cut := it.node.Delegation()
	w.signatures(at, cut, it.trusted)
	w.describe(cut)
	if w.nsec {
		w.nsecAt(at)
	}
	if len(w.chains) > 0 {
		w.nsec3At(at, it)
	}
}

// gather sorts the RRsets of a name into data and signatures, both by type.
func (w *worker) gather(n zone.Node) {
	w.sets, w.sigs = w.sets[:0], w.sigs[:0]
	it := n.RRsets()
	for s, ok := it.Next(); ok; s, ok = it.Next() {
		if s.Type == dns.TypeRRSIG {
			w.sigs = append(w.sigs, s)
		} else {
			w.sets = append(w.sets, s)
		}
	}
}

// signatures verifies what must be signed of a name that is not occluded, and finds what must not.
func (w *worker) signatures(at *place, cut, trusted bool) {
	labels := signedLabels(w.owner)
	sigs := w.sigs
	stray := func(until int) {
		for ; len(sigs) > 0 && int(sigs[0].Covered()) < until; sigs = sigs[1:] {
			w.fault(at, RuleSignatureStray, w.owner, sigs[0].Covered(), "has signatures, and is not there")
		}
	}
	for _, set := range w.sets {
		stray(int(set.Type))
		var own zone.RRset
		if len(sigs) > 0 && sigs[0].Covered() == set.Type {
			own, sigs = sigs[0], sigs[1:]
		}
		switch {
		case !cut || signedAtCut(set.Type):
			w.rrset(at, w.owner, labels, set, own, trusted)
		case own.Count > 0:
			w.fault(at, RuleSignedDelegation, w.owner, set.Type, "is signed, and belongs to the zone below")
		}
	}
	stray(1 << 16)
}

// signedLabels returns the labels that signatures of a name count: not that of a wildcard (RFC 4034 section 3.1.3).
func signedLabels(owner zone.Name) int {
	labels := owner.Labels()
	if len(owner) > 1 && owner[0] == 1 && owner[1] == '*' {
		labels--
	}
	return labels
}

// signedAtCut reports whether an RRset at a zone cut is of the zone above (RFC 4035 section 2.2).
func signedAtCut(typ uint16) bool { return typ == dns.TypeDS || typ == dns.TypeNSEC }

// occluded finds signatures and NSEC records where the zone has no authority.
func (w *worker) occluded(at *place) {
	for _, s := range w.sigs {
		w.fault(at, RuleSignedOccluded, w.owner, s.Covered(), "is signed, and lies below a zone cut or a DNAME")
	}
	for _, s := range w.sets {
		if s.Type == dns.TypeNSEC && w.nsec {
			w.fault(at, RuleSignedOccluded, w.owner, s.Type, "lies below a zone cut or a DNAME")
		}
	}
}

// describe lists the types that the bitmap of an authoritative name has (RFC 4035 section 2.3), and says whether the name is a
// delegation that is not secure.
func (w *worker) describe(cut bool) {
	w.types, w.insecure = w.types[:0], cut
	signed := false
	for _, s := range w.sets {
		if cut && s.Type != dns.TypeNS && !signedAtCut(s.Type) {
			continue
		}
		if s.Type == dns.TypeDS {
			w.insecure = false
		}
		signed = signed || !cut || signedAtCut(s.Type)
		w.types = append(w.types, s.Type)
	}
	if signed {
		i, _ := slices.BinarySearch(w.types, dns.TypeRRSIG)
		w.types = slices.Insert(w.types, i, dns.TypeRRSIG)
	}
}

// bitmap returns what is wrong with a bitmap that should have the types, "" if nothing is. NSEC3 records leave those out that
// denial has brought in.
func (w *worker) bitmap(data []byte, types []uint16, nsec3 bool) string {
	i := 0
	for len(data) > 2 {
		block, n := int(data[0]), int(data[1])
		if n > len(data)-2 {
			break // package zone has no such record
		}
		for j, c := range data[2 : 2+n] {
			for bit := range 8 {
				if c&(0x80>>bit) == 0 {
					continue
				}
				typ := uint16(block<<8 | j<<3 | bit)
				if nsec3 && denies(typ) {
					continue
				}
				for nsec3 && i < len(types) && denies(types[i]) {
					i++
				}
				if i == len(types) || types[i] > typ {
					return fmt.Sprintf("the bitmap has %v, which is not there", dns.Type(typ))
				}
				if types[i] < typ {
					return fmt.Sprintf("the bitmap lacks %v", dns.Type(types[i]))
				}
				i++
			}
		}
		data = data[2+n:]
	}
	for ; i < len(types); i++ {
		if !nsec3 || !denies(types[i]) {
			return fmt.Sprintf("the bitmap lacks %v", dns.Type(types[i]))
		}
	}
	return ""
}

func denies(typ uint16) bool { return typ == dns.TypeNSEC || typ == dns.TypeNSEC3 }

func (w *worker) fault(at *place, rule Rule, owner zone.Name, typ uint16, detail string) {
	w.faults.add(at, rule, owner, typ, detail)
}
