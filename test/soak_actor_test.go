package test

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// soakDeeds are what the actor does, and how often.
var soakDeeds = []struct {
	name     string
	weight   int
	restarts bool // the server
	do       func(s *soak)
}{
	{"change", 50, false, (*soak).change},
	{"strike", 18, false, (*soak).strike},
	{"heal", 14, false, (*soak).heal},
	{"roll back", 2, false, (*soak).rollBack},
	{"halve", 1, false, (*soak).halve},
	{"storm", 1, false, (*soak).storm},
	{"transfer", 3, false, (*soak).transfer},
	{"reload", 4, false, func(s *soak) { s.reload(s.config.changed(s.r)) }},
	{"reload broken", 1, false, (*soak).reloadBroken},
	{"take away", 1, false, (*soak).takeAway},
	{"bring back", 1, false, (*soak).bringBack},
	{"restart", 1, true, func(s *soak) { s.restart(false) }},
	{"kill", 1, true, func(s *soak) { s.restart(true) }},
	{"kill at a swap", 1, true, (*soak).killAtSwap},
	{"kill in a reload", 1, true, (*soak).killInReload},
	{"black out", 1, true, (*soak).blackOut},
}

// soakBeat is the time between two deeds.
const soakBeat = 60 * time.Millisecond

// trouble does one thing after the other for a while.
func (s *soak) trouble(during time.Duration) {
	s.t.Helper()
	sum := 0
	for _, d := range soakDeeds {
		sum += d.weight
	}
	over := time.After(during)
	beat := time.NewTicker(soakBeat)
	defer beat.Stop()
	for {
		select {
		case <-over:
			return
		case <-beat.C:
		}
		if len(s.clients.faults()) > 0 || s.t.Failed() {
			s.logf("a fault: no more deeds")
			return
		}
		n := s.r.IntN(sum)
		i := 0
		for n >= soakDeeds[i].weight {
			n -= soakDeeds[i].weight
			i++
		}
		d := soakDeeds[i]
		if s.lasts && d.restarts {
			continue
		}
		s.did[d.name]++
		if d.weight < 10 {
			s.logf("%s", d.name)
		}
		d.do(s)
	}
}

func (s *soak) someZone() *soakZone { return s.zones[s.r.IntN(len(s.zones))] }

// soakAhead is how many versions a zone may be ahead of what is served: a guard holds what changes too much of it.
const soakAhead = 6

// change takes a zone one step further: a new version at one primary, or the newest at one that does not have it yet.
func (s *soak) change() {
	z := s.someZone()
	newest := z.newest()
	var behind []*soakSource
	for _, p := range z.sources {
		if p.has != newest {
			behind = append(behind, p)
		}
	}
	p := z.sources[s.r.IntN(len(z.sources))]
	switch {
	case len(behind) > 0 && s.r.IntN(6) > 0:
		p = behind[s.r.IntN(len(behind))]
	case z.behind() < soakAhead:
		newest = z.make(s.r, false)
	default:
		return
	}
	if p.has == newest {
		return
	}
	if p.scripted != nil && p.fault == "" && s.r.IntN(20) == 0 && s.mayLie(z) {
		s.logf("%v: version %d, and a record too many in its changes", p, newest.n)
		p.stepFalsely(s.t, newest, s.r)
		return
	}
	s.logf("%v: version %d, serial %d (%s)", p, newest.n, newest.serial, p.fault)
	p.publish(s.t, newest)
}

// mayLie reports whether no source of the zone lies: if two did, a majority would.
func (s *soak) mayLie(z *soakZone) bool {
	return !slices.ContainsFunc(z.sources, func(p *soakSource) bool { return p.lies })
}

// strike has a source fail, or heals one where too few are left for anything to go on.
func (s *soak) strike() {
	struck, all := 0, 0
	for _, z := range s.zones {
		struck += len(z.sourcesIn(true))
		all += len(z.sources)
	}
	if struck > all/2 {
		s.heal()
		return
	}
	z := s.someZone()
	if fine := z.sourcesIn(false); len(fine) > 0 {
		p := fine[s.r.IntN(len(fine))]
		p.strike(s.t, s.r, s.mayLie(z))
		s.logf("%v %s", p, p.fault)
	}
}

// heal heals one.
func (s *soak) heal() {
	if struck := s.someZone().sourcesIn(true); len(struck) > 0 {
		p := struck[s.r.IntN(len(struck))]
		s.logf("%v healed, version %d", p, p.has.n)
		p.heal(s.t)
	}
}

