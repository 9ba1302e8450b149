// Package config holds what an operator may say of one zone, as plain values
// with their defaults and bounds.
//
// It knows no Corefile: the plugin reads the text, fills a [Zone] and calls
// [Zone.Validate] once; from then on the value never changes. What runs keeps
// its own state elsewhere. The package refuses to look anything up (no file,
// no name, no clock) and starts no goroutine.
package config

import (
	"net/netip"
	"time"
)

// Zone is the configuration of one zone. Start from [Defaults], set what the
// operator said, then call [Zone.Validate].
type Zone struct {
	// Origin is the zone's name: absolute, in presentation form, lower-case.
	Origin string

	// Primaries are asked for the zone, all of them at every check. Their
	// order is the order of preference among those that agree.
	Primaries []Primary

	// Agree says how many counted primaries must hold the same content
	// before it is served.
	Agree Agree

	// Compare says what "the same content" covers, and Ignore what is left out
	// of it beside.
	Compare Compare
	Ignore  []RecordName

	// Settle is how long primaries may be out of step before it is called
	// lagging or drift. While nothing is served yet it is also how long an
	// unreachable primary is waited for.
	Settle time.Duration

	// Absent is how long an unreachable primary still counts, or [Never]: it
	// counts for ever. With Never and "agree all", one dead primary stops all
	// updates until the zone expires.
	Absent time.Duration

	// Drift says what becomes of a zone whose primaries have diverged.
	Drift Drift

	// Verify and Guard are the checks that a copy must pass.
	Verify Verify
	Guard  Guard

	// SerialKeep: an unsigned zone under CompareContent is served with a line of
	// serials of our own, which always goes forward.
	SerialKeep bool

	// Store is where versions outlive the process, and Forget is how long they
	// do once the zone has left the Corefile.
	Store  Store
	Forget time.Duration

	// Refresh, Retry and Expire bound the timers that the SOA asks for.
	Refresh, Retry, Expire Clamp

	// Limit bounds each incoming transfer.
	Limit Limit

	// History is how many versions are kept, the served one included.
	History int

	// Keys are the TSIG keys that primaries may name, and KeyFiles are files
	// in BIND's form that have more of them, read again when they change.
	Keys     []Key
	KeyFiles []string

	// AllowMD5 lets keys sign by hmac-md5. It is for a primary that can do
	// nothing better, on a network that is trusted anyway.
	AllowMD5 bool
}

// Primary is one source of a zone: one organisation, at any number of
// addresses that hold the same data.
type Primary struct {
	// Name identifies the primary in the log, in metrics and in reasons.
	Name string

	// Addresses are tried in order; the first that answers speaks for the
	// primary.
	Addresses []netip.AddrPort

	// NotifyFrom are networks that NOTIFY is accepted from, beside Addresses.
	NotifyFrom []netip.Prefix

	// Transfers is how many transfers from this primary may run at once over
	// all zones; 0 leaves it to the limit of the process.
	Transfers int

	// Keys are the names of the TSIG keys that questions are signed with; none
	// is no TSIG. The second is tried where the primary refuses the first.
	Keys []string

	// Sources are the addresses that it is asked from, at most one of each
	// family; none lets the system choose.
	Sources []netip.Addr

	// TLS says whether and how it is asked over TLS.
	TLS TLS
}

// Limit bounds one incoming transfer.
type Limit struct {
	// Size is the most bytes of records that one transfer may bring; 0 is
	// the default rule, which [Limit.SizeFor] applies.
	Size int64

	// Time is the longest that one transfer may take.
	Time time.Duration

	// Idle is the longest wait for the next message of a transfer.
	Idle time.Duration

	// Transfers is how many transfers run at once in the whole process. Zones
	// that differ in it do not add up: the process takes the greatest.
	Transfers int
}

const (
	// Never, as Absent, lets an unreachable primary count for ever.
	Never time.Duration = -1

	// DefaultTransfers is how many transfers run at once in the process.
	DefaultTransfers = 10

	// MaxPrimaries bounds the primaries of one zone: a verdict compares them
	// with each other, and each costs a connection at every check.
	MaxPrimaries = 32

	// MaxHistory bounds the versions kept of one zone.
	MaxHistory = 1024

	// MaxTransfers bounds the transfers at once, in the process or from one
	// primary: each holds a connection and the records read so far.
	MaxTransfers = 1000
)

const day = 24 * time.Hour

// Defaults gives a zone everything but its origin and primaries.
func Defaults() Zone {
	return Zone{
		Agree:   Agree{Kind: Majority},
		Compare: CompareStrict,
		Guard:   Guard{Shrink: 30, Change: 50},
		Store:   Store{Off: true}, // a path is the plugin's to say
		Forget:  30 * day,
		Settle:  30 * time.Second,
		Absent:  time.Hour,
		Refresh: Clamp{Min: 30 * time.Second, Max: day},
		Retry:   Clamp{Min: 10 * time.Second, Max: time.Hour},
		Expire:  Clamp{Min: time.Hour, Max: 60 * day},
		Limit: Limit{
			Time:      10 * time.Minute,
			Idle:      30 * time.Second,
			Transfers: DefaultTransfers,
		},
		History: 16,
	}
}

const (
	firstSize  = 1 << 30  // the most a first load may bring
	leastSize  = 16 << 20 // a small zone may always grow to this
	growthSize = 4        // times what is served
)

// SizeFor returns the most bytes of records that a transfer may bring while a
// version of served bytes is served (0: none yet). By default that is 1 GiB
// at first load, then four times what is served and at least 16 MiB: room for
// any honest growth, and no way to fill the memory with a zone that was small.
func (l Limit) SizeFor(served int64) int64 {
	switch {
	case l.Size > 0:
		return l.Size
	case served <= 0:
		return firstSize
	}
	return max(growthSize*served, leastSize)
}

// Clamp bounds a duration that somebody else chose.
type Clamp struct{ Min, Max time.Duration }

// Apply returns d, or the bound that it exceeds.
func (c Clamp) Apply(d time.Duration) time.Duration {
	return min(max(d, c.Min), c.Max)
}
