package xfr

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/tsig"
)

// receiver takes the messages of an answer one after the other, until it is done or fails.
type receiver func(msg []byte) (done bool, err error)

// ask sends a question and hands the answer to what begin returns, which it calls anew each time that it has to send the
// question again: signed with another key, without EDNS, or over another connection.
func (c *Conn) ask(ctx context.Context, q Question, begin func(Question) receiver) error {
	since := time.Now()
	keys, err := c.keys()
	if err != nil {
		return c.errorOf(q, &fault{PhaseTSIG, err})
	}
	var refused error
	for i, key := range keys {
		err = c.askSigned(ctx, since, q, key, begin)
		if err == nil {
			if c.key = key; !key.IsZero() {
				c.peer.learn(func(k *facts) { k.key = key.String() })
			}
			return nil
		}
		if isRcode(err) && !key.IsZero() && phaseOf(err) == PhaseRcode && refusesKey(err) {
			err = amend(err, "%w (asked with key %v)", key)
		}
		if refused != nil {
			err = amend(err, "%w (and before it %w)", bare(refused))
		}
		if refused = err; i+1 == len(keys) || !refusesKey(err) {
			break
		}
	}
	return c.errorOf(q, err)
}

// keys returns the keys to try, the one that did last time first. The zero key is for no TSIG.
func (c *Conn) keys() ([]tsig.Key, error) {
	if c.client.Keys == nil {
		return []tsig.Key{{}}, nil
	}
	keys, err := c.client.Keys()
	switch {
	case err != nil:
		return nil, err
	case len(keys) == 0:
		return []tsig.Key{{}}, nil
	}
	if len(keys) > 1 && c.peer.known().key == keys[1].String() {
		keys = append([]tsig.Key{keys[1], keys[0]}, keys[2:]...)
	}
	return keys, nil
}

// refusesKey reports whether a primary may take another key where it did not take this one.
func refusesKey(err error) bool {
	if e, ok := errors.AsType[*tsig.Error](err); ok && e.Refused() {
		return true
	}
	rcode, ok := errors.AsType[Rcode](err)
	return ok && (rcode == dns.RcodeRefused || rcode == dns.RcodeNotAuth)
}

// askSigned is ask with one key.
func (c *Conn) askSigned(ctx context.Context, since time.Time, q Question, key tsig.Key, begin func(Question) receiver) error {
	known := c.peer.known().plain(c.client.Now())
	for how, plain := overAny, known; ; {
		x := exchange{Conn: c, question: q, key: key, plain: plain}
		x.place(how)
		x.question.ID = x.id
		err := x.run(ctx, since, begin(x.question))
		switch {
		case err == nil:
			if plain && !known { // so that was it
				c.peer.learn(func(k *facts) { k.noEDNS = c.client.Now() })
			}
			return nil
		case ctx.Err() != nil:
			return err
		case how == overAny && x.end == brokeOff && x.used && x.answered == 0 && x.passed == 0 && hungUp(err):
			// A server may close a connection after any answer (RFC 7766 section 6.2.3), so this says nothing about the zone.
			how = overNew
		case x.shared && x.doubtful(err):
			if x.answered == 0 && x.passed > 0 {
				c.peer.learn(func(k *facts) { k.oneByOne = c.client.Now() })
			}
			how = alone
		case !plain && x.noEDNS && isRcode(err):
			plain = true
		default:
			return err
		}
	}
}

// care is with how much of it a question finds its connection; each repetition takes more.
type care uint8

const (
	overAny care = iota // what is there
	overNew             // not one that the primary may have closed meanwhile
	alone               // a new one, on which nothing else is asked: what fails there is not for others beside it
)

func isRcode(err error) bool {
	_, ok := errors.AsType[Rcode](err)
	return ok
}

// hungUp reports whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
