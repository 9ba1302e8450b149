package store

import (
	"encoding/json"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// State is what is kept of one zone beside its versions. Instants are of the wall clock.
//
// It is JSON in the file. What a later version of Concord adds to it is passed over by an earlier one, and what an earlier one
// did not write is zero: fields are added, and never given another meaning.
type State struct {
	// Zone is its name: absolute, in presentation form, lower-case.
	Zone string
	// SavedAt is when this was written. The store sets it.
	SavedAt time.Time `json:",omitzero"`
	// LeftAt is when Forget first missed the zone; it sets it. Forget is how long the zone is kept from then on.
	LeftAt time.Time     `json:",omitzero"`
	Forget time.Duration `json:",omitzero"`

	// Served is the root of the version that is served, zero for none, and Source the primary whose copy it is.
	Served zone.Hash `json:",omitzero"`
	Source string    `json:",omitempty"`
	// First is when the zone got its first version, and Since when this one began to be served.
	First time.Time `json:",omitzero"`
	Since time.Time `json:",omitzero"`
	// History are the versions that are kept, oldest first, the served one among them.
	History []Entry `json:",omitempty"`

	Timers    Timers      `json:",omitzero"`
	Primaries []Primary   `json:",omitempty"`
	Holds     []Hold      `json:",omitempty"`
	Pin       *Pin        `json:",omitempty"`
	Decisions []Decision  `json:",omitempty"` // oldest first; the newest MaxDecisions are kept
	Serials   *SerialLine `json:",omitempty"`

	// Detail is what else its owner keeps of the zone, as JSON that only the owner knows.
	Detail json.RawMessage `json:",omitempty"`
}

// MaxDecisions is how many decisions are kept of each zone.
const MaxDecisions = 100

// Entry is one version of the history.
type Entry struct {
	Root    zone.Hash
	Serial  zone.Serial // its own SOA's
	Own     zone.Serial `json:",omitzero"` // that it was served with, under serial keep
	Records int         `json:",omitzero"`
	At      time.Time   `json:",omitzero"` // when it began to be served
	Source  string      `json:",omitempty"`
}

// Timers are the instants of the zone's timers.
type Timers struct {
	Confirmed time.Time `json:",omitzero"` // when a primary last confirmed what is served
	Expire    time.Time `json:",omitzero"`
	Refresh   time.Time `json:",omitzero"`
}

// Primary is what is known of one primary.
type Primary struct {
	Name      string
	Addresses []string    `json:",omitempty"`
	Address   string      `json:",omitempty"` // the one that answered last
	Serial    zone.Serial `json:",omitzero"`  // that it told last, if Told
	Told      bool        `json:",omitzero"`

	// Root is of its last copy and Since when that was first seen. Past is what it had before, oldest first.
	Root  zone.Hash  `json:",omitzero"`
	Since time.Time  `json:",omitzero"`
	Past  []Sighting `json:",omitempty"`

	Success      time.Time `json:",omitzero"` // when it last answered
	FailingSince time.Time `json:",omitzero"`
	Failures     int       `json:",omitzero"`
	Error        string    `json:",omitempty"`
	Reachable    bool      `json:",omitzero"`
	Refused      bool      `json:",omitzero"`

	IXFR Manners `json:",omitzero"`
}

// Sighting is a root that a primary had.
type Sighting struct {
	Root   zone.Hash
	Serial zone.Serial
	Seen   time.Time
}

// Manners is what was found out about a primary's IXFR.
type Manners struct {
	Refused  bool      `json:",omitzero"`
	Until    time.Time `json:",omitzero"` // when to try again
	Failures int       `json:",omitzero"`
}

// Hold is a reason why a version is not served.
type Hold struct {
	Kind    string    // who holds: a check, or the operator
	Reason  string    `json:",omitempty"`
	By      string    `json:",omitempty"`
	Root    zone.Hash `json:",omitzero"`
	Primary string    `json:",omitempty"`
	Since   time.Time `json:",omitzero"`
}

// Pin keeps one version served whatever the primaries have.
type Pin struct {
	Root   zone.Hash
	Reason string    `json:",omitempty"`
	By     string    `json:",omitempty"`
	Since  time.Time `json:",omitzero"`
	Until  time.Time `json:",omitzero"`
}

// Decision is what an operator decided, for the log of it.
type Decision struct {
	At     time.Time
	Kind   string
	By     string      `json:",omitempty"`
	Reason string      `json:",omitempty"`
	Result string      `json:",omitempty"`
	Root   zone.Hash   `json:",omitzero"`
	Serial zone.Serial `json:",omitzero"`
}

// SerialLine is where a serial line of our own stands.
type SerialLine struct {
	Own    zone.Serial
	Source zone.Serial
	Root   zone.Hash `json:",omitzero"`
	At     time.Time `json:",omitzero"`
}

// Rebase returns the state as it is to be taken up at now, and how far the clock is known to have gone back since it was
// saved: instants to come are as far ahead of now, then, as they were when it was saved, for a clock that was wrong then
// would keep an expired zone for years or a fresh one for no time. A clock that was put forward looks like time that
// passed, and is taken for it.
func (s State) Rebase(now time.Time) (State, time.Duration) {
	back := s.SavedAt.Sub(now)
	if s.SavedAt.IsZero() || back <= clockSlack {
		return s, 0
	}
	move := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Add(-back)
	}
	t := s
	t.SavedAt, t.LeftAt, t.First, t.Since = now, move(s.LeftAt), move(s.First), move(s.Since)
	t.Timers = Timers{move(s.Timers.Confirmed), move(s.Timers.Expire), move(s.Timers.Refresh)}
	t.Primaries = append([]Primary(nil), s.Primaries...)
	for i := range t.Primaries {
		p := &t.Primaries[i]
		p.Since, p.Success, p.FailingSince, p.IXFR.Until = move(p.Since), move(p.Success), move(p.FailingSince), move(p.IXFR.Until)
		p.Past = append([]Sighting(nil), p.Past...)
		for j := range p.Past {
			p.Past[j].Seen = move(p.Past[j].Seen)
		}
	}
	if s.Pin != nil {
		pin := *s.Pin
		pin.Since, pin.Until = move(pin.Since), move(pin.Until)
		t.Pin = &pin
	}
	return t, back
}

// clockSlack is how far a clock may go back without a word: it is set by so much all the time.
const clockSlack = 2 * time.Second

// roots returns the roots of all versions that the state speaks of and that are worth keeping, the served one first, then the history
// from the newest on, then primaries' copies; each once.
func (s *State) roots() []zone.Hash {
	var list []zone.Hash
	seen := make(map[zone.Hash]bool)
	add := func(h zone.Hash) {
		if h != (zone.Hash{}) && !seen[h] {
			seen[h] = true
			list = append(list, h)
		}
	}
	add(s.Served)
	for i := len(s.History) - 1; i >= 0; i-- {
		add(s.History[i].Root)
	}
	if s.Pin != nil {
		add(s.Pin.Root)
	}
	for i := range s.Primaries {
		add(s.Primaries[i].Root)
	}
	return list
}
