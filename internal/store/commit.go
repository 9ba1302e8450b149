package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// Durable is a version that may be swapped in: a restart would find it. Only Commit makes one.
type Durable struct {
	version *zone.Version
	written bool
}

// Version returns the version; nil of the zero Durable.
func (d Durable) Version() *zone.Version { return d.version }

// Written reports whether a restart would find it: not with "store off", nor where "best-effort" lets it be served although the
// disk failed.
func (d Durable) Written() bool { return d.written }

// Record is one zone as it is to be kept.
type Record struct {
	State State
	// Served is the version of State.Served; nil if nothing is served.
	Served *zone.Version
	// Others are versions of the history and copies of primaries, as far as they are in memory. What the file has costs one
	// look-up each. A root that the state speaks of, that the file does not have, and that no version here has, is not kept.
	Others []*zone.Version
	// BestEffort has Commit return a Durable, though not a written one, where the disk fails.
	BestEffort bool
}

// Commit writes a zone and returns when it is on the disk. What many callers want written at once goes into one transaction. Where
// ctx ends first it returns; what was asked for may be written all the same, later, and is not served until it is asked for
// again.
func (db *DB) Commit(ctx context.Context, r Record) (Durable, error) {
	d := Durable{version: r.Served}
	if db.off {
		return d, nil
	}
	if r.Served != nil && r.Served.Root() != r.State.Served || r.Served == nil && r.State.Served != (zone.Hash{}) {
		return Durable{}, fmt.Errorf("store: zone %s: Record.Served is not the version of State.Served", r.State.Zone)
	}
	r.State.LeftAt = time.Time{}
	err := db.await(ctx, &request{record: r})
	if err == nil {
		d.written = true
		return d, nil
	}
	err = fmt.Errorf("zone %s: %w", r.State.Zone, err)
	if db.options.BestEffort || r.BestEffort {
		return d, err
	}
	return Durable{}, err
}

// Save keeps a state, without versions and without waiting: it is written soon. A later state of the zone,
// saved or committed, takes its place.
func (db *DB) Save(s State) {
	if !db.off {
		s.LeftAt = time.Time{}
		db.save(s, true)
	}
}

// save is Save, which may be told to leave alone what another has saved.
func (db *DB) save(s State, newer bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	_, there := db.lazy[s.Zone]
	_, due := db.overdue[s.Zone]
	if db.closing || (there || due) && !newer {
		return
	}
	delete(db.overdue, s.Zone)
	if len(db.lazy) == 0 {
		db.lazySince = time.Now()
		defer db.nudge()
	}
	db.lazy[s.Zone] = s
}

// Flush has written what Save left.
func (db *DB) Flush(ctx context.Context) error {
	if db.off {
		return nil
	}
	return db.await(ctx, &request{flush: true})
}

// A request is something that the writer is to write.
type request struct {
	record Record
	flush  bool
	forget string // a zone to forget
	gone   atomic.Bool
	err    error      // that is this request's alone; the writer's until it answers
	done   chan error // has room for the one answer
}

// await puts a request into the queue and waits for its end, or that of ctx.
func (db *DB) await(ctx context.Context, r *request) error {
	r.done = make(chan error, 1)
	db.mu.Lock()
	if db.closing {
		db.mu.Unlock()
		return ErrClosed
	}
	db.queue = append(db.queue, r)
	if name := r.record.State.Zone; name != "" {
		delete(db.lazy, name) // it is older
		delete(db.overdue, name)
	}
	db.mu.Unlock()
	db.nudge()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		r.gone.Store(true)
		return &DiskError{db.options.Path, "write", ctx.Err()}
	}
}