// rollBack has a source go back to an old version, while the server knows that the others are at the newest: it would be
// right to follow two of three.
func (s *soak) rollBack() {
	z := s.someZone()
	p := z.sources[s.r.IntN(len(z.sources))]
	if p.scripted == nil || len(p.before) == 0 || len(z.sourcesIn(true)) > 0 || z.behind() > 0 || z.absent.isShut() {
		return
	}
	for _, p := range z.sources {
		if p.has != z.newest() {
			return
		}
	}
	if s.inParity(z) == nil {
		p.rollBack(s.t, s.r)
		s.logf("%v %s", p, p.fault)
	}
}

// halve has every primary lose most of the zone. The guard has to hold that, whoever agrees.
func (s *soak) halve() {
	z := s.someZone()
	if z.newest().barred || z.behind() > 0 || z.absent.isShut() {
		return
	}
	v := z.make(s.r, true)
	s.logf("%s: version %d is halved", z.origin, v.n)
	for _, p := range z.sources {
		p.publish(s.t, v)
	}
}

// storm sends many NOTIFYs.
func (s *soak) storm() {
	z := s.someZone()
	for range 50 {
		z.sources[s.r.IntN(len(z.sources))].notify()
	}
}

// takeAway removes the last zone from the Corefile, and bringBack puts it there again.
func (s *soak) takeAway() {
	if s.config.without {
		return
	}
	s.logf("%s leaves", s.zones[len(s.zones)-1].origin)
	s.zones[len(s.zones)-1].absent.shut()
	c := s.config
	c.without = true
	s.reload(c)
}

func (s *soak) bringBack() {
	if !s.config.without {
		return
	}
	z := s.zones[len(s.zones)-1]
	s.logf("%s comes back", z.origin)
	if !s.keeps {
		for _, p := range z.sources {
			p.heal(s.t)
		}
		s.level(z)
	}
	c := s.config
	c.without = false
	s.reload(c)
	if !s.keeps {
		s.eventually("back", func() error { _, err := Serial(s.server.Addr, z.origin); return err })
	}
	z.absent.open()
}

// blackOut restarts the server while all primaries are dead.
func (s *soak) blackOut() {
	if !s.keeps {
		return
	}
	for _, z := range s.zones {
		for _, p := range z.sourcesIn(false) {
			p.kill()
		}
	}
	s.logf("all primaries are dead")
	s.restart(s.r.IntN(2) == 0)
}

// transfer holds a whole zone against the model.
func (s *soak) transfer() {
	z := s.someZone()
	floor := z.begun()
	if z.absent.isShut() {
		return
	}
	got, err := transferred(s.t, s.server.Addr, z.origin)
	if err != nil {
		s.fail("transfer", err)
		return
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, v := range z.versions[floor:] {
		if v.serial == uint32(got.Serial()) && v.mayBeServed() {
			if want := v.zone(s.t).Version(s.t); want.Root() != got.Root() {
				s.fail("transfer", fmt.Errorf("%s version %d is transferred with other records: %v", z.origin, v.n, zone.Diff(want, got)))
			}
			return
		}
	}
	s.fail("transfer", fmt.Errorf("%s: transferred with serial %d, which no version from %d on has", z.origin, got.Serial(), floor))
}

// killAtSwap kills the server about when it goes over to a new version.
func (s *soak) killAtSwap() {
	if !s.keeps {
		return
	}
	z := s.someZone()
	v := z.newest()
	if z.behind() < soakAhead && !v.barred {
		v = z.make(s.r, false)
	}
	for _, p := range z.sourcesIn(false) {
		if p.scripted != nil && p.has != v {
			p.publish(s.t, v)
		}
	}
	s.pause(s.r.IntN(20))
	s.restart(true)
}

// killInReload kills the server while it reads a changed Corefile, and it starts with that.
func (s *soak) killInReload() {
	if !s.keeps {
		return
	}
	s.config = s.config.changed(s.r)
	s.writeCorefile(s.corefile(s.config))
	s.clients.down.shut()
	s.server.signal(syscall.SIGUSR1)
	s.pause(s.r.IntN(40))
	s.restart(true)
}

func (s *soak) pause(milliseconds int) { <-time.After(time.Duration(milliseconds) * time.Millisecond) }
