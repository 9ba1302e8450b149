package xfr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/concord-dns/concord/internal/config"
)

// dial connects a link to the primary, by TLS where that is wanted.
func (c *Conn) dial(ctx context.Context, since time.Time, l *link) error {
	wait := min(maxDial, c.client.Idle)
	dialing, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	failed := func(phase Phase, what string, err error) error {
		switch {
		case ctx.Err() != nil:
			return ended(ctx, phase, since)
		case dialing.Err() != nil:
			return &fault{phase, late("%s within %v", what, wait)}
		}
		return &fault{phase, err}
	}
	l.setStage(PhaseDial)
	below, err := c.client.Dial(dialing, "tcp", c.addr.String())
	if err != nil {
		err = plain(err)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && len(c.client.Sources) > 0 {
			err = fmt.Errorf("the source %v is no address of this machine: %w", sourceFor(c.client.Sources, c.addr.Addr()), err)
		}
		return failed(PhaseDial, "no connection", err)
	}
	if c.peer.tls == nil {
		l.connected(below, below, nil)
		return nil
	}
	l.setStage(PhaseTLS)
	var secured *tls.Conn
	cfg, ours, err := c.peer.tls.config(c.client.Now())
	if err == nil {
		secured = tls.Client(below, cfg)
		err = secured.HandshakeContext(dialing)
	}
	if err != nil {
		_ = below.Close()
		return failed(PhaseTLS, "no TLS handshake", wordsTLS(err))
	}
	l.connected(secured, below, ours)
	return nil
}

// ended returns why the context ended, of an exchange that was in that phase.
func ended(ctx context.Context, phase Phase, since time.Time) error {
	cause := context.Cause(ctx)
	if _, ok := errors.AsType[*lateError](cause); ok {
		return &fault{phase, cause}
	}
	deadline, ok := ctx.Deadline()
	if !ok || !errors.Is(cause, context.DeadlineExceeded) {
		return &fault{PhaseCancelled, cause}
	}
	what := "no answer"
	switch phase {
	case PhaseDial:
		what = "no connection"
	case PhaseTLS:
		what = "no TLS handshake"
	}
	const precision = 100 * time.Millisecond
	return &fault{phase, &lateError{wordedError{fmt.Sprintf("%s within %v", what, deadline.Sub(since).Round(precision)), cause}}}
}

// sourceFor returns the source for an address; see [config.Primary.SourceFor].
func sourceFor(sources []netip.Addr, addr netip.Addr) netip.Addr {
	return (&config.Primary{Sources: sources}).SourceFor(addr)
}

// plain takes off what net.OpError puts before an error: the address is named elsewhere, and the number of our own port
// would make each line differ from the last.
func plain(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case !ok:
		return err
	case op.Op == "remote error": // an alert of TLS: what the primary says of our certificate comes after the handshake
		return &fault{PhaseTLS, fmt.Errorf("the primary ends TLS: %w", op.Err)}
	}
	return op.Err
}
