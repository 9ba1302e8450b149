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
	Root   zone.Hash   `json:",omitzero"` // of what is served; zero: nothing
	Source string      `json:",omitzero"` // the primary whose copy it is
	Origin zone.Hash   `json:",omitzero"` // the root of that copy, where what is served has a serial of our own; zero: it is Root
	Serial zone.Serial `json:",omitzero"` // of that copy

	First     time.Time `json:",omitzero"` // when the first version came
	Swapped   time.Time `json:",omitzero"`
	NextCheck time.Time `json:",omitzero"` // zero: one was under way
	ExpireAt  time.Time `json:",omitzero"`

	Since       time.Time `json:",omitzero"` // when what is served was agreed on
	SignedUntil time.Time `json:",omitzero"`
	DriftSince  time.Time `json:",omitzero"`
	HeldSince   time.Time `json:",omitzero"`
	NearTold    bool      `json:",omitzero"` // the operator knows of the deadline
	Whole       bool      `json:",omitzero"` // all of a version is compared: what Past has of roots means the same in another process
	Compared    string    `json:",omitzero"` // how, unless Whole: what Past has are roots of versions that had the content; see translate

	Hold, Pin, Approval *Decision  `json:",omitzero"`
	Rejections          []Decision `json:",omitzero"` // of versions by their roots
	Decisions           []Decision `json:",omitzero"`

	History   []zone.Hash    `json:",omitzero"` // the roots of what was served, newest last, that of the served one included,
	Sources   []string       `json:",omitzero"` // the primaries whose copies they were,
	Began     []time.Time    `json:",omitzero"` // and when they began to be served
	Swaps     uint64         `json:",omitzero"`
	Notifies  []uint64       `json:",omitzero"` // by NotifyResult
	Primaries []PrimaryState `json:",omitzero"`
}

// PrimaryState is the part of a State that is about one primary.
type PrimaryState struct {
	Name      string           `json:",omitzero"`
	Addresses []netip.AddrPort `json:",omitzero"`
	Address   int              `json:",omitzero"` // the one that answered last

	Root  zone.Hash         `json:",omitzero"` // of its last copy; zero: it never sent one
	Since time.Time         `json:",omitzero"` // when that root was first seen
	Step  parity.Step       `json:",omitzero"`
	Past  []parity.Sighting `json:",omitzero"`

	Rejected      string       `json:",omitzero"` // why that copy is not to be served, and by which check
	Check         string       `json:",omitzero"`
	Guarded       bool         `json:",omitzero"` // nothing but a guard is against it
	CheckFailures []CheckCount `json:",omitzero"`
	Regressions   uint64       `json:",omitzero"`

	Serial       zone.Serial   `json:",omitzero"` // that it told last, if Told
	Told         bool          `json:",omitzero"`
	Expire       time.Duration `json:",omitzero"`
	LastProbe    time.Time     `json:",omitzero"`
	LastSuccess  time.Time     `json:",omitzero"`
	FailingSince time.Time     `json:",omitzero"`
	Failures     int           `json:",omitzero"`
	Err, Phase   string        `json:",omitzero"` // of the last error; empty: none
	ErrAt        time.Time     `json:",omitzero"`
	RetryAt      time.Time     `json:",omitzero"` // zero: with the next check
	Tries        int           `json:",omitzero"` // failures that RetryAt counts

	Derived      bool      `json:",omitzero"` // its copy is what changes made of the one before
	Uneven       bool      `json:",omitzero"` // it had RRsets of unequal TTLs, so that changes do not fit it
	IXFRFailures int       `json:",omitzero"`
	AXFRUntil    time.Time `json:",omitzero"`

	Last         Transfer        `json:",omitzero"`
	LastTransfer time.Time       `json:",omitzero"`
	Transfers    []TransferCount `json:",omitzero"`
	Bytes        uint64          `json:",omitzero"`
}

