package secondary

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
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

	HeldSince   time.Time        // since when it is held; zero: it is not
	DriftSince  time.Time        // since when primaries have been out of step, in a drift that is not over
	Deadline    parity.Deadline  // until when what is served can wait
	SignedUntil time.Time        // when the first signature of what is served ends; zero: none is known of
	Origin      zone.Hash        // the root of the source's copy: of another version where we keep a line of serials
	Ignored     int              // records of what is served that are ignored in comparisons,
	Aside       int              // and that are left to each provider
	Findings    []parity.Finding // of the comparison

	Hold      *Decision  // an operator holds the zone; nil: nobody does
	Pin       *Decision  // an operator has pinned what is served
	Approval  *Decision  // an operator has approved a copy
	Decisions []Decision // oldest first; the newest of them

	// Kept is how it stands with the store.
	Kept KeepStatus

	// KeyProblem is why a key file is not in use as it is now: its keys are those of the last time when it could be read.
	KeyProblem error
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

	Counts        bool           // it counts for how many have to agree
	Confirms      bool           // it answered last, and holds what is served
	Differing     int            // records of its copy that differ from what is served
	More          bool           // there are more
	Classes       parity.Classes // how they differ
	Regressed     bool           // its serial went back,
	RegressedFrom zone.Serial    // from this one
	Regressions   uint64         // how often one did
	LagSince      time.Time      // since when it is behind; zero: it is not

	Rejected      string           // why its last copy is not to be served; "": it passed its checks
	Check         string           // that it failed first, or "operator"
	Waivable      bool             // an operator may approve it
	CheckFindings []verify.Finding // of its last copy, warnings included
	Checking      bool             // it is being checked once more
	CheckFailures []CheckCount

	Last         xfr.Stats // of its last transfer
	LastTransfer time.Time // when that ended
	Transfers    []TransferCount
	Bytes        uint64 // received in transfers

	IXFRFailures int       // in a row
	AXFRUntil    time.Time // it is asked for the whole zone until then, since its IXFR kept failing; zero: for changes
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

// notifies are the NOTIFYs so far, those included that were refused without waking the zone.
func (l *life) notifies() [notifyResults]uint64 {
	all := l.counts.notifies
	all[NotifyRefused] += l.zone.notices.refused.Load()
	all[NotifyUnsigned] += l.zone.notices.unsigned.Load()
	return all
}

// Status returns all that there is to tell of the zone. It waits for a step of the zone's goroutine that is under way, so that it is
// not for answering questions: see [Zone.Snapshot].
func (z *Zone) Status() Status {
	z.turn.Lock()
	defer z.turn.Unlock()
	s := z.life.status(time.Now())
	s.KeyProblem = z.ring.Problem()
	return s
}

// publish makes the snapshot, and the history that goes with it: whoever finds a version served finds it there.
func (z *Zone) publish() {
	l := &z.life
	if old := z.history.Load(); old == nil || !slices.Equal(*old, l.versions) {
		history := l.versions
		z.history.Store(&history)
	}
	snapshot := Snapshot{
		Version: l.served(), Expired: l.expired, Abandoned: l.expired && l.abandoned(),
		State: l.verdict.State, ExpireAt: l.timers.ExpireAt(),
	}
	if old := z.snapshot.Load(); old == nil || *old != snapshot {
		z.snapshot.Store(&snapshot)
	}
}

// abandoned reports whether no primary gives us the zone: none can be reached, save those that refuse. One that sends what does not
// pass its checks, or cannot be checked, does.
func (l *life) abandoned() bool {
	if l.verdict.Primaries == nil {
		return false
	}
	for i, p := range l.primaries {
		state := l.verdict.Primaries[i].State
		if state != parity.PrimaryUnreachable && state != parity.PrimaryRefused || p.phase == kindCheck {
			return false
		}
	}
	return true
}

// status is all that there is to tell of the zone now.
func (l *life) status(now time.Time) Status {
	z := l.zone
	s := Status{
		Zone: z.config.Origin, State: l.verdict.State, Reason: l.verdict.Reason, Expired: l.expired,
		Version: l.served(), Source: l.serving.source,
		LastSwap: l.swapped, ExpireAt: l.timers.ExpireAt(), NextCheck: l.timers.Next(now),
		Swaps: l.counts.swaps, Notifies: l.notifies(),
		Primaries: make([]PrimaryStatus, len(l.primaries)),
		HeldSince: l.heldSince, DriftSince: l.verdict.DriftSince, Deadline: l.verdict.Deadline, SignedUntil: l.serving.signedUntil,
		Origin: l.serving.origin, Ignored: l.serving.content.Ignored, Aside: l.serving.content.Aside, Findings: l.verdict.Findings,
		Hold: l.words.hold, Pin: l.words.pin, Approval: l.words.approval, Decisions: l.words.log,
		Kept: l.keep.status(l.served()),
	}
	for i, p := range l.primaries {
		s.Primaries[i] = p.status(l.timers.NextCheck())
		if l.verdict.Primaries != nil {
			v := &l.verdict.Primaries[i]
			s.Primaries[i].judged(v)
		}
	}
	return s
}

// judged takes over what parity thinks of the primary.
func (s *PrimaryStatus) judged(v *parity.PrimaryVerdict) {
	s.State, s.Reason, s.Counts, s.Confirms = v.State, v.Reason, v.Counts, v.Confirms
	s.Differing, s.More, s.Classes = v.Differing, v.More, v.Classes
	s.Regressed, s.RegressedFrom, s.LagSince = v.Regressed, v.From, v.LagSince
}

func (p *primary) status(check time.Time) PrimaryStatus {
	s := PrimaryStatus{
		Name: p.config.Name, Version: p.seen.Version, Serial: p.serial, Told: p.told, Expire: p.expire,
		LastProbe: p.lastProbe, LastSuccess: p.lastSuccess,
		FailingSince: p.failingSince, Failures: p.failures, Err: p.err, Phase: p.phase, ErrAt: p.errAt, Asking: p.asking,
		Last: p.stats, LastTransfer: p.lastTransfer, Transfers: p.transfers, Bytes: p.bytes,
		IXFRFailures: p.manners.failures, AXFRUntil: p.manners.until,
		Rejected: p.seen.Rejected, Check: p.check, Checking: p.checking, CheckFailures: p.checkFailures, Regressions: p.regressions,
	}
	if c := p.current(); c != nil {
		s.CheckFindings, s.Waivable = c.found, s.Rejected != "" && c.result.Waivable()
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
