package secondary

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// A primary is what a zone knows of one of its primaries. Except for the ask while it is under way, it belongs to the zone's
// goroutine.
type primary struct {
	zone   *Zone
	config *config.Primary
	client *xfr.Client

	job job
	ask ask

	asking   bool // the ask is under way
	again    bool // another ask is to follow it
	owes     bool // the round waits for its answer
	answered bool // since the last verdict
	address  int  // the address that answered last
	notifier int  // the address that a NOTIFY came from since the last ask; -1: none

	attempts
	bucket bucket      // of its NOTIFYs
	hint   zone.Serial // of its last NOTIFY,
	hinted bool        // which had one, and it has not answered since

	seen      parity.Observation // of its copies; see observation for the rest
	copies    []*checked         // what the checks of those came to; not altered, but replaced
	unchecked *checked           // what it sent after those, if that could not be checked
	checking  bool               // a copy is being checked, beside any ask:
	subject   zone.Hash          // the one with this root
	check     string             // that its last copy failed
	whole     bool               // an operator wants the next transfer to be whole
	manners   manners

	toldRejected  []toldRejection  // not altered, but replaced
	warned        []verify.Finding // what was told of its last copy; not altered, but replaced
	checkFailures []CheckCount     // likewise
	regressions   uint64

	reachable    bool
	refused      bool
	err          error
	phase        string // of err
	errAt        time.Time
	failingSince time.Time
	failures     int

	serial       zone.Serial   // the last that it told
	told         bool          // it told one
	expire       time.Duration // until its own copy expires, as it said last; 0: it did not say
	lastProbe    time.Time
	lastSuccess  time.Time
	stats        xfr.Stats       // of its last transfer,
	lastTransfer time.Time       // which ended then
	transfers    []TransferCount // not altered, but replaced
	bytes        uint64
}

func newPrimary(z *Zone, c *config.Primary) *primary {
	p := &primary{zone: z, config: c, client: z.options.Client.For(c, z.ring), notifier: -1, seen: parity.Observation{Name: c.Name}}
	p.client.Pace = p.pace
	p.job.key = c.Addresses[0]
	p.job.most = c.Transfers
	return p
}

// receive takes in what became of an ask.
func (l *life) receive(a *answer, now time.Time) {
	p := a.primary
	if !a.final { // it is there, and its transfer is to come
		p.tell(a, now)
		if p.last() == nil && p.failures == 0 {
			p.reached() // worth waiting for, unless that has failed before
			l.stale = true
		}
		return
	}
	p.asking, p.ask = false, ask{}
	l.stale = true
	if a.err != nil {
		l.failed(p, a, now)
	} else {
		l.round.answered = true
		l.succeeded(p, a, now)
	}
	switch {
	case p.again:
		p.again = false
		if l.round.underWay {
			l.ask(p, now)
		} else {
			l.timers.At(now, now) // a round of its own
		}
	case p.owes:
		p.owes = false
		l.round.pending--
	}
}

// tell keeps what a primary told of itself.
func (p *primary) tell(a *answer, now time.Time) {
	p.told, p.serial = true, a.serial
	if a.probed {
		p.lastProbe = now
	}
	if a.probed || a.expire > 0 { // some say it of a transfer only, others of the SOA only
		p.expire = a.expire
	}
}

func (p *primary) reached() {
	p.reachable, p.refused, p.failingSince = true, false, time.Time{}
	p.err, p.phase, p.errAt = nil, "", time.Time{}
}

func (l *life) succeeded(p *primary, a *answer, now time.Time) {
	if a.checked != nil && a.checked.err != nil {
		l.sent(p, a, now)
		p.unchecked = a.checked
		a.kind, a.err = kindCheck, a.checked.err
		l.failed(p, a, now)
		return
	}
	if p.failures > 0 {
		l.event(Recovered{Zone: l.zone.config.Origin, Primary: p.config.Name, Failures: p.failures, Since: p.failingSince})
	}
	p.reached()
	p.failures, p.tries, p.answered = 0, 0, true
	p.tell(a, now)
	p.address, p.lastSuccess = a.address, now
	l.follow(p, now)
	l.sent(p, a, now)
	if a.checked != nil {
		l.see(p, a.checked, now)
	}
}

