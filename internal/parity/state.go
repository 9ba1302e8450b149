package parity

import "fmt"

// State is what parity says of a zone. It has no memory: each state follows
// from the observations, whatever the one before was. The usual ways are
//
//	Loading ---> InParity ---> Settling ---> Lagging
//	                ^              |            |
//	                |              v            |
//	                |            Drift <--------+
//	                |              |            |
//	                +--------------+------------+
//
//	Held      <---> any: a check, or an operator, stands between the zone and
//	                what its primaries hold; it ends with its cause
//	Pinned    <---> any: an operator's word, until it is taken back
//
//	to InParity   enough primaries hold the same
//	to Settling   too few hold what is served: others have moved on
//	to Lagging    settle has passed, and those behind hold what others had
//	to Drift      settle has passed, and contents share no history; or, at
//	              once and from any state, one serial has two contents
type State uint8

const (
	// Loading: nothing is served yet, and nothing stands against it.
	Loading State = iota
	// InParity: enough primaries hold what is served, or none that counts
	// holds anything else; and none has diverged.
	InParity
	// Settling: too few primaries hold what is served, but it is not long
	// since they were in step.
	Settling
	// Lagging: as Settling, for longer than settle; those that are behind
	// hold what the others held before.
	Lagging
	// Drift: a primary that counts has diverged.
	Drift
	// Held: an operator holds the zone; or too few hold what is served, and
	// what others hold was rejected by a check.
	Held
	// Pinned: an operator has chosen what is served.
	Pinned
)

var stateNames = [...]string{"loading", "in parity", "settling", "lagging", "drift", "held", "pinned"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", s)
}

// AllStates returns every State.
func AllStates() []State { return []State{Loading, InParity, Settling, Lagging, Drift, Held, Pinned} }

// PrimaryState is what parity says of one primary of a zone.
type PrimaryState uint8

const (
	// PrimaryUnknown: it has not answered, or not sent the zone, yet.
	PrimaryUnknown PrimaryState = iota
	// PrimaryAgreeing: it holds what is served or, while nothing is, what
	// most primaries hold.
	PrimaryAgreeing
	// PrimaryLagging: it holds what others, or we, have left behind.
	PrimaryLagging
	// PrimaryAhead: it holds newer content that too few others hold yet.
	PrimaryAhead
	// PrimaryDiverged: it holds content that others hold differently under
	// the same serial or that, settle having passed, has no history in
	// common with theirs.
	PrimaryDiverged
	// PrimaryUnreachable: the last check brought neither a copy nor its word
	// that the last one is current.
	PrimaryUnreachable
	// PrimaryRefused: it refuses to give us the zone.
	PrimaryRefused
	// PrimaryRegressed: its serial went back, to content that we have left
	// behind or that was not agreed on.
	PrimaryRegressed
	// PrimaryRejected: its copy failed a check, or an operator rejected it.
	PrimaryRejected
)

var primaryStateNames = [...]string{"unknown", "agreeing", "lagging", "ahead", "diverged", "unreachable", "refused", "regressed", "rejected"}

func (s PrimaryState) String() string {
	if int(s) < len(primaryStateNames) {
		return primaryStateNames[s]
	}
	return fmt.Sprintf("PrimaryState(%d)", s)
}

// AllPrimaryStates returns every PrimaryState.
func AllPrimaryStates() []PrimaryState {
	return []PrimaryState{
		PrimaryUnknown, PrimaryAgreeing, PrimaryLagging, PrimaryAhead, PrimaryDiverged, PrimaryUnreachable, PrimaryRefused,
		PrimaryRegressed, PrimaryRejected,
	}
}
