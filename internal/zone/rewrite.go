package zone

import (
	"bytes"
)

// edits are changes to names, in canonical order of the names.
type edits interface {
	// next returns the key of the next name to change, and false when there is none.
	next() (Key, bool)
	// apply makes the changes to the next name, whose records are in set, and goes on to the name after it.
	apply(set *nameSet) error
	// packed is told what a changed name came to.
	packed(p packed)
}

// rewrite returns the tree with the edits made. What they do not touch is reused, so that the cost goes with the
// number of edits and not with the size of the tree.
func (t tree) rewrite(e edits, pool *Pool) (tree, error) {
	r := rewriter{edits: e, out: cutter{pool: pool}}
	if t.below != nil {
		if err := r.branch(t.below, nil); err != nil {
			return tree{}, err
		}
	}
	if err := r.insertAll(nil); err != nil { // all of them, if the tree is empty
		return tree{}, err
	}
	return r.out.finish(), nil
}

type rewriter struct {
	edits edits
	out   cutter
	set   nameSet
	buf   []byte
	key   Key
	// Names below this one have to be written anew, since it became or ceased to be a cut.
	moved    Key
	hasMoved bool
}

// branch rewrites what lies below b; all keys there are before end (nil: no end).
func (r *rewriter) branch(b *branch, end Key) error {
	for i := 0; i < len(b.kids); i++ {
		k, end := &b.kids[i], end
		if i+1 < len(b.kids) {
			end = b.kids[i+1].first
		}
		if !r.touches(k.first, end) && r.out.take(k, b.level-1) {
			i += r.out.takeMore(b, i, r.untouched(b, i+1))
			continue
		}
		var err error
		if k.below != nil {
			err = r.branch(k.below, end)
		} else {
			err = r.page(k.page, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// touches reports whether something between the keys first and end has to change.
func (r *rewriter) touches(first, end Key) bool {
	if r.hasMoved && bytes.HasPrefix(first, r.moved) {
		return true
	}
	key, ok := r.edits.next()
	return ok && (end == nil || bytes.Compare(key, end) < 0)
}

// untouched returns how far from child i on there is nothing to change.
func (r *rewriter) untouched(b *branch, i int) (end int) {
	if i < len(b.kids) && r.hasMoved && bytes.HasPrefix(b.kids[i].first, r.moved) {
		return i
	}
	key, ok := r.edits.next()
	if !ok {
		return len(b.kids)
	}
	return max(i, b.search(key))
}

func (r *rewriter) page(p page, end Key) error {
	if first := p.first(); !r.hasMoved || !bytes.HasPrefix(first, r.moved) {
		r.out.cut.active = false
		if d := p.info(0).depth; d >= 0 && d < first.Labels() {
			r.out.cut.set(first.First(d), d)
		}
	}
	for i := range p.count() {
		r.key = p.appendKey(r.key[:0], i)
		if err := r.insert(func(key Key) bool { return bytes.Compare(key, r.key) < 0 }); err != nil {
			return err
		}
		n := Node{p, i}
		if key, ok := r.edits.next(); ok && bytes.Equal(key, r.key) {
			if err := r.edit(r.key, n); err != nil {
				return err
			}
			continue
		}
		kept := packed{flags: n.info().flags, records: n.records()}
		r.out.name(r.key, kept, p.name(i))
	}
	return r.insertAll(end)
}

// insertAll makes the edits that are left for names before end (nil: no end).
func (r *rewriter) insertAll(end Key) error {
	return r.insert(func(key Key) bool { return end == nil || bytes.Compare(key, end) < 0 })
}

// insert makes the next edits, for names that own no records so far, as long as their keys are wanted.
func (r *rewriter) insert(wanted func(Key) bool) error {
	for {
		key, ok := r.edits.next()
		if !ok || !wanted(key) {
			return nil
		}
		if err := r.edit(key, Node{}); err != nil {
			return err
		}
	}
}

// edit changes one name, which had the records of old.
func (r *rewriter) edit(key Key, old Node) error {
	r.set.load(old)
	var before byte
	if !old.IsZero() {
		before = old.info().flags
	}
	err := r.edits.apply(&r.set)
	if err != nil {
		return err
	}
	var p packed
	if r.buf, p, err = r.set.pack(r.buf[:0]); err != nil {
		return err
	}
	r.edits.packed(p)
	if len(key) == 0 {
		p.flags &^= flagDelegation
	}
	if p.flags != before && !(r.hasMoved && bytes.HasPrefix(key, r.moved)) {
		r.moved, r.hasMoved = append(r.moved[:0], key...), true
	}
	if p.records > 0 {
		r.out.name(key, p, r.buf)
	}
	return nil
}

// load fills the set with the records of a name.
func (s *nameSet) load(n Node) {
	s.reset()
	for it := n.RRsets(); ; {
		set, ok := it.Next()
		if !ok {
			return
		}
		for data := range set.All() {
			start := len(s.buf)
			s.buf = append(s.buf, data...)
			s.recs = append(s.recs, setRecord{typ: set.Type, ttl: set.TTL, start: start, end: len(s.buf)})
		}
	}
}

// records counts the records of the name.
func (n Node) records() int {
	count := 0
	for it := n.RRsets(); ; {
		s, ok := it.Next()
		if !ok {
			return count
		}
		count += s.Count
	}
}
