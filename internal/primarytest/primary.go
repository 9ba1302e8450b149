package primarytest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// A Primary is one scripted primary. Its methods may be called at any time, from any goroutine.
type Primary struct {
	addr      netip.AddrPort
	listener  net.Listener   // nil over net.Pipe
	packets   net.PacketConn // nil over net.Pipe
	behaviour atomic.Pointer[Behaviour]
	zones     atomic.Pointer[map[string][]*Zone] // by lower-case origin, newest last; what it points to never changes
	secured   atomic.Pointer[tls.Config]         // nil: TCP
	keys      atomic.Pointer[map[string]Key]     // by lower-case name; nil: no TSIG
	ended     chan struct{}                      // closed by Stop
	running   sync.WaitGroup

	mu      sync.Mutex // guards all below
	stopped bool
	conns   map[net.Conn]struct{}
	counts  Counts
	changed chan struct{} // closed and made anew when counts change
}

// Counts says what a primary has seen so far.
type Counts struct {
	Connections int // accepted over TCP or net.Pipe
	Probes      int // SOA queries over a connection
	Datagrams   int // SOA queries over UDP
	Transfers   int // AXFR queries
	Increments  int // IXFR queries
	Completed   int // transfers, of either kind, of which the last message was written
}

// New starts a primary on a free port of 127.0.0.1 that serves the zones. It stops when the test ends, or before by Stop.
func New(tb testing.TB, zones ...*Zone) *Primary {
	tb.Helper()
	return Listen(tb, "127.0.0.1:0", zones...)
}

// Listen is New at an address: "127.0.0.2:0" is any port of a second loopback address, "[::1]:0" one of IPv6.
func Listen(tb testing.TB, addr string, zones ...*Zone) *Primary {
	tb.Helper()
	l, pc, err := listen(addr)
	if err != nil {
		tb.Fatalf("primarytest: %v", err)
	}
	p := newPrimary(tb, l.Addr().(*net.TCPAddr).AddrPort(), zones)
	p.listener, p.packets = l, pc
	p.running.Go(p.accept)
	p.running.Go(p.receive)
	return p
}

// Pipe returns a primary without sockets at an address of the test's choice, as "192.0.2.1:53". See Dialer.
func Pipe(tb testing.TB, addr string, zones ...*Zone) *Primary {
	tb.Helper()
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		tb.Fatalf("primarytest: %v", err)
	}
	return newPrimary(tb, ap, zones)
}

func newPrimary(tb testing.TB, addr netip.AddrPort, zones []*Zone) *Primary {
	p := &Primary{
		addr: addr, ended: make(chan struct{}), conns: make(map[net.Conn]struct{}), changed: make(chan struct{}),
	}
	p.behaviour.Store(&Behaviour{})
	p.zones.Store(&map[string][]*Zone{})
	p.Set(zones...)
	tb.Cleanup(p.Stop)
	return p
}

// listen opens TCP and UDP on the same port.
func listen(addr string) (net.Listener, net.PacketConn, error) {
	const tries = 20 // the port that TCP gives may be taken for UDP
	var failed error
	for range tries {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		pc, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			return l, pc, nil
		}
		failed = errors.Join(err, l.Close())
	}
	return nil, nil, failed
}

// Dialer returns a function for xfr.Client.Dial that connects by net.Pipe to those of the primaries that have the address.
// At any other address, and at that of a stopped primary, the connection is refused.
func Dialer(primaries ...*Primary) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, p := range primaries {
			if p.addr.String() != addr {
				continue
			}
			ours, theirs := net.Pipe()
			if p.serve(theirs) {
				return ours, nil
			}
		}
		to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		return nil, &net.OpError{Op: "dial", Net: network, Addr: to, Err: syscall.ECONNREFUSED}
	}
}

// Addr returns where the primary is.
func (p *Primary) Addr() netip.AddrPort { return p.addr }

// Set adds zones, or puts them in place of those of the same name, from which IXFR leads to them then. A transfer that runs
// goes on with what it began with.
func (p *Primary) Set(zones ...*Zone) {
	p.update(func(m map[string][]*Zone) {
		for _, z := range zones {
			held := m[z.origin]
			m[z.origin] = append(slices.Clone(held[max(0, len(held)-mostHeld+1):]), z)
		}
	})
}

// mostHeld is how many zones of the same name are held for IXFR.
const mostHeld = 32

// Remove takes zones away by name: the primary is no longer authoritative for them.
func (p *Primary) Remove(origins ...string) {
	p.update(func(m map[string][]*Zone) {
		for _, o := range origins {
			delete(m, dns.CanonicalName(o))
		}
	})
}

func (p *Primary) update(change func(map[string][]*Zone)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := maps.Clone(*p.zones.Load())
	change(m)
	p.zones.Store(&m)
}

// held returns the zones of a name, newest last.
func (p *Primary) held(name string) []*Zone { return (*p.zones.Load())[dns.CanonicalName(name)] }

// UseTLS makes it a primary that speaks TLS and nothing else, on connections from now on.
func (p *Primary) UseTLS(c *tls.Config) { p.secured.Store(c) }

// Behave sets how queries are answered from now on; the zero Behaviour is that of an honest primary.
func (p *Primary) Behave(b Behaviour) { p.behaviour.Store(&b) }

// Counts returns what the primary has seen so far.
func (p *Primary) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Await waits until the counts are as the test wants them. It fails the test when that cannot be any more because the
// primary has stopped, or the test's context has ended.
func (p *Primary) Await(tb testing.TB, enough func(Counts) bool) {
	tb.Helper()
	for {
		p.mu.Lock()
		counts, changed := p.counts, p.changed
		p.mu.Unlock()
		if enough(counts) {
			return
		}
		select {
		case <-changed:
		case <-p.ended:
			tb.Fatalf("primarytest: %v stopped at %+v", p.addr, counts)
		case <-tb.Context().Done():
			tb.Fatalf("primarytest: %v: the test ended at %+v", p.addr, counts)
		}
	}
}

func (p *Primary) count(change func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.counts)
	close(p.changed)
	p.changed = make(chan struct{})
}

// Stop closes the listeners and all connections and waits for the goroutines. It may be called more than once.
func (p *Primary) Stop() {
	p.mu.Lock()
	if !p.stopped {
		p.stopped = true
		close(p.ended)
		if p.listener != nil {
			_ = p.listener.Close()
			_ = p.packets.Close()
		}
		for c := range p.conns {
			_ = c.Close()
		}
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Primary) accept() {
	for {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.serve(c)
		}
	}
}

// serve starts the goroutine of a connection. After Stop it closes the connection and returns false.
func (p *Primary) serve(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	p.counts.Connections++
	n := p.counts.Connections
	close(p.changed)
	p.changed = make(chan struct{})
	p.running.Go(func() {
		defer p.forget(c)
		if t := p.secured.Load(); t != nil {
			p.converse(tls.Server(c, t), n)
		} else {
			p.converse(c, n)
		}
	})
	return true
}

func (p *Primary) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// String returns the address, for test output.
func (p *Primary) String() string { return fmt.Sprintf("primary %v", p.addr) }
