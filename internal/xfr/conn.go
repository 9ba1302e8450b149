package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A Conn is a connection to one primary for one query after the other. It connects when it is first used, and again when
// the primary has closed the connection between two answers. It belongs to one goroutine; whoever opens it closes it.
type Conn struct {
	client Client
	addr   netip.AddrPort
	conn   net.Conn // nil while there is none
	buf    []byte   // what has been read
	start  int      // of what has not been used, in buf
	end    int
}

// Open returns a connection to a primary, without connecting yet.
func (c *Client) Open(addr netip.AddrPort) *Conn {
	conn := &Conn{client: *c, addr: addr}
	if conn.client.Dial == nil {
		conn.client.Dial = new(net.Dialer).DialContext
	}
	if conn.client.Time <= 0 {
		conn.client.Time = DefaultTime
	}
	if conn.client.Idle <= 0 {
		conn.client.Idle = DefaultIdle
	}
	return conn
}

// Close closes the connection if there is one.
func (c *Conn) Close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is written that could be lost
	}
	c.conn, c.buf, c.start, c.end = nil, nil, 0, 0
}

// Probe is [Client.Probe] over this connection.
func (c *Conn) Probe(ctx context.Context, apex zone.Name) (zone.SOA, error) {
	q := newQuestion(apex, dns.TypeSOA)
	var soa zone.SOA
	err := c.ask(ctx, q, func(msg []byte) (done bool, err error) {
		soa, err = ParseSOA(q, msg)
		return true, err
	})
	return soa, err
}

// AXFR is [Client.AXFR] over this connection.
func (c *Conn) AXFR(ctx context.Context, apex zone.Name, pool *zone.Pool, limit int64) (Candidate, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, c.client.Time, late("not finished within %v", c.client.Time))
	defer cancel()
	q := newQuestion(apex, dns.TypeAXFR)
	axfr := NewAXFR(q, zone.NewBuilder(apex, pool), limit)
	if err := c.ask(ctx, q, axfr.Message); err != nil {
		return Candidate{}, err
	}
	v, report, err := axfr.Finish()
	if err != nil {
		return Candidate{}, c.errorOf(q, err)
	}
	return Candidate{version: v, stats: Stats{
		Kind: "AXFR", Address: c.addr, Messages: axfr.messages, Records: axfr.records, Bytes: axfr.octets,
		Duration: time.Since(begin), Report: report,
	}}, nil
}

// newQuestion returns a question with an id of its own. The id tells answers apart and keeps no secret: what comes over
// the connection can only be forged by who is on the way, and they see the id too. So any random number will do.
func newQuestion(apex zone.Name, typ uint16) Question {
	return Question{Zone: apex, ID: uint16(rand.Uint32()), Type: typ}
}

// ask sends a question and hands the messages of the answer to each until that is done or fails.
func (c *Conn) ask(ctx context.Context, q Question, each func(msg []byte) (done bool, err error)) error {
	for begin := time.Now(); ; {
		kept := c.conn != nil
		if !kept {
			if err := c.dial(ctx, begin); err != nil {
				return c.errorOf(q, err)
			}
		}
		answered := false
		err := c.exchange(ctx, begin, q, func(msg []byte) (bool, error) {
			answered = true
			return each(msg)
		})
		if err == nil && c.start < c.end {
			c.Close() // whatever this is, it is not the answer to the next question
		}
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[Rcode](err); !ok {
			c.Close()
		}
		// A server may close a connection after any answer (RFC 7766 section 6.2.3), so this says nothing about the zone.
		if kept && !answered && hungUp(err) && ctx.Err() == nil {
			continue
		}
		return c.errorOf(q, err)
	}
}

// hungUp reports whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (c *Conn) errorOf(q Question, err error) *Error {
	e := q.asError(err)
	e.Address = c.addr.String()
	return e
}

func (c *Conn) dial(ctx context.Context, begin time.Time) error {
	wait := min(maxDial, c.client.Idle)
	dialing, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	conn, err := c.client.Dial(dialing, "tcp", c.addr.String())
	switch {
	case err == nil:
		c.conn = conn
		return nil
	case ctx.Err() != nil:
		return ended(ctx, PhaseDial, begin)
	case dialing.Err() != nil:
		return &fault{PhaseDial, late("no connection within %v", wait)}
	}
	return &fault{PhaseDial, plain(err)}
}

