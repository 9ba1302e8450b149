package xfr

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// One connection serves the probes and transfers of many zones, one after the other.
func TestConnsReuse(t *testing.T) {
	var zones []*primarytest.Zone
	for i := range 20 {
		zones = append(zones, primarytest.Make(t, fmt.Sprintf("z%d.example.", i), 7, "www A 192.0.2.1"))
	}
	p := primarytest.New(t, zones...)
	var conns Conns
	defer conns.Close()
	for _, z := range zones {
		c := Client{Conns: &conns}
		if _, err := c.Probe(t.Context(), p.Addr(), z.Apex()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AXFR(t.Context(), p.Addr(), z.Apex(), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Counts().Connections; n != 1 || conns.Kept() != 1 {
		t.Errorf("%d connections, %d kept, want 1 and 1", n, conns.Kept())
	}
}

// How long a connection is kept, in virtual time.
func TestConnsTime(t *testing.T) {
	for _, test := range []struct {
		name      string
		behaviour primarytest.Behaviour
		kept      time.Duration
	}{
		{"nothing said", primarytest.Behaviour{}, keepTime},
		{"10 s", primarytest.Behaviour{Keepalive: 10 * time.Second}, 9 * time.Second},
		{"an hour", primarytest.Behaviour{Keepalive: time.Hour}, mostKeep},
		{"not at all", primarytest.Behaviour{Keepalive: -1}, 0},
		{"after an error", primarytest.Behaviour{Rcode: 5}, keepTime},
		{"after garbage", primarytest.Behaviour{Garbage: true}, 0},
		{"after silence", primarytest.Behaviour{Silent: true}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := smallZone(t, 7)
				p := primarytest.Pipe(t, "192.0.2.1:53", z)
				p.Behave(test.behaviour)
				var conns Conns
				defer conns.Close()
				c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
				_, _ = c.Probe(t.Context(), p.Addr(), z.Apex())
				begin := time.Now()
				if kept := conns.Kept() > 0; kept != (test.kept > 0) {
					t.Fatalf("kept is %v", kept)
				}
				time.Sleep(test.kept - time.Nanosecond)
				synctest.Wait()
				if kept := conns.Kept() > 0; kept != (test.kept > 0) {
					t.Errorf("not kept any more after %v", time.Since(begin))
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if conns.Kept() > 0 {
					t.Errorf("kept after %v", time.Since(begin))
				}
			})
		})
	}
}

// A connection that the primary has closed meanwhile is no failure: it is asked again over a new one, once.
func TestConnsStale(t *testing.T) {
	z := smallZone(t, 7)
	p := primarytest.New(t, z)
	var conns Conns
	defer conns.Close()
	c := Client{Conns: &conns}
	p.Behave(primarytest.Behaviour{CloseAfterAnswer: true})
	stale := func(n int) { useAtOnce(t, &c, p.Addr(), z.Apex(), n) }
	stale(3)
	if conns.Kept() != 3 {
		t.Fatalf("%d connections kept, want 3", conns.Kept())
	}
	before := p.Counts().Connections
	if _, err := c.Probe(t.Context(), p.Addr(), z.Apex()); err != nil {
		t.Error(err)
	}
	if n := p.Counts().Connections - before; n != 1 {
		t.Errorf("%d new connections, want 1", n)
	}
	// A new connection that is closed at once is a failure.
	p.Behave(primarytest.Behaviour{CloseAt: 1})
	before = p.Counts().Connections
	_, err := c.Probe(t.Context(), p.Addr(), z.Apex())
	if want := fmt.Sprintf("SOA of example.org. from %v: connection closed, before the answer", p.Addr()); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if n := p.Counts().Connections - before; n != 1 {
		t.Errorf("%d new connections, want 1", n)
	}
	// So is a primary that is gone.
	p.Behave(primarytest.Behaviour{})
	stale(1)
	p.Stop()
	_, err = c.Probe(t.Context(), p.Addr(), z.Apex())
	if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseDial {
		t.Error(err)
	}
}

// No more are kept than may be, and the oldest go first.
func TestConnsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := smallZone(t, 7)
		var primaries []*primarytest.Primary
		for i := range keptAll/keptEach + 3 {
			primaries = append(primaries, primarytest.Pipe(t, fmt.Sprintf("192.0.2.%d:53", i+1), z))
		}
		var conns Conns
		c := Client{Dial: primarytest.Dialer(primaries...), Conns: &conns}
		use := func(p *primarytest.Primary, n int) { useAtOnce(t, &c, p.Addr(), z.Apex(), n) }
		use(primaries[0], 10)
		if n := conns.Kept(); n != keptEach {
			t.Errorf("%d kept of one primary, want %d", n, keptEach)
		}
		for _, p := range primaries[1:] {
			use(p, keptEach)
			if n := conns.Kept(); n > keptAll {
				t.Fatalf("%d kept", n)
			}
		}
		use(primaries[1], 1) // its own are the oldest, and gone
		if n := primaries[1].Counts().Connections; n != keptEach+1 {
			t.Errorf("%d connections, want one more than %d", n, keptEach)
		}
		last := primaries[len(primaries)-1]
		use(last, keptEach)
		if n := last.Counts().Connections; n != keptEach {
			t.Errorf("%d connections, want %d", n, keptEach)
		}
		conn := c.Open(last.Addr())
		if _, err := conn.Probe(t.Context(), z.Apex()); err != nil {
			t.Fatal(err)
		}
		conns.Close()
		conn.Close()
		if n := conns.Kept(); n != 0 {
			t.Errorf("%d kept after Close", n)
		}
		use(last, 1) // still works
		conns.Close()
	})
}

