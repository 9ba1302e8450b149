package secondary

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// State is what a zone knows that is worth more than the process: in plain values, so that it can be kept and given to a zone
// of the same name, by Options.Restored. It names versions by their roots; they are kept beside it.
type State struct {
	Zone   string
	Root   zone.Hash // of what is served; zero: nothing
	Source string    // the primary whose copy it is

	First     time.Time // when the first version came
	Swapped   time.Time
	NextCheck time.Time // zero: one was under way
	ExpireAt  time.Time

	History   []zone.Hash // the roots of what was served, newest last, that of the served one included
	Swaps     uint64
	Notifies  []uint64 // by NotifyResult
	Primaries []PrimaryState
}

// PrimaryState is the part of a State that is about one primary.
type PrimaryState struct {
	Name      string
	Addresses []netip.AddrPort
	Address   int // the one that answered last

	Root  zone.Hash // of its last copy; zero: it never sent one
	Since time.Time // when that root was first seen
	Past  []parity.Sighting

	Serial       zone.Serial // that it told last, if Told
	Told         bool
	Expire       time.Duration
	LastProbe    time.Time
	LastSuccess  time.Time
	FailingSince time.Time
	Failures     int
	Err, Phase   string // of the last error; empty: none
	ErrAt        time.Time
	RetryAt      time.Time // zero: with the next check
	Tries        int       // failures that RetryAt counts

	Derived      bool // its copy is what changes made of the one before
	Uneven       bool // it had RRsets of unequal TTLs, so that changes do not fit it
	IXFRFailures int
	AXFRUntil    time.Time

	Last         Transfer
	LastTransfer time.Time
	Transfers    []TransferCount
	Bytes        uint64
}

// Transfer is what is kept of how a zone was transferred; see [xfr.Stats].
type Transfer struct {
	Kind                  string
	Address               netip.AddrPort
	Messages, Records     int
	Bytes                 int64
	Duration              time.Duration
	Steps, Deleted, Added int
	Key                   string
	TLS                   bool
}

// State returns what there is to keep of the zone, and the versions that it names.
func (z *Zone) State() (State, []*zone.Version) {
	s := z.Status()
	return s.state()
}

func (s *Status) state() (State, []*zone.Version) {
	out := State{
		Zone: s.Zone, Source: s.Source, First: s.first, Swapped: s.LastSwap, NextCheck: s.next, ExpireAt: s.ExpireAt,
		Swaps: s.Swaps, Notifies: slices.Clone(s.Notifies[:]),
	}
	var versions []*zone.Version
	root := func(v *zone.Version) zone.Hash {
		if v == nil {
			return zone.Hash{}
		}
		if !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
		return v.Root()
	}
	out.Root = root(s.Version)
	for _, v := range s.history {
		out.History = append(out.History, root(v))
	}
	for i := range s.Primaries {
		p := &s.Primaries[i]
		o := PrimaryState{
			Name: p.Name, Addresses: p.addresses, Address: p.address, Root: root(p.Version), Since: p.since, Past: p.past,
			Serial: p.Serial, Told: p.Told, Expire: p.Expire, LastProbe: p.LastProbe, LastSuccess: p.LastSuccess,
			FailingSince: p.FailingSince, Failures: p.Failures, Phase: p.Phase, ErrAt: p.ErrAt, RetryAt: p.retryAt, Tries: p.tries,
			Derived: p.derived, Uneven: p.uneven, IXFRFailures: p.IXFRFailures, AXFRUntil: p.AXFRUntil,
			Last: transferOf(&p.Last), LastTransfer: p.LastTransfer, Transfers: p.Transfers, Bytes: p.Bytes,
		}
		if p.Err != nil {
			o.Err = p.Err.Error()
		}
		out.Primaries = append(out.Primaries, o)
	}
	return out, versions
}

func transferOf(s *xfr.Stats) Transfer {
	return Transfer{
		Kind: s.Kind, Address: s.Address, Messages: s.Messages, Records: s.Records, Bytes: s.Bytes, Duration: s.Duration,
		Steps: s.Steps, Deleted: s.Deleted, Added: s.Added, Key: s.Key, TLS: s.TLS,
	}
}

