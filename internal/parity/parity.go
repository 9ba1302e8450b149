// Package parity says whether a zone's primaries hold the same content, and
// what may be served because of it.
//
// [Judge] is a pure function: what is known of every primary goes in, with
// the time, and a [Verdict] comes out, with its reasons in words. It asks
// nobody, keeps nothing between two calls and starts no goroutine. It refuses
// to merge: what may be served is always one primary's copy, whole. What it
// calls the same content is the same root ([zone.Version.Root]), which is what
// "compare strict" means.
package parity

import (
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// Judge returns the verdict over what is known of the primaries of one zone,
// which come in the Corefile's order. The same arguments always give the same
// verdict, and until Verdict.Again a later now does too.
//
// Which primaries count:
//
//   - one that answers, whatever it holds;
//   - one that fails, with its last word, until policy.Absent has passed, or
//     policy.Settle while nothing is served; it counts again once it is back.
//
// What may be served is content that enough of the counted ones hold:
//
//   - the newest of it, if its serial is greater than the served one's
//     (RFC 1982);
//   - else what is served, if that is still among it;
//   - else content that was served before, if a primary went back to it;
//   - else content new to us with a serial that is not greater, if two
//     primaries hold it: one alone may be mistaken.
func Judge(p Policy, served Served, obs []Observation, now time.Time) Verdict {
	j := judge{policy: p, served: served, now: now}
	j.count(obs)
	j.choose()
	j.compare()
	return j.verdict()
}

// Policy is what the operator wants of the primaries of one zone.
type Policy struct {
	Agree  config.Agree
	Settle time.Duration // how long they may be out of step
	Absent time.Duration // how long a failing one counts, or config.Never
}

// Served is what is being served. The zero value is: nothing yet.
type Served struct {
	Version *zone.Version
	Source  string // the primary whose copy it is: Approved.Source

	// First is when a verdict gave the zone its first version; zero if the
	// version was there from the start. Primaries that had stopped counting
	// by then are not waited for anew, until they are back.
	First time.Time

	// Agreed are the roots that were served before, newest last. The root of
	// Version may be the last of them.
	Agreed []zone.Hash
}

// Observation is what is known of one primary.
type Observation struct {
	Name    string
	Version *zone.Version // its last copy; nil if it never sent one
	Since   time.Time     // when this root was first seen from it
	Past    []Sighting    // the roots that it held before, newest last

	// Reachable, Refused and Err tell how the last check ended. A primary
	// that is not reachable, refuses, or has an error is failing: it gave no
	// copy, nor its word that the last one is current. One that is not
	// reachable, without an error, has not been asked to an end yet.
	Reachable bool
	Refused   bool
	Err       error

	// FailingSince is when the first check in a row failed, or when the wait
	// for the first answer began. While it is zero, a failing primary counts.
	FailingSince time.Time
}

// Sighting is a root that a primary held.
type Sighting struct {
	Root   zone.Hash
	Serial zone.Serial
	Seen   time.Time // when it was first seen from it
}

// MaxPast is how many sightings of one primary are worth keeping.
const MaxPast = 32

// Verdict is what [Judge] found.
type Verdict struct {
	State     State
	Reason    string           // one sentence; changes only with the verdict
	Primaries []PrimaryVerdict // in the order of the observations
	Again     time.Time        // when time alone may change the verdict; zero: never
	approved  Approved
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

	// Differing is how many records of its copy differ from what is served
	// or, while nothing is, from what most primaries hold. Counting ends at
	// MaxDiffering; More says that there are more.
	Differing int
	More      bool
}

// Approved returns what may be served now because enough primaries hold it.
// It may be what is served already, possibly with another source. ok is false
// when there is no such content; what is served then stays.
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

// Approved is a version that enough primaries agree on. Only [Judge] makes
// one, so that nothing else can be served.
type Approved struct {
	version *zone.Version
	source  string
}

// Version returns the version, nil of the zero Approved.
func (a Approved) Version() *zone.Version { return a.version }

// Source returns the name of the primary whose copy it is: the first in the
// Corefile's order that holds it, and then the same as long as it does.
func (a Approved) Source() string { return a.source }
