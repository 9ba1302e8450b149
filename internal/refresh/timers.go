// Package refresh decides when a zone's primaries are asked, and until when
// its served version may be: the SOA's refresh, retry and expire timers
// (RFC 1034 section 4.3.5, RFC 1035 section 3.3.13) and NOTIFY (RFC 1996), as
// a machine with time as an argument.
//
// It asks nobody and waits for nothing: whoever owns a [Timers] tells it what
// happened and when, and sets its own clock to [Timers.Next]. It refuses a
// clock, a goroutine and a source of randomness of its own; the same seed and
// the same calls give the same instants.
package refresh

import (
	"math/rand/v2"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// Timers are the timers of one zone. A check is one round of asking every
// primary; there is at most one at a time.
//
//	         Start             Begin                 Notify
//	stopped ------> waiting ----------> checking -----------> checking,
//	                  ^ ^  Next: check     |                  once more
//	                  | |                  | End                  |
//	                  | +------------------+                      | End
//	                  +-------------------------------------------+
//	                     Next: at once
//
// Beside it stands what is known of the served version:
//
//	                           expire passes
//	          Begun            without a word
//	nothing -------> fresh --------------------> expired
//	                 ^   |                          |
//	                 +---+ Fresh, Begun             |
//	                 +------------------------------+ Fresh, Begun
//
// With nothing served, checks follow each other with a backoff; else after
// the SOA's refresh, or its retry when no primary that answered confirmed what
// is served. A primary that fails is asked again by itself, see
// [Timers.Retry]: the others need not be asked with it.
type Timers struct {
	clamps Clamps
	random *rand.Rand

	state    state
	next     time.Time     // waiting: the next check
	wish     time.Time     // checking: what At asked for; zero for nothing
	again    time.Time     // checkingAgain: when the check after this one may begin
	backoff  time.Duration // before the next check while nothing is served
	settled  bool          // a wait for the refresh has begun before
	expireAt time.Time     // zero: nothing served yet
}

type state uint8

const (
	stopped state = iota
	waiting
	checking
	checkingAgain // and a NOTIFY came in the meantime
)

// Clamps bound the SOA's timers.
type Clamps struct{ Refresh, Retry, Expire config.Clamp }

// Outcome is what a check found.
type Outcome struct {
	// Loaded says that a version is served, whose SOA is SOA.
	Loaded bool
	SOA    zone.SOA

	// Answered says that some primary answered, and Confirmed that one of
	// them holds the served version, or brought the newer one that is served
	// now.
	Answered, Confirmed bool
}

const (
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 30 * time.Second

	// catchUp is the time over which checks are spread that were due while the
	// process was down.
	catchUp = time.Minute

	// A NOTIFY starts a check at once, save in a flood: an authorised address
	// is easily forged over UDP, and each check costs every primary a
	// connection. A burst of this many is let through, then one an interval.
	notifyBurst    = 10
	notifyInterval = 500 * time.Millisecond
)

// New returns stopped timers. Zones with different seeds drift apart, however
// alike their SOAs are.
func New(c Clamps, seed uint64) *Timers {
	const stream = 0x636f6e636f7264
	return &Timers{clamps: c, random: rand.New(rand.NewPCG(seed, stream)), backoff: firstBackoff}
}

// Start makes the first check due, now if nothing was restored. It does
// nothing on timers that run.
func (t *Timers) Start(now time.Time) {
	if t.state == stopped {
		t.state, t.next = waiting, later(now, t.next)
	}
}

// Begin says that a check has started. It reports false, and nothing changes,
// when one is under way or the timers were not started.
func (t *Timers) Begin(time.Time) bool {
	if t.state != waiting {
		return false
	}
	t.state, t.wish = checking, time.Time{}
	return true
}

// End says that the check is over. It does nothing when none is under way.
func (t *Timers) End(now time.Time, o Outcome) {
	if t.state != checking && t.state != checkingAgain {
		return
	}
	again := t.state == checkingAgain
	t.state, t.next = waiting, now.Add(t.wait(o))
	if again {
		t.next = earlier(t.next, later(now, t.again))
	}
	t.At(now, t.wish)
}

// wait returns how long after a check the next one is.
func (t *Timers) wait(o Outcome) time.Duration {
	if !o.Loaded {
		d := t.backoff
		t.backoff = min(2*t.backoff, lastBackoff)
		return t.jitter(d)
	}
	t.backoff = firstBackoff
	if o.Answered && !o.Confirmed {
		return t.jitter(t.retry(o.SOA))
	}
	if t.settled {
		return t.jitter(t.refresh(o.SOA))
	}
	t.settled = true
	return t.spread(t.refresh(o.SOA))
}

func (t *Timers) refresh(soa zone.SOA) time.Duration {
	// A zone whose refresh is longer than its expire would expire between two
	// checks, with nothing wrong.
	d := min(t.clamps.Refresh.Apply(seconds(soa.Refresh)), t.clamps.Expire.Apply(seconds(soa.Expire))/2)
	return max(d, t.clamps.Refresh.Min)
}

func (t *Timers) retry(soa zone.SOA) time.Duration {
	// A retry longer than the refresh would make a fault slow checks down.
	return min(t.refresh(soa), t.clamps.Retry.Apply(seconds(soa.Retry)))
}

// Retry returns when a primary is asked again that has failed so many times in
// a row, while a version with this SOA is served: after the SOA's retry, then
// after twice as long each time, up to its refresh or the longest retry that
// the operator allows. It is no check of the zone: the others are not asked.
func (t *Timers) Retry(now time.Time, soa zone.SOA, failures int) time.Time {
	d := t.retry(soa)
	most := max(d, min(t.refresh(soa), t.clamps.Retry.Max))
	for i := 1; i < failures && d < most; i++ {
		d = min(2*d, most)
	}
	return now.Add(t.jitter(d))
}

// jitter returns d or up to a quarter less, as BIND does: zones that were
// loaded together, or that got the same NOTIFY on every node of a fleet, do
// not come back together. It is never more, because what the SOA's author
// promised ends there, and expire counts on it.
func (t *Timers) jitter(d time.Duration) time.Duration {
	return d - time.Duration(t.random.Int64N(int64(d)/4+1))
}

// spread returns a quarter of d to all of it, for the first refresh after a
// start: all zones of a process are loaded together, and they part at once.
func (t *Timers) spread(d time.Duration) time.Duration {
	return d - time.Duration(t.random.Int64N(int64(d)/4*3+1))
}

// Begun says that a version with this SOA is served from now on. told is how
// long it is until the primary's own copy expires, as far as it told (RFC
// 7314), or 0: the lesser of the two counts.
func (t *Timers) Begun(now time.Time, soa zone.SOA, told time.Duration) {
	t.expireAt = now.Add(t.expire(soa, told))
}

// Fresh says that a counted primary confirmed the served version, that has
// this SOA, also in the middle of a check. It restarts the expiry, and ends it
// when it has passed; the next check stays as it was. told is as in Begun,
// and never makes the expiry earlier than it is: another primary may know
// better (RFC 7314 section 4).
func (t *Timers) Fresh(now time.Time, soa zone.SOA, told time.Duration) {
	t.expireAt = later(t.expireAt, now.Add(t.expire(soa, told)))
}

// expire keeps to the operator's bounds whatever a primary tells, so that none
// ends the zone at once.
func (t *Timers) expire(soa zone.SOA, told time.Duration) time.Duration {
	d := seconds(soa.Expire)
	if told > 0 {
		d = min(d, told)
	}
	return t.clamps.Expire.Apply(d)
}

// Restore sets the expiry of what is served, and the next check, as they were
// when the process ended, before Start. The zero time is a check at the start;
// one that was due meanwhile comes soon after it, since thousands of zones may
// have one, and at once for a zone that has expired. A clock that was wrong
// does not put off anything for longer than the operator's bounds.
func (t *Timers) Restore(now, next, expireAt time.Time) {
	t.expireAt = earlier(expireAt, now.Add(t.clamps.Expire.Max))
	t.next = earlier(next, now.Add(t.clamps.Refresh.Max))
	t.settled = next.After(now)
	if !t.settled && !next.IsZero() && !t.Expired(now) {
		t.next = now.Add(time.Duration(t.random.Int64N(int64(catchUp))))
	}
}

// A Bucket bounds the checks that the NOTIFYs of one primary start. The zero
// Bucket is full.
type Bucket struct {
	// allowed is when there is room next. It lies at most a burst of intervals
	// in the past: the virtual scheduling form of a leaky bucket.
	allowed time.Time
}

// Notify says that a primary sent a NOTIFY, whose bucket it is. A check is due
// at once, or once more right after the one under way, which may have asked
// too early. It reports whether the NOTIFY was folded into a check that was
// due already.
func (t *Timers) Notify(now time.Time, b *Bucket) (folded bool) {
	switch t.state {
	case checking:
		t.state, t.again = checkingAgain, b.admit(now)
		return false
	case checkingAgain:
		if t.again.After(now) && !b.allowed.After(now) { // it waits for the bucket of another
			t.again = b.admit(now)
		}
	case waiting:
		if !t.next.After(now) || b.allowed.After(now) && !t.next.After(b.allowed) {
			return true
		}
		t.next = earlier(t.next, b.admit(now))
		return false
	}
	return true
}

// admit returns when a NOTIFY may start a check: now, save in a flood.
func (b *Bucket) admit(now time.Time) time.Time {
	if full := now.Add(-(notifyBurst - 1) * notifyInterval); b.allowed.Before(full) {
		b.allowed = full
	}
	at := later(now, b.allowed)
	b.allowed = b.allowed.Add(notifyInterval)
	return at
}

// At says that something else wants a check at that instant, such as parity
// when time alone may change its verdict; the zero time wants none. The next
// check is no later than that; it may be earlier.
func (t *Timers) At(now, at time.Time) {
	if at.IsZero() {
		return
	}
	at = later(at, now)
	switch t.state {
	case waiting:
		t.next = earlier(t.next, at)
	case checking, checkingAgain:
		if t.wish.IsZero() || at.Before(t.wish) {
			t.wish = at
		}
	}
}

// Due reports whether a check should begin now.
func (t *Timers) Due(now time.Time) bool {
	return t.state == waiting && !t.next.After(now)
}

// Next returns when to look again: the earlier of the next check and, while
// it lies ahead, the expiry. It is the zero time when neither is to come, as
// during a check with nothing served.
func (t *Timers) Next(now time.Time) time.Time {
	var next time.Time
	if t.state == waiting {
		next = t.next
	}
	if t.expireAt.After(now) && (next.IsZero() || t.expireAt.Before(next)) {
		next = t.expireAt
	}
	return next
}

// Expired reports whether the served version has not been confirmed for so
// long that it must not be served.
func (t *Timers) Expired(now time.Time) bool {
	return !t.expireAt.IsZero() && !t.expireAt.After(now)
}

// NextCheck returns when the next check is due; zero while one is under way.
func (t *Timers) NextCheck() time.Time {
	if t.state != waiting {
		return time.Time{}
	}
	return t.next
}

// ExpireAt returns the instant from which the served version is expired
// unless it is confirmed before; zero while nothing is served.
func (t *Timers) ExpireAt() time.Time { return t.expireAt }

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
