package parity

import (
	"fmt"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// Verdict is what [Judge] found.
type Verdict struct {
	State     State
	Reason    string           // one sentence; changes only with the verdict
	Primaries []PrimaryVerdict // in the order of the observations
	Again     time.Time        // when time alone may change the verdict; zero: never

	// Findings are what the copies show of a set-up in which the comparison
	// cannot be true or answers cannot be validated; at most MaxFindings.
	Findings []Finding

	// Deadline is until when what is served can wait.
	Deadline Deadline

	// DriftSince is since when primaries have been out of step, in a drift
	// that is not over; it comes back in Served.DriftSince.
	DriftSince time.Time

	// Break tells that serving what was approved takes those downstream to a
	// serial that is not greater; nil: it does not. It is there in the one
	// verdict that approves the change.
	Break *SerialBreak

	approved Approved
}

// PrimaryVerdict is the part of the verdict that is about one primary.
type PrimaryVerdict struct {
	Name   string
	State  PrimaryState
	Reason string // one sentence, with the primary as its subject

	// Counts says whether the primary counts.
	Counts bool

	// Confirms says that the primary answered and holds what is served after
	// this verdict. Right after a check it restarts the expiry.
	Confirms bool

	// Differing is how many records of its copy differ, of those that are
	// compared, from what is served or, while nothing is, from what most
	// primaries hold, and Classes has them by how they differ. Counting ends at
	// MaxDiffering; More says that there are more.
	Differing int
	More      bool
	Classes   Classes

	// Regressed says that its serial went back, and From is the serial that it
	// had before.
	Regressed bool
	From      zone.Serial

	// LagSince is since when it has been behind; zero: it is not.
	LagSince time.Time
}

// Deadline is when what is served expires, or its signatures do, while
// nothing may replace it and nobody confirms it.
type Deadline struct {
	At   time.Time // zero: there is none
	What string    // what happens then, in words
	Due  bool      // it is so near that the operator is to be told
}

// SerialBreak is a step to a serial that is not greater (RFC 1982): secondaries
// downstream do not follow it by themselves.
type SerialBreak struct {
	Before, After zone.Serial
	From, To      string // the primaries whose copies they are
}

func (b *SerialBreak) String() string {
	if b.From == b.To {
		return fmt.Sprintf("%s's serial goes from %d to %d, which is not greater: secondaries of this server stay with what they have until "+
			"they are told to transfer the zone anew", b.To, b.Before, b.After)
	}
	return fmt.Sprintf("the served copy is %s's with serial %d after %s's with %d, which is not greater: secondaries of this server stay with "+
		"what they have until they are told to transfer the zone anew", b.To, b.After, b.From, b.Before)
}

// Approved returns what may be served now because enough primaries hold it.
// It may be what is served already, possibly with another source, or another
// primary's copy of it. ok is false when there is no such content; what is
// served then stays.
func (v *Verdict) Approved() (a Approved, ok bool) {
	return v.approved, v.approved.version != nil
}

// Confirms reports whether that primary confirms what is served after this
// verdict.
func (v *Verdict) Confirms(name string) bool {
	for i := range v.Primaries {
		if v.Primaries[i].Name == name {
			return v.Primaries[i].Confirms
		}
	}
	return false
}

// Confirmed reports whether any primary confirms what is served after this
// verdict.
func (v *Verdict) Confirmed() bool {
	for i := range v.Primaries {
		if v.Primaries[i].Confirms {
			return true
		}
	}
	return false
}

// Approved is a version that enough primaries agree on, or that an operator's
// word has chosen: pinned, approved, or preferred in a drift. Only [Judge]
// makes one, so that nothing else can be served.
type Approved struct {
	version *zone.Version
	content Content
	source  string
	since   time.Time
}

// Version returns the version, nil of the zero Approved.
func (a Approved) Version() *zone.Version { return a.version }

// Content returns the content of the version.
func (a Approved) Content() Content { return a.content }

// Source returns the name of the primary whose copy it is: the first in the
// Corefile's order that holds it, and then the same as long as it does.
func (a Approved) Source() string { return a.source }

// Since returns when the last of those that agreed on the content came to it;
// it comes back in Served.Since.
func (a Approved) Since() time.Time { return a.since }
