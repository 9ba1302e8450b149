package secondary

import (
	"net/netip"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// Status is all that there is to tell of a zone, as of one instant. It is not to be altered.
type Status struct {
	Zone    string
	State   parity.State
	Reason  string
	Expired bool
	Version *zone.Version // what is served; nil before the first
	Source  string        // the primary whose copy it is

	LastSwap  time.Time // zero: there was none
	ExpireAt  time.Time // zero before the first version
	NextCheck time.Time // when the zone looks again at the latest
	Swaps     uint64
	Notifies  [notifyResults]uint64 // by NotifyResult
	Primaries []PrimaryStatus

	// KeyProblem is why a key file is not in use as it is now: its keys are those of the last time when it could be read.
	KeyProblem error

	// What a successor takes over beside the above.
	next    time.Time // check
	first   time.Time
	history []*zone.Version
}

// PrimaryStatus is all that there is to tell of one primary of a zone.
type PrimaryStatus struct {
	Name   string
	State  parity.PrimaryState
	Reason string

	Version      *zone.Version // its last copy; nil if it never sent one
	Serial       zone.Serial   // the last that it told
	Told         bool          // it has told one
	Expire       time.Duration // until its own copy expires, as it told last (RFC 7314); 0: it did not
	LastProbe    time.Time     // when it told its SOA last; zero: never
	LastSuccess  time.Time     // when it answered last, to an end; zero: never
	FailingSince time.Time     // zero: it answers
	Failures     int           // in a row
	Err          error         // the last; nil: it answers
	Phase        string        // in which Err came, in one word
	ErrAt        time.Time
	Asking       bool      // it is being asked
	NextAttempt  time.Time // when it is asked next if nothing happens before; zero: when what is under way has ended

	Differing    int       // records of its copy that differ from what is served
	Last         xfr.Stats // of its last transfer
	LastTransfer time.Time // when that ended
	Transfers    []TransferCount
	Bytes        uint64 // received in transfers

	IXFRFailures int       // in a row
	AXFRUntil    time.Time // it is asked for the whole zone until then, since its IXFR kept failing; zero: for changes

	addresses []netip.AddrPort
	address   int
	since     time.Time
	past      []parity.Sighting
	retryAt   time.Time
	tries     int
	derived   bool
	uneven    bool
}

// TransferCount is how many transfers of one kind had one result: "success", or the phase in which they failed.
type TransferCount struct {
	Kind, Result string
	Count        uint64
}

// counts are what happened to a zone so far.
type counts struct {
	swaps    uint64
	notifies [notifyResults]uint64 // the refused ones are counted elsewhere
}

// Status returns all that there is to tell of the zone.
func (z *Zone) Status() Status {
	s := *z.status.Load()
	s.Notifies[NotifyRefused] += z.notices.refused.Load()
	s.Notifies[NotifyUnsigned] += z.notices.unsigned.Load()
	s.KeyProblem = z.ring.Problem()
	return s
}

// publish makes the snapshot and the status.
func (z *Zone) publish(now time.Time) {
	l := &z.life
	snapshot := Snapshot{Version: l.served(), Expired: l.expired, State: l.verdict.State, ExpireAt: l.timers.ExpireAt()}
	if old := z.snapshot.Load(); old == nil || *old != snapshot {
		z.snapshot.Store(&snapshot)
	}
	s := &Status{
		Zone: z.config.Origin, State: l.verdict.State, Reason: l.verdict.Reason, Expired: l.expired,
		Version: l.served(), Source: l.serving.source,
		LastSwap: l.swapped, ExpireAt: l.timers.ExpireAt(), NextCheck: l.timers.Next(now),
		Swaps: l.counts.swaps, Notifies: l.counts.notifies,
		Primaries: make([]PrimaryStatus, len(l.primaries)),
		next:      l.timers.NextCheck(), first: l.first, history: l.history,
	}
	for i, p := range l.primaries {
		s.Primaries[i] = p.status(s.next)
		if l.verdict.Primaries != nil {
			v := &l.verdict.Primaries[i]
			s.Primaries[i].State, s.Primaries[i].Reason, s.Primaries[i].Differing = v.State, v.Reason, v.Differing
		}
	}
	z.status.Store(s)
}

func (p *primary) status(check time.Time) PrimaryStatus {
	s := PrimaryStatus{
		Name: p.config.Name, Version: p.version, Serial: p.serial, Told: p.told, Expire: p.expire,
		LastProbe: p.lastProbe, LastSuccess: p.lastSuccess,
		FailingSince: p.failingSince, Failures: p.failures, Err: p.err, Phase: p.phase, ErrAt: p.errAt, Asking: p.asking,
		Last: p.last, LastTransfer: p.lastTransfer, Transfers: p.transfers, Bytes: p.bytes,
		IXFRFailures: p.manners.failures, AXFRUntil: p.manners.until,
		addresses: p.config.Addresses, address: p.address, since: p.since, past: p.past,
		retryAt: p.retryAt, tries: p.tries, derived: p.manners.derived, uneven: p.manners.uneven,
	}
	switch {
	case p.asking:
	case p.retryAt.IsZero(), p.tries == 0 && check.Before(p.retryAt):
		s.NextAttempt = check
	default:
		s.NextAttempt = p.retryAt
	}
	return s
}
