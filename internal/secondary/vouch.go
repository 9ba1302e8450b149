package secondary

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/zone"
)

// A copy that a primary sent goes this way. What is rejected stays the base of that primary's next IXFR.
//
//	         asking goroutine          see             Judge            vouched
//	sent ----------------------> checked --> observed ------> approved ---------> committed
//	                              |    |        ^                 |
//	          could not be checked|    |failed  | passes now      | what is served is another one now:
//	                              v    v        |                 v guards again
//	            asked again, Failed    rejected-+--- checked again, in a goroutine of its own
//
// A rejected copy is checked again when what its guards were held against is served no more, when an operator approves it, and
// at each ask if time alone could mend it.

// see notes that a primary holds a copy that was checked.
func (l *life) see(p *primary, c *checked, now time.Time) {
	why, check := l.rejection(c)
	seen := p.seen.See(c.version, c.content, why, now)
	p.seen.SignedUntil = c.result.Expiry()
	if why != "" {
		p.forget(c.version.Root())
	}
	p.unchecked, p.check, p.seen.Guarded = nil, check, c.guarded(check)
	p.keep(c)
	if seen.Back {
		p.regressions++
		l.event(Regressed{Zone: l.zone.config.Origin, Primary: p.config.Name, From: seen.From, Serial: c.version.Serial(), New: seen.New})
	}
	if !p.seen.Guarded {
		l.tellRejected(p, c, why, check)
	} // else the verdict says whether it is rejected, or known to be old
	if why == "" {
		l.tellWarnings(p, c)
	}
	l.stale = true
}

// rejection returns why a version is not to be served, and by which check. What is served already is not rejected, though it would
// not pass any more: signatures end, and no fault makes a zone stop that a primary confirms.
func (l *life) rejection(c *checked) (why, check string) {
	if d := l.words.rejects(c.version.Root()); d != nil {
		return "rejected by " + d.By + ": " + d.Why, byOperator
	}
	switch {
	case l.serves(c.version), !c.done, c.passed():
		return "", ""
	case c.err != nil:
		return "it could not be checked: " + c.err.Error(), ""
	}
	check = ""
	if failed := c.result.Failed(); len(failed) > 0 {
		check = failed[0]
	}
	return c.result.Reason(), check
}

// byOperator stands where else the name of a check does.
const byOperator = "operator"

// keep keeps what the checks of a copy came to, for as long as parity may approve the copy.
func (p *primary) keep(c *checked) {
	kept := make([]*checked, 0, len(p.copies)+1)
	for _, k := range p.copies {
		root := k.version.Root()
		recent := slices.ContainsFunc(p.seen.Recent, func(r parity.Known) bool { return r.Version.Root() == root })
		if root != c.version.Root() && (recent || p.seen.Version != nil && root == p.seen.Version.Root()) {
			kept = append(kept, k)
		}
	}
	p.copies = append(kept, c)
}

// about returns what is known of a version that the primary sent, nil if it is not kept.
func (p *primary) about(root zone.Hash) *checked {
	for _, c := range p.copies {
		if c.version.Root() == root {
			return c
		}
	}
	return nil
}

// current returns what is known of the primary's last copy, nil if it has none.
func (p *primary) current() *checked {
	v := p.seen.Version
	if v == nil {
		return nil
	}
	if c := p.about(v.Root()); c != nil {
		return c
	}
	return &checked{version: v, content: p.seen.Content}
}

// last returns the version that the primary sent last, which its changes are applied to; nil: it sent none.
func (p *primary) last() *zone.Version {
	if p.unchecked != nil {
		return p.unchecked.version
	}
	return p.seen.Version
}

// serves reports whether a version is what is served, or what that was made of.
func (l *life) serves(v *zone.Version) bool {
	return v != nil && l.serving.version != nil && (v.Root() == l.serving.version.Root() || v.Root() == l.serving.origin)
}

// vouched returns the approved version as one that passed its checks, held against what is served now. If there is none, it is
// checked; the verdict has to wait for it.
func (l *life) vouched(a parity.Approved, now time.Time) (verify.Verified, bool) {
	root := a.Version().Root()
	if c := l.words.pinned; c != nil && c.version.Root() == root {
		if v, ok := c.result.Verified(); ok && c.err == nil {
			return v, true
		}
		l.checkPin()
		return verify.Verified{}, false
	}
	var from *primary
	for _, p := range l.primaries {
		c := p.about(root)
		if c != nil && c.passed() && !l.outdated(c, now) {
			return c.result.Verified()
		}
		if c != nil && from == nil || p.config.Name == a.Source() {
			from = p
		}
	}
	if from == nil {
		return verify.Verified{}, false // of a primary that there is no more: the next verdict does without
	}
	c := from.about(root)
	if c == nil {
		c = &checked{version: a.Version(), content: a.Content()}
		from.copies = append(from.copies, c)
	}
	if !l.beingChecked(c) {
		l.startCheck(from, c)
	}
	return verify.Verified{}, false
}

