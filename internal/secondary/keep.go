package secondary

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/zone"
)

// keeper is a zone's way to the disk. It belongs to the zone's goroutine; a write runs in one of its own, one at a time.
//
//	idle --a version is approved, or a round has ended--> writing --written--> idle
//	  ^                                                     |
//	  +-----------------retry------------- failed <---------+
//
// What was written is swapped in by the next verdict, if that approves it still: minutes may pass on a slow disk, and primaries
// and operators go on meanwhile. A newer approved version takes the place of one that waits.
type keeper struct {
	db         *store.DB
	bestEffort bool

	want  serving       // approved by the last verdict, and not served since it is not on the disk
	ready store.Durable // on the disk, and waiting for the verdict that approves it,
	asked zone.Hash     // as the copy with this root
	began time.Time     // when the write that is under way began; zero: none is
	roots roots         // the versions that the store has; not altered, but replaced
	due   bool          // there may be something to write beside what is wanted
	said  bool          // an operator's word is among it
	begun uint64        // how many writes began,
	ended uint64        // and the number of the last that went well

	err     error // of the last write; nil: it went well
	since   time.Time
	retryAt time.Time // not before is anything written again
	slow    bool      // the write under way takes suspiciously long
	told    string    // of err, in an event, since things went well last
	toldAt  time.Time

	restored *Restored // to be told once the zone runs
}

// roots are the roots of versions, as few as a history has.
type roots []zone.Hash

func rootsOf(versions []*zone.Version) roots {
	all := make(roots, len(versions))
	for i, v := range versions {
		all[i] = v.Root()
	}
	return all
}

func (r roots) has(v *zone.Version) bool { return slices.Contains(r, v.Root()) }

// of returns those that are of the versions: others the store may drop from now on.
func (r roots) of(versions []*zone.Version) roots {
	return slices.DeleteFunc(rootsOf(versions), func(h zone.Hash) bool { return !slices.Contains(r, h) })
}

// written is how a write ended.
type written struct {
	durable store.Durable
	asked   zone.Hash // the root of the copy that it is, or comes of
	roots   roots     // of the versions that it had
	err     error
}

const (
	// keepRetry is how often what could not be written is tried again.
	keepRetry = 5 * time.Second
	// slowWrite is how long a write takes before the operator is told.
	slowWrite = 5 * time.Second
)

func (k *keeper) off() bool     { return k.db.Path() == "" }
func (k *keeper) writing() bool { return !k.began.IsZero() }

// persist has an approved version written. It returns it as durable, and true, once it is.
func (l *life) persist(next serving, now time.Time) (store.Durable, bool) {
	k := &l.keep
	if k.off() {
		d, err := k.db.Commit(l.zone.ctx, store.Record{Served: next.version})
		return d, err == nil
	}
	if d := k.ready; d.Version() != nil && k.asked == next.origin {
		k.ready = store.Durable{}
		return d, true
	}
	k.want = next
	if !k.writing() && !k.retryAt.After(now) {
		l.write(next, now)
	}
	return store.Durable{}, false
}

// write has the zone written as it is or, where next has a version, as it will be with that served.
func (l *life) write(next serving, now time.Time) {
	k, z := &l.keep, l.zone
	k.begun++
	after := *l
	if next.version != nil {
		timers := *l.timers
		after.timers = &timers
		after.become(next, now)
	}
	record, known, err := after.kept()
	if err != nil {
		l.wrote(written{err: err}, now)
		return
	}
	k.began, k.due, k.said = now, false, false
	db, ctx := k.db, z.ctx
	z.work.Go(func() {
		d, err := commit(ctx, db, record)
		z.keepDone(written{durable: d, asked: next.origin, roots: known, err: err})
	})
}

// commit is the store's, of which a panic would end a server with all of its zones.
func commit(ctx context.Context, db *store.DB, r store.Record) (d store.Durable, err error) {
	defer caught(&err)
	return db.Commit(ctx, r)
}

// kept returns what the store is to have of the zone, and the roots of the versions in it.
func (l *life) kept() (store.Record, roots, error) {
	s, versions := l.state()
	kept, err := s.kept(l.zone.config)
	return store.Record{State: kept, Served: l.served(), Others: versions, BestEffort: l.keep.bestEffort}, rootsOf(versions), err
}

