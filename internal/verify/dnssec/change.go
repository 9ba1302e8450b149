package dnssec

import (
	"bytes"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A change is what differs from the version before.
type change struct {
	names  map[string]struct{} // that changed, or that a zone cut or a DNAME above them has hidden or uncovered
	hashed map[string]struct{} // of NSEC3 records
}

// changes finds out what differs; nil if it is so much that it is less work to begin anew.
func (c *checker) changes() *change {
	ch := &change{map[string]struct{}{}, map[string]struct{}{}}
	most := c.v.Names()/4 + 64
	var cuts []zone.Key
	for d := range zone.Changes(c.before.v, c.v) {
		if d.Type == dns.TypeNSEC3 || max(d.Before.Covered(), d.After.Covered()) == dns.TypeNSEC3 {
			ch.hashed[string(d.Owner)] = struct{}{}
		} else {
			ch.names[string(d.Owner)] = struct{}{}
		}
		if len(ch.names)+len(ch.hashed) > most {
			return nil
		}
		hides := d.Type == dns.TypeNS && len(d.Owner) > 0 || d.Type == dns.TypeDNAME
		if hides && (d.Before.Count == 0) != (d.After.Count == 0) {
			cuts = append(cuts, slices.Clone(d.Owner))
		}
	}
	for _, cut := range cuts {
		until := append(slices.Clone(cut), end...)
		for {
			below := c.v.Find(until).Pred.AppendKey(nil)
			if len(below) <= len(cut) || !bytes.HasPrefix(below, cut) || c.stopped.Load() {
				break
			}
			if ch.names[string(below)] = struct{}{}; len(ch.names) > most {
				return nil
			}
			until = below[:len(below)-1]
		}
	}
	return ch
}

// changed reports whether the NSEC3 records of a hash are others than before.
func (c *checker) changed(hash zone.NSEC3Hash) bool {
	var buf [hashKey]byte
	_, changed := c.change.hashed[string(appendHashKey(buf[:0], hash))]
	return changed
}

func (c chain) equal(d chain) bool { return bytes.Equal(c.param, d.param) }

// explained reports whether the NSEC3 records that came, went or say something else are those of names that changed. If not, all names have to
// be held against the chain, since nobody knows which name a hash is of.
func (c *checker) explained() bool {
	if len(c.chains) == 0 || len(c.change.hashed) == 0 {
		return true
	}
	hashes := map[string]struct{}{}
	var owner, scratch []byte
	for _, chain := range c.chains {
		seen := map[string]struct{}{}
		for name := range c.change.names {
			for key := zone.Key(name); !c.stopped.Load(); key = key.Parent() {
				if _, dup := seen[string(key)]; dup {
					break // and so are the names above
				}
				seen[string(key)] = struct{}{}
				var hash zone.NSEC3Hash
				owner = zone.AppendOwner(owner[:0], key, c.apex)
				hash, scratch = chain.hash(owner, scratch)
				hashes[string(appendHashKey(nil, hash))] = struct{}{}
				if len(key) == 0 {
					break
				}
			}
		}
		for name := range c.change.hashed {
			if !c.explains(chain, zone.Key(name), hashes) {
				return false
			}
		}
	}
	return true
}

func (c *checker) explains(of chain, key zone.Key, hashes map[string]struct{}) bool {
	record := func(v *zone.Version) (data []byte, ok bool) {
		if n, exact := v.FindNSEC3(key); exact {
			return of.at(n)
		}
		return nil, false
	}
	old, was := record(c.before.v)
	now, is := record(c.v)
	optOut := func(data []byte) bool { return data[1]&flagOptOut != 0 }
	if was && is && bytes.Equal(old[paramHeader+int(old[4])+1+hashSize:], now[paramHeader+int(now[4])+1+hashSize:]) {
		return optOut(now) || !optOut(old)
	}
	if !was && !is {
		return true
	}
	if _, ok := hashes[string(key)]; !ok {
		return false
	}
	// Names in its span that the chain leaves out need opt-out.
	_, prev, ok := of.cover(c.v, key)
	switch {
	case !ok:
		return false
	case is && was:
		return optOut(now) || !optOut(old)
	case is:
		return optOut(now) || !optOut(prev)
	}
	return optOut(prev) || !optOut(old)
}

// runChanged looks at the names that changed and at those next to them, and counts on from what was counted before.
func (c *checker) runChanged() {
	items := c.touched()
	c.tally = c.before.tally.clone()
	w := worker{checker: c}
	for i := range items {
		if c.stopped.Load() {
			return
		}
		w.forget(&c.tally, &items[i])
	}
	sum := c.share(func(yield func(item) bool) {
		for _, it := range items {
			if it.kind == itemNone && len(c.chains) == 0 || it.kind != itemNone && it.node.IsZero() {
				continue
			}
			if !yield(it) {
				return
			}
		}
	})
	c.tally.merge(&sum)
}

// touched returns the names to look at: what changed, the names above that might be empty non-terminals, and the names before
// in the chains.
func (c *checker) touched() (items []item) {
	seen := map[string]struct{}{}
	add := func(key zone.Key, trusted bool) (fresh bool) {
		if _, dup := seen[string(key)]; dup {
			return false
		}
		seen[string(key)] = struct{}{}
		m := c.v.Find(key)
		it := item{kind: itemName, node: m.Node, key: key, out: occludes(&m, key), trusted: trusted}
		if m.Node.IsZero() {
			it.kind = itemNone
		}
		items = append(items, it)
		return true
	}
	for name := range c.change.names {
		add(zone.Key(name), false)
	}
	for name := range c.change.names {
		key := zone.Key(name)
		if c.nsec {
			add(authoritativeBefore(c.v, key, nil), true)
		}
		if len(c.chains) == 0 {
			continue
		}
		// Above a name that is in already, all are, or come with it if it changed.
		for len(key) > 0 {
			if key = key.Parent(); !add(key, true) {
				break
			}
		}
	}
	clear(seen)
	hashed := func(key zone.Key, n zone.Node, trusted bool) {
		if _, dup := seen[string(key)]; !dup {
			seen[string(key)] = struct{}{}
			items = append(items, item{kind: itemHashed, node: n, key: key, trusted: trusted})
		}
	}
	for name := range c.change.hashed {
		n, exact := c.v.FindNSEC3(zone.Key(name))
		if !exact {
			n = zone.Node{}
		}
		hashed(zone.Key(name), n, false)
	}
	for name := range c.change.hashed {
		for _, chain := range c.chains {
			if n, _, ok := chain.cover(c.v, zone.Key(name)); ok {
				hashed(n.AppendKey(nil), n, true)
			}
		}
	}
	return items
}

// forget takes out of a tally what a name had counted before.
func (w *worker) forget(t *tally, it *item) {
	b := w.before
	at := &place{nsec3: it.kind == itemHashed, key: it.key}
	var n zone.Node
	if at.nsec3 {
		var exact bool
		if n, exact = b.v.FindNSEC3(it.key); !exact {
			return
		}
	} else {
		m := b.v.Find(it.key)
		if n = m.Node; occludes(&m, it.key) {
			return
		}
	}
	w.owner = zone.AppendOwner(w.owner[:0], it.key, w.apex)
	labels := signedLabels(w.owner)
	cut := !at.nsec3 && n.Delegation()
	w.gather(n)
	for _, set := range w.sets {
		if cut && !signedAtCut(set.Type) {
			continue
		}
		s, odd := t.odd[oddKey(at, set.Type)]
		if odd {
			delete(t.odd, oddKey(at, set.Type))
		} else {
			sigs, _ := n.Signatures(set.Type)
			var found wrongs
			w.list = w.candidates(w.list[:0], set, sigs, labels, b.keys, &found)
			s = w.expect(w.list)
		}
		t.remove(b.keys.all, s)
	}
}
