package secondary

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// A primary is what a zone knows of one of its primaries. Except for the ask while it is under way, it belongs to the zone's
// goroutine.
type primary struct {
	zone   *Zone
	config config.Primary

	job job
	ask ask

	asking   bool // the ask is under way
	again    bool // another ask is to follow it
	owes     bool // the round waits for its answer
	answered bool // since the last verdict
	address  int  // the address that answered last
	notifier int  // the address that a NOTIFY came from since the last ask; -1: none

	version *zone.Version // its last copy
	since   time.Time     // when its root was first seen here
	past    []parity.Sighting

	reachable    bool
	refused      bool
	err          error
	failingSince time.Time
	failures     int

	serial      zone.Serial // the last that it told
	told        bool        // it told one
	lastSuccess time.Time
	last        xfr.Stats
	transfers   []TransferCount
	bytes       uint64
}

func newPrimary(z *Zone, c config.Primary) *primary {
	p := &primary{zone: z, config: c, notifier: -1}
	p.job.key = c.Addresses[0]
	p.job.most = c.Transfers
	return p
}

// receive takes in what became of an ask.
func (l *life) receive(a *answer, now time.Time) {
	p := a.primary
	if !a.final { // it is there, and its transfer is to come
		p.told, p.serial = true, a.serial
		if p.version == nil && p.failures == 0 {
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
		l.round.failed = l.round.failed || a.err != nil
	}
}

func (p *primary) reached() {
	p.reachable, p.refused, p.err, p.failingSince = true, false, nil, time.Time{}
}

func (l *life) succeeded(p *primary, a *answer, now time.Time) {
	if p.failures > 0 {
		l.event(Recovered{Zone: l.zone.config.Origin, Primary: p.config.Name, Failures: p.failures, Since: p.failingSince})
	}
	p.reached()
	p.failures, p.answered = 0, true
	p.address, p.told, p.serial, p.lastSuccess = a.address, true, a.serial, now
	v := a.candidate.Version()
	if v == nil {
		return
	}
	p.last = a.candidate.Stats()
	p.bytes += uint64(p.last.Bytes)
	p.count(a.kind, resultSuccess)
	p.hold(l.same(v), now)
	l.event(Transferred{
		Zone: l.zone.config.Origin, Primary: p.config.Name, Address: p.last.Address, Kind: a.kind, Serial: v.Serial(), Records: v.Records(),
		Messages: p.last.Messages, Bytes: p.last.Bytes, Duration: p.last.Duration, Report: p.last.Report,
	})
}

// hold makes v the primary's last copy.
func (p *primary) hold(v *zone.Version, now time.Time) {
	if p.version != nil {
		if p.version.Root() == v.Root() {
			return
		}
		drop := max(0, len(p.past)+1-parity.MaxPast)
		p.past = append(slices.Delete(p.past, 0, drop), parity.Sighting{Root: p.version.Root(), Serial: p.version.Serial(), Seen: p.since})
	}
	p.version, p.since = v, now
}

func (l *life) failed(p *primary, a *answer, now time.Time) {
	phase, refused, reached := explain(a.err)
	repeated := p.err != nil && p.err.Error() == a.err.Error()
	if p.failingSince.IsZero() {
		p.failingSince = now.Add(-a.took)
	}
	p.reachable, p.refused, p.err = reached, refused, a.err
	p.failures++
	if a.kind != kindProbe {
		p.count(a.kind, phase)
	}
	l.event(Failed{
		Zone: l.zone.config.Origin, Primary: p.config.Name, Kind: a.kind, Phase: phase, Err: a.err, Duration: a.took,
		Failures: p.failures, Since: p.failingSince, Repeated: repeated,
	})
}

// explain returns where an ask failed in one word, whether the primary refused, and whether it answered at all.
func explain(err error) (phase string, refused, reached bool) {
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
	return parity.Observation{
		Name: p.config.Name, Version: p.version, Since: p.since, Past: p.past,
		Reachable: p.reachable, Refused: p.refused, Err: p.err, FailingSince: p.failingSince,
	}
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
	for i := range p.transfers {
		if t := &p.transfers[i]; t.Kind == kind && t.Result == result {
			t.Count++
			return
		}
	}
	p.transfers = append(p.transfers, TransferCount{Kind: kind, Result: result, Count: 1})
}
