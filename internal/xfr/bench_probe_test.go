package xfr

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/primarytest"
)

// BenchmarkProbe is one zone asked by itself, over a connection that is kept.
func BenchmarkProbe(b *testing.B) {
	z := smallZone(b, 7)
	p := primarytest.New(b, z)
	var conns Conns
	defer conns.Close()
	c := Client{Conns: &conns}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Probe(b.Context(), p.Addr(), z.Apex()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProbes asks for 1,000 zones, 80 at once as the process does by default, of a primary that is 5 ms away, with
// several questions under way on a connection and with one.
func BenchmarkProbes(b *testing.B) {
	const (
		count  = 1000
		atOnce = 80
		away   = 5 * time.Millisecond // there and back
	)
	zones := numbered(b, count)
	for _, sequential := range []bool{false, true} {
		name := "pipelined"
		if sequential {
			name = "sequential"
		}
		b.Run(name, func(b *testing.B) {
			p := primarytest.New(b, zones...)
			c := Client{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				time.Sleep(away) // that of the handshake
				return newFar(conn, away), nil
			}}
			for b.Loop() {
				c.Conns = new(Conns)
				if sequential {
					c.Open(p.Addr()).peer.learn(func(k *facts) { k.oneByOne = time.Now() })
				}
				var all sync.WaitGroup
				places := make(chan struct{}, atOnce)
				for _, z := range zones {
					places <- struct{}{}
					all.Go(func() {
						defer func() { <-places }()
						if _, err := c.Probe(b.Context(), p.Addr(), z.Apex()); err != nil {
							b.Error(err)
						}
					})
				}
				all.Wait()
				c.Conns.Close()
			}
			b.ReportMetric(float64(p.Counts().Connections)/float64(b.N), "connections/op")
		})
	}
}

// far is a connection over which all comes a while after it was sent. It has no deadlines.
type far struct {
	net.Conn
	came    chan parcel
	rest    []byte
	closed  chan struct{}
	reading sync.WaitGroup
}

type parcel struct {
	octets []byte
	due    time.Time
	err    error
}

func newFar(conn net.Conn, away time.Duration) *far {
	f := &far{Conn: conn, came: make(chan parcel), closed: make(chan struct{})}
	f.reading.Go(func() {
		for failed := false; !failed; {
			buf := make([]byte, 4096)
			n, err := conn.Read(buf)
			failed = err != nil
			select {
			case f.came <- parcel{buf[:n], time.Now().Add(away), err}:
			case <-f.closed:
				return
			}
		}
	})
	return f
}

func (f *far) Read(b []byte) (int, error) {
	if len(f.rest) == 0 {
		select {
		case p := <-f.came:
			if time.Sleep(time.Until(p.due)); p.err != nil {
				return 0, p.err
			}
			f.rest = p.octets
		case <-f.closed:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *far) SetReadDeadline(time.Time) error { return nil }

func (f *far) Close() error {
	close(f.closed)
	err := f.Conn.Close()
	f.reading.Wait()
	return err
}
