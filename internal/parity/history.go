package parity

import (
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// history is what is known of the order in which roots followed each other:
// what each primary held, and what was served.
type history struct {
	primaries []primary
	served    []zone.Hash // newest last
}

func newHistory(s Served, primaries []primary) history {
	h := history{primaries: primaries}
	if s.Version != nil {
		h.served = append(append(make([]zone.Hash, 0, len(s.Agreed)+2), s.Agreed...), s.Version.Root())
	}
	return h
}

// serve says that root is served from now on.
func (h *history) serve(root zone.Hash) {
	if n := len(h.served); n == 0 || h.served[n-1] != root {
		h.served = append(h.served, root)
	}
}

// rank returns the place of a root among what was served, -1 for none.
func (h *history) rank(root zone.Hash) int {
	for i := len(h.served) - 1; i >= 0; i-- {
		if h.served[i] == root {
			return i
		}
	}
	return -1
}

// before reports whether b is known to follow a: both were served, and b
// last; or b has the greater serial, and some primary went from a to b; or b
// has the greater serial, a was served, and b was not there before it.
//
// Without a greater serial it takes being served: a primary that goes to a
// lower serial with content that nobody agreed on does not leave the others
// behind.
func (h *history) before(a, b *group) bool {
	i, j := h.rank(a.root), h.rank(b.root)
	if i >= 0 && j >= 0 {
		return i < j
	}
	if !a.serial.Less(b.serial) {
		return false
	}
	if i >= 0 && !h.precedes(b.root, a.root) {
		return true
	}
	for k := range h.primaries {
		if h.primaries[k].wentFrom(a.root, b.root) {
			return true
		}
	}
	return false
}

// precedes reports whether root a was seen before any primary went to b. Of a
// b that was there when a primary was first asked it is not known.
func (h *history) precedes(a, b zone.Hash) bool {
	var seen, came time.Time
	for k := range h.primaries {
		p := &h.primaries[k]
		for i := range p.roots() {
			at := p.seenAt(i)
			switch p.rootAt(i) {
			case a:
				if seen.IsZero() || at.Before(seen) {
					seen = at
				}
			case b:
				if i == 0 {
					return false
				}
				if came.IsZero() || at.Before(came) {
					came = at
				}
			}
		}
	}
	return !seen.IsZero() && seen.Before(came)
}

func (p *primary) wentFrom(a, b zone.Hash) bool {
	seen := false
	for at := range p.roots() {
		root := p.rootAt(at)
		if seen && root == b {
			return true
		}
		seen = seen || root == a
	}
	return false
}

// parted returns when two primaries that hold different content now were
// last in step: when the first of them left the last root that both have
// held. Without one it is when the later of the two was first seen.
func parted(p, q *primary) time.Time {
	var last time.Time
	for i := range p.roots() {
		for k := range q.roots() {
			if p.rootAt(i) != q.rootAt(k) {
				continue
			}
			left := p.left(i)
			if t := q.left(k); left.IsZero() || !t.IsZero() && t.Before(left) {
				left = t
			}
			if left.After(last) {
				last = left
			}
		}
	}
	if last.IsZero() {
		last = p.seenAt(0)
		if t := q.seenAt(0); t.After(last) {
			last = t
		}
	}
	return last
}

// partedFrom returns when a primary left a root that nobody holds now, or
// when it was first seen if it never held it.
func (p *primary) partedFrom(root zone.Hash) time.Time {
	for i := p.roots() - 1; i >= 0; i-- {
		if p.rootAt(i) == root {
			return p.left(i)
		}
	}
	return p.seenAt(0)
}

// A primary with a copy has held len(Past)+1 roots: the past ones, and the
// one it holds.

func (p *primary) roots() int {
	if p.Version == nil {
		return 0
	}
	return len(p.Past) + 1
}

func (p *primary) rootAt(i int) zone.Hash {
	if i < len(p.Past) {
		return p.Past[i].Root
	}
	return p.Version.Root()
}

func (p *primary) seenAt(i int) time.Time {
	if i < len(p.Past) {
		return p.Past[i].Seen
	}
	return p.Since
}

// left returns when the primary went on from its i-th root; zero: not yet.
func (p *primary) left(i int) time.Time {
	if i+1 < p.roots() {
		return p.seenAt(i + 1)
	}
	return time.Time{}
}
