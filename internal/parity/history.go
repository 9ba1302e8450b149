package parity

import (
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// history is what is known of the order in which contents followed each
// other: what each primary held, and what was served.
type history struct {
	primaries []primary
	served    []zone.Hash // newest last
	since     time.Time   // when the last of those that agreed came to the newest
	strict    bool        // serials of different primaries are one line
	was       Served      // before this verdict
}

func newHistory(s Served, primaries []primary, strict bool) history {
	h := history{primaries: primaries, since: s.Since, strict: strict, was: s}
	if s.Version != nil {
		h.served = append(append(make([]zone.Hash, 0, len(s.Agreed)+2), s.Agreed...), s.root())
	}
	return h
}

// serve says that root is served from now on.
func (h *history) serve(root zone.Hash, since time.Time) {
	if n := len(h.served); n == 0 || h.served[n-1] != root {
		h.served = append(h.served, root)
		h.since = since
	}
}

// rank returns the last place of a root among what was served, -1 for none.
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
	if !h.strict {
		return h.beforeInLines(a, b)
	}
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

// beforeInLines is before where serials tell nothing across primaries. The
// same content may come again under a later serial, so that a root alone has
// no place in time: what counts is whether somebody has gone on from what is
// served since it was agreed on.
func (h *history) beforeInLines(a, b *group) bool {
	newest := len(h.served) - 1
	i, j := h.rank(a.root), h.rank(b.root)
	switch {
	case a.root == b.root:
		return false
	case j >= 0 && j == newest:
		return !h.forward(a) && (i >= 0 || h.wentForward(a.root, b.root))
	case i >= 0 && i == newest:
		return h.forward(b)
	case i >= 0 && j >= 0:
		return i < j
	}
	return h.wentForward(a.root, b.root) && !h.wentForward(b.root, a.root)
}

// follows reports whether g is newer than what is served.
func (h *history) follows(g *group, served zone.Serial) bool {
	if h.strict {
		return served.Less(g.serial)
	}
	return h.forward(g)
}

// forward reports whether a holder of g went on to it from what is served,
// with greater serials of its own.
func (h *history) forward(g *group) bool {
	return h.wentOn(g, func(p *primary, at int) bool { return p.forward(at, len(p.Past)) })
}

// left reports whether a holder of g went to it from what is served, in any
// way that is not a change of content alone.
func (h *history) left(g *group) bool {
	return h.wentOn(g, func(p *primary, at int) bool {
		return p.forward(at, len(p.Past)) || h.rank(g.root) >= 0 && p.Step != Kept
	})
}

func (h *history) wentOn(g *group, fits func(p *primary, at int) bool) bool {
	if len(h.served) == 0 || h.served[len(h.served)-1] == g.root {
		return false
	}
	root := h.served[len(h.served)-1]
	for _, i := range g.holders {
		p := &h.primaries[i]
		at := p.last(root)
		if at < 0 && h.continues(p, root) {
			return true
		}
		if at < 0 || !fits(p, at) {
			continue
		}
		if h.leftSince(p, at, g.root) {
			return true
		}
	}
	return false
}

// continues reports whether a primary of which no past is known went on from
// the copy of its own that is served, as its serial says.
func (h *history) continues(p *primary, root zone.Hash) bool {
	s := &h.was
	return s.Version != nil && s.Origin == (zone.Hash{}) && p.Name == s.Source && len(p.Past) == 0 && root == s.root() &&
		s.Version.Serial().Less(p.Version.Serial())
}

// leftSince reports whether a primary went on from the place in its line
// where it held what is served since that was agreed on. One that left it at
// that very instant, for what was served before, only crossed the others on
// their way.
func (h *history) leftSince(p *primary, at int, to zone.Hash) bool {
	left := p.left(at)
	return left.After(h.since) || left.Equal(h.since) && h.rank(to) < 0
}

// wentForward reports whether some primary went from a to b, with a greater
// serial of its own.
func (h *history) wentForward(a, b zone.Hash) bool {
	for k := range h.primaries {
		p := &h.primaries[k]
		if at := p.last(b); at > 0 {
			for i := range at {
				if p.rootAt(i) == a && p.forward(i, at) {
					return true
				}
			}
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
