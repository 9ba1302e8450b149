package test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"

	"github.com/concord-dns/concord/internal/primarytest"
)

// soakSource is one primary of one zone: a scripted one, or a real server. The actor alone uses it.
type soakSource struct {
	zone   *soakZone
	number int // of its bit in soakVersion.holders
	name   string
	addr   netip.AddrPort
	to     netip.AddrPort // who is told of changes

	scripted *primarytest.Primary
	peer     *Peer

	has    *soakVersion   // what it honestly holds, or will hold once it is healed
	before []*soakVersion // that it held
	fault  string         // in words; "": it is honest and there
	lies   bool           // what it sends is not what it has
	down   bool           // it is not there
}

// startSoakSource starts a primary with the newest version. kind nil is a scripted one.
func startSoakSource(t testing.TB, z *soakZone, number int, ip string, kind *Kind, to netip.AddrPort) *soakSource {
	t.Helper()
	s := &soakSource{zone: z, number: number, name: fmt.Sprintf("p%d", number), addr: FreeAddr(t, ip), to: to, has: z.newest()}
	z.hold(s.has, number)
	if kind != nil {
		s.name = kind.Name
		s.peer = StartPeer(t, kind, PeerConfig{
			Zones: map[string]string{z.origin: s.has.masterFile()}, Addr: s.addr, Notify: []netip.AddrPort{to},
		})
	} else {
		s.scripted = primarytest.Listen(t, s.addr.String(), s.has.zone(t))
	}
	z.sources = append(z.sources, s)
	return s
}

func (s *soakSource) String() string { return s.zone.origin + " " + s.name }

// publish gives the source a version. One that is not there, or lies, has it once it is healed.
func (s *soakSource) publish(t testing.TB, v *soakVersion) {
	t.Helper()
	s.before = append(s.before, s.has)
	s.before = s.before[max(0, len(s.before)-8):]
	s.has = v
	if !s.down && !s.lies {
		s.show(t)
	}
}

// show serves what the source has.
func (s *soakSource) show(t testing.TB) {
	t.Helper()
	s.zone.hold(s.has, s.number)
	if s.peer != nil {
		s.peer.Load(s.zone.origin, s.has.masterFile()) // it sends NOTIFY by itself
		return
	}
	s.scripted.Set(s.has.zone(t))
	s.notify()
}

// notify tells the server. Whether it hears that is the server's affair: it may be down.
func (s *soakSource) notify() { _, _ = Notify(s.addr.Addr(), s.to, s.zone.origin) }

// strike has the source fail, or lie where that is allowed.
func (s *soakSource) strike(t testing.TB, r *rand.Rand, mayLie bool) {
	t.Helper()
	switch {
	case s.peer != nil && r.IntN(2) == 0:
		s.fault, s.down = "hangs", true
		s.peer.signal(syscall.SIGSTOP)
	case s.peer != nil:
		s.kill()
	case mayLie && r.IntN(2) == 0:
		soakLies[r.IntN(len(soakLies))](t, s, r)
	case r.IntN(5) == 0:
		s.kill()
	default:
		f := soakFaults[r.IntN(len(soakFaults))]
		s.fault = f.name
		s.scripted.Behave(f.Behaviour)
	}
}

// kill ends the source as a crash would.
func (s *soakSource) kill() {
	s.fault, s.down = "is dead", true
	if s.peer != nil {
		s.peer.Kill()
	} else {
		s.scripted.Stop()
	}
}

// heal makes the source honest again, with what it should have.
func (s *soakSource) heal(t testing.TB) {
	t.Helper()
	if s.fault == "" {
		return
	}
	hung, down := s.fault == "hangs", s.down
	s.fault, s.lies, s.down = "", false, false
	switch {
	case hung:
		s.peer.signal(syscall.SIGCONT)
		s.show(t)
	case s.peer != nil:
		s.zone.hold(s.has, s.number)
		s.peer.write(s.peer.Zones[0].File, s.has.masterFile())
		s.peer.Restart()
	case down: // a new one, which can tell no changes
		s.zone.hold(s.has, s.number)
		s.scripted = primarytest.Listen(t, s.addr.String(), s.has.zone(t))
		s.notify()
	default:
		s.scripted.Behave(primarytest.Behaviour{})
		s.show(t)
	}
}
