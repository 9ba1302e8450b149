package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/concord-dns/concord/internal/zone"
)

// mostBatch is how many octets of pages go into one transaction.
const mostBatch = 8 << 20

var (
	errRemoved = errors.New("the file was removed or replaced")
	errAway    = errors.New("the file could not be opened again")
)

// run is the writer's goroutine.
func (db *DB) run() {
	defer close(db.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		batch, lazy, rest := db.take()
		switch {
		case len(batch) > 0 || len(lazy) > 0 || rest == 0:
			db.serve(batch, lazy)
			continue
		case rest < 0:
			return
		case db.collect():
			continue
		case db.collector.phase != idle && !db.failed(): // someone reads
			rest = min(rest, collectPause)
		}
		timer.Reset(rest)
		select {
		case <-db.wake:
		case <-timer.C:
		}
	}
}

// take empties the queue, and of what Save left what is due. rest is how long there is nothing to do; 0 stands for trying
// the disk, and less for the end.
func (db *DB) take() (batch []*request, lazy map[string]State, rest time.Duration) {
	db.mu.Lock()
	defer db.mu.Unlock()
	batch, db.queue = db.queue, nil
	rest = time.Hour
	if db.failure != nil {
		rest = max(0, retry-time.Since(db.tried))
	}
	if len(db.lazy)+len(db.overdue) > 0 {
		due := db.options.SaveDelay - time.Since(db.lazySince)
		all := db.closing || slices.ContainsFunc(batch, func(r *request) bool { return r.flush })
		switch {
		case all || (len(db.overdue) > 0 || due <= 0) && db.failure == nil || rest == 0:
			lazy = db.takeLazy(all)
		case db.failure == nil:
			rest = min(rest, due)
		}
	}
	if db.closing && len(batch) == 0 && len(lazy) == 0 {
		rest = -1
	}
	db.writing = len(batch)
	if len(batch) > 0 || len(lazy) > 0 || rest == 0 {
		db.busySince = time.Now()
	}
	return batch, lazy, rest
}

// mostLazy is how many of the states that Save left go into one transaction: those who wait for a commit should not wait for all.
const mostLazy = 500

// takeLazy takes all of what Save left, or a part of what is due. It is called with the lock held.
func (db *DB) takeLazy(all bool) map[string]State {
	if all || len(db.overdue) == 0 {
		maps.Copy(db.overdue, db.lazy) // of one zone, one of them has it
		db.lazy = make(map[string]State)
		db.order = slices.Sorted(maps.Keys(db.overdue))
	}
	part := make(map[string]State, min(mostLazy, len(db.overdue)))
	for len(db.order) > 0 && (all || len(part) < mostLazy) {
		name := db.order[0]
		db.order = db.order[1:]
		if s, ok := db.overdue[name]; ok { // else something newer has taken its place
			part[name] = s
			delete(db.overdue, name)
		}
	}
	if len(db.order) == 0 {
		db.overdue, db.order = make(map[string]State), nil // empty ones keep their room
	}
	return part
}

// serve writes what was taken, and answers.
func (db *DB) serve(batch []*request, lazy map[string]State) {
	err := db.write(batch, lazy)
	db.measure()
	db.note(err)
	db.mu.Lock()
	db.writing, db.busySince = 0, time.Time{}
	if err != nil {
		db.tried = time.Now()
		for name, s := range lazy { // to be written when the disk is back
			if _, newer := db.lazy[name]; !newer && !db.closing {
				db.overdue[name] = s
				db.order = append(db.order, name)
			}
		}
	}
	db.mu.Unlock()
	for _, r := range batch {
		r.done <- cmp.Or(r.err, err)
	}
}

// write writes a batch. After an error the file is opened anew: what bbolt has in memory then may not be what is on the disk.
func (db *DB) write(batch []*request, lazy map[string]State) error {
	if err := db.ready(); err != nil {
		return err
	}
	t := transaction{db: db, file: db.file, staged: make(map[zone.Hash]struct{})}
	err := t.fill(batch, lazy)
	if err == nil {
		err = t.finish()
	}
	if err == nil {
		return nil
	}
	db.disk.Lock()
	defer db.disk.Unlock()
	db.shut(err)
	if again := db.reopen(); again != nil {
		err = fmt.Errorf("%w (and %w)", err, again)
	}
	return &DiskError{db.options.Path, "write", err}
}

// ready has the file open and in its place.
func (db *DB) ready() error {
	path := db.options.Path
	if db.file != nil && !db.file.readOnly {
		have, err := db.file.os.Stat()
		if err != nil {
			return &DiskError{path, "write", err}
		}
		if inPlace(have, path) {
			return nil
		}
		// It has no name any more: what goes into it is lost at its end. A new one takes its place.
	} else if db.file == nil && time.Since(db.missed) < reopen {
		return &DiskError{path, "write", errAway}
	}
	db.disk.Lock()
	defer db.disk.Unlock()
	db.shut(nil)
	if err := db.reopen(); err != nil {
		return err
	}
	if db.file.readOnly {
		return &DiskError{path, "write", db.file.why}
	}
	return nil
}

// shut closes the file, for better or worse, after an error. Where bbolt panicked, its locks may be held for ever.
func (db *DB) shut(after error) {
	if db.file == nil {
		return
	}
	if _, panicked := errors.AsType[fault](after); panicked || db.file.close() != nil {
		db.file.abandon()
	}
	db.file = nil
}

