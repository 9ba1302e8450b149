package xfr

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// An Error says why a primary did not give what it was asked for. Its text is one line that names the zone, the address and
// what was wrong.
type Error struct {
	Phase   Phase
	Kind    string // what was asked for: "SOA", "AXFR" or "IXFR"
	Zone    string // name in presentation form
	Address string // of the primary; empty from an interpreter, which knows none
	Err     error

	// Of an IXFR: whether the primary had begun to send the whole zone, and whether it had sent one SOA record alone.
	whole, lone bool
}

// Phase is the part of an exchange in which it failed.
type Phase uint8

// The phases of an exchange, in the order in which they can go wrong.
const (
	PhaseDial      Phase = iota + 1 // no connection came about
	PhaseTLS                        // it could not be secured, or the primary is not who it should be
	PhaseTimeout                    // there was a connection, and then nothing or not enough
	PhaseTSIG                       // the primary does not take our signature, or its own is missing or wrong; see [tsig.Error]
	PhaseRcode                      // the primary answered with an error; see [Rcode]
	PhaseParse                      // a message or a record in it is malformed
	PhaseStream                     // well-formed messages that are no answer, or that do not make a zone
	PhaseLimit                      // more than may come
	PhaseCancelled                  // the caller's context ended
)

var phases = [...]string{
	"none", "dial", "tls", "timeout", "tsig", "rcode", "parse", "stream", "limit", "cancelled",
}

// String returns the phase in a word, as for a metric's label.
func (p Phase) String() string {
	if int(p) >= len(phases) {
		return fmt.Sprintf("phase %d", uint8(p))
	}
	return phases[p]
}

// Error returns one line.
func (e *Error) Error() string {
	if e.Address == "" {
		return fmt.Sprintf("%s of %s: %v", e.Kind, e.Zone, e.Err)
	}
	return fmt.Sprintf("%s of %s from %s: %v", e.Kind, e.Zone, e.Address, e.Err)
}

// Unwrap returns what was wrong.
func (e *Error) Unwrap() error { return e.Err }

// Refused reports whether the primary is there and does not give us the zone: it answered REFUSED or NOTAUTH, or does not
// take our key.
func (e *Error) Refused() bool { return refusesKey(e.Err) }

// TryAXFR reports whether an IXFR failed in a way in which AXFR from the same primary may not: what came fits neither RFC
// 1995 nor the version that we have, it is more than the zone itself, or the primary does not do IXFR.
func (e *Error) TryAXFR() bool {
	if e.Kind != "IXFR" || e.whole {
		return false
	}
	switch e.Phase {
	case PhaseStream, PhaseParse, PhaseLimit:
		return true
	case PhaseTimeout:
		return e.lone
	}
	rcode, ok := errors.AsType[Rcode](e.Err)
	return ok && rcode != dns.RcodeNotAuth
}

// Timeout reports whether something did not come in time, the connection included.
func (e *Error) Timeout() bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](e.Err)
	return ok && t.Timeout()
}

// Rcode is the error of an answer whose RCODE is not NOERROR.
type Rcode uint16

// Error names the RCODE and what it says about the primary.
func (r Rcode) Error() string {
	name, ok := dns.RcodeToString[int(r)]
	if !ok {
		name = fmt.Sprint(uint16(r))
	}
	switch r {
	case dns.RcodeRefused:
		return "rcode REFUSED: the primary does not serve the zone, or not to this address"
	case dns.RcodeNotAuth:
		return "rcode NOTAUTH: the primary does not serve the zone"
	case dns.RcodeServerFailure:
		return "rcode SERVFAIL: the primary has no usable copy of the zone"
	}
	return "rcode " + name
}

// wordedError says an error of the system in the words of this package.
type wordedError struct {
	text string
	err  error
}

func (e *wordedError) Error() string { return e.text }
func (e *wordedError) Unwrap() error { return e.err }

// lateError is the error of something that did not come in time.
type lateError struct{ wordedError }

func (e *lateError) Timeout() bool { return true }

func late(format string, args ...any) error {
	return &lateError{wordedError{text: fmt.Sprintf(format, args...)}}
}

// fault is what an interpreter found; it becomes an Error where zone and kind are known.
type fault struct {
	phase Phase
	err   error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func parseFault(format string, args ...any) error {
	return &fault{PhaseParse, fmt.Errorf(format, args...)}
}

func streamFault(format string, args ...any) error {
	return &fault{PhaseStream, fmt.Errorf(format, args...)}
}

// asError makes an Error of what went wrong with the answer to q. What is no fault has gone wrong between messages.
func (q Question) asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Phase: phaseOf(err), Kind: dns.Type(q.Type).String(), Zone: q.Zone.String(), Err: err}
}

// amend says more of an error: format begins with %w, which stands for it.
func amend(err error, format string, more ...any) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Err = fmt.Errorf(format, append([]any{e.Err}, more...)...)
		return e
	}
	return &fault{phaseOf(err), fmt.Errorf(format, append([]any{err}, more...)...)}
}

// bare returns what was wrong, without zone and address.
func bare(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Err
	}
	return err
}

func phaseOf(err error) Phase {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Phase
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return f.phase
	}
	return PhaseStream
}
