package secondary

import (
	"sync"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/refresh"
	"github.com/concord-dns/concord/internal/zone"
)

// life is the state of a zone. The zone's goroutine brings it forward by [life.advance], and has [Zone.turn] for that.
type life struct {
	zone      *Zone
	timers    *refresh.Timers
	primaries []*primary
	round     round

	serving  serving   // only commit and restore set it
	first    time.Time // when the first version came, if in this zone's own time
	swapped  time.Time
	history  []past          // what was served, newest last, the served one included; not altered, but replaced
	versions []*zone.Version // those of history
	expired  bool

	verdict   parity.Verdict
	stale     bool      // something happened since the verdict
	waits     bool      // a version is approved, and has yet to be checked or written
	words     words     // the operator's
	heldSince time.Time // since when the state is held; zero: it is not
	nearTold  bool      // the operator knows of the deadline
	keepTold  bool      // and that the serial could not be kept

	counts counts
	keep   keeper

	events  []Event // that have yet to be told of,
	replies []given // and replies to be given after them

	live *life // of the zone that this one takes over from, while it does
}

// A round is one check, from the timers' point of view: every primary is asked once.
//
//	none --begin--> under way --all have answered, or patience is over--> none
//
// Primaries that take longer than the round are not waited for: their answers count when they come, and the next round does
// not ask them anew.
type round struct {
	underWay  bool
	began     time.Time
	notified  bool // a NOTIFY asked for it
	again     bool // and another one for the next
	pending   int  // primaries whose answer belongs to this round and has not come
	answered  bool // some primary answered
	confirmed bool // one of them holds what is served
	pool      func() *zone.Pool
}

const (
	// patience is how long a round waits for the slower primaries before the timers run on: until one address of each has had
	// its time to answer.
	patience = probeTime + time.Second
	// notifiedPatience is the same once a NOTIFY wants another round: a primary that hangs must not keep news waiting.
	notifiedPatience = 250 * time.Millisecond
)

func (l *life) init(z *Zone) {
	cfg := z.config
	l.zone = z
	l.timers = refresh.New(refresh.Clamps{Refresh: cfg.Refresh, Retry: cfg.Retry, Expire: cfg.Expire}, z.options.Seed)
	for i := range cfg.Primaries {
		l.primaries = append(l.primaries, newPrimary(z, &cfg.Primaries[i]))
	}
	l.stale = true
}

// advance takes in what happened and does what is due. It returns when to look again.
func (l *life) advance(in inbox, now time.Time) time.Time {
	l.timers.Start(now)
	for i := range in.answers {
		l.receive(&in.answers[i], now)
	}
	for i := range in.checks {
		l.rechecked(&in.checks[i], now)
	}
	if in.notifies > 0 {
		l.notified(in, now)
	}
	if in.written != nil {
		l.wrote(*in.written, now)
	}
	l.lookAtDisk(in.keep, now)
	for _, o := range in.orders {
		l.decide(o, now)
	}
	l.judge(now)
	l.endRound(now)
	if l.timers.Due(now) {
		l.beginRound(now)
		l.judge(now)
		l.endRound(now) // nobody was to be asked
	}
	l.recheck(now)
	l.askAgain(now)
	l.vouch(now)
	l.judge(now) // what is served now may be what was rejected
	l.expire(now)
	l.tend(now)
	l.zone.publish()
	l.reply()
	return l.wakeAt(now)
}

// wakeAt returns when something is due next, if nothing happens before.
func (l *life) wakeAt(now time.Time) time.Time {
	at := l.timers.Next(now)
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if l.verdict.Again.After(now) {
		sooner(l.verdict.Again)
	}
	if l.round.underWay {
		sooner(l.round.over())
	}
	if at := l.graceUntil(); at.After(now) && l.timers.Expired(now) {
		sooner(at)
	}
	sooner(l.keep.wakeAt(now, l.keep.want.version != nil || len(l.words.replies) > 0))
	for _, p := range l.primaries {
		if !p.asking {
			sooner(p.retryAt)
		}
	}
	return at
}

// over returns when the round is over, whoever has not answered.
func (r *round) over() time.Time {
	if r.again {
		return r.began.Add(notifiedPatience)
	}
	return r.began.Add(patience)
}

func (l *life) beginRound(now time.Time) {
	if !l.timers.Begin(now) {
		return
	}
	r := &l.round
	*r = round{underWay: true, began: now, notified: r.again}
	l.pool()
	for _, p := range l.primaries {
		switch {
		case !p.asking && p.heldOff(now, r.notified):
			continue
		case !p.asking:
			l.ask(p, now)
		case r.notified:
			p.again = true // what it is answering now may be from before the NOTIFY
		}
		p.owes = true
		r.pending++
	}
}

// pool returns the pool of the transfers of this round, or of primaries that are asked outside of it. Transfers run beside the
// zone's goroutine, and what is known may have changed by the time they need it. A version that is missing from it costs memory
// for as long as the transfer runs, no more.
func (l *life) pool() func() *zone.Pool {
	if l.round.pool == nil {
		known := l.known()
		l.round.pool = sync.OnceValue(func() *zone.Pool { return zone.NewPool(known...) })
	}
	return l.round.pool
}

