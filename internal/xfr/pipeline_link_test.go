package xfr

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/primarytest"
)

// A connection that the primary has closed since it was kept is no failure for any of those who ask over it, and one new one
// does for all.
func TestPipelineStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 8)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		var conns Conns
		defer conns.Close()
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
		p.Behave(primarytest.Behaviour{CloseAfterAnswer: true})
		if _, err := c.Probe(t.Context(), p.Addr(), zones[0].Apex()); err != nil || conns.Kept() != 1 {
			t.Fatal(err)
		}
		p.Behave(primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: 8}})
		for _, err := range together(t, &c, p, zones) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := p.Counts().Connections; n != 2 || c.sequential(p) {
			t.Errorf("%d connections, want 2", n)
		}
	})
}

// A primary that wants the connection to end gets no more questions over it (RFC 7828 section 3.2.2).
func TestPipelineKeepalive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 3)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		p.Behave(primarytest.Behaviour{Delay: time.Second, Keepalive: -1})
		var conns Conns
		defer conns.Close()
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
		var all sync.WaitGroup
		for i, at := range []time.Duration{0, 0, 1500 * time.Millisecond} {
			all.Go(func() {
				time.Sleep(at)
				if _, err := c.Probe(t.Context(), p.Addr(), zones[i].Apex()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := p.Counts().Connections; n != 2 || conns.Kept() != 0 {
			t.Errorf("%d connections, %d kept, want 2 and none", n, conns.Kept())
		}
	})
}

// All wait for one connection: it fails for all, unless the one who connects has just no more time.
func TestPipelineDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 8)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		dials := 0
		refused := errors.New("refused")
		c := Client{Conns: new(Conns), Dial: func(_ context.Context, _, _ string) (net.Conn, error) {
			dials++
			time.Sleep(time.Second)
			return nil, refused
		}}
		for _, err := range together(t, &c, p, zones) {
			if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseDial || !errors.Is(err, refused) {
				t.Error(err)
			}
		}
		if dials != 1 {
			t.Errorf("%d dials, want 1", dials)
		}
		dials = 0
		c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return primarytest.Dialer(p)(ctx, network, addr)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var first sync.WaitGroup
		first.Go(func() {
			_, err := c.Probe(ctx, p.Addr(), zones[0].Apex())
			if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseDial || !e.Timeout() {
				t.Error(err)
			}
		})
		synctest.Wait()
		first.Go(func() {
			_, err := c.Probe(ctx, p.Addr(), zones[1].Apex())
			if e, ok := errors.AsType[*Error](err); !ok || !e.Timeout() { // another may have connected just then
				t.Error(err)
			}
		})
		synctest.Wait()
		for _, err := range together(t, &c, p, zones[2:]) {
			if err != nil {
				t.Error(err)
			}
		}
		if first.Wait(); dials != 2 {
			t.Errorf("%d dials, want 2", dials)
		}
		c.Conns.Close()
	})
}

// A transfer has its connection to itself, and the probe before it lends it the one that is there.
func TestPipelineTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 2)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		p.Behave(primarytest.Behaviour{Delay: time.Second})
		var conns Conns
		defer conns.Close()
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
		var all sync.WaitGroup
		all.Go(func() {
			conn := c.Open(p.Addr())
			defer conn.Close()
			if _, err := conn.Probe(t.Context(), zones[0].Apex()); err != nil {
				t.Error(err)
			}
			if _, err := conn.AXFR(t.Context(), zones[0].Apex(), nil, 0); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(1500 * time.Millisecond) // it transfers
		if _, err := c.Probe(t.Context(), p.Addr(), zones[1].Apex()); err != nil {
			t.Error(err)
		}
		all.Wait()
		if n := p.Counts().Connections; n != 2 || conns.Kept() != 2 {
			t.Errorf("%d connections, %d kept, want 2 and 2", n, conns.Kept())
		}
	})
}