// Primaries that are asked in another way share no connections.
func TestConnsApart(t *testing.T) {
	var conns Conns
	defer conns.Close()
	addr := netip.MustParseAddrPort("192.0.2.1:53")
	open := func(c Client) *peer {
		c.Conns = &conns
		return c.Open(addr).peer
	}
	base := open(Client{})
	pinned := config.TLS{On: true, Pins: []config.Pin{{1}}}
	for i, test := range []struct {
		client Client
		same   bool
	}{
		{Client{Time: time.Hour, Idle: time.Second}, true},
		{Client{Sources: []netip.Addr{netip.MustParseAddr("192.0.2.9")}}, false},
		{Client{Sources: []netip.Addr{netip.MustParseAddr("2001:db8::9")}}, true},
		{Client{TLS: config.TLS{On: true}}, false},
	} {
		if (open(test.client) == base) != test.same {
			t.Errorf("%d: the same is %v", i, !test.same)
		}
	}
	if open(Client{TLS: pinned}) != open(Client{TLS: config.TLS{On: true, Pins: []config.Pin{{1}}}}) ||
		open(Client{TLS: pinned}) == open(Client{TLS: config.TLS{On: true, Pins: []config.Pin{{2}}}}) {
		t.Error("pins do not tell connections apart")
	}
}

// Many at once, over real sockets.
func TestConnsConcurrently(t *testing.T) {
	var zones []*primarytest.Zone
	for i := range 50 {
		zones = append(zones, primarytest.Make(t, fmt.Sprintf("z%d.example.", i), 7, "www A 192.0.2.1"))
	}
	p := primarytest.New(t, zones...)
	var conns Conns
	var all sync.WaitGroup
	places := make(chan struct{}, 8)
	for _, z := range zones {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			conn := (&Client{Conns: &conns}).Open(p.Addr())
			defer conn.Close()
			if _, err := conn.Probe(t.Context(), z.Apex()); err != nil {
				t.Error(err)
			}
			if got, err := conn.AXFR(t.Context(), z.Apex(), nil, 0); err != nil || got.Version().Root() != z.Version(t).Root() {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := p.Counts().Connections; n > len(zones)/2 {
		t.Errorf("%d connections for %d zones", n, len(zones))
	}
	conns.Close()
}

// From a source address, at loopback.
func TestSource(t *testing.T) {
	z := smallZone(t, 7)
	p := primarytest.New(t, z)
	c := Client{Sources: []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("::1")}}
	conn := c.Open(p.Addr())
	defer conn.Close()
	if _, err := conn.Probe(t.Context(), z.Apex()); err != nil {
		t.Fatal(err)
	}
	if from := conn.link.conn.LocalAddr().String(); netip.MustParseAddrPort(from).Addr().String() != "127.0.0.9" {
		t.Errorf("asked from %s", from)
	}
	c.Sources = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	_, err := c.Probe(t.Context(), p.Addr(), z.Apex())
	want := fmt.Sprintf("SOA of example.org. from %v: the source 192.0.2.1 is no address of this machine: bind: cannot assign requested address", p.Addr())
	if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseDial || e.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// What a primary says of the expiry of its copy.
func TestExpire(t *testing.T) {
	old, z := smallZone(t, 7), smallZone(t, 8)
	p := primarytest.New(t, old, z)
	conn := new(Client).Open(p.Addr())
	defer conn.Close()
	for _, seconds := range []uint32{0, 1234} {
		p.Behave(primarytest.Behaviour{Expire: seconds})
		if _, err := conn.Probe(t.Context(), z.Apex()); err != nil || conn.Expire() != time.Duration(seconds)*time.Second {
			t.Errorf("%v, %v, want %d s", conn.Expire(), err, seconds)
		}
	}
}

// useAtOnce has so many connections open at once, and hands them back.
func useAtOnce(t *testing.T, c *Client, addr netip.AddrPort, apex zone.Name, n int) {
	t.Helper()
	var open []*Conn
	for range n {
		conn := c.Open(addr)
		if _, err := conn.Probe(t.Context(), apex); err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	for _, conn := range open {
		conn.Close()
	}
}