// sent takes in that a primary sent the zone, if it did.
func (l *life) sent(p *primary, a *answer, now time.Time) {
	v := a.candidate.Version()
	if v == nil {
		return
	}
	p.stats, p.lastTransfer = a.candidate.Stats(), now
	p.bytes += uint64(p.stats.Bytes)
	p.count(a.kind, resultSuccess)
	p.whole = p.whole && a.base != nil
	s := &p.stats
	e := Transferred{
		Zone: l.zone.config.Origin, Primary: p.config.Name, Address: s.Address, Kind: a.kind, Serial: v.Serial(), Records: v.Records(),
		Messages: s.Messages, Bytes: s.Bytes, Duration: s.Duration, Report: s.Report,
		Steps: s.Steps, Deleted: s.Deleted, Added: s.Added, Key: s.Key, TLS: s.TLS,
	}
	if s.Instead != nil {
		e.Instead = s.Instead
	}
	l.event(e)
	l.learn(p, a, now)
}

func (l *life) failed(p *primary, a *answer, now time.Time) {
	phase, refused, reached := explain(a.err)
	repeated := alike(p.err, a.err)
	if p.failingSince.IsZero() {
		p.failingSince = now.Add(-a.took)
	}
	p.reachable, p.refused, p.err, p.phase, p.errAt = reached, refused, a.err, phase, now
	p.failures++
	p.tries++
	p.hinted = false // it is asked again anyway
	if a.kind != kindProbe && a.kind != kindCheck {
		p.count(a.kind, phase)
	}
	l.plan(p, now)
	l.event(Failed{
		Zone: l.zone.config.Origin, Primary: p.config.Name, Kind: a.kind, Phase: phase, Err: a.err, Duration: a.took,
		Failures: p.failures, Since: p.failingSince, Repeated: repeated, Next: p.retryAt,
	})
	l.learn(p, a, now)
}

// explain returns where an ask failed in one word, whether the primary refused, and whether it answered at all.
func explain(err error) (phase string, refused, reached bool) {
	if _, ok := errors.AsType[*checkError](err); ok {
		return kindCheck, false, true
	}
	e, ok := errors.AsType[*xfr.Error](err)
	if !ok {
		return "other", false, false
	}
	switch e.Phase {
	case xfr.PhaseDial, xfr.PhaseTimeout, xfr.PhaseCancelled:
		return e.Phase.String(), false, false
	}
	return e.Phase.String(), e.Refused(), true
}

// observation is what parity is told of the primary.
func (p *primary) observation() parity.Observation {
	o := p.seen
	o.Reachable, o.Refused, o.Err, o.FailingSince = p.reachable, p.refused, p.err, p.failingSince
	return o
}

// prefer makes the address that a NOTIFY came from the first to be asked the next time.
func (p *primary) prefer(from netip.Addr) {
	for i, addr := range p.config.Addresses {
		if addr.Addr().Unmap().WithZone("") == from.WithZone("") {
			p.notifier = i
			return
		}
	}
}

// firstAddress returns the address to ask first.
func (p *primary) firstAddress() int {
	at := p.address
	if p.notifier >= 0 {
		at, p.notifier = p.notifier, -1
	}
	return at
}

// resultSuccess is the result of a transfer that brought the zone. Others have the phase in which they failed.
const resultSuccess = "success"

func (p *primary) count(kind, result string) {
	counts := slices.Clone(p.transfers)
	for i := range counts {
		if t := &counts[i]; t.Kind == kind && t.Result == result {
			t.Count++
			p.transfers = counts
			return
		}
	}
	p.transfers = append(counts, TransferCount{Kind: kind, Result: result, Count: 1})
}

// kindOf returns what was asked for, of a transfer.
func kindOf(asked string) string { return strings.ToLower(asked) }
