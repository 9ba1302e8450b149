package xfr

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/zone"
)

// A Conn asks one primary one question after the other, over one connection if it can. It connects when it is first used, or
// takes a connection that was kept or one on which others probe, and again when the primary has closed it between two
// answers. It belongs to one goroutine; whoever opens it closes it.
type Conn struct {
	client Client
	addr   netip.AddrPort
	peer   *peer
	link   *link // nil while there is none; beside a question it is this Conn's alone

	told options  // in the last answer
	key  tsig.Key // that signed it
}

// Open returns a connection to a primary, without connecting yet.
func (c *Client) Open(addr netip.AddrPort) *Conn {
	conn := &Conn{client: *c, addr: addr}
	o := &conn.client
	if o.Time <= 0 {
		o.Time = DefaultTime
	}
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	o.Now = c.now()
	source := sourceFor(o.Sources, addr.Addr())
	conn.peer = o.Conns.peer(addr, source, o.TLS)
	if o.Dial == nil {
		d := new(net.Dialer)
		if source.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		}
		o.Dial = d.DialContext
	}
	return conn
}

// Close ends the use of the connection: it is kept for others where that is wanted, and else closed.
func (c *Conn) Close() {
	if c.link != nil {
		c.peer.keep(c.link)
	}
	c.link = nil
}

// Probe is [Client.Probe] over this connection.
func (c *Conn) Probe(ctx context.Context, apex zone.Name) (zone.SOA, error) {
	q := Question{Zone: apex, Type: dns.TypeSOA}
	var soa zone.SOA
	err := c.ask(ctx, q, func(q Question) receiver {
		return func(msg []byte) (done bool, err error) {
			soa, err = parseSOA(q, msg)
			return true, err
		}
	})
	if err != nil {
		return zone.SOA{}, err
	}
	return soa, nil
}

// Expire returns how long it is until the primary's own copy expires, as it said in its last answer (RFC 7314); 0: it did
// not say.
func (c *Conn) Expire() time.Duration { return c.told.expire }

// AXFR is [Client.AXFR] over this connection.
func (c *Conn) AXFR(ctx context.Context, apex zone.Name, pool *zone.Pool, limit int64) (Candidate, error) {
	ctx, cancel := c.timed(ctx)
	defer cancel()
	begin := time.Now()
	q := Question{Zone: apex, Type: dns.TypeAXFR}
	var axfr *AXFR
	err := c.ask(ctx, q, func(q Question) receiver {
		axfr = NewAXFR(q, zone.NewBuilder(apex, pool), limit)
		return axfr.Message
	})
	if err != nil {
		return Candidate{}, err
	}
	v, report, err := axfr.Finish()
	if err != nil {
		return Candidate{}, c.errorOf(q, err)
	}
	s := c.stats(&axfr.stream, begin)
	s.Report = report
	return Candidate{v, s}, nil
}

// IXFR asks for the changes since base, which must be the last version that this primary sent, and returns what it becomes by
// them. If the primary sends the whole zone, pool, which may be nil, and limit are as in AXFR. An error is an *Error, and [Error.TryAXFR] says
// whether AXFR may do better.
func (c *Conn) IXFR(ctx context.Context, base *zone.Version, pool func() *zone.Pool, limit int64) (Candidate, error) {
	ctx, cancel := c.timed(ctx)
	defer cancel()
	begin := time.Now()
	q := Question{Zone: base.Apex(), Type: dns.TypeIXFR, Have: base.SOA()}
	var ixfr *IXFR
	err := c.ask(ctx, q, func(q Question) receiver {
		ixfr = NewIXFR(q, base, pool, limit)
		return ixfr.Message
	})
	if err != nil {
		e := c.errorOf(q, err)
		if ixfr != nil {
			// A lone SOA record with a newer serial is what a primary sends that wants to be asked by AXFR, over UDP.
			e.whole = ixfr.state == ixfrWhole
			e.lone = ixfr.state == ixfrSecond
		}
		return Candidate{}, e
	}
	deleted, added := ixfr.delta.deleted, ixfr.delta.added
	v, report, err := ixfr.Finish()
	if err != nil {
		return Candidate{}, c.errorOf(q, err)
	}
	s := c.stats(&ixfr.stream, begin)
	s.Report, s.Steps, s.Deleted, s.Added = report, ixfr.steps, deleted, added
	return Candidate{v, s}, nil
}

// Transfer asks for the changes since base by IXFR and, where that fails in a way that is IXFR's own, for the whole zone by
// AXFR, over the same connection if it is still good. With no base it is AXFR. The whole of it takes no longer than Time.
func (c *Conn) Transfer(
	ctx context.Context, apex zone.Name, base *zone.Version, pool func() *zone.Pool, limit int64,
) (Candidate, error) {
	if base == nil {
		return c.AXFR(ctx, apex, poolOf(pool), limit)
	}
	ctx, cancel := c.timed(ctx)
	defer cancel()
	got, err := c.IXFR(ctx, base, pool, limit)
	failed, ok := errors.AsType[*Error](err)
	if !ok || !failed.TryAXFR() {
		return got, err
	}
	if got, err = c.AXFR(ctx, apex, poolOf(pool), limit); err != nil {
		return got, amend(err, "%w (and before it IXFR: %w)", failed.Err)
	}
	got.stats.Instead = failed
	return got, nil
}

// timed bounds a transfer.
func (c *Conn) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.client.Time, late("not finished within %v", c.client.Time))
}

func (c *Conn) stats(s *stream, begin time.Time) Stats {
	return Stats{
		Kind: dns.Type(s.question.Type).String(), Address: c.addr, Messages: s.messages, Records: s.records, Bytes: s.octets,
		Duration: time.Since(begin), Key: c.key.String(), TLS: c.client.TLS.On, Expire: c.told.expire,
	}
}

func (c *Conn) errorOf(q Question, err error) *Error {
	e := q.asError(err)
	e.Address = c.addr.String()
	return e
}
