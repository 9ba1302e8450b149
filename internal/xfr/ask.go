package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
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
	for fresh, plain := false, known; ; {
		reused := c.link != nil
		if !reused && !fresh {
			c.link = c.peer.take()
			reused = c.link != nil
		}
		if c.link == nil {
			var err error
			if c.link, err = c.dial(ctx, since); err != nil {
				return err
			}
		}
		x := exchange{Conn: c, question: q, key: key, plain: plain}
		x.question.ID = uint16(rand.Uint32()) // tells answers apart and keeps no secret
		err := x.run(ctx, since, begin(x.question))
		if err == nil {
			if plain && !known { // so that was it
				c.peer.learn(func(k *facts) { k.noEDNS = c.client.Now() })
			}
			if c.unread() {
				c.drop() // whatever this is, it is not the answer to the next question
			}
			if c.link != nil {
				c.link.heed(c.told)
			}
			return nil
		}
		if !x.intact(err) {
			c.drop()
		}
		switch {
		case ctx.Err() != nil:
			return err
		case reused && x.answered == 0 && hungUp(err):
			// A server may close a connection after any answer (RFC 7766 section 6.2.3), so this says nothing about the zone.
			fresh = true
		case !plain && x.noEDNS && isRcode(err):
			plain = true
		default:
			return err
		}
	}
}

func isRcode(err error) bool {
	_, ok := errors.AsType[Rcode](err)
	return ok
}

// hungUp reports whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// exchange is one question and its answer over the connection at hand.
type exchange struct {
	*Conn
	question Question
	key      tsig.Key // the zero key: no TSIG
	plain    bool     // no EDNS

	answered int  // messages
	noEDNS   bool // the primary seems not to know EDNS
}

// run sends the question and hands each message of the answer on, once it is verified as far as a message can be. When the
// context ends the connection is closed, and that is over when run returns.
func (x *exchange) run(ctx context.Context, since time.Time, each receiver) error {
	closed := make(chan struct{})
	link := x.link
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		link.abort()
	})
	defer func() {
		if !stop() {
			<-closed
			x.drop()
		}
	}()
	x.told = options{}
	signed, err := x.send()
	if err != nil {
		return x.broken(ctx, since, err)
	}
	for {
		msg, err := x.message(link.conn, x.client.Idle)
		if err != nil {
			return x.broken(ctx, since, fmt.Errorf("%w, %s", err, after(x.answered)))
		}
		begin := time.Now()
		if x.answered++; x.answered == 1 {
			x.look(msg)
		}
		if err := x.verify(signed, msg); err != nil {
			return err
		}
		done, err := each(msg)
		if err != nil {
			return err
		}
		if !done {
			if x.client.Pace != nil {
				x.client.Pace(ctx, time.Since(begin))
			}
			continue
		}
		if signed != nil {
			if err := signed.End(); err != nil {
				return &fault{PhaseTSIG, err}
			}
		}
		return nil
	}
}

// send sends the question, and returns what verifies the answer, nil without a key.
func (x *exchange) send() (signed *tsig.Exchange, err error) {
	msg := x.question.Append(make([]byte, 0, 512))
	if !x.plain {
		follow := 0
		if !x.key.IsZero() {
			follow = x.key.Size()
		}
		msg = appendOPT(msg, x.client.TLS.On, follow)
	}
	if !x.key.IsZero() {
		msg, signed = x.key.Sign(msg, x.client.Now())
	}
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(msg)), uint16(len(msg)))
	framed = append(framed, msg...) // in one write, so that it goes in one segment
	if err := x.link.conn.SetWriteDeadline(time.Now().Add(x.client.Idle)); err != nil {
		return nil, plain(err)
	}
	if _, err := x.link.conn.Write(framed); err != nil {
		return nil, plain(err)
	}
	return signed, nil
}

// look sees what the first message says by EDNS, and whether it is that of a primary that does not know it (RFC 6891
// section 7).
func (x *exchange) look(msg []byte) {
	x.told = optionsOf(msg)
	if rcode := rcodeOf(msg); rcode == dns.RcodeFormatError || rcode == dns.RcodeNotImplemented {
		x.noEDNS = !x.told.edns
	}
}

// rcodeOf returns the RCODE of a message, NOERROR of one that is too short for it.
func rcodeOf(msg []byte) Rcode {
	if len(msg) < headerSize {
		return dns.RcodeSuccess
	}
	return Rcode(msg[3] & 0xF)
}

// verify verifies a message.
func (x *exchange) verify(signed *tsig.Exchange, msg []byte) error {
	if signed == nil {
		return nil
	}
	err := signed.Message(msg, x.client.Now())
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*tsig.Error](err)
	if rcode := rcodeOf(msg); ok && e.Problem == tsig.Unsigned && x.answered == 1 && rcode != dns.RcodeSuccess {
		// Whoever sent it, there is no zone in it. Said as what it is it tells more than the missing signature.
		err = unsigned(rcode, e.Key)
	}
	if x.answered > 1 {
		err = fmt.Errorf("message %d: %w", x.answered, err)
	}
	return &fault{PhaseTSIG, err}
}

// unsigned returns the error of an answer that has an RCODE and no signature. Some primaries say so what is wrong with ours.
func unsigned(rcode Rcode, key string) error {
	name, ok := dns.RcodeToString[int(rcode)]
	if !ok {
		name = fmt.Sprint(uint16(rcode))
	}
	why := "the primary does not sign with key " + key
	if rcode == dns.RcodeRefused || rcode == dns.RcodeNotAuth {
		why = "the primary does not take key " + key + " or our clock, or does not serve the zone"
	}
	return &wordedError{fmt.Sprintf("rcode %s, and not signed: %s", name, why), rcode}
}

// intact reports whether the connection is as good as before the question that failed so.
func (x *exchange) intact(err error) bool {
	if x.link == nil || x.unread() || x.answered != 1 {
		return false
	}
	e, ok := errors.AsType[*tsig.Error](err)
	return isRcode(err) || ok && e.Problem == tsig.Told
}

// broken makes of an error of the connection what it means.
func (x *exchange) broken(ctx context.Context, since time.Time, err error) error {
	switch {
	case ctx.Err() != nil:
		return ended(ctx, PhaseTimeout, since)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault{PhaseTimeout, late("no message within %v", x.client.Idle)}
	case x.link.certificate != nil && x.link.certificate.asked && x.answered == 0 && hungUp(err):
		return &fault{PhaseTLS, fmt.Errorf("%w; the primary asks for a certificate of ours, and %s", err, x.link.certificate)}
	}
	return err
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
