package parity

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// judge is one call of Judge, in its steps: count, choose, compare, and then
// the words.
type judge struct {
	policy Policy
	served Served
	now    time.Time
	again  time.Time

	primaries []primary
	counted   int
	groups    []*group // what the counted primaries hold, in the Corefile's order
	need      int

	approved Approved
	agreed   bool          // enough hold what is served after this verdict
	serving  *zone.Version // what is served after this verdict, or nil
	ref      *group        // what the others are held against, or nil

	history     history
	clashes     []clash // same serial, different content
	strangers   []clash // no common history, settle has passed
	lagOverdue  bool
	outOfStep   bool                        // a primary counts and holds something else
	differences map[[2]zone.Hash]difference // counted in this call
}

// primary is an observation with what follows from it alone.
type primary struct {
	*Observation
	group   *group // of what it holds, if it counts
	failing bool
	counts  bool
	until   time.Time // counts although it fails until then; zero: for ever
}

// group is a version with the counted primaries that hold it: their places.
// What is served is a group too, if nobody holds it.
type group struct {
	version  *zone.Version
	root     zone.Hash
	serial   zone.Serial
	holders  []int
	old      bool   // what the others are held against has replaced it
	diverged bool   // nothing replaced it, and it stands against another
	behind   *group // one that has left it behind for longer than settle
}

// count finds out who counts and who holds what.
func (j *judge) count(obs []Observation) {
	j.primaries = make([]primary, len(obs))
	for i := range obs {
		o := &obs[i]
		p := primary{Observation: o, failing: !o.Reachable || o.Refused || o.Err != nil, counts: true}
		if p.failing && !o.FailingSince.IsZero() {
			p.counts, p.until = j.patience(o.FailingSince)
		}
		if p.counts {
			j.counted++
			if o.Version != nil {
				p.group = j.groupOf(o.Version)
				p.group.holders = append(p.group.holders, i)
			}
		}
		j.primaries[i] = p
	}
	j.need = j.policy.Agree.Need(j.counted)
}

// patience says whether a primary that fails since then counts, and until when.
func (j *judge) patience(since time.Time) (counts bool, until time.Time) {
	settled := since.Add(j.policy.Settle)
	grace := j.policy.Absent
	switch {
	case j.served.Version == nil:
		grace = j.policy.Settle
	case !j.served.First.IsZero() && !settled.After(j.served.First):
		return false, time.Time{}
	}
	if grace < 0 {
		return true, time.Time{}
	}
	until = since.Add(grace)
	return !j.passed(until), until
}

// passed reports whether an instant has come; if not, it is one at which the
// verdict may change.
func (j *judge) passed(at time.Time) bool {
	if !at.After(j.now) {
		return true
	}
	if j.again.IsZero() || at.Before(j.again) {
		j.again = at
	}
	return false
}

func (j *judge) groupOf(v *zone.Version) *group {
	root := v.Root()
	for _, g := range j.groups {
		if g.root == root {
			return g
		}
	}
	g := &group{version: v, root: root, serial: v.Serial()}
	j.groups = append(j.groups, g)
	return g
}

// choose finds what may be served. See Judge for the rules.
func (j *judge) choose() {
	j.history = newHistory(j.served, j.primaries)
	j.serving = j.served.Version
	g := j.chosen()
	if g == nil {
		return
	}
	v := g.version
	if j.serving != nil && g.root == j.serving.Root() {
		v = j.serving // the same content: nothing is gained by another copy
	}
	j.agreed, j.serving = true, v
	j.approved = Approved{version: v, source: j.source(g)}
	j.history.serve(g.root)
}

func (j *judge) chosen() *group {
	s := j.served.Version
	if s == nil {
		return newest(j.groups, j.enough)
	}
	if g := newest(j.groups, func(g *group) bool { return j.enough(g) && s.Serial().Less(g.serial) }); g != nil {
		return g
	}
	for _, g := range j.groups {
		if g.root == s.Root() && j.enough(g) {
			return g
		}
	}
	return newest(j.groups, func(g *group) bool { return j.enough(g) && j.mayGoBack(g) })
}

func (j *judge) enough(g *group) bool { return len(g.holders) >= j.need }

// mayGoBack reports whether content whose serial is not greater than the
// served one's may replace it, given that enough primaries hold it.
func (j *judge) mayGoBack(g *group) bool {
	s := j.served.Version
	if g.serial == s.Serial() || !slices.Contains(j.served.Agreed, g.root) {
		return len(g.holders) >= 2
	}
	// It was served before. Either somebody took the zone back to it, or
	// those that hold it never had anything newer, and the one that did just
	// cannot be asked any more: then they are behind, and nothing went back.
	if j.wentBack(g) {
		return true
	}
	return !slices.ContainsFunc(j.primaries, func(p primary) bool {
		return p.Version != nil && g.serial.Less(p.Version.Serial())
	})
}

// wentBack reports whether a holder of g held something newer before.
func (j *judge) wentBack(g *group) bool {
	return slices.ContainsFunc(g.holders, func(i int) bool {
		return slices.ContainsFunc(j.primaries[i].Past, func(s Sighting) bool { return g.serial.Less(s.Serial) })
	})
}

// newest returns the first of the groups that fit that has no newer one among
// them. With serials that go around in a circle it is the first.
func newest(groups []*group, fits func(*group) bool) *group {
	var first *group
	for _, g := range groups {
		if !fits(g) {
			continue
		}
		if first == nil {
			first = g
		}
		if !slices.ContainsFunc(groups, func(h *group) bool { return g.serial.Less(h.serial) && fits(h) }) {
			return g
		}
	}
	return first
}

// source returns the primary whose copy stands for the group's content.
func (j *judge) source(g *group) string {
	for _, i := range g.holders {
		if name := j.primaries[i].Name; name == j.served.Source {
			return name
		}
	}
	return j.primaries[g.holders[0]].Name
}