// wrote takes in how a write ended.
func (l *life) wrote(w written, now time.Time) {
	k := &l.keep
	if k.slow {
		k.slow = false
		l.stale = true
	}
	k.began = time.Time{}
	if w.err != nil {
		if k.err == nil {
			k.since = now
		}
		k.err, k.retryAt, k.due = w.err, now.Add(keepRetry), true
	} else {
		k.err, k.since, k.retryAt, k.roots, k.ended = nil, time.Time{}, time.Time{}, w.roots, k.begun
		l.tellStored()
	}
	if k.want.version == nil {
		return
	}
	l.stale = true // the verdict looks whether it is still to be served, or what is to be said of it
	if w.asked != (zone.Hash{}) {
		k.ready, k.asked = w.durable, w.asked
	}
}

// inherit goes on with what the zone before wrote in the same store. Else all is written anew.
func (k *keeper) inherit(before *keeper) {
	if before.db == k.db {
		k.roots = before.roots
	}
	k.due = true
}

// tend has written what is to be, unless something is already.
func (l *life) tend(now time.Time) {
	k := &l.keep
	if k.off() || k.writing() || k.retryAt.After(now) {
		return
	}
	if k.err != nil && k.db.Health().Err != nil && !k.retryAt.IsZero() { // the store tries its disk by itself
		k.retryAt = now.Add(keepRetry)
		return
	}
	switch {
	case k.want.version != nil:
		l.write(k.want, now)
	case k.due && (k.said || k.err != nil || l.unwritten()): // an operator's word is not left to memory
		l.write(serving{}, now)
	case k.due:
		k.due = false
		s, versions := l.state()
		if kept, err := s.kept(l.zone.config); err == nil && len(versions) > 0 {
			k.db.Save(kept)
			k.roots = k.roots.of(versions)
		}
	}
}

// unwritten reports whether there is a version that the store does not have.
func (l *life) unwritten() bool {
	for i := range l.history {
		if !l.keep.roots.has(l.history[i].version) {
			return true
		}
	}
	for _, p := range l.primaries {
		if v := p.last(); v != nil && !l.keep.roots.has(v) {
			return true
		}
	}
	return false
}

// drop lets go of a version that was written and is not approved any more.
func (k *keeper) drop() {
	if k.ready.Version() != nil {
		k.ready, k.due = store.Durable{}, true // the file has it as served
	}
}

// busy reports whether a version is on its way to the disk, and nothing is known to be wrong with that.
func (k *keeper) busy() bool { return k.want.version != nil && k.trouble() == nil }

// heed has the verdict say what stands between an approved version and its being served, if that is a disk that fails, and
// reports whether it does.
func (l *life) heed(verdict *parity.Verdict, now time.Time) bool {
	k := &l.keep
	k.slow = k.writing() && now.Sub(k.began) >= slowWrite
	why := k.trouble()
	if why == nil {
		return false
	}
	v := k.want.version
	verdict.State, verdict.Break = parity.Held, nil
	verdict.Reason = fmt.Sprintf("not served: %s's copy with serial %d is agreed on, and not on the disk: %v", k.want.source, v.Serial(), why)
	for i, p := range l.primaries { // it speaks of what would be served
		c := &verdict.Primaries[i]
		c.Confirms = c.Confirms && l.served() != nil && p.seen.Version != nil && p.seen.Content.Root == l.serving.content.Root
	}
	l.tellStore(v, false)
	return true
}

// trouble is what is wrong with the disk; nil: nothing.
func (k *keeper) trouble() error {
	if k.err == nil && k.slow {
		return fmt.Errorf("store %s: the write that began at %s has not ended; the disk is slow or stuck", k.db.Path(), k.began.UTC().Format(time.TimeOnly))
	}
	return k.err
}

// wakeAt returns when there is something to do; zero: when something happens. awaited: somebody waits for the disk.
func (k *keeper) wakeAt(now time.Time, awaited bool) time.Time {
	switch {
	case k.writing() && !k.slow && awaited:
		return k.began.Add(slowWrite)
	case k.writing():
	case k.retryAt.After(now) && (k.due || k.want.version != nil):
		return k.retryAt
	}
	return time.Time{}
}

// lookAtDisk notices that a write takes long, and that all is to be written once more.
func (l *life) lookAtDisk(again bool, now time.Time) {
	k := &l.keep
	if again {
		k.roots, k.due = nil, true
	}
	if r := k.restored; r != nil {
		k.restored = nil
		l.event(*r)
	}
	if !k.slow && k.writing() && now.Sub(k.began) >= slowWrite {
		l.stale = l.stale || k.want.version != nil
		k.slow = len(l.words.replies) > 0 // of a version the verdict says so
	}
}
