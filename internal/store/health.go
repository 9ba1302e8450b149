package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"
)

// What Open and Commit fail with, where someone may want to tell.
var (
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("another process has it open")
	// ErrForeign: the file is not Concord's.
	ErrForeign = errors.New("it is not a store of Concord")
	// ErrFormat: the file is of a format that this Concord does not know.
	ErrFormat = errors.New("it is of a later format")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// A DiskError is what keeps a version from being written.
type DiskError struct {
	Path string
	Op   string // what was to be done
	Err  error
}

// Error says what is wrong and what to do about it.
func (e *DiskError) Error() string {
	return fmt.Sprintf("store %s: %s: %v%s", e.Path, e.Op, e.Err, e.advice())
}

// Unwrap returns what the system said.
func (e *DiskError) Unwrap() error { return e.Err }

func (e *DiskError) advice() string {
	switch {
	case e.is(syscall.ENOSPC), e.is(syscall.EDQUOT):
		return "; make room on its file system: updates are taken up again by themselves"
	case e.is(syscall.EFBIG):
		return "; raise the limit on the size of files: updates are taken up again by themselves"
	case e.is(syscall.EROFS):
		return "; have its file system mounted for writing: updates are taken up again by themselves"
	case e.is(syscall.EACCES), e.is(syscall.EPERM):
		return "; let the server's user write the file and its directory"
	case e.is(syscall.EIO):
		return "; the disk has failed: see to it, or name another file with store PATH"
	case errors.Is(e.Err, fs.ErrNotExist):
		return "; create its directory, or name another file with store PATH"
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, context.Canceled):
		return "; the disk is slow or stuck"
	}
	return ""
}

// is looks for what the system said. bbolt has it in its errors as text alone.
func (e *DiskError) is(errno syscall.Errno) bool {
	return errors.Is(e.Err, errno) || strings.Contains(e.Err.Error(), ": "+errno.Error())
}

// Health is how the store is doing. The zero value is well.
type Health struct {
	Path    string
	Err     error         // why the last write failed; nil: it did not
	Since   time.Time     // when writes began to fail
	Waiting int           // commits that wait
	Slow    time.Duration // how long the write under way has taken so far
}

// Health returns how the store is doing. It never waits for the disk.
func (db *DB) Health() Health {
	db.mu.Lock()
	defer db.mu.Unlock()
	h := Health{Path: db.options.Path, Err: db.failure, Since: db.failingSince, Waiting: len(db.queue) + db.writing}
	if !db.busySince.IsZero() {
		h.Slow = time.Since(db.busySince)
	}
	return h
}

// note remembers how a write ended.
func (db *DB) note(err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	switch {
	case err == nil:
		db.failure, db.failingSince = nil, time.Time{}
	case db.failure == nil:
		db.failingSince = time.Now()
		fallthrough
	default:
		db.failure = err
	}
}

// Stats are figures of the store.
type Stats struct {
	Zones     int
	Pages     int   // pages, branches and roots
	PageBytes int64 // octets of them
	FileBytes int64
	FreeBytes int64  // of the file, that will be used again
	Commits   uint64 // transactions since the store was opened
	Written   uint64 // octets that they wrote
	Collected uint64 // pages that were deleted
}

// Stats returns figures of the store, as they were after the last write. It does not wait for the disk.
func (db *DB) Stats() Stats {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.stats
}

// measure brings the figures up to date. The writer calls it.
func (db *DB) measure() {
	s := Stats{Commits: db.commits, Collected: db.collected, Written: db.written}
	if db.file != nil {
		x := db.file.index
		x.mu.RLock()
		s.Zones, s.Pages, s.PageBytes = len(x.zones), len(x.pages), x.bytes
		x.mu.RUnlock()
		if info, err := db.file.os.Stat(); err == nil {
			s.FileBytes = info.Size()
		}
		s.FreeBytes = int64(db.file.bolt.Stats().FreeAlloc)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.stats = s
}

// reading takes the lock of whoever reads the file. While the file is being opened on a disk that is slow, the wait ends with ctx.
func (db *DB) reading(ctx context.Context) error {
	if db.disk.TryRLock() {
		return nil
	}
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if db.disk.TryRLock() {
				return nil
			}
		case <-ctx.Done():
			return &DiskError{db.options.Path, "read", ctx.Err()}
		}
	}
}
