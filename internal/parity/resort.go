package parity

import (
	"time"
)

// resort looks for what may be served although too few agree: what the
// operator prefers in a drift, and what is left before the zone expires.
func (j *judge) resort() {
	if j.serving == nil || j.agreed || j.policy.Hold != "" || j.policy.Pin.Version != nil || j.approved.version != nil {
		return
	}
	if p := j.favoured(); p != nil {
		j.drifted = j.driftSince()
		j.serveAlone(p)
		j.way = byPreference
		return
	}
	if p := j.renewed(); p != nil {
		j.serveAlone(p)
		j.way = bySignatures
	} else if p := j.undisputed(); p != nil {
		j.serveAlone(p)
		j.way = byExpiry
	}
}

// serveAlone serves one primary's copy without agreement.
func (j *judge) serveAlone(p *primary) {
	j.serve(j.copyOf(p), p.group)
	j.lack = nil // rather than nothing, or as the operator wants it
	j.compare()
}

// favoured returns the primary whose copy the operator wants in a drift that
// has lasted long enough.
func (j *judge) favoured() *primary {
	since := j.driftSince()
	if j.policy.Drift.Prefer == "" || since.IsZero() {
		return nil
	}
	p := j.named(j.policy.Drift.Prefer)
	if p == nil || p.failing || p.group == nil || p.Guarded || !j.passed(since.Add(j.policy.Drift.After)) {
		return nil
	}
	return p
}

// driftSince returns since when the primaries have been out of step, if they
// have drifted and the drift is not over: it ends with an agreement, not when
// one of them goes on.
func (j *judge) driftSince() time.Time {
	if !j.drifted.IsZero() {
		return j.drifted
	}
	if j.agreed || !j.outOfStep {
		return time.Time{}
	}
	if !j.served.DriftSince.IsZero() {
		return j.served.DriftSince
	}
	var first time.Time
	for _, pairs := range [...][]clash{j.clashes, j.strangers} {
		for _, c := range pairs {
			at := j.began(c)
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first
}

// began returns when two contents came to stand against each other.
func (j *judge) began(c clash) time.Time {
	if c.b != nil && c.a.serial != c.b.serial && j.strict() {
		return j.parted(c.a, c.b)
	}
	var first time.Time
	for _, i := range c.a.holders {
		if t := j.primaries[i].Since; first.IsZero() || t.Before(first) {
			first = t
		}
	}
	if !j.strict() || c.b == nil {
		return first
	}
	var other time.Time
	for _, i := range c.b.holders {
		if t := j.primaries[i].Since; other.IsZero() || t.Before(other) {
			other = t
		}
	}
	if other.After(first) {
		return other
	}
	return first
}

// renewed returns the first primary with a copy of what is served whose
// signatures last longer, as soon as the operator would be told of the end of
// those that are served.
func (j *judge) renewed() *primary {
	t := j.served.SignedUntil
	if t.IsZero() {
		return nil
	}
	for i := range j.primaries {
		p := &j.primaries[i]
		if j.confirms(p) && p.group != nil && p.SignedUntil.After(t) && j.passed(t.Add(-j.policy.Notice)) {
			return p
		}
	}
	return nil
}

// undisputed returns, once what is served has expired or its signatures have,
// the first primary with a copy that passed its checks, if all that answer
// with such a copy hold the same.
func (j *judge) undisputed() *primary {
	until, _ := j.until()
	if until.IsZero() || j.confirmed() || !j.passed(until) {
		return nil
	}
	var only *primary
	for i := range j.primaries {
		p := &j.primaries[i]
		switch {
		case p.failing || p.group == nil || p.Guarded:
		case only == nil:
			only = p
		case only.group != p.group:
			return nil
		}
	}
	return only
}

// until returns when what was served before this verdict ends, and whether it
// is a signature of it that does.
func (j *judge) until() (at time.Time, signed bool) {
	at = j.served.ExpireAt
	if t := j.served.SignedUntil; !t.IsZero() && (at.IsZero() || t.Before(at)) {
		return t, true
	}
	return at, false
}

// confirmed reports whether a primary that answers holds what is served.
func (j *judge) confirmed() bool {
	if j.serving == nil {
		return false
	}
	for i := range j.primaries {
		if j.confirms(&j.primaries[i]) {
			return true
		}
	}
	return false
}

func (j *judge) confirms(p *primary) bool {
	return !p.failing && p.Version != nil && p.Rejected == "" && j.serving != nil && p.root == j.root
}

// deadline returns until when what is served can wait: for as long as somebody
// confirms it there is none, save the end of its signatures, which nobody's
// agreement moves: a signer that stopped is agreed on by all.
func (j *judge) deadline() Deadline {
	at, signed := j.until()
	swapped := j.approved.version != nil && j.served.Version != nil && j.approved.version.Root() != j.served.Version.Root()
	switch {
	case j.serving == nil || at.IsZero() || swapped:
		return Deadline{}
	case j.confirmed() && at.Equal(j.served.ExpireAt): // every check moves it
		if at = j.served.SignedUntil; at.IsZero() {
			return Deadline{}
		}
		signed = true
	}
	what := "it expires"
	if signed {
		what = "the first of its signatures expires"
	}
	return Deadline{At: at, What: what, Due: j.passed(at.Add(-j.policy.Notice))}
}