func (t *Transfer) stats() xfr.Stats {
	return xfr.Stats{
		Kind: t.Kind, Address: t.Address, Messages: t.Messages, Records: t.Records, Bytes: t.Bytes, Duration: t.Duration,
		Steps: t.Steps, Deleted: t.Deleted, Added: t.Added, Key: t.Key, TLS: t.TLS,
	}
}

// inherit takes over what another zone of the same name knew when it last told. Since what is configured has changed, the
// primaries are asked at once; nothing has to be transferred again for it.
func (l *life) inherit(old *Zone) {
	s, versions := old.State()
	s.NextCheck = time.Time{}
	for i := range s.Primaries {
		s.Primaries[i].RetryAt = time.Time{}
	}
	l.restore(&s, versions, time.Now())
}

// restore takes over what a zone of the same name knew: what is served and until when, and, of every primary that is
// configured alike, all that is known of it. What was served was approved then.
func (l *life) restore(s *State, versions []*zone.Version, now time.Time) {
	byRoot := make(map[zone.Hash]*zone.Version, len(versions))
	for _, v := range versions {
		if v != nil && v.Apex().Equal(l.zone.apex) {
			byRoot[v.Root()] = v
		}
	}
	l.counts.swaps = s.Swaps
	copy(l.counts.notifies[:NotifyRefused], s.Notifies)
	l.zone.notices.restore(s.Notifies)
	for _, p := range l.primaries {
		i := slices.IndexFunc(s.Primaries, func(o PrimaryState) bool {
			return o.Name == p.config.Name && slices.Equal(o.Addresses, p.config.Addresses)
		})
		if i >= 0 {
			p.restore(&s.Primaries[i], byRoot[s.Primaries[i].Root])
		}
	}
	v := byRoot[s.Root]
	if v == nil {
		return
	}
	l.serving = serving{v, s.Source}
	l.first, l.swapped = s.First, s.Swapped
	for _, root := range s.History {
		if old := byRoot[root]; old != nil {
			l.history = append(l.history, old)
		}
	}
	if len(l.history) == 0 {
		l.history = []*zone.Version{v}
	}
	if most := l.zone.config.History; len(l.history) > most {
		l.history = slices.Clone(l.history[len(l.history)-most:])
	}
	l.timers.Restore(now, s.NextCheck, s.ExpireAt)
	l.expired = l.timers.Expired(now)
	// What parity thinks of it is known without asking anybody, and no event.
	l.verdict = parity.Judge(l.policy, l.parityServed(), l.observations(), now)
}

// restore takes over what was known of a primary; v is its last copy, nil if that is lost.
func (p *primary) restore(o *PrimaryState, v *zone.Version) {
	if o.Address < len(p.config.Addresses) {
		p.address = max(0, o.Address)
	}
	p.version, p.past = v, o.Past
	if v != nil {
		p.since = o.Since
		p.manners.derived, p.manners.uneven = o.Derived, o.Uneven
	}
	p.serial, p.told, p.expire, p.lastProbe, p.lastSuccess = o.Serial, o.Told, o.Expire, o.LastProbe, o.LastSuccess
	p.failingSince, p.failures, p.phase, p.errAt = o.FailingSince, o.Failures, o.Phase, o.ErrAt
	if o.Err != "" {
		p.err = errors.New(o.Err)
	}
	p.retryAt, p.tries = o.RetryAt, o.Tries
	p.reachable = o.Failures == 0 && o.Told
	p.manners.failures, p.manners.until = o.IXFRFailures, o.AXFRUntil
	p.last, p.lastTransfer, p.transfers, p.bytes = o.Last.stats(), o.LastTransfer, slices.Clone(o.Transfers), o.Bytes
}

// restore counts on from what was counted.
func (n *notices) restore(counts []uint64) {
	if len(counts) == notifyResults {
		n.refused.Store(counts[NotifyRefused])
		n.unsigned.Store(counts[NotifyUnsigned])
	}
}
