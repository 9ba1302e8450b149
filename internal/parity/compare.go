package parity

import (
	"slices"
	"time"
)

// clash is two contents that stand against each other.
type clash struct{ a, b *group }

// compare holds what the counted primaries have against each other.
func (j *judge) compare() {
	j.clashes, j.strangers, j.lagOverdue = nil, nil, false
	for _, g := range j.groups {
		g.old, g.diverged, g.clashed, g.behind = false, false, false, nil
	}
	j.ref = j.reference()
	sides := j.groups
	if j.ref != nil && len(j.ref.holders) == 0 {
		sides = append(sides[:len(sides):len(sides)], j.ref)
	}
	j.outOfStep = len(sides) > 1
	for _, g := range j.groups {
		g.old = j.ref != nil && g != j.ref && j.history.before(g, j.ref)
	}
	for _, g := range j.groups {
		if !j.strict() && g != j.ref && !g.old && j.recast(g) {
			j.clashes = append(j.clashes, clash{g, j.ref})
			g.diverged, g.clashed = true, true
		}
	}
	for i, a := range sides {
		for _, b := range sides[i+1:] {
			j.pair(a, b)
		}
	}
}

// reference returns what is served or, while nothing is, what more counted
// primaries hold than anything else; nil if there is no such content.
func (j *judge) reference() *group {
	if j.serving != nil {
		if g := j.holding(j.root); g != nil {
			return g
		}
		return &group{version: j.serving, root: j.root, serial: j.serving.Serial()}
	}
	var most *group
	tie := false
	for _, g := range j.groups {
		switch {
		case most == nil || len(g.holders) > len(most.holders):
			most, tie = g, false
		case len(g.holders) == len(most.holders):
			tie = true
		}
	}
	if tie {
		return nil
	}
	return most
}

// pair says how two different contents stand to each other.
func (j *judge) pair(a, b *group) {
	switch {
	case a.old && b.old:
		return // both are behind; how they differ is the past's affair
	case j.strict() && a.serial == b.serial:
		j.clashes = append(j.clashes, clash{a, b})
		j.diverge(a, b)
		a.clashed, b.clashed = a.diverged, b.diverged
		return
	case (a.old || b.old) && a != j.ref && b != j.ref:
		return // one is behind, which its pair with the reference tells
	}

	first, second := a, b
	if j.history.before(b, a) {
		first, second = b, a
	}
	known := j.history.before(first, second)
	if known && j.agreed {
		return // a lag that holds nothing up
	}
	if !j.passed(j.parted(a, b).Add(j.policy.Settle)) {
		return
	}
	if !known {
		j.strangers = append(j.strangers, clash{a, b})
		j.diverge(a, b)
		return
	}
	j.lagOverdue = true
	first.behind = second
}

// recast reports whether every holder of g changed its content and kept the
// serial: nobody but itself can tell which of the two is to be served.
func (j *judge) recast(g *group) bool {
	return !slices.ContainsFunc(g.holders, func(i int) bool {
		p := &j.primaries[i]
		serial := p.Version.Serial()
		if n := len(p.Past); n > 0 {
			return p.Step != Kept
		}
		return p.Name != j.served.Source || j.served.Version == nil || j.served.Version.Serial() != serial
	})
}

// diverge marks those of two that differ from the reference, and both if
// neither is it. One that is behind has diverged only if the reference itself
// has its serial, because then nothing will ever bring it up to date.
func (j *judge) diverge(a, b *group) {
	toRef := a == j.ref || b == j.ref
	for _, g := range [...]*group{a, b} {
		if g != j.ref && (!g.old || toRef) {
			g.diverged = true
		}
	}
}

// parted returns when holders of a and b were first out of step. Nobody may
// hold b, if it is what is served.
func (j *judge) parted(a, b *group) time.Time {
	var first time.Time
	add := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, i := range a.holders {
		if len(b.holders) == 0 {
			add(j.primaries[i].partedFrom(b.root))
		}
		for _, k := range b.holders {
			add(parted(&j.primaries[i], &j.primaries[k]))
		}
	}
	return first
}

// state returns the zone's state.
func (j *judge) state() State {
	switch {
	case j.policy.Pin.Version != nil:
		return Pinned
	case j.policy.Hold != "":
		return Held
	case j.way == byPreference && j.outOfStep || len(j.clashes) > 0 || len(j.strangers) > 0:
		return Drift
	case len(j.rejected) > 0 && !j.agreed, j.unkeyed():
		return Held
	case j.serving != nil && (j.agreed || !j.outOfStep):
		return InParity
	case j.lagOverdue:
		return Lagging
	case j.serving != nil:
		return Settling
	}
	return Loading
}

// stateOf returns the state of one primary.
func (j *judge) stateOf(p *primary) PrimaryState {
	switch {
	case p.Refused:
		return PrimaryRefused
	case p.Err != nil:
		return PrimaryUnreachable
	case p.failing || p.Version == nil:
		return PrimaryUnknown
	case p.Rejected != "":
		return PrimaryRejected
	}
	g := p.group
	_, back := j.wentBackFrom(p)
	switch {
	case g == j.ref && g.behind != nil:
		return PrimaryLagging
	case g == j.ref:
		return PrimaryAgreeing
	case g.clashed:
		return PrimaryDiverged
	case back && !j.ahead(g):
		return PrimaryRegressed
	case g.diverged:
		return PrimaryDiverged
	case g.old:
		return PrimaryLagging
	case j.ref == nil:
		return j.stateAmong(g)
	case !j.strict() || j.ahead(g):
		return PrimaryAhead
	}
	return PrimaryLagging
}

// ahead reports whether g is known to be newer than what the others are held
// against.
func (j *judge) ahead(g *group) bool {
	if j.ref == nil {
		return false
	}
	return j.history.before(j.ref, g) || j.strict() && j.ref.serial.Less(g.serial)
}

// stateAmong returns the state of a holder of g while nothing is served and no
// content has more holders than any other.
func (j *judge) stateAmong(g *group) PrimaryState {
	state := PrimaryAhead
	for _, h := range j.groups {
		if h != g && (j.history.before(g, h) || j.strict() && g.serial.Less(h.serial)) {
			state = PrimaryLagging
		}
	}
	return state
}
