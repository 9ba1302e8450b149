package parity

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// A primary with a copy has held len(Past)+1 contents, its line: the past
// ones, and the one it holds.

func (p *primary) roots() int { return len(p.line) }

// prefix is the beginning of a root, which tells it from most others at the
// cost of a word: a verdict compares each root of a line with each of all
// other lines.
type prefix uint64

func prefixOf(root *zone.Hash) prefix { return prefix(binary.LittleEndian.Uint64(root[:])) }

func (p *primary) prefixes() []prefix {
	line := make([]prefix, len(p.Past)+1)
	for i := range p.Past {
		line[i] = prefixOf(&p.Past[i].Root)
	}
	line[len(p.Past)] = prefixOf(&p.root)
	return line
}

func (p *primary) rootAt(i int) zone.Hash {
	if i < len(p.Past) {
		return p.Past[i].Root
	}
	return p.root
}

func (p *primary) serialAt(i int) zone.Serial {
	if i < len(p.Past) {
		return p.Past[i].Serial
	}
	return p.Version.Serial()
}

func (p *primary) seenAt(i int) time.Time {
	if i < len(p.Past) {
		return p.Past[i].Seen
	}
	return p.Since
}

func (p *primary) rejectedAt(i int) bool {
	if i < len(p.Past) {
		return p.Past[i].Rejected
	}
	return p.Rejected != ""
}

func (p *primary) stepAt(i int) Step {
	if i < len(p.Past) {
		return p.Past[i].Step
	}
	return p.Step
}

// forward reports whether the primary's serials went forward all the way from
// one place of its line to another. They may have begun anew with the same
// content.
func (p *primary) forward(from, to int) bool {
	for i := from + 1; i <= to; i++ {
		if p.stepAt(i) != Forward {
			return false
		}
	}
	return true
}

// left returns when the primary went on from its i-th root; zero: not yet.
func (p *primary) left(i int) time.Time {
	if i+1 < p.roots() {
		return p.seenAt(i + 1)
	}
	return time.Time{}
}

// first returns the first place of a root in the line, -1 for none.
func (p *primary) first(root zone.Hash) int {
	short := prefixOf(&root)
	for i, other := range p.line {
		if other == short && p.rootAt(i) == root {
			return i
		}
	}
	return -1
}

// last returns the last place of a root in the line, -1 for none.
func (p *primary) last(root zone.Hash) int {
	short := prefixOf(&root)
	for i, other := range slices.Backward(p.line) {
		if other == short && p.rootAt(i) == root {
			return i
		}
	}
	return -1
}

// knew reports whether the primary held what was served before it came to
// what it holds.
func (p *primary) knew(h *history) bool {
	for i := range p.Past {
		if h.rank(p.Past[i].Root) >= 0 {
			return true
		}
	}
	return false
}

func (p *primary) wentFrom(a, b zone.Hash) bool {
	first := p.first(a)
	return first >= 0 && p.last(b) > first
}

// parted returns when two primaries that hold different content now were
// last in step: when the first of them left the last root that both have
// held. Without one it is when the later of the two was first seen.
func parted(p, q *primary) time.Time {
	var last time.Time
	for i, short := range p.line {
		for k, other := range q.line {
			if short != other || p.rootAt(i) != q.rootAt(k) {
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
	if at := p.last(root); at >= 0 {
		return p.left(at)
	}
	return p.seenAt(0)
}

// wentBackFrom returns the serial that the primary's serial went back from
// since it held what is served or, if that is what it holds, in its last
// step.
func (j *judge) wentBackFrom(p *primary) (from zone.Serial, ok bool) {
	if p.Version == nil {
		return 0, false
	}
	now := p.Version.Serial()
	start := 0
	if j.serving != nil {
		switch at := p.last(j.root); {
		case p.root == j.root:
			start = max(0, len(p.Past)-1)
		case at >= 0:
			start = at
		case len(p.Past) == 0 && p.Name == j.served.Source && j.served.Version != nil && now.Less(j.served.Version.Serial()):
			return j.served.Version.Serial(), true // as before a start of ours
		}
	}
	if !j.strict() {
		for i := len(p.Past); i > start; i-- {
			if p.stepAt(i) == Back {
				return p.Past[i-1].Serial, true
			}
		}
		if n := len(p.Past); n > 0 && p.root == j.root && now.Less(p.Past[n-1].Serial) {
			return p.Past[n-1].Serial, true // begun anew with the same content
		}
		return 0, false
	}
	for i := start; i < len(p.Past); i++ {
		if s := p.Past[i].Serial; now.Less(s) && (!ok || from.Less(s)) {
			from, ok = s, true
		}
	}
	return from, ok
}
