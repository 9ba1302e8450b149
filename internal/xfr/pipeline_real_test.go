package xfr

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
)

// Over real sockets, over TLS and signed: each answer is read, decrypted and verified for the question that it is for.
func TestPipelineSecured(t *testing.T) {
	const n = mostUnderWay
	authority := primarytest.NewAuthority(t)
	k := tsigKey(t, "k.", config.HMACSHA256, secret)
	zones := numbered(t, n)
	for _, test := range []struct {
		name            string
		secured, signed bool
		pipelined       primarytest.Pipelined
		most            int // connections
	}{
		{"TCP", false, false, primarytest.Pipelined{Gather: n, Backwards: true}, 1},
		{"TSIG", false, true, primarytest.Pipelined{Gather: n, Backwards: true}, 1},
		{"TLS", true, false, primarytest.Pipelined{Gather: n, Backwards: true}, 1},
		{"TLS and TSIG", true, true, primarytest.Pipelined{Gather: n, Backwards: true}, 1},
		{"one, and closes", true, true, primarytest.Pipelined{Gather: n, Connections: 1, Answer: 1, Close: true}, n},
		// Each answer is signed for another question than its id says.
		{"each other's ids", true, true, primarytest.Pipelined{Gather: n, Connections: 1, ID: func(ids []uint16, i int) uint16 { return ids[(i+1)%n] }}, n + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := primarytest.New(t, zones...)
			p.Behave(primarytest.Behaviour{Pipelined: test.pipelined})
			var conns Conns
			defer conns.Close()
			c := Client{Conns: &conns}
			if test.secured {
				p.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "127.0.0.1")}})
				c.TLS = config.TLS{On: true, CA: authority.File()}
			}
			if test.signed {
				p.UseKeys(theirs(k, secret))
				c.Keys = keys(k)
			}
			for _, err := range together(t, &c, p, zones) {
				if err != nil {
					t.Error(err)
				}
			}
			if got := p.Counts().Connections; got > test.most {
				t.Errorf("%d connections, want %d", got, test.most)
			}
		})
	}
}

// Questions come and go in any order while some of them lose patience, and transfers go on between them.
func TestPipelineStorm(t *testing.T) {
	const workers, rounds = 24, 60
	zones := numbered(t, workers)
	authority := primarytest.NewAuthority(t)
	for _, secured := range []bool{false, true} {
		p := primarytest.New(t, zones...)
		var conns Conns
		c := Client{Conns: &conns}
		if secured {
			p.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "127.0.0.1")}})
			c.TLS = config.TLS{On: true, CA: authority.File()}
		}
		var all sync.WaitGroup
		for i, z := range zones {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for range rounds {
					ctx, cancel := context.WithCancel(t.Context())
					if r.IntN(4) == 0 {
						go cancel()
					}
					conn := c.Open(p.Addr())
					soa, err := conn.Probe(ctx, z.Apex())
					if err == nil && r.IntN(8) == 0 {
						_, err = conn.AXFR(ctx, z.Apex(), nil, 0)
					}
					conn.Close()
					if err != nil && ctx.Err() == nil || err == nil && soa.Serial != z.Version(t).Serial() {
						t.Errorf("serial %d, %v", soa.Serial, err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		peer := c.Open(p.Addr()).peer
		if len(peer.open) > 0 {
			t.Errorf("%d connections are still open to be joined", len(peer.open))
		}
		if n := p.Counts().Connections; n > workers*rounds/2 {
			t.Errorf("%d connections", n)
		}
		conns.Close()
	}
}
