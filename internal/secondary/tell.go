package secondary

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/zone"
)

// tell makes events of what differs between two verdicts.
func (l *life) tell(before *parity.Verdict, at time.Time) {
	origin, now := l.zone.config.Origin, &l.verdict
	for i, p := range l.primaries {
		if c := p.current(); p.seen.Guarded && c.done && now.Primaries[i].State == parity.PrimaryRejected {
			l.tellRejected(p, c, p.seen.Rejected, p.check)
		}
	}
	for i, p := range l.primaries {
		old := parity.PrimaryUnknown
		if before.Primaries != nil {
			old = before.Primaries[i].State
		}
		if state := now.Primaries[i].State; state != old {
			e := PrimaryChanged{Zone: origin, Primary: p.config.Name, Before: old, State: state, Reason: now.Primaries[i].Reason}
			if v := p.seen.Version; v != nil {
				e.Serial, e.Known = v.Serial(), true
			}
			l.event(e)
		}
	}
	if now.State != before.State || now.State == parity.Drift && now.Reason != before.Reason {
		l.event(StateChanged{Zone: origin, Before: before.State, State: now.State, Reason: now.Reason})
	}
	l.tellFindings(before)
	l.tellKeptBack(at)
	l.tellDeadline(at)
}

// tellKeptBack tells that the zone came to be held, or is not any more.
func (l *life) tellKeptBack(at time.Time) {
	origin, now := l.zone.config.Origin, &l.verdict
	switch held := now.State == parity.Held; {
	case held && l.heldSince.IsZero():
		l.heldSince = at
		l.event(Held{Zone: origin, Reason: now.Reason})
	case !held && !l.heldSince.IsZero():
		l.event(Released{Zone: origin, Since: l.heldSince, State: now.State, Reason: now.Reason})
		l.heldSince = time.Time{}
	}
}

// tellDeadline tells once, while there is time, that what is served will end.
func (l *life) tellDeadline(at time.Time) {
	d := &l.verdict.Deadline
	switch {
	case d.At.IsZero():
		l.nearTold = false
	case d.Due && !l.nearTold && d.At.After(at):
		l.nearTold = true
		l.event(DeadlineNear{Zone: l.zone.config.Origin, At: d.At, What: d.What, Reason: l.verdict.Reason})
	}
}

// A toldRejection is a rejection that was told.
type toldRejection struct {
	root  zone.Hash
	check string
}

// mostTold bounds what is remembered of what was told of one primary.
const mostTold = 32

// tellRejected tells of a rejected copy once, and counts the checks that it failed.
func (l *life) tellRejected(p *primary, c *checked, why, check string) {
	t := toldRejection{c.version.Root(), check}
	if check == "" || slices.Contains(p.toldRejected, t) {
		return
	}
	p.toldRejected = append(slices.Clone(p.toldRejected[max(0, len(p.toldRejected)+1-mostTold):]), t)
	checks := []string{check}
	if check != byOperator {
		checks = c.result.Failed()
	}
	for _, name := range checks {
		p.checkFailures = countCheck(p.checkFailures, name)
	}
	l.event(Rejected{
		Zone: l.zone.config.Origin, Primary: p.config.Name, Serial: c.version.Serial(), Root: c.version.Root(), Records: c.version.Records(),
		Check: check, Reason: why, Waivable: c.result.Waivable(),
	})
}

// tellWarnings tells what the checks found odd in a copy that passed them: once, until it is gone from all copies.
func (l *life) tellWarnings(p *primary, c *checked) {
	if !c.done {
		return
	}
	var warnings []verify.Finding
	for _, f := range c.found {
		if f.Severity != verify.Warning || c.waived && isGuard(f) {
			continue // or what an operator has seen and approved
		}
		warnings = append(warnings, f)
		if !slices.ContainsFunc(l.primaries, func(o *primary) bool { return slices.ContainsFunc(o.warned, likewise(f)) }) {
			l.event(Warned{Zone: l.zone.config.Origin, Primary: p.config.Name, Serial: c.version.Serial(), Finding: f})
		}
	}
	p.warned = warnings
}

// likewise reports whether findings are about the same. What they say in detail may change with every serial.
func likewise(f verify.Finding) func(verify.Finding) bool {
	return func(o verify.Finding) bool {
		return o.Check == f.Check && o.Rule == f.Rule && o.Owner == f.Owner && o.Type == f.Type
	}
}

// tellFindings tells what copies came to show of how the primaries are set up, and what they do not show any more.
func (l *life) tellFindings(before *parity.Verdict) {
	for _, f := range l.verdict.Findings {
		if !slices.Contains(before.Findings, f) {
			l.event(Noticed{Zone: l.zone.config.Origin, Finding: f})
		}
	}
	for _, f := range before.Findings {
		if !slices.Contains(l.verdict.Findings, f) {
			l.event(Noticed{Zone: l.zone.config.Origin, Finding: f, Gone: true})
		}
	}
}
