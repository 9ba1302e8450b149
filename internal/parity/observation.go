package parity

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// Observation is what is known of one primary.
type Observation struct {
	Name    string
	Version *zone.Version // its last copy; nil if it never sent one
	Content Content       // of Version; the zero Content stands for all of it
	Since   time.Time     // when this content was first seen from it, this time,
	Came    time.Time     // and this very copy; zero: not known
	Step    Step          // how its serial went when it came to this content
	Past    []Sighting    // the contents that it held before, newest last

	// Recent are its last copies that passed their checks, newest last. One
	// that the others come to hold later may be served although this primary
	// has gone on, so that one that changes often starves nobody.
	Recent []Known

	// Rejected says in words why Version failed a check or was rejected by an
	// operator; "" is that it passed. A primary with such a copy counts, since
	// it disagrees, and the copy is never served.
	Rejected string

	// Guarded says that nothing but a guard rejected it. Guards are for what
	// would take the place of what is served: where Version is content that
	// was left behind, its primary is behind and not rejected.
	Guarded bool

	// SignedUntil is when the first signature of Version ends; zero: none is
	// known of.
	SignedUntil time.Time

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

// Sighting is content that a primary held.
type Sighting struct {
	Root     zone.Hash   // of the content
	Serial   zone.Serial // the last that it had with it
	Seen     time.Time   // when it was first seen from it
	Step     Step        // how its serial went when it came to this content
	Rejected bool        // by a check
}

// Step is how a primary's serial went with a change of content.
type Step uint8

const (
	Forward Step = iota // or nothing went before it
	Back                // to a lower serial
	Kept                // the same serial, or one that has no order to the one before
)

func stepOf(before, after zone.Serial) Step {
	switch {
	case before.Less(after):
		return Forward
	case after.Less(before):
		return Back
	}
	return Kept
}

const (
	// MaxPast is how many sightings of one primary are worth keeping.
	MaxPast = 32
	// MaxRecent is how many copies of one primary are.
	MaxRecent = 4
)

// Seen is what a copy was to what the primary held before.
type Seen struct {
	New  bool        // other content
	Back bool        // its serial went back
	From zone.Serial // from this one
}

// See notes that the primary holds v from now on; rejected is as Rejected.
// How the check ended is not its affair. What the slices held stays as it was.
func (o *Observation) See(v *zone.Version, c Content, rejected string, now time.Time) Seen {
	s := Seen{New: o.Version == nil || contentRoot(o.Version, &o.Content) != contentRoot(v, &c)}
	if o.Version != nil {
		if last := o.Version.Serial(); v.Serial().Less(last) {
			s.Back, s.From = true, last
		}
		if s.New {
			past := append(slices.Clone(o.Past), Sighting{
				Root: contentRoot(o.Version, &o.Content), Serial: o.Version.Serial(), Seen: o.Since, Step: o.Step, Rejected: o.Rejected != "",
			})
			o.Past = past[max(0, len(past)-MaxPast):]
			o.Step = Forward
		}
		// A serial that was mended later counts, one that begins anew with the
		// same content does not.
		if n := len(o.Past); n > 0 && (s.New || o.Step != Forward) {
			o.Step = stepOf(o.Past[n-1].Serial, v.Serial())
		}
	}
	if s.New {
		o.Since = now
	}
	if o.Version == nil || o.Version.Root() != v.Root() {
		o.Came = now
	}
	o.Version, o.Content, o.Rejected, o.Guarded = v, c, rejected, false
	if rejected == "" {
		root := contentRoot(v, &c)
		recent := slices.DeleteFunc(slices.Clone(o.Recent), func(k Known) bool { return contentRoot(k.Version, &k.Content) == root })
		recent = append(recent, Known{v, c})
		o.Recent = recent[max(0, len(recent)-MaxRecent):]
	}
	return s
}
