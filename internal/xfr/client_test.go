package xfr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

func exampleZone(tb testing.TB, serial uint32) *primarytest.Zone {
	tb.Helper()
	records := []string{"@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.2", "_tcp SRV 1 2 3 www"}
	for i := range 100 {
		records = append(records, fmt.Sprintf("host-%d A 192.0.2.3", i))
	}
	return primarytest.Make(tb, "example.org.", serial, records...)
}

func TestClient(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	var c Client
	soa, err := c.Probe(t.Context(), p.Addr(), z.Apex())
	if err != nil || soa.Serial != 7 {
		t.Fatalf("probe: %+v, %v", soa, err)
	}
	p.Behave(primarytest.Behaviour{MessageSize: 512})
	got, err := c.AXFR(t.Context(), p.Addr(), z.Apex(), nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version().Root() != z.Version(t).Root() {
		t.Error("another version than the primary's")
	}
	s := got.Stats()
	if s.Kind != "AXFR" || s.Address != p.Addr() || s.Records != 105 || s.Messages < 3 || s.Bytes < 2000 || s.Duration <= 0 {
		t.Errorf("stats %+v", s)
	}
	if n := p.Counts().Connections; n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// One connection serves for a probe and for the transfer after it, and for other zones.
func TestConn(t *testing.T) {
	z, other := exampleZone(t, 7), primarytest.Make(t, "example.net.", 1)
	p := primarytest.New(t, z, other)
	for _, test := range []struct {
		behaviour   primarytest.Behaviour
		connections int
	}{
		{primarytest.Behaviour{MessageSize: 512}, 1},
		{primarytest.Behaviour{MessageSize: 512, CloseAfterAnswer: true}, 4}, // opened again for each question
	} {
		before := p.Counts().Connections
		p.Behave(test.behaviour)
		conn := new(Client).Open(p.Addr())
		for range 2 {
			if soa, err := conn.Probe(t.Context(), z.Apex()); err != nil || soa.Serial != 7 {
				t.Fatalf("probe: %+v, %v", soa, err)
			}
		}
		for _, z := range []*primarytest.Zone{z, other} {
			if c, err := conn.AXFR(t.Context(), z.Apex(), nil, 0); err != nil || c.Version().Root() != z.Version(t).Root() {
				t.Fatalf("AXFR: %v, %v", c, err)
			}
		}
		conn.Close()
		if n := p.Counts().Connections - before; n != test.connections {
			t.Errorf("%+v: %d connections, want %d", test.behaviour, n, test.connections)
		}
	}
}

// After an RCODE the connection is as good as before; after any other error it is not used again.
func TestConnAfterError(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	conn := new(Client).Open(p.Addr())
	defer conn.Close()
	for i, b := range []primarytest.Behaviour{{Rcode: dns.RcodeServerFailure}, {Rcode: dns.RcodeRefused}, {WrongID: true}, {WrongID: true}, {}} {
		p.Behave(b)
		_, err := conn.AXFR(t.Context(), z.Apex(), nil, 0)
		if (err == nil) != (i == 4) {
			t.Errorf("%+v: %v", b, err)
		}
	}
	if n := p.Counts().Connections; n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

func TestClientErrors(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	tests := []struct {
		behaviour primarytest.Behaviour
		phase     Phase
		want      string
	}{
		{primarytest.Behaviour{Rcode: dns.RcodeRefused}, PhaseRcode, "rcode REFUSED: the primary does not serve the zone, or not to this address"},
		{primarytest.Behaviour{CloseAt: 1}, PhaseStream, "connection closed, before the answer"},
		{primarytest.Behaviour{CloseAt: 2}, PhaseStream, "connection closed, after 1 message of the answer"},
		{primarytest.Behaviour{CloseAt: 3}, PhaseStream, "connection closed, after 2 messages of the answer"},
		{primarytest.Behaviour{CutAt: 1}, PhaseStream, "connection closed in the middle of a message, before the answer"},
		{primarytest.Behaviour{CutAt: 3}, PhaseStream, "connection closed in the middle of a message, after 2 messages of the answer"},
		{primarytest.Behaviour{ResetAt: 1}, PhaseStream, "read: connection reset by peer, before the answer"},
		{primarytest.Behaviour{NoEnd: true, RecordsPerMessage: 1000, MessageSize: 65535}, PhaseStream,
			"connection closed, after 1 message of the answer"},
		{primarytest.Behaviour{EndSerial: 8, MessageSize: 65535}, PhaseStream, "a second SOA record with serial 8, the first has 7"},
		{primarytest.Behaviour{WrongID: true}, PhaseStream, "an id that is not that of the query"},
		{primarytest.Behaviour{WrongQuestion: true}, PhaseStream, "question dxample.org. IN AXFR, want example.org. IN AXFR"},
		{primarytest.Behaviour{Truncated: true}, PhaseStream, "truncated: TC is set, which has no meaning over TCP"},
		{primarytest.Behaviour{Endless: 100_000, MessageSize: 65535}, PhaseLimit, "more than 65536 octets of records, " +
			"which is the limit: if the zone is that large, raise limit size"},
	}
	for _, test := range tests {
		if test.behaviour.MessageSize == 0 {
			test.behaviour.MessageSize = 512
		}
		t.Run(test.want, func(t *testing.T) {
			p.Behave(test.behaviour)
			got, err := new(Client).AXFR(t.Context(), p.Addr(), z.Apex(), nil, 1<<16)
			e, ok := errors.AsType[*Error](err)
			if !ok || got.Version() != nil {
				t.Fatalf("%v, %v, want an *Error alone", got, err)
			}
			want := fmt.Sprintf("AXFR of example.org. from %v: %s", p.Addr(), test.want)
			if e.Phase != test.phase || e.Error() != want {
				t.Errorf("got  %v: %v\nwant %v: %v", e.Phase, e, test.phase, want)
			}
		})
	}
	t.Run("garbage", func(t *testing.T) {
		p.Behave(primarytest.Behaviour{Garbage: true})
		if got, err := new(Client).AXFR(t.Context(), p.Addr(), z.Apex(), nil, 0); err == nil || got.Version() != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("reset in the middle", func(t *testing.T) {
		// A reset may overtake the messages before it, so it cannot be said after how many it comes.
		p.Behave(primarytest.Behaviour{ResetAt: 3, MessageSize: 512})
		_, err := new(Client).AXFR(t.Context(), p.Addr(), z.Apex(), nil, 0)
		if !errors.Is(err, syscall.ECONNRESET) || !strings.Contains(err.Error(), ": read: connection reset by peer, ") {
			t.Error(err)
		}
	})
	t.Run("not there", func(t *testing.T) {
		p.Stop()
		_, err := new(Client).AXFR(t.Context(), p.Addr(), z.Apex(), nil, 0)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Phase != PhaseDial || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("AXFR of example.org. from %v: connect: connection refused", p.Addr()); e.Error() != want {
			t.Errorf("got  %v\nwant %v", e, want)
		}
	})
}

// A transfer without end costs no more than the limit, and nothing once it has failed.
func TestClientEndless(t *testing.T) {
	const (
		limit   = 4 << 20
		allowed = 1 << 20
	)
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	p.Behave(primarytest.Behaviour{Endless: 10_000_000})
	before := heap()
	_, err := new(Client).AXFR(t.Context(), p.Addr(), z.Apex(), zone.NewPool(), limit)
	if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseLimit {
		t.Fatal(err)
	}
	p.Stop()
	if after := heap(); after > before+allowed {
		t.Errorf("%d octets kept by a failed transfer", after-before)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The end of the context ends a call at once, over a real connection too, and says why.
func TestClientCancel(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	p.Behave(primarytest.Behaviour{SilentAfter: 2, MessageSize: 512})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the zone was removed")
	ended := make(chan error, 1)
	go func() {
		_, err := new(Client).AXFR(ctx, p.Addr(), z.Apex(), nil, 0)
		ended <- err
	}()
	p.Await(t, func(c primarytest.Counts) bool { return c.Transfers == 1 })
	cancel(why)
	err := <-ended
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Phase != PhaseCancelled || !errors.Is(err, why) {
		t.Fatalf("%v, want an *Error of the phase cancelled with the cause", err)
	}
	if want := fmt.Sprintf("AXFR of example.org. from %v: the zone was removed", p.Addr()); e.Error() != want {
		t.Errorf("got  %v\nwant %v", e, want)
	}
}

// Two messages at once: what is left of an answer is not taken for the next.
func TestConnLeftover(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.Pipe(t, "192.0.2.1:53", z)
	dial := primarytest.Dialer(p)
	c := Client{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &twice{Conn: conn}, err
	}}
	conn := c.Open(netip.MustParseAddrPort("192.0.2.1:53"))
	defer conn.Close()
	for range 2 {
		if soa, err := conn.Probe(t.Context(), z.Apex()); err != nil || soa.Serial != 7 {
			t.Fatalf("%+v, %v", soa, err)
		}
	}
	if n := p.Counts().Connections; n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// twice is a connection that says everything twice.
type twice struct{ net.Conn }

func (c *twice) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:len(b)/2])
	return n + copy(b[n:], b[:n]), err
}