// ended returns why the context ended, of an exchange that was in that phase.
func ended(ctx context.Context, phase Phase, begin time.Time) error {
	cause := context.Cause(ctx)
	if _, ok := errors.AsType[*lateError](cause); ok {
		return &fault{phase, cause}
	}
	deadline, ok := ctx.Deadline()
	if !ok || !errors.Is(cause, context.DeadlineExceeded) {
		return &fault{PhaseCancelled, cause}
	}
	what := "no answer"
	if phase == PhaseDial {
		what = "no connection"
	}
	const precision = 100 * time.Millisecond
	return &fault{phase, &lateError{wordedError{fmt.Sprintf("%s within %v", what, deadline.Sub(begin).Round(precision)), cause}}}
}

// exchange is one question and its answer. When the context ends the connection is closed, and that is over when exchange
// returns.
func (c *Conn) exchange(ctx context.Context, begin time.Time, q Question, each func(msg []byte) (bool, error)) error {
	closed := make(chan struct{})
	conn := c.conn
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = conn.Close()
	})
	defer func() {
		if !stop() {
			<-closed
			c.Close()
		}
	}()
	if err := c.send(q); err != nil {
		return c.broken(ctx, begin, err)
	}
	for n := 0; ; n++ {
		msg, err := c.message()
		if err != nil {
			return c.broken(ctx, begin, fmt.Errorf("%w, %s", err, after(n)))
		}
		if done, err := each(msg); done || err != nil {
			return err
		}
	}
}

// after says how far an answer had come.
func after(messages int) string {
	switch messages {
	case 0:
		return "before the answer"
	case 1:
		return "after 1 message of the answer"
	}
	return fmt.Sprintf("after %d messages of the answer", messages)
}

// broken makes of an error of the connection what it means.
func (c *Conn) broken(ctx context.Context, begin time.Time, err error) error {
	switch {
	case ctx.Err() != nil:
		return ended(ctx, PhaseTimeout, begin)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault{PhaseTimeout, late("no message within %v", c.client.Idle)}
	}
	return err
}

func (c *Conn) send(q Question) error {
	msg := q.Append(make([]byte, 2, 512))
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.client.Idle)); err != nil {
		return plain(err)
	}
	if _, err := c.conn.Write(msg); err != nil {
		return plain(err)
	}
	return nil
}

const (
	firstBuffer = 1 << 10 // takes the answer to a SOA query
	maxBuffer   = 1 << 17 // takes any message and the begin of the next
)

// message returns the next message, which is valid until the next call. It must be whole within Idle.
func (c *Conn) message() ([]byte, error) {
	for waiting := false; ; waiting = true {
		need := 2
		if have := c.buf[c.start:c.end]; len(have) >= 2 {
			need = 2 + int(binary.BigEndian.Uint16(have))
			if len(have) >= need {
				c.start += need
				return have[2:need:need], nil
			}
		}
		if !waiting {
			if err := c.conn.SetReadDeadline(time.Now().Add(c.client.Idle)); err != nil {
				return nil, plain(err)
			}
		}
		c.room(need)
		n, err := c.conn.Read(c.buf[c.end:])
		c.end += n
		if n > 0 {
			continue // an error comes again
		}
		switch {
		case errors.Is(err, io.EOF) && c.end > c.start:
			return nil, errCutOff
		case errors.Is(err, io.EOF):
			return nil, errClosed
		case err != nil:
			return nil, plain(err)
		}
	}
}

var (
	errClosed = &wordedError{"connection closed", io.EOF}
	errCutOff = &wordedError{"connection closed in the middle of a message", io.ErrUnexpectedEOF}
)

// room makes room for need octets from start on, and for at least one to read.
func (c *Conn) room(need int) {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	if len(c.buf)-c.start >= need {
		return
	}
	to := c.buf
	if need > len(to) {
		size := max(firstBuffer, len(to))
		for size < need {
			size = min(4*size, maxBuffer)
		}
		to = make([]byte, size)
	}
	c.end = copy(to, c.buf[c.start:c.end])
	c.start, c.buf = 0, to
}
