package zone

import (
	"bytes"
	"cmp"
	"iter"
)

// A Change is an RRset that differs between two versions. A Count of 0 in Before or After means that the RRset is absent
// there.
type Change struct {
	Owner         Key // valid until the next step of the iteration
	Type          uint16
	Before, After RRset
}

// Records returns how many records differ: the larger of how many only Before has and how many only After has. An RRset
// that differs in its TTL alone differs in all of its records.
func (c Change) Records() int {
	deleted, added := 0, 0
	for range c.Deleted() {
		deleted++
	}
	for range c.Added() {
		added++
	}
	return max(deleted, added)
}

// Deleted yields the RDATAs that are to be taken away from Before to come to After: all of them if the TTLs differ.
func (c Change) Deleted() iter.Seq[[]byte] { return c.without(c.Before, c.After) }

// Added yields the RDATAs that are to be added to Before, less what is deleted, to come to After.
func (c Change) Added() iter.Seq[[]byte] { return c.without(c.After, c.Before) }

// without yields what one side has and the other has not.
func (c Change) without(side, other RRset) iter.Seq[[]byte] {
	if c.Before.TTL != c.After.TTL {
		return side.All()
	}
	return func(yield func([]byte) bool) {
		others := other.Iter()
		data, more := others.Next()
		for x := range side.All() {
			for more && bytes.Compare(data, x) < 0 {
				data, more = others.Next()
			}
			if (!more || !bytes.Equal(data, x)) && !yield(x) {
				return
			}
		}
	}
}

// Changes yields the RRsets in which b differs from a, in canonical order of their owner names, those of NSEC3 records last.
// Its cost goes with the number of differences, not with the size of the versions. Both must be of the same zone.
func Changes(a, b *Version) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		d := differ{yield: yield}
		if d.trees(a.names, b.names) {
			d.trees(a.nsec3, b.nsec3)
		}
	}
}

// A Delta is what turns one version into another, record by record, in the sense of RFC 1995.
type Delta struct{ Deleted, Added []Record }

// Diff returns the Delta from a to b: Apply(a, Diff(a, b)) has the root of b. The SOA is part of it where it
// differs; the Data of its records are views into a and b.
func Diff(a, b *Version) Delta {
	var d Delta
	for c := range Changes(a, b) {
		owner := AppendOwner(nil, c.Owner, a.apex)
		for data := range c.Deleted() {
			d.Deleted = append(d.Deleted, Record{owner, c.Type, c.Before.TTL, data})
		}
		for data := range c.Added() {
			d.Added = append(d.Added, Record{owner, c.Type, c.After.TTL, data})
		}
	}
	return d
}

type differ struct {
	yield func(Change) bool
	key   Key
	other Key
}

// trees compares two trees from left to right. Parts with equal hashes that stand at the same place are skipped whole;
// the others are taken apart until pages stand against pages, whose names are merged.
func (d *differ) trees(a, b tree) bool {
	x, y := cursorAt(a), cursorAt(b)
	for x.depth > 0 && y.depth > 0 {
		if !x.inPage && !y.inPage {
			p, q := x.child(), y.child()
			switch {
			case p.hash == q.hash:
				x.skip()
				y.skip()
				continue
			case p.level() > q.level():
				x.enter()
				continue
			case p.level() < q.level():
				y.enter()
				continue
			case p.below != nil:
				x.enter()
				y.enter()
				continue
			}
		}
		x.enterPage()
		y.enterPage()
		d.key = x.node().AppendKey(d.key[:0])
		d.other = y.node().AppendKey(d.other[:0])
		var more bool
		switch c := bytes.Compare(d.key, d.other); {
		case c < 0:
			more = d.names(d.key, x.node(), Node{})
			x.nextName()
		case c > 0:
			more = d.names(d.other, Node{}, y.node())
			y.nextName()
		default:
			more = d.names(d.key, x.node(), y.node())
			x.nextName()
			y.nextName()
		}
		if !more {
			return false
		}
	}
	return d.rest(&x, func(n Node) bool { return d.names(d.key, n, Node{}) }) &&
		d.rest(&y, func(n Node) bool { return d.names(d.key, Node{}, n) })
}

func (d *differ) rest(c *cursor, yield func(Node) bool) bool {
	for c.depth > 0 {
		c.enterPage()
		d.key = c.node().AppendKey(d.key[:0])
		if !yield(c.node()) {
			return false
		}
		c.nextName()
	}
	return true
}

// names yields the RRsets of one name that differ.
func (d *differ) names(key Key, a, b Node) bool {
	if !a.IsZero() && !b.IsZero() && bytes.Equal(a.page.name(a.index), b.page.name(b.index)) {
		return true
	}
	i, j := a.RRsets(), b.RRsets()
	s, sok := i.Next()
	t, tok := j.Next()
	for sok || tok {
		c := Change{Owner: key}
		order := compareRRsets(s, sok, t, tok)
		if order <= 0 {
			c.Type, c.Before = s.Type, s
			s, sok = i.Next()
		}
		if order >= 0 {
			c.Type, c.After = t.Type, t
			t, tok = j.Next()
		}
		if (order != 0 || !c.Before.Equal(c.After)) && !d.yield(c) {
			return false
		}
	}
	return true
}

// compareRRsets orders two RRsets of one name as they are kept; an absent one comes last.
func compareRRsets(s RRset, sok bool, t RRset, tok bool) int {
	switch {
	case !tok:
		return -1
	case !sok:
		return 1
	}
	return cmp.Or(cmp.Compare(s.Type, t.Type), cmp.Compare(s.Covered(), t.Covered()))
}

// A cursor stands at a part of a tree, from left to right: at a branch or page as a whole or, inPage, at one name of it.
type cursor struct {
	path   [maxLevels]step
	depth  int // 0: at the end
	inPage bool
	name   int
}

type step struct {
	branch *branch
	at     int
}

// maxLevels is more than a tree can have: a branch has at least minBranchKids children, but for the last of each level.
const maxLevels = 20

func cursorAt(t tree) cursor {
	var c cursor
	if t.below != nil {
		c.path[0].branch = &branch{level: t.level() + 1, kids: []child{t.child}}
		c.depth = 1
	}
	return c
}

func (c *cursor) child() *child {
	s := &c.path[c.depth-1]
	return &s.branch.kids[s.at]
}

// skip goes on to what follows the current part.
func (c *cursor) skip() {
	c.inPage = false
	for c.depth > 0 {
		s := &c.path[c.depth-1]
		if s.at++; s.at < len(s.branch.kids) {
			return
		}
		c.depth--
	}
}

// enter goes to the first child of the current branch.
func (c *cursor) enter() {
	below := c.child().below
	c.path[c.depth] = step{branch: below}
	c.depth++
}

// enterPage goes to the first name of the current part.
func (c *cursor) enterPage() {
	if c.inPage {
		return
	}
	for c.child().below != nil {
		c.enter()
	}
	c.inPage, c.name = true, 0
}

func (c *cursor) node() Node { return Node{c.child().page, c.name} }

func (c *cursor) nextName() {
	if c.name++; c.name == c.child().page.count() {
		c.skip()
	}
}
