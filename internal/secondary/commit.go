package secondary

import (
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/zone"
)

// approve has what a verdict approves served, and reports whether it is. If not, it has to be checked or written first, and the verdict waits:
// it speaks of what would be served.
func (l *life) approve(verdict *parity.Verdict, now time.Time) bool {
	a, ok := verdict.Approved()
	if !ok {
		return true
	}
	if l.serves(a.Version()) {
		l.serving.source, l.serving.content, l.serving.since = a.Source(), a.Content(), a.Since()
		return true
	}
	v, ok := l.vouched(a, now)
	if !ok {
		return false
	}
	return l.commit(a, v, verdict, now)
}

// commit serves what was approved and has passed its checks, once it is on the disk. Nothing else does. It reports whether the
// verdict stands: it waits for the disk, save that one that fails is a verdict of its own.
func (l *life) commit(a parity.Approved, v verify.Verified, verdict *parity.Verdict, now time.Time) bool {
	if v.Version().Root() != a.Version().Root() {
		return true // they are about two versions: a mistake of ours, and what is served stays
	}
	next := serving{
		version: a.Version(), content: a.Content(), source: a.Source(), origin: a.Version().Root(), serial: a.Version().Serial(),
		since: a.Since(), signedUntil: v.Expiry(),
	}
	broken := verdict.Break
	if l.keepSerial(&next, now) {
		broken = nil
	}
	if before := l.served(); before != nil && before.Root() == next.version.Root() {
		next.version = before // another primary's copy of it
		l.serving = next
		return true
	}
	d, ok := l.persist(next, now)
	if !ok {
		return l.heed(verdict, now)
	}
	l.verdict = *verdict // what is published with the version speaks of it
	l.swap(d, next, verdict.Reason, broken, now)
	if !d.Written() && !l.keep.off() {
		l.tellStore(d.Version(), true)
	}
	return true
}

// swap serves another version.
func (l *life) swap(d store.Durable, next serving, reason string, broken *parity.SerialBreak, now time.Time) {
	before := l.served()
	next.version = d.Version()
	l.become(next, now)
	l.round.confirmed = true
	l.expire(now)
	for _, p := range l.primaries {
		if l.serves(p.seen.Version) {
			l.reconsider(p)
		}
		if before == nil {
			p.tries = min(p.tries, 1) // those of the first load came in quick succession
		}
		l.plan(p, now)
	}
	l.zone.publish()
	l.event(Swapped{Zone: l.zone.config.Origin, Version: next.version, Before: before, Source: next.source, Origin: next.serial, Reason: reason})
	if broken != nil {
		l.event(SerialBreak{
			Zone: l.zone.config.Origin, Before: broken.Before, After: broken.After, From: broken.From, To: broken.To, Text: broken.String(),
		})
	}
}

// become takes another version to be the one that is served.
func (l *life) become(next serving, now time.Time) {
	if l.served() == nil {
		l.first = now
	}
	l.serving, l.swapped = next, now
	l.counts.swaps++
	l.remember(past{next.version, next.content, next.source, now})
	l.timers.Begun(now, next.version.SOA(), l.expireOf(next.source))
}

// serving is what is served; its version is nil before the first.
type serving struct {
	version     *zone.Version
	content     parity.Content
	source      string      // the primary whose copy it is
	origin      zone.Hash   // the root of that copy, as it came
	serial      zone.Serial // and its serial
	since       time.Time   // parity's, of when it was agreed on
	signedUntil time.Time   // when its first signature ends; zero: none is known of
}

// past is a version that was served.
type past struct {
	version *zone.Version
	content parity.Content
	source  string
	at      time.Time // when it began to be
}

// remember adds a version to the history, which holds so many as are configured.
func (l *life) remember(v past) {
	drop := max(0, len(l.history)+1-l.zone.config.History)
	history := make([]past, 0, len(l.history)+1-drop)
	l.history = append(append(history, l.history[drop:]...), v)
	l.versions = versionsOf(l.history)
}

func versionsOf(history []past) []*zone.Version {
	versions := make([]*zone.Version, len(history))
	for i := range history {
		versions[i] = history[i].version
	}
	return versions
}
