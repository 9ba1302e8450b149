package secondary

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/config"
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
	Notifies  [3]uint64 // by NotifyResult
	Primaries []PrimaryStatus

	// What a successor takes over beside the above.
	approved parity.Approved
	first    time.Time
	history  []*zone.Version
}

// PrimaryStatus is all that there is to tell of one primary of a zone.
type PrimaryStatus struct {
	Name   string
	State  parity.PrimaryState
	Reason string

	Version      *zone.Version // its last copy; nil if it never sent one
	Serial       zone.Serial   // the last that it told
	Told         bool          // it has told one
	LastSuccess  time.Time     // when it answered last; zero: never
	FailingSince time.Time     // zero: it answers
	Failures     int           // in a row
	Err          error         // the last
	Differing    int           // records of its copy that differ from what is served
	Last         xfr.Stats     // of its last transfer
	Transfers    []TransferCount
	Bytes        uint64 // received in transfers

	addresses config.Primary
	address   int
	since     time.Time
	past      []parity.Sighting
}

// TransferCount is how many transfers of one kind had one result: "success", or the phase in which they failed.
type TransferCount struct {
	Kind, Result string
	Count        uint64
}

// counts are what happened to a zone so far.
type counts struct {
	swaps    uint64
	notifies [3]uint64 // the refused ones are counted elsewhere
}

// Status returns all that there is to tell of the zone.
func (z *Zone) Status() Status {
	s := *z.status.Load()
	s.Notifies[NotifyRefused] += z.refused.Load()
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
		Version: l.served(), Source: l.approved.Source(),
		LastSwap: l.swapped, ExpireAt: l.timers.ExpireAt(), NextCheck: l.timers.Next(now),
		Swaps: l.counts.swaps, Notifies: l.counts.notifies,
		Primaries: make([]PrimaryStatus, len(l.primaries)),
		approved:  l.approved, first: l.first, history: l.history,
	}
	for i, p := range l.primaries {
		s.Primaries[i] = p.status()
		if l.verdict.Primaries != nil {
			v := &l.verdict.Primaries[i]
			s.Primaries[i].State, s.Primaries[i].Reason, s.Primaries[i].Differing = v.State, v.Reason, v.Differing
		}
	}
	z.status.Store(s)
}

func (p *primary) status() PrimaryStatus {
	return PrimaryStatus{
		Name: p.config.Name, Version: p.version, Serial: p.serial, Told: p.told, LastSuccess: p.lastSuccess,
		FailingSince: p.failingSince, Failures: p.failures, Err: p.err, Last: p.last,
		Transfers: slices.Clone(p.transfers), Bytes: p.bytes,
		addresses: p.config, address: p.address, since: p.since, past: slices.Clone(p.past),
	}
}

// inherit takes over what another zone of the same name knew when it last told: what is served and until when, and, of every
// primary that is configured alike, all that is known of it. Nothing has to be transferred again for it.
func (l *life) inherit(old *Zone) {
	s := old.Status()
	l.counts = counts{swaps: s.Swaps, notifies: s.Notifies}
	for _, p := range l.primaries {
		i := slices.IndexFunc(s.Primaries, func(o PrimaryStatus) bool {
			return o.Name == p.config.Name && slices.Equal(o.addresses.Addresses, p.config.Addresses)
		})
		if i < 0 {
			continue
		}
		o := &s.Primaries[i]
		p.version, p.since, p.past, p.address = o.Version, o.since, slices.Clone(o.past), o.address
		p.serial, p.told, p.lastSuccess = o.Serial, o.Told, o.LastSuccess
		p.failingSince, p.failures, p.err = o.FailingSince, o.Failures, o.Err
		p.reachable = o.Failures == 0 && o.Told
		p.last, p.transfers, p.bytes = o.Last, slices.Clone(o.Transfers), o.Bytes
	}
	if s.Version == nil {
		return
	}
	l.approved, l.first, l.swapped, l.history = s.approved, s.first, s.LastSwap, s.history
	if most := l.zone.config.History; len(l.history) > most {
		l.history = slices.Clone(l.history[len(l.history)-most:])
	}
	// The timers know an expiry only as counted from a confirmation: the one that would have led to this one.
	soa := s.Version.SOA()
	l.timers.Fresh(s.ExpireAt.Add(-l.zone.config.Expire.Apply(time.Duration(soa.Expire)*time.Second)), soa)
	now := time.Now()
	l.expired = l.timers.Expired(now)
	// What parity thinks of it is known without asking anybody, and no event.
	l.verdict = parity.Judge(l.policy, l.parityServed(), l.observations(), now)
}