// askAgain asks the primaries whose own time has come, beside the checks of the zone.
func (l *life) askAgain(now time.Time) {
	for _, p := range l.primaries {
		if !p.asking && !p.retryAt.IsZero() && !p.retryAt.After(now) {
			l.ask(p, now)
		}
	}
	if !l.round.underWay {
		l.round.pool = nil
	}
}

// endRound ends the round if it is over.
func (l *life) endRound(now time.Time) {
	r := &l.round
	if !r.underWay || (r.pending > 0 || l.keep.busy() || l.checking()) && r.over().After(now) {
		return
	}
	outcome := refresh.Outcome{Confirmed: r.confirmed, Answered: r.answered}
	if v := l.served(); v != nil {
		outcome.Loaded, outcome.SOA = true, v.SOA()
	}
	l.timers.End(now, outcome)
	l.timers.At(now, l.verdict.Again)
	r.underWay, r.pool = false, nil
	l.keep.due = true
	for _, p := range l.primaries {
		p.owes = false
	}
}

// judge has parity look at everything, and serves what it approves.
func (l *life) judge(now time.Time) {
	due := !l.verdict.Again.IsZero() && !l.verdict.Again.After(now)
	if !l.stale && !due {
		return
	}
	l.stale = false
	l.keep.want = serving{}
	before := l.verdict
	policy := l.policyNow()
	if l.outlived(policy, now) {
		policy = l.policyNow()
	}
	verdict := parity.Judge(policy, l.parityServed(), l.observations(), now)
	if due && !verdict.Again.After(now) {
		verdict.Again = time.Time{} // time has changed what it could
	}
	adopted := l.approve(&verdict, now)
	l.keep.drop()
	if l.waits = !adopted; l.waits {
		if !l.verdict.Again.After(now) {
			l.verdict.Again = time.Time{}
		}
		return // what was said before stands until then
	}
	l.verdict = verdict
	for i, p := range l.primaries {
		if p.answered && l.verdict.Primaries[i].Confirms {
			l.confirm(p.expire, now)
		}
		p.answered = false
	}
	l.tell(&before, now)
	if !l.round.underWay {
		l.timers.At(now, l.verdict.Again)
	}
}

// expireOf returns how long it is until a primary's own copy expires, as far as it said.
func (l *life) expireOf(name string) time.Duration {
	for _, p := range l.primaries {
		if p.config.Name == name {
			return p.expire
		}
	}
	return 0
}

// confirm restarts the expiry of what is served.
func (l *life) confirm(told time.Duration, now time.Time) {
	l.timers.Fresh(now, l.served().SOA(), told)
	l.round.confirmed = true
	l.expire(now)
}

// expiryGrace is how long a version that has expired is served on while another one is on its way to take its place.
const expiryGrace = 2 * time.Second

// graceUntil returns until when what is served may be although it has expired; zero: it may not.
func (l *life) graceUntil() time.Time {
	if !l.waits || l.expired || l.served() == nil {
		return time.Time{}
	}
	return l.timers.ExpireAt().Add(expiryGrace)
}

// expire tells when the served version expires or is fresh again; the snapshot follows.
func (l *life) expire(now time.Time) {
	expired := l.timers.Expired(now)
	if expired == l.expired || expired && l.graceUntil().After(now) {
		return
	}
	l.expired = expired
	l.zone.publish()
	if expired {
		l.event(Expired{Zone: l.zone.config.Origin, Serial: l.served().Serial()})
	} else {
		l.event(Revived{Zone: l.zone.config.Origin, Serial: l.served().Serial()})
	}
}

// event has an event told of after the step.
func (l *life) event(e Event) { l.events = append(l.events, e) }

// told returns what is to be told after the step, once.
func (l *life) told() ([]Event, []given) {
	events, replies := l.events, l.replies
	l.events, l.replies = nil, nil
	return events, replies
}

// served returns the version that is served, nil before the first.
func (l *life) served() *zone.Version { return l.serving.version }

// servedRoot returns its root, zero before the first.
func (l *life) servedRoot() zone.Hash {
	if v := l.served(); v != nil {
		return v.Root()
	}
	return zone.Hash{}
}

// observations are what parity is told of the primaries.
func (l *life) observations() []parity.Observation {
	all := make([]parity.Observation, len(l.primaries))
	for i, p := range l.primaries {
		all[i] = p.observation()
	}
	return all
}

// known returns the versions whose pages a candidate is likely to share.
func (l *life) known() []*zone.Version {
	versions := make([]*zone.Version, 0, 1+len(l.primaries))
	if v := l.served(); v != nil {
		versions = append(versions, v)
	}
	for _, p := range l.primaries {
		if v := p.last(); v != nil && v != l.served() {
			versions = append(versions, v)
		}
	}
	return versions
}
