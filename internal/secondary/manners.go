package secondary

import (
	"errors"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/xfr"
)

// attempts are when a primary is asked by itself, beside the checks of its zone.
//
//	answers --fails--> held off until its retry --asked, fails--> held off for longer ... up to the refresh
//	   ^                        |
//	   +--answers---------------+ NOTIFY: asked at once, and its retry counts from the first
//
// While nothing is served there is none of it: each check asks everybody, with a backoff of its own.
type attempts struct {
	retryAt time.Time // zero: with the next check
	tries   int       // failures in a row since it answered, or sent a NOTIFY
	askedAt time.Time // when the last ask began
	wanted  bool      // it sent a NOTIFY since
}

// heldOff reports whether a check leaves a primary out that did not answer. One that a NOTIFY started does not, save
// that it asks no faster than the least retry: what the others have may need its word.
func (p *primary) heldOff(now time.Time, notified bool) bool {
	if p.tries == 0 || p.wanted || !p.retryAt.After(now) {
		return false
	}
	return !notified || now.Sub(p.askedAt) < p.zone.config.Retry.Min
}

// plan sets when a primary that failed is asked again.
func (l *life) plan(p *primary, now time.Time) {
	if v := l.served(); v != nil && p.failures > 0 && !p.asking && p.retryAt.IsZero() {
		p.retryAt = l.timers.Retry(now, v.SOA(), p.tries)
	}
}

// follow looks whether a primary told what its NOTIFY promised. If not, it is asked once more: some send their NOTIFY before
// all of their own servers have the zone. It is a hint, and so there is one such try.
func (l *life) follow(p *primary, now time.Time) {
	if p.hinted && p.serial.Less(p.hint) && l.served() != nil {
		p.retryAt = l.timers.Retry(now, l.served().SOA(), 1)
	}
	p.hinted = false
}

// manners are what is known of how a primary takes IXFR.
type manners struct {
	derived  bool      // its copy is what changes made of the one before
	uneven   bool      // its last whole zone had RRsets of unequal TTLs, so that its changes do not fit what we made of it
	failures int       // of IXFR, in a row
	until    time.Time // it is asked by AXFR until then
}

const (
	// ixfrTries is how many IXFRs in a row fail before the primary is asked by AXFR at once, for axfrTime at first and for
	// twice as long after each further one, up to axfrMost.
	ixfrTries = 3
	axfrTime  = time.Hour
	axfrMost  = 24 * time.Hour
)

// increments reports whether to ask for changes.
func (m *manners) increments(now time.Time) bool { return !m.uneven && !m.until.After(now) }

// learn takes in how a transfer went.
func (l *life) learn(p *primary, a *answer, now time.Time) {
	m := &p.manners
	failed := ixfrError(a)
	if a.err == nil {
		s, v := a.candidate.Stats(), a.candidate.Version()
		switch {
		case s.Steps > 0:
			m.derived = true
		case v != a.base:
			m.derived, m.uneven = false, s.Report.UnequalTTLs > 0
		}
		if failed == nil && s.Kind == "IXFR" {
			m.failures, m.until = 0, time.Time{}
		}
	}
	if failed == nil {
		return
	}
	if m.failures++; m.failures < ixfrTries {
		return
	}
	wait := axfrTime
	for i := ixfrTries; i < m.failures && wait < axfrMost; i++ {
		wait = min(2*wait, axfrMost)
	}
	m.until = now.Add(wait)
	l.event(AXFRInstead{Zone: l.zone.config.Origin, Primary: p.config.Name, Failures: m.failures, Until: m.until, Err: failed})
}

// recheck has copies fetched whole that changes have made, while there is drift: where a primary has changed records and not its
// serial, changes that came later fit our copy all the same, and make of it what nobody holds. It would never end.
func (l *life) recheck(now time.Time) {
	if l.verdict.State != parity.Drift {
		return
	}
	for _, p := range l.primaries {
		if p.manners.derived && !p.asking && p.failures == 0 {
			l.ask(p, now)
		}
	}
}

// ixfrError returns why IXFR did not do, nil if it did or was not asked for. Not to reach a primary says nothing about it.
func ixfrError(a *answer) *xfr.Error {
	if a.err == nil {
		return a.candidate.Stats().Instead
	}
	e, ok := errors.AsType[*xfr.Error](a.err)
	if !ok || e.Kind != "IXFR" || e.Phase == xfr.PhaseDial || e.Phase == xfr.PhaseCancelled {
		return nil
	}
	return e
}
