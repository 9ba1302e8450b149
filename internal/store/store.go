package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// A DB is an open store. Its methods may be called by any number of goroutines. A process has one for each file, and hands it
// on where it is reloaded.
//
//	Commit, Save ──▶ queue ──▶ writer: one transaction for all that waits ──▶ Durable
//	                             └─ nothing waits: a step of the collection
//	Load ◀── file                    the disk failed: close and open the file again, until it is back
type DB struct {
	options Options
	off     bool

	mu           sync.Mutex // guards what follows; held for a few instructions
	report       Report
	queue        []*request
	lazy         map[string]State // that Save left since lazySince,
	overdue      map[string]State // and before, which is being written in parts; no zone is in both,
	order        []string         // in this order: zones whose records are side by side share pages of the file
	lazySince    time.Time
	writing      int // requests that the writer has
	busySince    time.Time
	failure      error
	failingSince time.Time
	closing      bool
	stats        Stats

	wake chan struct{} // has room for one: something is in the queue
	done chan struct{} // closed when the writer has ended

	// disk is held for reading by whoever reads the file, and for writing while it is closed, opened or rid of pages. The file is nil
	// while the disk is away.
	disk sync.RWMutex
	file *file

	// These belong to the writer.
	commits, collected, written uint64

	collector collector
	tried     time.Time // when something was last written in vain
	opened    bool      // the file was open once: it is ours
	missed    time.Time // when the file was last opened in vain
}

// Options say where a store is and how it behaves.
type Options struct {
	// Path is the file. Its directory exists.
	Path string
	// BestEffort has Commit return a Durable, though not a written one, where the disk fails.
	BestEffort bool
	// LockWait is how long to wait for another process that has the file; 0 is 2 seconds.
	LockWait time.Duration
	// SaveDelay is how long what Save takes may stay in memory; 0 is 2 seconds.
	SaveDelay time.Duration
}

// Report is what Open found.
type Report struct {
	Created  bool   // there was no file
	SetAside string // the file was damaged and has this name now
	Pages    int    // pages and zones that were carried over from it
	Zones    int
	ReadOnly error   // why the file can only be read; nil: it can be written
	Damage   []error // what was damaged, a line each
}

const (
	defaultLockWait  = 2 * time.Second
	defaultSaveDelay = 2 * time.Second
	// retry is how often the disk is tried when it has failed and nobody wants anything written.
	retry = 5 * time.Second
	// reopen is how long a file that could not be opened is let alone.
	reopen = time.Second
)

// Open opens the store, or makes one, and starts its writer. A file that is damaged is renamed, and what it has is carried over
// to a new one: see Report. A file that is another program's, of a later format, or in use by another process is an
// error (ErrForeign, ErrFormat, ErrLocked), and stays as it is.
//
// A file of no octets counts as new: nothing can be lost of it.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.LockWait == 0 {
		o.LockWait = defaultLockWait
	}
	if o.SaveDelay == 0 {
		o.SaveDelay = defaultSaveDelay
	}
	db := &DB{options: o, lazy: make(map[string]State), overdue: make(map[string]State), wake: make(chan struct{}, 1), done: make(chan struct{})}
	var err error
	if db.file, err = db.open(ctx, true, &db.report); err != nil {
		return nil, err
	}
	if err := db.report.ReadOnly; err != nil {
		db.note(&DiskError{o.Path, "open for writing", err})
	}
	db.measure()
	go db.run()
	return db, nil
}

// Off returns the store of "store off": it keeps nothing.
func Off() *DB { return &DB{off: true} }

// Report returns what Open found, and what was found since where the file had to be opened again.
func (db *DB) Report() Report {
	db.mu.Lock()
	defer db.mu.Unlock()
	r := db.report
	r.Damage = slices.Clone(r.Damage)
	return r
}

// Path returns the file, "" of a store that is off.
func (db *DB) Path() string { return db.options.Path }

// open opens the file. Where it is damaged, a new one takes its place.
func (db *DB) open(ctx context.Context, readOnly bool, report *Report) (*file, error) {
	path := db.options.Path
	f, err := openFile(ctx, path, db.options.LockWait, readOnly, report)
	for range 3 {
		if !errors.Is(err, errRemoved) {
			break
		}
		f, err = openFile(ctx, path, db.options.LockWait, readOnly, report)
	}
	damaged, ok := errors.AsType[*damagedError](err)
	if !ok {
		if err != nil {
			return nil, &DiskError{path, "open", err}
		}
		db.opened = true
		return f, nil
	}
	err = setAside(ctx, path, damaged, db.opened, report)
	damaged.os.Close() // frees the lock
	if err != nil {
		return nil, &DiskError{path, "mend", err}
	}
	if f, err = openFile(ctx, path, db.options.LockWait, readOnly, report); err != nil {
		return nil, &DiskError{path, "open", err}
	}
	return f, nil
}

// Close has written what waits and what Save left, ends the writer, and closes the file. If the disk does not let it until ctx
// ends, it returns an error and leaves the rest to the process's end.
func (db *DB) Close(ctx context.Context) error {
	if db.off {
		return nil
	}
	db.mu.Lock()
	first := !db.closing
	db.closing = true
	db.mu.Unlock()
	db.nudge()
	select {
	case <-db.done:
	case <-ctx.Done():
		return &DiskError{db.options.Path, "close", ctx.Err()}
	}
	if !first {
		return nil
	}
	db.disk.Lock()
	defer db.disk.Unlock()
	if db.file == nil {
		return nil
	}
	err := db.file.close()
	db.file = nil
	if err != nil {
		return &DiskError{db.options.Path, "close", err}
	}
	return nil
}

// nudge has the writer look at the queue.
func (db *DB) nudge() {
	select {
	case db.wake <- struct{}{}:
	default:
	}
}

// Zones returns the names of the zones in the store, in order.
func (db *DB) Zones(ctx context.Context) ([]string, error) {
	if db.off {
		return nil, nil
	}
	if err := db.reading(ctx); err != nil {
		return nil, err
	}
	defer db.disk.RUnlock()
	if db.file == nil {
		return nil, &DiskError{db.options.Path, "read", errAway}
	}
	x := db.file.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Sorted(maps.Keys(x.zones)), nil
}
