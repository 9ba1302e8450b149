package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/tsig"
)

// exchange is one question and its answer over the link of a Conn.
type exchange struct {
	*Conn
	waiter
	question Question
	key      tsig.Key // the zero key: no TSIG
	plain    bool     // no EDNS

	answered int  // messages
	noEDNS   bool // the primary seems not to know EDNS
	end      end
}

// end is how an exchange ended, for the link that it was over.
type end uint8

const (
	brokeOff    end = iota // the link is of no more use, through this question or another
	cameThrough            // the answer came and is used, or says why not; the link is as good as before
	misread                // what came is no answer to this question
	walkedOut              // nobody waits for the answer any more; it may still come
	neverBegun             // there is no connection
)

// run sends the question and hands each message of the answer on, once it is verified as far as a message can be. When it
// returns the question is off the link, and what the end of the context has started is over.
func (x *exchange) run(ctx context.Context, since time.Time, each receiver) (err error) {
	defer func() { x.leave(ctx) }() // after a panic of each, too
	link, interrupted := x.link, make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		link.interrupt(&x.waiter)
	})
	defer func() {
		if !stop() {
			<-interrupted
		}
	}()
	x.told = options{}
	signed, err := x.send(ctx, since)
	if err != nil {
		return err
	}
	for {
		msg, err := x.await(ctx)
		if err != nil {
			return x.broken(ctx, since, fmt.Errorf("%w, %s", err, after(x.answered)))
		}
		begin := time.Now()
		x.end = misread
		if x.answered++; x.answered == 1 {
			x.look(msg)
		}
		if err := x.verify(signed, msg); err != nil {
			return x.judged(err)
		}
		done, err := each(msg)
		if err != nil {
			return x.judged(err)
		}
		if !done {
			x.end = brokeOff
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
		x.end = cameThrough
		return nil
	}
}

// judged notes whether the connection is as good as before the answer that failed so.
func (x *exchange) judged(err error) error {
	e, ok := errors.AsType[*tsig.Error](err)
	if x.answered == 1 && (isRcode(err) || ok && e.Problem == tsig.Told) {
		x.end = cameThrough
	}
	return err
}

// doubtful reports whether an error of an exchange may be for what else was under way on its link.
func (x *exchange) doubtful(err error) bool {
	_, late := errors.AsType[*lateError](err) // there was nothing at all for so long
	return !late && (x.end == brokeOff || x.end == misread || x.end == walkedOut)
}

// send sends the question once it is its turn, and returns what verifies the answer, nil without a key. Whose turn is the
// first connects.
func (x *exchange) send(ctx context.Context, since time.Time) (signed *tsig.Exchange, err error) {
	link := x.link
	if err := link.acquire(ctx, &x.waiter); err != nil {
		switch {
		case ctx.Err() != nil:
			x.end = walkedOut
			return nil, ended(ctx, link.stage(), since)
		case link.conn == nil:
			x.end = neverBegun
		}
		return nil, err
	}
	defer link.release(&x.waiter)
	if link.conn == nil {
		if err := x.dial(ctx, since, link); err != nil {
			if x.end = neverBegun; ctx.Err() != nil {
				x.end = walkedOut // it is for the next to connect
				return nil, err
			}
			return nil, link.snap(err)
		}
	}
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
	if link.begin(ctx, &x.waiter) != nil {
		x.end = walkedOut
		return nil, ended(ctx, PhaseTimeout, since)
	}
	if err = link.conn.SetWriteDeadline(time.Now().Add(x.client.Idle)); err == nil {
		_, err = link.conn.Write(framed)
	}
	if err != nil {
		return nil, x.broken(ctx, since, link.snap(plain(err))) // part of the question may be on its way
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
