package parity

import (
	"cmp"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// choose finds what may be served. See Judge for the rules.
func (j *judge) choose() {
	j.history = newHistory(j.served, j.primaries, j.strict())
	if v := j.served.Version; v != nil {
		j.serving, j.root = v, j.served.root()
	}
	if pin := j.policy.Pin; pin.Version != nil {
		j.serve(Approved{version: pin.Version, content: pin.Content, source: pin.Source}, j.holding(contentRoot(pin.Version, &pin.Content)))
		return
	}
	if p := j.operators(); p != nil {
		j.serve(j.copyOf(p), p.group)
		j.way = byOperator
		return
	}
	if j.policy.Hold != "" {
		if g := j.current(); g != nil && j.enough(g) {
			j.serve(j.approve(g), g)
		}
		return
	}
	g := j.newer()
	if g == nil {
		if a, ok := j.passedBy(); ok {
			j.serve(a, nil)
			j.way = byPassage
			return
		}
		g = j.chosen()
	}
	if g != nil {
		j.serve(j.approve(g), g)
	}
}

// serve makes a the version that is served after this verdict, whose content
// is held by a group, or by nobody.
func (j *judge) serve(a Approved, g *group) {
	if s := j.served.Version; s != nil && a.version.Root() == s.Root() {
		a.version = s // the same records: nothing is gained by another copy
	}
	j.approved, j.serving, j.root = a, a.version, contentRoot(a.version, &a.content)
	j.agreed = g != nil && j.enough(g)
	j.history.serve(j.root, a.since)
}

// current returns the group that holds what is served already.
func (j *judge) current() *group {
	if j.served.Version == nil {
		return nil
	}
	return j.holding(j.served.root())
}

// operators returns the primary with the copy that an operator has approved.
func (j *judge) operators() *primary {
	if j.policy.Approve == (zone.Hash{}) {
		return nil
	}
	for i := range j.primaries {
		if p := &j.primaries[i]; p.group != nil && p.Version.Root() == j.policy.Approve {
			return p
		}
	}
	return nil
}

// newer returns content that enough hold and that is newer than what is
// served.
func (j *judge) newer() *group {
	if j.served.Version == nil {
		return j.newest(j.enough)
	}
	return j.choice(func(g *group) bool { return j.enough(g) && j.history.follows(g, j.served.Version.Serial()) })
}

// chosen returns content that is not newer than what is served, or not known
// to be, and may be served all the same: that itself, or another.
func (j *judge) chosen() *group {
	if j.served.Version == nil {
		return nil
	}
	g := j.current()
	if g != nil && j.enough(g) {
		return g
	}
	return j.choice(func(h *group) bool { return h != g && j.enough(h) && j.mayReplace(h) })
}

func (j *judge) enough(g *group) bool { return len(g.holders) >= j.need }

// mayReplace reports whether content that is not known to be newer may
// replace what is served, given that enough primaries hold it.
func (j *judge) mayReplace(g *group) bool {
	if j.strict() {
		return j.mayGoBack(g)
	}
	if j.history.left(g) {
		return true // somebody went on to it from what is served, or back to it
	}
	if j.history.rank(g.root) >= 0 || j.history.wentForward(g.root, j.root) {
		return !j.known() // else they are behind, and nothing went back
	}
	switch {
	case len(g.holders) >= 2:
		return true
	case j.recast(g):
		return false
	}
	p := &j.primaries[g.holders[0]]
	if _, back := j.wentBackFrom(p); back {
		return false
	}
	return p.knew(&j.history) || !j.known()
}

// known reports whether the last copy of any primary has the content that is
// served, or it has gone on from it.
func (j *judge) known() bool {
	return slices.ContainsFunc(j.primaries, func(p primary) bool {
		at := p.last(j.root)
		return at >= 0 && (p.root == j.root || !p.left(at).Before(j.served.Since))
	})
}

// mayGoBack is mayReplace where serials are one line.
func (j *judge) mayGoBack(g *group) bool {
	s := j.served.Version
	if g.serial == s.Serial() || !slices.Contains(j.served.Agreed, g.root) {
		return len(g.holders) >= 2
	}
	// It was served before. Either somebody took the zone back to it, or
	// those that hold it never had anything newer, and the one that did just
	// cannot be asked any more: then they are behind, and nothing went back.
	if slices.ContainsFunc(g.holders, func(i int) bool {
		return j.primaries[i].wentBack() && !j.primaries[i].Since.Before(j.served.Since)
	}) {
		return true
	}
	return !slices.ContainsFunc(j.primaries, func(p primary) bool {
		return p.Version != nil && g.serial.Less(p.Version.Serial())
	})
}

// wentBack reports whether a holder of g held something newer before.
func (j *judge) wentBack(g *group) bool {
	return slices.ContainsFunc(g.holders, func(i int) bool { return j.primaries[i].wentBack() })
}

func (p *primary) wentBack() bool {
	serial := p.Version.Serial()
	return slices.ContainsFunc(p.Past, func(s Sighting) bool { return serial.Less(s.Serial) })
}

// newest returns the first of the groups that fit that has no newer one among
// them. With serials that go around in a circle it is the first.
func (j *judge) newest(fits func(*group) bool) *group {
	var first *group
	for _, g := range j.groups {
		if !fits(g) {
			continue
		}
		if first == nil {
			first = g
		}
		if !slices.ContainsFunc(j.groups, func(h *group) bool { return h != g && j.isNewer(h, g) && fits(h) }) {
			return g
		}
	}
	return first
}

func (j *judge) isNewer(h, g *group) bool {
	if j.strict() {
		return g.serial.Less(h.serial)
	}
	return j.history.before(g, h)
}

// approve returns the copy that stands for what a group holds: that of the
// primary whose copy is served, as long as it agrees, else the first one's. A
// copy that lacks keys is passed over for another.
func (j *judge) approve(g *group) Approved {
	if p := j.lasting(g); p != nil {
		j.way = bySignatures
		return j.copyOf(p)
	}
	same := j.served.Version != nil && g.root == j.served.root()
	stay := Approved{version: j.served.Version, content: j.served.Content, source: j.served.Source, since: j.served.Since}
	var first *primary
	var lack *lack
	for _, i := range g.holders {
		p := &j.primaries[i]
		switch l, source := j.lacking(p, p.Version), p.Name == j.served.Source; {
		case l != nil:
			lack = cmp.Or(lack, l)
			if source && same { // no reason to leave it
				j.lack = l
				return stay
			}
		case source:
			return j.copyOf(p)
		case first == nil:
			first = p
		}
	}
	if first == nil { // it is the same content, else it would not have been chosen
		j.lack = lack
		return stay
	}
	if j.strict() || !same {
		return j.copyOf(first)
	}
	// Another's copy of the same content has other serials and signatures. It
	// is worth the change once the source is lost, not while it is only ahead.
	for _, i := range g.holders {
		if p := &j.primaries[i]; p.Version.Root() == j.served.origin() {
			return j.copyOf(p)
		}
	}
	if p := j.named(j.served.Source); p != nil && p.counts && (p.Version == nil || !j.passed(p.Since.Add(j.policy.Settle))) {
		return stay
	}
	return j.copyOf(first)
}

// lasting returns the primary with the copy of what is served whose signatures
// last longest, once those that are served are about to end: a signer that
// stopped agrees with the others still.
func (j *judge) lasting(g *group) *primary {
	t := j.served.SignedUntil
	if j.strict() || j.served.Version == nil || g.root != j.served.root() || t.IsZero() || !j.passed(t.Add(-j.policy.Notice)) {
		return nil
	}
	var best *primary
	for _, i := range g.holders {
		if p := &j.primaries[i]; !p.failing && p.SignedUntil.After(t) {
			best, t = p, p.SignedUntil
		}
	}
	return best
}

// copyOf returns the copy of one primary.
func (j *judge) copyOf(p *primary) Approved {
	a := Approved{version: p.Version, content: p.Content, source: p.Name, since: p.Since}
	for _, i := range p.group.holders {
		if t := j.primaries[i].Since; t.After(a.since) {
			a.since = t
		}
	}
	if s := &j.served; s.Version != nil && p.root == s.root() {
		a.since = s.Since
		if p.Version.Root() == s.origin() {
			a.version, a.content = s.Version, s.Content
		}
	}
	return a
}

// passedBy returns newer content that enough of the counted primaries have
// held, although some have gone on from it: without it, primaries that never
// come to rest at the same time would never have anything served.
func (j *judge) passedBy() (Approved, bool) {
	if j.policy.Drift.Prefer != "" && !j.served.DriftSince.IsZero() {
		return Approved{}, false // the preference has the say
	}
	var best passing
	for i := range j.primaries {
		p := &j.primaries[i]
		if !p.counts {
			continue
		}
		for k := range p.Recent {
			root := contentRoot(p.Recent[k].Version, &p.Recent[k].Content)
			if root == best.root || j.serving != nil && root == j.root {
				continue
			}
			s := j.passing(root, p.Recent[k].Version.Serial())
			s.known, s.source = p.Recent[k], p.Name
			if s.newer && !s.left.IsZero() && len(s.at) >= j.need && (best.at == nil || j.later(s, best)) {
				best = s
			}
		}
	}
	if best.at == nil {
		return Approved{}, false
	}
	if g := j.holding(best.root); g != nil {
		p := &j.primaries[g.holders[0]]
		best.known, best.source = Known{p.Version, p.Content}, p.Name
	}
	if p := j.named(j.served.Source); p != nil && p.counts { // whose copies they were so far
		for _, k := range p.Recent {
			if contentRoot(k.Version, &k.Content) == best.root {
				best.known, best.source = k, p.Name
			}
		}
	}
	if l := j.lacking(j.named(best.source), best.known.Version); l != nil {
		j.lack = cmp.Or(j.lack, l)
		return Approved{}, false
	}
	return Approved{version: best.known.Version, content: best.known.Content, source: best.source, since: best.left}, true
}

// passing is content with the places where it lies in the lines of those that
// held it.
type passing struct {
	root   zone.Hash
	known  Known
	source string
	at     map[int]int // the primary's place: the place in its line
	left   time.Time   // when the first of them went on
	newer  bool        // one of them went on to it from what is served
}

func (j *judge) passing(root zone.Hash, serial zone.Serial) passing {
	first := j.served.Version == nil
	s := passing{root: root, newer: first}
	old := j.history.rank(root) >= 0
	if j.strict() && !first && (old || !j.served.Version.Serial().Less(serial)) {
		return s
	}
	for i := range j.primaries {
		p := &j.primaries[i]
		if !p.counts || p.Version == nil {
			continue
		}
		at, from := p.last(root), -1
		if !first {
			from = p.last(j.root)
		}
		switch last := p.roots() - 1; {
		case at < 0 || p.rejectedAt(at) || at <= from:
			continue
		case from >= 0 && (j.strict() && !p.serialAt(from).Less(p.serialAt(at)) || !j.strict() && !p.forward(from, at)):
			continue // it went back to it
		case at < last && (j.strict() && p.serialAt(last).Less(p.serialAt(at)) || !j.strict() && p.stepAt(at+1) == Back):
			continue // it took that back
		case old && !p.seenAt(at).After(j.served.Since), from < 0 && p.seenAt(at).Before(j.served.Since),
			from >= 0 && !j.history.leftSince(p, from, root):
			continue // held before what is served was agreed on
		}
		if s.at == nil {
			s.at = make(map[int]int)
		}
		s.at[i] = at
		s.newer = s.newer || from >= 0
		if left := p.left(at); !left.IsZero() && (s.left.IsZero() || left.Before(s.left)) {
			s.left = left
		}
	}
	return s
}

// later reports whether s follows t in the line of a primary that held both.
func (j *judge) later(s, t passing) bool {
	if j.strict() {
		return t.known.Version.Serial().Less(s.known.Version.Serial())
	}
	for i, at := range s.at {
		if before, ok := t.at[i]; ok && before < at {
			return true
		}
	}
	return false
}
