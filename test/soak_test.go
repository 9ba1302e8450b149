package test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

var (
	soakTime = flag.Duration("soak", 20*time.Second, "how long TestSoak goes on")
	soakSeed = flag.Uint64("soak.seed", 1, "seed of what it does; 0: by chance")
	soakKeep = flag.Bool("soak.store", true, "whether the server has a store")
)

// soakRound is how long things go wrong before all is healed and looked at.
const soakRound = 12 * time.Second

// TestSoak has everything happen at once, in an order that a seed decides:
//
//	z0 p0 p1 p2  --\                                          +-- IXFR --> NSD
//	z1 p0 p1 p2  ---\                                         |
//	z2 p0 p1 p2  ----->-- concord, agree majority -- NOTIFY --+-- IXFR --> Knot
//	z3 p0 p1 p2  ---/            |
//	z4 NSD Knot p2 -/         clients, all the time
//
// Zones change at one primary after the other; primaries die, hang, lie, and come back; the Corefile is reloaded, changed or
// broken; the server is restarted and killed. Every answer is held against a model of who held what. After each round all is
// healed: then all agree, the newest version is served, downstream has it too, and nothing was leaked.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := &soak{t: t, seed: *soakSeed}
	if s.seed == 0 {
		s.seed = rand.Uint64() >> 16
	}
	s.logf("seed %d", s.seed)
	s.r = rand.New(rand.NewPCG(s.seed, 1))
	defer s.end()
	s.begin()
	for start := time.Now(); time.Since(start) < *soakTime && !t.Failed(); s.round++ {
		s.trouble(min(soakRound, *soakTime-time.Since(start)))
		s.healAll()
		s.settle()
		if !s.lasts && time.Since(start) > *soakTime/2 {
			s.lasts = true // a leak shows only in a server that lives
			s.atFirst = s.mustUse()
		}
	}
}

// soak is one run. Its actor is the test's own goroutine.
type soak struct {
	t     *testing.T
	seed  uint64
	r     *rand.Rand
	round int

	server    *CoreDNS
	config    soakConfig
	storeLine string // of the Corefile
	keeps     bool   // it has a store: a restart loses nothing
	targets   []string
	atFirst   soakUse
	lasts     bool // the server is not restarted any more

	zones      []*soakZone
	downstream []*Peer
	clients    *soakClients
	did        map[string]int
	outgoing   int // transfers to others
}

// begin starts everything, and waits until all agree.
func (s *soak) begin() {
	s.t.Helper()
	t := s.t
	s.server, s.config, s.did = NewCoreDNS(t), soakDefaults, make(map[string]int)
	first := make(map[string]string)
	for i := range 5 {
		z := newSoakZone(fmt.Sprintf("z%d.soak.", i))
		s.zones = append(s.zones, z)
		first[z.origin] = z.newest().masterFile()
		kinds := []*Kind{nil, nil, nil}
		if i == 3 { // not the last, which comes and goes
			kinds = []*Kind{NSD, Secured{Journal: true}.Knot(), nil}
		}
		for n, kind := range kinds {
			startSoakSource(t, z, n, fmt.Sprintf("127.0.1.%d", 1+3*i+n), kind, s.server.Addr)
		}
	}
	s.storeLine, s.keeps = "store off", *soakKeep
	if s.keeps {
		s.storeLine = "store soak.db"
	}
	kinds := Downstream(s.server.Addr)[:2]
	addrs := make([]netip.AddrPort, len(kinds))
	for i := range kinds {
		addrs[i] = FreeAddr(t, "127.0.0.1")
		s.targets = append(s.targets, addrs[i].String())
	}
	s.server.Start(s.corefile(s.config))
	for _, z := range s.zones {
		s.server.WaitServes(z.origin, z.newest().serial)
	}
	for i, kind := range kinds {
		s.downstream = append(s.downstream, StartPeer(t, kind, PeerConfig{Zones: first, Addr: addrs[i]}))
	}
	s.clients = &soakClients{addr: s.server.Addr, zones: s.zones, down: new(soakGate), forgets: !s.keeps}
	s.clients.start(s.seed)
	s.settle()
	s.atFirst = s.mustUse()
}

