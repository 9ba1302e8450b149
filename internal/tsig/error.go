package tsig

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
)

// An Error says why an answer cannot be trusted, in one line that names the key and what to do.
type Error struct {
	Problem Problem
	Key     string        // in presentation form
	Code    uint16        // what the primary told, with Told: dns.RcodeBadSig and the like
	Ahead   time.Duration // how far the primary's clock is ahead of ours, where that is known

	algorithm config.Algorithm
	hasAhead  bool
	other     string
	err       error
}

// Problem is one of the ways in which signatures fail.
type Problem uint8

// What can be wrong.
const (
	Told         Problem = iota + 1 // the primary says that our signature is bad
	Unsigned                        // the answer is not signed, or not to its end
	OtherKey                        // it is signed with another key
	BadSignature                    // it was changed, or signed with another secret
	BadTime                         // it was signed too long ago, or in the future
	Malformed                       // its TSIG record, or the message around it
)

// Refused reports whether the primary does not take the key, so that another might do.
func (e *Error) Refused() bool {
	return e.Problem == Told && (e.Code == dns.RcodeBadKey || e.Code == dns.RcodeBadSig)
}

// Unwrap returns what was malformed, if anything was.
func (e *Error) Unwrap() error { return e.err }

func (e *Error) Error() string { return "key " + e.Key + ": " + e.text() }

func (e *Error) text() string {
	switch e.Problem {
	case Told:
		return e.told()
	case Unsigned:
		if e.err != nil {
			return "the answer is not signed throughout: " + e.err.Error()
		}
		return "the answer is not signed; have the primary sign with this key, or take the key away here"
	case OtherKey:
		return fmt.Sprintf("the answer is signed with key %s, and this one signs with %v; use the same on both ends", e.other, e.algorithm)
	case BadSignature:
		return "BADSIG: the signature of the answer is wrong: it was changed on its way, or the primary has another secret"
	case BadTime:
		return fmt.Sprintf("BADTIME: the answer was signed at a time that is not ours: %s; set both clocks", e.clocks())
	}
	return fmt.Sprintf("the answer cannot be verified: %v", e.err)
}

func (e *Error) told() string {
	switch e.Code {
	case dns.RcodeBadKey:
		return fmt.Sprintf("BADKEY: the primary does not have this key, or has it with another algorithm than %v", e.algorithm)
	case dns.RcodeBadSig:
		return "BADSIG: the primary has another secret for this key"
	case dns.RcodeBadTime:
		if !e.hasAhead {
			return "BADTIME: the primary's clock is too far from ours; set both clocks"
		}
		return fmt.Sprintf("BADTIME: %s; set both clocks", e.clocks())
	case badTrunc:
		return "BADTRUNC: the primary wants longer signatures than it gets"
	}
	return fmt.Sprintf("the primary tells error %d of the signature", e.Code)
}

const badTrunc = 22 // RFC 8945 section 5.2.4

// clocks says how far the clocks are apart.
func (e *Error) clocks() string {
	if e.Ahead < 0 {
		return fmt.Sprintf("the primary's clock is %s behind ours", config.FormatDuration(-e.Ahead))
	}
	return fmt.Sprintf("the primary's clock is %s ahead of ours", config.FormatDuration(e.Ahead))
}
