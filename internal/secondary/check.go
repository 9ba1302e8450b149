package secondary

import (
	"context"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/zone"
)

// checked is a version with what its checks came to. It is not altered, but replaced.
type checked struct {
	version *zone.Version
	content parity.Content
	done    bool // false: it was not checked yet
	at      time.Time
	result  verify.Result
	found   []verify.Finding // by all checks, warnings included
	err     error            // why it could not be checked; nil: it was
	against zone.Hash        // the root of what was served then, which its guards held it against; zero: nothing was
	waived  bool             // an operator had approved it
}

// passed reports whether the version may be served, as far as was known then.
func (c *checked) passed() bool {
	_, ok := c.result.Verified()
	return c.err == nil && ok
}

// guarded reports whether nothing but a guard is against a version, of which check is what rejected it.
func (c *checked) guarded(check string) bool {
	return check == verify.CheckGuard && !slices.ContainsFunc(c.result.Failed(), func(name string) bool { return name != verify.CheckGuard })
}

// mayPass reports whether a version that did not pass could, with time alone.
func (c *checked) mayPass() bool {
	failed := c.result.Failed()
	return c.err != nil || slices.Contains(failed, verify.CheckDNSSEC) || slices.Contains(failed, verify.CheckCommand)
}

// checkError says that a version could not be checked. The copy may be good.
type checkError struct{ error }

func (e *checkError) Unwrap() error { return e.error }

// check looks at what a primary sent. It takes as long as the checks take, in a goroutine that nobody waits for but Stop.
func (z *Zone) check(primary string, v *zone.Version, near []parity.Known, last *checked, waive bool) *checked {
	served := z.Snapshot().Version
	c := &checked{version: z.versions.one(v), done: true, at: time.Now(), waived: waive}
	if served != nil {
		c.against = served.Root()
		if served.Root() == v.Root() {
			c.done = false // what is served is not judged anew; see rejection
		}
	}
	if last != nil && last.done && last.version.Root() == v.Root() && last.against == c.against && last.passed() && last.waived == waive {
		return last
	}
	c.err = z.runChecks(c, verify.Subject{Primary: primary, Candidate: c.version, Served: served, Now: c.at, Waive: waive}, near)
	return c
}

func (z *Zone) runChecks(c *checked, s verify.Subject, near []parity.Known) (err error) {
	defer func() {
		if err != nil {
			err = &checkError{err}
		}
	}()
	defer caught(&err)
	c.content = z.comparison.Content(c.version, near...)
	if !c.done {
		return nil
	}
	c.result = z.checker.Check(z.ctx, s)
	c.found = c.result.Findings()
	if c.result.Reason() != "" {
		return nil // whatever else could not be done
	}
	return c.result.Err()
}

// checkAgain holds a version against what is served now. Of one that passed, only the guards can have changed.
func (z *Zone) checkAgain(primary string, c *checked, served *zone.Version, waive bool) *checked {
	next := &checked{version: c.version, content: c.content, done: true, at: time.Now(), waived: waive}
	if served != nil {
		next.against = served.Root()
	}
	s := verify.Subject{Primary: primary, Candidate: c.version, Served: served, Now: next.at, Waive: waive}
	if v, ok := c.result.Verified(); ok && c.done && c.err == nil && !lapsed(v, next.at) {
		next.err = z.runGuard(next, v, s)
		next.found = append(next.result.Findings(), slices.DeleteFunc(slices.Clone(c.found), isGuard)...)
	} else {
		next.err = z.runChecks(next, s, []parity.Known{{Version: c.version, Content: c.content}})
	}
	return next
}

func (z *Zone) runGuard(c *checked, v verify.Verified, s verify.Subject) (err error) {
	defer func() {
		if err != nil {
			err = &checkError{err}
		}
	}()
	defer caught(&err)
	c.result = z.checker.Guard(z.ctx, v, s)
	return c.result.Err()
}

func isGuard(f verify.Finding) bool { return f.Check == verify.CheckGuard }

// lapsed reports whether a signature of a version that passed has ended since. It is good through its last second.
func lapsed(v verify.Verified, now time.Time) bool {
	return !v.Expiry().IsZero() && !now.Before(v.Expiry().Add(time.Second))
}

// A recheck is what became of a version that was checked beside any ask.
type recheck struct {
	primary *primary // whose copy it is; nil: it is a version of the history, to be pinned
	checked *checked
	order   *order // the operator's, who waits for it
}

// startCheck has a primary's copy checked once more.
func (l *life) startCheck(p *primary, c *checked) {
	if p.checking {
		return // and what is still wanted after that is started then
	}
	p.checking, p.subject = true, c.version.Root()
	z, served, waive := l.zone, l.served(), l.words.approves(c.version.Root())
	z.work.Go(func() {
		z.rechecked(recheck{primary: p, checked: z.checkAgain(p.config.Name, c, served, waive)})
	})
}

// startPinCheck has a version of the history checked before it is pinned. The operator has said that it is meant.
func (l *life) startPinCheck(c *checked, o *order) {
	z, served := l.zone, l.served()
	z.work.Go(func() {
		z.rechecked(recheck{checked: z.checkAgain("", c, served, true), order: o})
	})
}

// rechecked hands over what a check came to.
func (z *Zone) rechecked(r recheck) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.inbox.checks = append(z.inbox.checks, r)
	z.wake()
}

// ended reports whether an error says no more than that the zone was stopped.
func ended(ctx context.Context) bool { return ctx.Err() != nil }
