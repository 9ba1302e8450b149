package xfr

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// A Client asks primaries, each time over a new connection; Open gives one for several questions. It is a plain value: what is zero is the default, and it may be used by any number of goroutines.
type Client struct {
	// Dial connects; nil is a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Time is the longest that a transfer may take, the connection included; 0 is DefaultTime.
	Time time.Duration
	// Idle is the longest wait for one whole message; 0 is DefaultIdle.
	Idle time.Duration
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

// Version returns what the primary sent; nil for the zero Candidate.
func (c Candidate) Version() *zone.Version { return c.version }

// Stats returns how it came.
func (c Candidate) Stats() Stats { return c.stats }

// Stats says how a zone was transferred.
type Stats struct {
	Kind     string // "AXFR"
	Address  netip.AddrPort
	Messages int
	Records  int   // as sent, without the SOA record that ends the transfer
	Bytes    int64 // octets of the messages
	Duration time.Duration
	Report   zone.BuildReport
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
