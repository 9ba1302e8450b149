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

	Timers    Timers    `json:",omitzero"`
	Primaries []Primary `json:",omitempty"`
	Pin       *Pin      `json:",omitempty"`

	// Detail is what its owner keeps of the zone, as JSON that only the owner knows. What stands beside it is what the store goes by,
	// and what is left of the zone should nobody be able to read it.
	Detail json.RawMessage `json:",omitempty"`
}

// Entry is one version of the history.
type Entry struct{ Root zone.Hash }

// Timers are the instants of the zone's timers.
type Timers struct {
	Expire  time.Time `json:",omitzero"`
	Refresh time.Time `json:",omitzero"`
}

// Primary is one primary, and Root that of its last copy.
type Primary struct {
	Name string
	Root zone.Hash `json:",omitzero"`
}

// Pin is the version that is served whatever the primaries have.
type Pin struct{ Root zone.Hash }

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
	t.Timers = Timers{move(s.Timers.Expire), move(s.Timers.Refresh)}
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