func (db *DB) reopen() error {
	var report Report
	f, err := db.open(context.Background(), true, &report) // LockWait bounds it
	if err != nil {
		db.missed = time.Now()
		return err
	}
	db.file = f
	db.collector = collector{}
	db.mu.Lock()
	defer db.mu.Unlock()
	if report.SetAside != "" {
		db.report.SetAside, db.report.Pages, db.report.Zones = report.SetAside, report.Pages, report.Zones
	}
	db.report.Damage = append(db.report.Damage, report.Damage...)
	return nil
}

// A transaction gathers what is to be written.
type transaction struct {
	db     *DB
	file   *file
	pages  []put
	octets int
	next   uint64
	staged map[zone.Hash]struct{} // the hashes of pages, those written ahead included
	seen   []zone.Hash            // found whole in the file
	zones  []recordPut
}

func (t *transaction) fill(batch []*request, lazy map[string]State) error {
	t.next = t.file.next
	now := time.Now()
	for _, r := range batch {
		if r.gone.Load() {
			continue
		}
		switch {
		case r.forget != "":
			t.zones = append(t.zones, recordPut{name: r.forget})
		case !r.flush:
			if err := t.record(r, now); err != nil {
				return err
			}
		}
	}
	for _, s := range lazy {
		_ = t.state(s, now) // what cannot be encoded is the caller's mistake, and the others' states go on
	}
	return nil
}

func (t *transaction) record(q *request, now time.Time) error {
	r := &q.record
	if r.Served != nil {
		if err := t.version(r.Served); err != nil {
			return err
		}
	}
	for _, v := range r.Others {
		if v == nil {
			continue
		}
		if err := t.version(v); err != nil {
			return err
		}
	}
	q.err = t.state(r.State, now) // nobody else's matter
	return nil
}

// version takes the pages of a version that the file does not have.
func (t *transaction) version(v *zone.Version) error {
	hurt := t.file.index.isHurt()
	var fresh bool
	skip := func(h zone.Hash) bool {
		fresh = false
		if _, ok := t.staged[h]; ok {
			return true
		}
		p, ok := t.file.index.find(h)
		if ok && !p.sound {
			if ok = t.file.whole(p.id, h); ok {
				t.seen = append(t.seen, h)
			}
		}
		if !ok {
			fresh = true
			return false
		}
		return !t.db.collector.keep(h) && p.sound && !hurt
	}
	for h, text := range v.Nodes(skip) {
		if !fresh {
			continue
		}
		t.pages = append(t.pages, newPut(t.next, h, text))
		t.staged[h] = struct{}{}
		t.next++
		if t.octets += len(text); t.octets > mostBatch {
			if err := t.ahead(); err != nil {
				return err
			}
		}
	}
	return nil
}

// ahead writes pages to which nothing refers yet.
func (t *transaction) ahead() error {
	err := t.db.put(t.file, t.pages, nil)
	t.pages, t.octets = t.pages[:0], 0
	return err
}

// state takes the record of a zone, with those of its roots that the file has or is about to have.
func (t *transaction) state(s State, now time.Time) error {
	var roots []zone.Hash
	for _, h := range s.roots() {
		if _, ok := t.staged[h]; !ok {
			if _, ok := t.file.index.find(h); !ok || t.db.collector.condemned(h) {
				continue
			}
		}
		roots = append(roots, h)
	}
	s.SavedAt = now.UTC().Round(0)
	t.file.commit++
	value, err := encodeRecord(t.file.commit, roots, s)
	if err != nil {
		return fmt.Errorf("zone %s: %w", s.Zone, err)
	}
	t.zones = append(t.zones, recordPut{s.Zone, value, roots})
	return nil
}

// finish writes what was gathered.
func (t *transaction) finish() error {
	if err := t.db.put(t.file, t.pages, t.zones); err != nil {
		return err
	}
	t.file.index.vouch(t.seen)
	for _, z := range t.zones {
		t.db.collector.add(z.roots)
	}
	return nil
}

// put writes pages and records, and counts what that came to. With neither it tries whether the disk takes anything.
func (db *DB) put(f *file, pages []put, zones []recordPut) error {
	before := f.bolt.Stats()
	err := f.write(pages, zones)
	if err == nil && len(pages) == 0 && len(zones) == 0 {
		err = guarded(func() error { return f.bolt.Update(func(*bolt.Tx) error { return nil }) })
	}
	if err != nil {
		return err
	}
	db.count(f, before)
	for _, p := range pages {
		db.collector.wrote(len(p.value))
	}
	return nil
}

// count adds up what a transaction wrote: pages of bbolt, and its meta page.
func (db *DB) count(f *file, before bolt.Stats) {
	after := f.bolt.Stats()
	size := int64(f.bolt.Info().PageSize)
	wrote := after.TxStats.GetPageAlloc() - before.TxStats.GetPageAlloc()
	db.commits++
	db.written += uint64(wrote + size)
}

// whole reports whether a page of the file has its hash.
func (d *file) whole(id uint64, h zone.Hash) bool {
	ok := false
	err := guarded(func() error {
		return d.bolt.View(func(tx *bolt.Tx) error {
			v := tx.Bucket(bucketPages).Get(appendID(nil, id))
			ok = len(v) > pageHash && zone.Hash(v[:pageHash]) == h && sha256.Sum256(v[pageHash:]) == h
			return nil
		})
	})
	return err == nil && ok
}