// Transfer is what is kept of how a zone was transferred; see [xfr.Stats].
type Transfer struct {
	Kind                  string         `json:",omitzero"`
	Address               netip.AddrPort `json:",omitzero"`
	Messages, Records     int            `json:",omitzero"`
	Bytes                 int64          `json:",omitzero"`
	Duration              time.Duration  `json:",omitzero"`
	Steps, Deleted, Added int            `json:",omitzero"`
	Key                   string         `json:",omitzero"`
	TLS                   bool           `json:",omitzero"`
}

// State returns what there is to keep of the zone, and the versions that it names.
func (z *Zone) State() (State, []*zone.Version) {
	z.turn.Lock()
	defer z.turn.Unlock()
	return z.life.state()
}

func (l *life) state() (State, []*zone.Version) {
	cfg, s, w := l.zone.config, &l.serving, &l.words
	out := State{
		Zone: cfg.Origin, Source: s.source, First: l.first, Swapped: l.swapped, NextCheck: l.timers.NextCheck(), ExpireAt: l.timers.ExpireAt(),
		Swaps: l.counts.swaps, Serial: s.serial, Since: s.since, SignedUntil: s.signedUntil, DriftSince: l.verdict.DriftSince, HeldSince: l.heldSince,
		NearTold: l.nearTold, Whole: whole(cfg), Hold: w.hold, Pin: w.pin, Approval: w.approval, Rejections: w.rejected, Decisions: w.log,
	}
	notifies := l.notifies()
	out.Notifies = notifies[:]
	if s.version != nil && s.origin != s.version.Root() {
		out.Origin = s.origin
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
	out.Root = root(s.version)
	for i := range l.history {
		h := &l.history[i]
		out.History, out.Sources, out.Began = append(out.History, root(h.version)), append(out.Sources, h.source), append(out.Began, h.at)
	}
	root(w.pinning.version)
	known := func(zone.Hash) zone.Hash { return zone.Hash{} }
	if !out.Whole {
		out.Compared, known = compared(cfg), l.versionsOf()
	}
	out.Primaries = make([]PrimaryState, len(l.primaries))
	for i, p := range l.primaries {
		o := &out.Primaries[i]
		*o = p.state()
		o.Root = root(p.seen.Version)
		if !out.Whole {
			o.Past, o.Step = translate(o.Past, o.Step, known)
		}
	}
	return out, versions
}

// state has the roots of contents as they are in this process.
func (p *primary) state() PrimaryState {
	s := PrimaryState{
		Name: p.config.Name, Addresses: p.config.Addresses, Address: p.address, Since: p.seen.Since, Step: p.seen.Step, Past: p.seen.Past,
		Rejected: p.seen.Rejected, Check: p.check, Guarded: p.seen.Guarded, CheckFailures: p.checkFailures, Regressions: p.regressions,
		Serial: p.serial, Told: p.told, Expire: p.expire, LastProbe: p.lastProbe, LastSuccess: p.lastSuccess,
		FailingSince: p.failingSince, Failures: p.failures, Phase: p.phase, ErrAt: p.errAt, RetryAt: p.retryAt, Tries: p.tries,
		Derived: p.manners.derived, Uneven: p.manners.uneven, IXFRFailures: p.manners.failures, AXFRUntil: p.manners.until,
		Last: transferOf(&p.stats), LastTransfer: p.lastTransfer, Transfers: p.transfers, Bytes: p.bytes,
	}
	if p.err != nil {
		s.Err = p.err.Error()
	}
	return s
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

// inherit takes over what another zone of the same name knows. Since what is configured has changed, the primaries are asked at
// once; nothing has to be transferred again for it.
func (l *life) inherit(old *Zone) {
	old.turn.Lock()
	s, versions := old.life.state()
	l.keep.inherit(&old.life.keep)
	s.NextCheck = time.Time{}
	for i := range s.Primaries {
		s.Primaries[i].RetryAt = time.Time{}
	}
	if l.zone.comparison != old.comparison {
		old.turn.Unlock() // it takes a pass over the zone
		l.restore(&s, versions, time.Now())
		return
	}
	// What was compared is compared alike, and nothing of it has to be found out again.
	l.live = &old.life
	l.restore(&s, versions, time.Now())
	l.live = nil
	old.turn.Unlock()
}

// restore takes over what a zone of the same name knew: what is served and until when, and, of every primary that is
// configured alike, all that is known of it. What was served was approved then.
func (l *life) restore(s *State, versions []*zone.Version, now time.Time) {
	byRoot := make(map[zone.Hash]*zone.Version, len(versions))
	for _, v := range versions {
		if v != nil && v.Apex().Equal(l.zone.apex) {
			byRoot[v.Root()] = l.zone.versions.one(v)
		}
	}
	contents := l.contents(s.Root, byRoot)
	l.counts.swaps = s.Swaps
	copy(l.counts.notifies[:NotifyRefused], s.Notifies)
	l.zone.notices.restore(s.Notifies)
	for _, p := range l.primaries {
		i := slices.IndexFunc(s.Primaries, func(o PrimaryState) bool {
			return o.Name == p.config.Name && slices.Equal(o.Addresses, p.config.Addresses)
		})
		if i >= 0 {
			v := byRoot[s.Primaries[i].Root]
			p.restore(&s.Primaries[i], v)
			l.restoreSeen(p, v, &s.Primaries[i], contents)
			l.restorePast(p, s, &s.Primaries[i], byRoot, contents)
		}
	}
	l.restoreWords(s, byRoot, contents)
	v := byRoot[s.Root]
	if v == nil {
		return
	}
	l.serving = serving{
		version: v, content: contents(v), source: s.Source, origin: v.Root(), serial: s.Serial, since: s.Since, signedUntil: s.SignedUntil,
	}
	if s.Origin != (zone.Hash{}) {
		l.serving.origin = s.Origin
	}
	l.first, l.swapped = s.First, s.Swapped
	l.verdict.DriftSince, l.heldSince, l.nearTold = s.DriftSince, s.HeldSince, s.NearTold
	for i, root := range s.History {
		if old := byRoot[root]; old != nil {
			h := past{version: old, content: contents(old)}
			if len(s.Sources) == len(s.History) && len(s.Began) == len(s.History) {
				h.source, h.at = s.Sources[i], s.Began[i]
			}
			l.history = append(l.history, h)
		}
	}
	if len(l.history) == 0 {
		l.history = []past{{version: v, content: l.serving.content, source: s.Source, at: s.Swapped}}
	}
	if most := l.zone.config.History; len(l.history) > most {
		l.history = slices.Clone(l.history[len(l.history)-most:])
	}
	l.versions = versionsOf(l.history)
	l.timers.Restore(now, s.NextCheck, s.ExpireAt)
	l.expired = l.timers.Expired(now)
	// What parity thinks of it is known without asking anybody, and no event.
	l.verdict = parity.Judge(l.policyNow(), l.parityServed(), l.observations(), now)
	for i, p := range l.primaries {
		if l.live == nil && p.seen.Guarded && l.verdict.Primaries[i].State != parity.PrimaryRejected {
			p.toldRejected = nil // it was behind, and not told of as rejected
		}
	}
}

// restore takes over what was known of a primary; v is its last copy, nil if that is lost.
func (p *primary) restore(o *PrimaryState, v *zone.Version) {
	if o.Address < len(p.config.Addresses) {
		p.address = max(0, o.Address)
	}
	if v != nil {
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
	p.stats, p.lastTransfer, p.transfers, p.bytes = o.Last.stats(), o.LastTransfer, slices.Clone(o.Transfers), o.Bytes
}

// restore counts on from what was counted.
func (n *notices) restore(counts []uint64) {
	if len(counts) == notifyResults {
		n.refused.Store(counts[NotifyRefused])
		n.unsigned.Store(counts[NotifyUnsigned])
	}
}
