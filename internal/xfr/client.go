package xfr

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/zone"
)

// A Client asks one primary, at any of its addresses. It is a plain value: what is zero is the default, and it may be used by
// any number of goroutines.
type Client struct {
	// Time is the longest that a transfer may take, the connection included; 0 is DefaultTime.
	Time time.Duration
	// Idle is the longest wait for one whole message; 0 is DefaultIdle.
	Idle time.Duration

	// Keys returns the TSIG keys in the order in which they are tried; nil, or none of them, is no TSIG. With keys, an
	// answer that is not rightly signed is never used. See [tsig.Keyring.Keys].
	Keys func() ([]tsig.Key, error)
	// TLS says whether and how the primary is asked over TLS. There is no way back to plain TCP.
	TLS config.TLS
	// Sources are the addresses to ask from, at most one of each family; see [config.Primary.SourceFor].
	Sources []netip.Addr

	// Conns keeps connections for later questions, and what is known of primaries; nil keeps nothing beyond a Conn.
	Conns *Conns

	// Pace, if any, is told how long each message of a transfer took to deal with, and may wait before the next is read.
	Pace func(context.Context, time.Duration)

	// Dial connects in place of a net.Dialer with the source. Connections of Conns are kept apart by address alone then.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Now is the clock that signatures are held against; nil is time.Now.
	Now func() time.Time
}

// For returns the Client of one primary: like c, with the primary's keys from the ring, its TLS and its sources.
func (c *Client) For(p *config.Primary, ring *tsig.Keyring) *Client {
	of := *c
	of.TLS, of.Sources, of.Keys = p.TLS, p.Sources, nil
	if len(p.Keys) > 0 {
		now := c.now()
		of.Keys = func() ([]tsig.Key, error) { return ring.Keys(now(), p.Keys...) }
	}
	return &of
}

func (c *Client) now() func() time.Time {
	if c.Now == nil {
		return time.Now
	}
	return c.Now
}

const (
	// DefaultTime and DefaultIdle bound a transfer when nobody says otherwise.
	DefaultTime = 10 * time.Minute
	DefaultIdle = 30 * time.Second

	// maxDial is the longest wait for a connection: time for a SYN and three repetitions of it.
	maxDial = 10 * time.Second
)

// A Candidate is a version of a zone as one primary sent it. Only this package makes one.
type Candidate struct {
	version *zone.Version
	stats   Stats
}

// Version returns what the primary sent; nil for the zero Candidate. After IXFR that brought nothing newer it is the base
// itself.
func (c Candidate) Version() *zone.Version { return c.version }

// Stats returns how it came.
func (c Candidate) Stats() Stats { return c.stats }

// Stats says how a zone was transferred.
type Stats struct {
	Kind     string // "AXFR" or "IXFR": what was asked for
	Address  netip.AddrPort
	Messages int
	Records  int   // as sent, without the SOA record that ends the transfer
	Bytes    int64 // octets of the messages
	Duration time.Duration
	Report   zone.BuildReport // of a whole zone

	// Of changes, as IXFR brings them: how many steps, and how many records they delete and add, the SOA records included.
	// Steps is 0 when the whole zone came.
	Steps, Deleted, Added int
	// Instead is why the IXFR before this AXFR did not do; nil if there was none.
	Instead *Error

	Key    string        // name of the TSIG key that it was signed with; empty: none
	TLS    bool          // it came over TLS
	Expire time.Duration // until the primary's own copy expires (RFC 7314); 0: it did not say
}

// Probe asks for the SOA record of a zone, over TCP. An error is an *Error.
func (c *Client) Probe(ctx context.Context, addr netip.AddrPort, apex zone.Name) (zone.SOA, error) {
	conn := c.Open(addr)
	defer conn.Close()
	return conn.Probe(ctx, apex)
}

// AXFR transfers a zone. Its pages are shared with what else is in the pool, which may be nil; more than limit octets of
// records are an error (0: no limit). An error is an *Error.
func (c *Client) AXFR(
	ctx context.Context, addr netip.AddrPort, apex zone.Name, pool *zone.Pool, limit int64,
) (Candidate, error) {
	conn := c.Open(addr)
	defer conn.Close()
	return conn.AXFR(ctx, apex, pool, limit)
}

// Transfer brings base up to date, or transfers the whole zone where that does not do; see [Conn.Transfer].
func (c *Client) Transfer(
	ctx context.Context, addr netip.AddrPort, apex zone.Name, base *zone.Version, pool func() *zone.Pool, limit int64,
) (Candidate, error) {
	conn := c.Open(addr)
	defer conn.Close()
	return conn.Transfer(ctx, apex, base, pool, limit)
}
