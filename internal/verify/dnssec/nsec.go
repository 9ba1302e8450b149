package dnssec

import (
	"bytes"
	"fmt"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// nsecAt holds an authoritative name against its NSEC record: the bitmap is true, and the next name is the next that there is
// (RFC 4034 section 4). If that is so for every name, the chain is whole and closed.
func (w *worker) nsecAt(at *place) {
	var set zone.RRset
	for _, s := range w.sets {
		if s.Type == dns.TypeNSEC {
			set = s
		}
	}
	switch {
	case set.Count == 0:
		w.fault(at, RuleNSECMissing, w.owner, dns.TypeNSEC, "the name has no NSEC record")
		return
	case set.Count > 1:
		w.fault(at, RuleNSECExtra, w.owner, dns.TypeNSEC, fmt.Sprintf("the name has %d NSEC records", set.Count))
		return
	case len(w.sets) == 1:
		w.fault(at, RuleNSECExtra, w.owner, dns.TypeNSEC, "the name has no other records")
	}
	data := set.First()
	size := nameSize(data)
	if size > len(data) {
		return // package zone has no such record
	}
	if why := w.bitmap(data[size:], w.types, false); why != "" {
		w.fault(at, RuleNSECBitmap, w.owner, dns.TypeNSEC, why)
	}

	next := zone.Name(data[:size])
	key, ok := zone.AppendKey(w.key[:0], next, w.apex)
	if ok {
		m := w.v.Find(key)
		ok = !m.Node.IsZero() && !occludes(&m, key)
	}
	if !ok {
		w.fault(at, RuleNSECNext, w.owner, dns.TypeNSEC, fmt.Sprintf("the next name, %v, is no authoritative name of the zone with records", next))
		return
	}
	if prev := authoritativeBefore(w.v, key, w.prev[:0]); !bytes.Equal(prev, at.key) {
		w.fault(at, RuleNSECNext, w.owner, dns.TypeNSEC, fmt.Sprintf("the next name is %v, and %v comes before that", next,
			zone.Name(zone.AppendOwner(nil, prev, w.apex))))
	}
}

// occludes reports whether a name that was found lies below a cut or a DNAME.
func occludes(m *zone.Match, key zone.Key) bool { return !m.Cut.IsZero() && m.CutLabels < key.Labels() }

// authoritativeBefore appends the key of the last authoritative name with records that comes before key in canonical order; before the
// apex comes the last of all.
func authoritativeBefore(v *zone.Version, key, dst zone.Key) zone.Key {
	m := v.Find(justBefore(key))
	prev := m.Pred.AppendKey(dst)
	if m = v.Find(prev); occludes(&m, prev) {
		prev = prev.First(m.CutLabels)
	}
	return prev
}

// justBefore returns what no key lies between and the given one; before the apex, what is greater than all.
func justBefore(key zone.Key) zone.Key {
	if len(key) == 0 {
		return end
	}
	return key[:len(key)-1]
}

// end is greater than any key: a label has at most 63 octets.
var end = zone.Key(bytes.Repeat([]byte{0xFF}, 64))
