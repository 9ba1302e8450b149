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
//	          End or Fresh,            expire passes
//	          confirmed                without a word
//	nothing --------------> fresh --------------------> expired
//	                        ^   |                          |
//	                        +---+ confirmed                |
//	                        +------------------------------+ confirmed
//
// With nothing served, checks follow each other with a backoff; else after
// the SOA's refresh, or its retry when the last check left something open.
type Timers struct {
	clamps Clamps
	random *rand.Rand

	state    state
	next     time.Time     // waiting: the next check
	wish     time.Time     // checking: what At asked for; zero for nothing
	backoff  time.Duration // before the next check while nothing is served
	allowed  time.Time     // see admit
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

	// Confirmed says that a counted primary holds the served version, or
	// brought the newer one that is served now.
	Confirmed bool

	// AllAnswered says that every primary answered.
	AllAnswered bool
}

const (
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 30 * time.Second

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

// Start makes the first check due now. It does nothing on timers that run.
func (t *Timers) Start(now time.Time) {
	if t.state == stopped {
		t.state, t.next = waiting, now
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
	if o.Loaded && (o.Confirmed || t.expireAt.IsZero()) {
		t.Fresh(now, o.SOA)
	}
	if again {
		t.next = earlier(t.next, t.admit(now))
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
	// A zone whose refresh is longer than its expire would expire between two
	// checks, with nothing wrong.
	refresh := min(t.clamps.Refresh.Apply(seconds(o.SOA.Refresh)), t.clamps.Expire.Apply(seconds(o.SOA.Expire))/2)
	refresh = max(refresh, t.clamps.Refresh.Min)
	if o.Confirmed && o.AllAnswered {
		return t.jitter(refresh)
	}
	// A retry longer than the refresh would make a fault slow checks down.
	return t.jitter(min(refresh, t.clamps.Retry.Apply(seconds(o.SOA.Retry))))
}

// jitter returns d or up to a quarter less, as BIND does: zones that were
// loaded together, or that got the same NOTIFY on every node of a fleet, do
// not come back together. It is never more, because what the SOA's author
// promised ends there, and expire counts on it.
func (t *Timers) jitter(d time.Duration) time.Duration {
	return d - time.Duration(t.random.Int64N(int64(d)/4+1))
}

// Fresh says that a counted primary confirmed the served version, or brought
// the newer one, that has this SOA; also in the middle of a check. It restarts
// the expiry, and ends it when it has passed; the next check stays as it was.
func (t *Timers) Fresh(now time.Time, soa zone.SOA) {
	t.expireAt = now.Add(t.clamps.Expire.Apply(seconds(soa.Expire)))
}

// Notify says that a primary sent a NOTIFY. A check is due at once, or once
// more right after the one under way, which may have asked too early. It
// reports whether the NOTIFY was folded into a check that was due already.
func (t *Timers) Notify(now time.Time) (folded bool) {
	switch t.state {
	case checking:
		t.state = checkingAgain
		return false
	case waiting:
		if !t.next.After(now) || t.allowed.After(now) && !t.next.After(t.allowed) {
			return true
		}
		t.next = earlier(t.next, t.admit(now))
		return false
	}
	return true
}

// admit returns when a NOTIFY may start a check: now, save in a flood. It is
// the virtual scheduling form of a leaky bucket: t.allowed is when the bucket
// next has room, and lies at most a burst of intervals in the past.
func (t *Timers) admit(now time.Time) time.Time {
	if full := now.Add(-(notifyBurst - 1) * notifyInterval); t.allowed.Before(full) {
		t.allowed = full
	}
	at := later(now, t.allowed)
	t.allowed = t.allowed.Add(notifyInterval)
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
