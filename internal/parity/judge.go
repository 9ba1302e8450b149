package parity

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// judge is one call of Judge, in its steps: count, choose, compare, resort,
// and then the words.
type judge struct {
	policy Policy
	served Served
	now    time.Time
	again  time.Time

	primaries []primary
	counted   int
	rejected  []int    // the counted primaries whose copies were rejected
	groups    []*group // what the others hold, in the Corefile's order
	need      int

	approved Approved
	agreed   bool          // enough hold what is served after this verdict
	way      way           // how it came to be approved, if not by agreement
	drifted  time.Time     // since when, if that is by preference
	serving  *zone.Version // what is served after this verdict, or nil
	root     zone.Hash     // of its content
	ref      *group        // what the others are held against, or nil

	history    history
	clashes    []clash // same serial, different content
	strangers  []clash // no common history, settle has passed
	lagOverdue bool
	outOfStep  bool // a primary counts and holds something else
	flattened  []Finding
	sides      []*side // that were read
	lack       *lack   // why what may be served otherwise is not
}

// way is how a version comes to be approved.
type way uint8

const (
	byAgreement  way = iota
	byPassage        // enough have held it, and some have gone on
	byOperator       // an operator approved the copy
	byPreference     // Drift prefers its primary
	byExpiry         // nobody disputes it, and what was served would end
	bySignatures     // it is what is served, with signatures that last longer
)

// primary is an observation with what follows from it alone.
type primary struct {
	*Observation
	root    zone.Hash // of what it holds
	line    []prefix  // of the roots of its line
	group   *group    // of what it holds, if it counts and that is not rejected
	failing bool
	counts  bool
	until   time.Time // counts although it fails until then; zero: for ever
}

// group is content with the counted primaries that hold it: their places.
// What is served is a group too, if nobody holds it.
type group struct {
	version  *zone.Version // the first holder's
	content  Content
	root     zone.Hash
	serial   zone.Serial // the first holder's
	holders  []int
	old      bool   // what the others are held against has replaced it
	diverged bool   // nothing replaced it, and it stands against another
	clashed  bool   // under a serial that has other content
	behind   *group // one that has left it behind for longer than settle
}

// count finds out who counts and who holds what.
func (j *judge) count(obs []Observation) {
	j.primaries = make([]primary, len(obs))
	for i := range obs {
		o := &obs[i]
		p := primary{Observation: o, failing: !o.Reachable || o.Refused || o.Err != nil, counts: true}
		if o.Version != nil {
			p.root = contentRoot(o.Version, &o.Content)
			p.line = p.prefixes()
		}
		if p.failing && !o.FailingSince.IsZero() {
			p.counts, p.until = j.patience(o.FailingSince)
		}
		if p.counts {
			j.counted++
			switch {
			case o.Version == nil:
			case o.Rejected != "":
				j.rejected = append(j.rejected, i)
			default:
				p.group = j.groupOf(&p)
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

func (j *judge) groupOf(p *primary) *group {
	for _, g := range j.groups {
		if g.root == p.root {
			return g
		}
	}
	g := &group{version: p.Version, content: p.Content, root: p.root, serial: p.Version.Serial()}
	j.groups = append(j.groups, g)
	return g
}

// holding returns the group with that content, nil if nobody holds it.
func (j *judge) holding(root zone.Hash) *group {
	for _, g := range j.groups {
		if g.root == root {
			return g
		}
	}
	return nil
}

// named returns the primary of that name, or nil.
func (j *judge) named(name string) *primary {
	i := slices.IndexFunc(j.primaries, func(p primary) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &j.primaries[i]
}

// strict reports whether serials of different primaries are one line.
func (j *judge) strict() bool { return j.policy.Compare.strict() }