// outdated reports whether a copy has to be checked again before anything can be said of it.
func (l *life) outdated(c *checked, now time.Time) bool {
	switch {
	case c.err != nil, l.serves(c.version):
		return false // its primary is asked again, and it is checked then; or there is nothing to say
	case !c.done:
		return true
	case c.waived != l.words.approves(c.version.Root()):
		return true
	case c.waived:
		return false
	}
	held := !l.zone.config.Guard.Off && c.against != l.servedRoot()
	if v, ok := c.result.Verified(); ok {
		return held || lapsed(v, now) && !lapsed(v, c.at)
	}
	return held && slices.Contains(c.result.Failed(), verify.CheckGuard)
}

// vouch has copies checked again that something has changed for. A primary that is only behind has nothing that anybody wants to
// serve; if that changes, its copy is checked then.
func (l *life) vouch(now time.Time) {
	for i, p := range l.primaries {
		behind := l.verdict.Primaries != nil && l.verdict.Primaries[i].State == parity.PrimaryLagging
		if c := p.current(); c != nil && !(behind && p.seen.Rejected == "") && !p.checking && l.outdated(c, now) && !l.beingChecked(c) {
			l.startCheck(p, c)
		}
	}
}

// rechecked takes in what a copy came to.
func (l *life) rechecked(r *recheck, now time.Time) {
	if ended(l.zone.ctx) {
		return
	}
	c, p := r.checked, r.primary
	l.stale = true
	if p == nil {
		l.pinChecked(c, r.order, now)
		return
	}
	p.checking = false
	l.learned(p, c, now)
	for _, other := range l.primaries {
		if other != p && !other.checking && l.alike() {
			l.learned(other, c, now)
		}
	}
	if c.err != nil && l.served() != nil {
		if p.retryAt.IsZero() {
			p.retryAt = l.timers.Retry(now, l.served().SOA(), 1)
		}
		l.event(Failed{
			Zone: l.zone.config.Origin, Primary: p.config.Name, Kind: kindCheck, Phase: kindCheck, Err: c.err,
			Duration: now.Sub(c.at), Failures: 1, Since: now, Next: p.retryAt,
		})
	}
}

// learned takes in what one of the copies of a primary came to, if it still is one.
func (l *life) learned(p *primary, c *checked, now time.Time) {
	root := c.version.Root()
	if v := p.seen.Version; v != nil && v.Root() == root {
		l.see(p, c, now)
		return
	}
	if p.about(root) == nil {
		return
	}
	p.keep(c)
	if why, _ := l.rejection(c); why != "" {
		p.forget(root)
	}
}

// forget has a copy that does not pass any more not be served as one that the primary held.
func (p *primary) forget(root zone.Hash) {
	p.seen.Recent = slices.DeleteFunc(slices.Clone(p.seen.Recent), func(k parity.Known) bool { return k.Version.Root() == root })
}

// alike reports whether the same version comes to the same from whomever it is. An operator's program is told who sent it.
func (l *life) alike() bool { return len(l.zone.config.Verify.Command) == 0 }

// beingChecked reports whether a version is being checked already, as another primary's copy.
func (l *life) beingChecked(c *checked) bool {
	return l.alike() && slices.ContainsFunc(l.primaries, func(p *primary) bool { return p.checking && p.subject == c.version.Root() })
}

// checking reports whether any copy is being checked beside the asks.
func (l *life) checking() bool {
	return slices.ContainsFunc(l.primaries, func(p *primary) bool { return p.checking })
}

// CheckCount is how many copies of a primary failed one check.
type CheckCount struct {
	Check string // one of verify.Checks, or "operator"
	Count uint64
}

// countCheck returns the counts with one more; those that it was given stay as they are.
func countCheck(counts []CheckCount, check string) []CheckCount {
	counts = slices.Clone(counts)
	for i := range counts {
		if counts[i].Check == check {
			counts[i].Count++
			return counts
		}
	}
	return append(counts, CheckCount{check, 1})
}
