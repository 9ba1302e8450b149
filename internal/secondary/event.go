package secondary

import (
	"net/netip"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/zone"
)

// An Event is something that happened to a zone: one of the types below. Log, metrics and whoever else wants to know make of
// it what they need.
type Event interface{ event() }

// Swapped says that another version is served from now on.
type Swapped struct {
	Zone    string
	Version *zone.Version
	Before  *zone.Version // what was served until then; nil for the first
	Source  string        // the primary whose copy it is
	Origin  zone.Serial   // the serial of that; another than the version's where we keep a line of our own
	Reason  string        // of the verdict
}

// StateChanged says that the zone is in another state.
type StateChanged struct {
	Zone          string
	Before, State parity.State
	Reason        string
}

// PrimaryChanged says that parity thinks otherwise of a primary.
type PrimaryChanged struct {
	Zone, Primary string
	Before, State parity.PrimaryState
	Serial        zone.Serial // of its last copy, if it has sent any
	Known         bool        // it has
	Reason        string
}

// Transferred says that a primary sent the zone.
type Transferred struct {
	Zone, Primary string
	Address       netip.AddrPort
	Kind          string // "axfr" or "ixfr": what was asked for
	Serial        zone.Serial
	Records       int
	Messages      int
	Bytes         int64 // on the wire
	Duration      time.Duration
	Report        zone.BuildReport

	// Of changes, how many steps, and records deleted and added; no steps: the whole zone came.
	Steps, Deleted, Added int
	Instead               error  // why the IXFR before this AXFR did not do; nil: there was none
	Key                   string // name of the TSIG key; empty: none
	TLS                   bool
}

// Failed says that a primary could not be asked, or that what it sent is of no use.
type Failed struct {
	Zone, Primary string
	Kind          string // "probe", "axfr", "ixfr" or "check": what it sent could not be checked
	Phase         string // where it failed, in one word
	Err           error
	Duration      time.Duration
	Failures      int       // in a row, this one included
	Since         time.Time // of the first in the row
	Repeated      bool      // the one before was alike
	Next          time.Time // when it is asked again; zero: with the next check of the zone
}

// AXFRInstead says that a primary is asked for the whole zone for a while, since its IXFR keeps failing.
type AXFRInstead struct {
	Zone, Primary string
	Failures      int // in a row
	Until         time.Time
	Err           error // of the last
}

// Recovered says that a primary answers again.
type Recovered struct {
	Zone, Primary string
	Failures      int
	Since         time.Time
}

// Notified says that primaries are asked since one of them sent a NOTIFY.
type Notified struct {
	Zone, Primary string
	From          netip.Addr
}

// Expired says that no primary has confirmed the served version for as long as it may be served: it no longer is.
type Expired struct {
	Zone   string
	Serial zone.Serial
}

// Revived says that an expired version is served again, since a primary confirmed it or another took its place.
type Revived struct {
	Zone   string
	Serial zone.Serial
}

// Rejected says that a check, or an operator, keeps a primary's copy from being served. It is told once of a copy.
type Rejected struct {
	Zone, Primary string
	Serial        zone.Serial
	Root          zone.Hash
	Records       int
	Check         string // one of verify.Checks, or "operator"
	Reason        string
	Waivable      bool // an operator may approve it
}

// Warned says what a check found odd in a copy that passed it. It is told once, until no copy has it any more.
type Warned struct {
	Zone, Primary string
	Serial        zone.Serial
	Finding       verify.Finding
}

// Noticed says what the copies of several primaries show of how they are set up, and when they do not any more.
type Noticed struct {
	Zone    string
	Finding parity.Finding
	Gone    bool
}

// Held says that what primaries hold is kept back, by a check or by an operator; what was served before stays.
type Held struct{ Zone, Reason string }

// Released says that a zone is not held any more.
type Released struct {
	Zone   string
	Since  time.Time // when it came to be held
	State  parity.State
	Reason string
}

// DeadlineNear says, while there is time, that what is served will end unless somebody does something.
type DeadlineNear struct {
	Zone   string
	At     time.Time
	What   string // happens then
	Reason string // why nothing takes its place
}

// Regressed says that a primary's serial went back.
type Regressed struct {
	Zone, Primary string
	From, Serial  zone.Serial
	New           bool // with other content than it held before
}

// SerialBreak says that the served serial went to one that is not greater: secondaries of this server do not follow by themselves.
type SerialBreak struct {
	Zone          string
	Before, After zone.Serial
	From, To      string // the primaries whose copies they are
	Text          string // all of it
}

// KeepFailed says that a zone is served with its source's serial although a line of our own is configured.
type KeepFailed struct {
	Zone string
	Err  error
}

// Decided says that an operator's word was taken.
type Decided struct {
	Zone     string
	Decision Decision
}

func (Rejected) event()     {}
func (Warned) event()       {}
func (Noticed) event()      {}
func (Held) event()         {}
func (Released) event()     {}
func (DeadlineNear) event() {}
func (Regressed) event()    {}
func (SerialBreak) event()  {}
func (KeepFailed) event()   {}
func (Decided) event()      {}

func (Swapped) event()        {}
func (StateChanged) event()   {}
func (PrimaryChanged) event() {}
func (Transferred) event()    {}
func (Failed) event()         {}
func (AXFRInstead) event()    {}
func (Recovered) event()      {}
func (Notified) event()       {}
func (Expired) event()        {}
func (Revived) event()        {}