// end reports.
func (s *soak) end() {
	s.t.Helper()
	if s.clients == nil {
		return
	}
	s.clients.end()
	s.reportFaults()
	s.keepLog()
	for _, z := range s.zones { // nobody waits for those that hang
		for _, p := range z.sources {
			p.heal(s.t)
		}
	}
	for _, lost := range s.clients.again {
		s.logf("asked again: %s", lost)
	}
	s.logf("%d rounds, %d answers, %d questions asked again, %d transfers to others; did %v", s.round, s.clients.answers.Load(),
		len(s.clients.again), s.outgoing, s.did)
}

// reportFaults reports what clients found, but no more than tells what it is.
func (s *soak) reportFaults() {
	s.t.Helper()
	const most = 5
	faults := s.clients.faults()
	for _, f := range faults[:min(most, len(faults))] {
		s.t.Errorf("seed %d, round %d: %s", s.seed, s.round, f)
	}
	if len(faults) > most {
		s.t.Errorf("and %d more", len(faults)-most)
	}
}

// settle makes one more version of each zone, and waits until all have it and agree.
func (s *soak) settle() {
	s.t.Helper()
	if s.t.Failed() {
		return
	}
	for _, z := range s.zones {
		z.make(s.r, false)
	}
	s.level(s.zones...)
	for _, z := range s.zones {
		v := z.newest()
		want := v.zone(s.t).Version(s.t)
		s.eventually("served", func() error { return s.server.Serves(z.origin, v.serial) })
		s.eventually("in parity", func() error { return s.inParity(z) })
		s.same(z, "ours", s.server.Addr, want)
		for _, d := range s.downstream {
			s.eventually("downstream", func() error {
				got, err := Serial(d.Addr, z.origin)
				if err == nil && got != v.serial {
					err = fmt.Errorf("%s has %s with serial %d, want %d", d.name, z.origin, got, v.serial)
				}
				return err
			})
			s.same(z, d.name, d.Addr, want)
		}
	}
	if s.atFirst.rss > 0 {
		s.checkUse()
	}
}

// eventually waits for what must come once all is healed.
func (s *soak) eventually(what string, check func() error) {
	s.t.Helper()
	if s.t.Failed() {
		return
	}
	if err := poll(4*Patience, check); err != nil {
		s.fail(what, err)
	}
}

// same wants a server to have the very version.
func (s *soak) same(z *soakZone, who string, addr netip.AddrPort, want *zone.Version) {
	s.t.Helper()
	s.eventually("transfer", func() error {
		got, err := transferred(s.t, addr, z.origin)
		if err == nil && got.Root() != want.Root() {
			err = fmt.Errorf("%s has another %s: %v", who, z.origin, zone.Diff(want, got))
		}
		return err
	})
}

// inParity returns an error unless the zone is in parity, and all of its primaries agree.
func (s *soak) inParity(z *soakZone) error {
	err := s.server.metricIs(fmt.Sprintf(`coredns_concord_zone_state{state="in_parity",zone=%q}`, z.origin), 1)
	for _, p := range z.sources {
		if err != nil {
			break
		}
		err = s.server.metricIs(s.stateSeries(p, "agreeing"), 1)
	}
	return err
}

func (s *soak) stateSeries(p *soakSource, state string) string {
	return fmt.Sprintf(`coredns_concord_primary_state{primary=%q,state=%q,zone=%q}`, s.nameOf(p, s.config), state, p.zone.origin)
}

// healAll makes every primary honest again, and brings back the zone that was taken away.
func (s *soak) healAll() {
	s.t.Helper()
	for _, z := range s.zones {
		for _, p := range z.sources {
			p.heal(s.t)
		}
	}
	s.bringBack()
	if c := s.config; c.dropped > 0 {
		c.dropped = 0
		s.reload(c)
	}
}

// level gives every primary of the zones the newest version that may be served.
func (s *soak) level(zones ...*soakZone) {
	s.t.Helper()
	for _, z := range zones {
		if z.newest().barred {
			z.make(s.r, false)
		}
		for _, p := range z.sources {
			if p.has != z.newest() {
				p.publish(s.t, z.newest())
			}
		}
	}
}

// sourcesIn returns those of a zone that are in trouble, or are not.
func (z *soakZone) sourcesIn(trouble bool) []*soakSource {
	return slices.DeleteFunc(slices.Clone(z.sources), func(p *soakSource) bool { return (p.fault != "") != trouble })
}
