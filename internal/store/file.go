package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/concord-dns/concord/internal/zone"
)

// A file is an open database with its index. It is written by one goroutine.
type file struct {
	bolt     *bolt.DB
	os       *os.File
	readOnly bool
	why      error // why it can only be read
	index    *index
	next     uint64 // number of the next page
	commit   uint64 // of the latest record
}

// The buckets, and what stands in the first of them.
var (
	bucketAbout = []byte("concord")
	bucketPages = []byte("pages")
	bucketZones = []byte("zones")
	keyFormat   = []byte("format")
)

// format is the version of what is in the file. A file of another is refused.
const format = 1

// fault is what bbolt panicked with, or where in its file a read failed.
type fault struct{ what string }

func (f fault) Error() string { return "the file is damaged: " + f.what }

// guarded calls what touches bbolt: whatever is wrong with its file, that is an error here, be it a panic or a read beyond the
// end of a file that was cut short under it.
func guarded(op func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fault{fmt.Sprint(p)}
		}
	}()
	return op()
}

// openFile opens the file, or makes it. With readOnly true, what cannot be opened for writing is opened for reading.
func openFile(ctx context.Context, path string, wait time.Duration, readOnly bool, report *Report) (*file, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		report.Created = true
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: it is no regular file; name another file with store PATH", ErrForeign)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	readable := false
	if err != nil && readOnly && (errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)) {
		report.ReadOnly = err
		readable = true
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, f, wait); err != nil {
		f.Close()
		if errors.Is(err, ErrLocked) {
			err = fmt.Errorf("%w; stop that process, or name another file with store PATH", err)
		}
		return nil, err
	}
	d := &file{os: f, readOnly: readable, why: report.ReadOnly, index: newIndex(), next: 1}
	if err := d.open(path, report); err != nil {
		_, damaged := errors.AsType[*damagedError](err)
		_, panicked := errors.AsType[fault](err)
		if !damaged && (panicked || d.close() != nil) {
			d.abandon()
		}
		return nil, err
	}
	return d, nil
}

// inPlace reports whether a file is still the one at the path.
func inPlace(have fs.FileInfo, path string) bool {
	there, err := os.Stat(path)
	return err == nil && os.SameFile(have, there)
}

// open looks at a file whose lock is held and hands it to bbolt.
func (d *file) open(path string, report *Report) error {
	info, err := d.os.Stat()
	switch {
	case err != nil:
		return err
	case !inPlace(info, path): // whoever had the lock put another in its place
		return errRemoved
	}
	// A file without anything in it has nothing to lose; bbolt makes a database of it.
	if info.Size() > 0 {
		m, err := openImage(d.os, info.Size())
		switch {
		case errors.Is(err, errBoltVersion):
			return fmt.Errorf("%w; move it away, or name another file with store PATH", ErrFormat)
		case err != nil:
			return fmt.Errorf("%w; move it away, or name another file with store PATH", ErrForeign)
		}
		if err := m.check(); err != nil {
			return &damagedError{err, m, d.os}
		}
	}
	if err := d.start(path); err != nil {
		return err
	}
	return guarded(func() error { return d.read(report) })
}

// start hands the file to bbolt.
func (d *file) start(path string) error {
	return guarded(func() (err error) {
		d.bolt, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout:         time.Second, // the lock is held already
			ReadOnly:        d.readOnly,
			PreLoadFreelist: true,
			FreelistType:    bolt.FreelistMapType,
			InitialMmapSize: mapSize(),
			OpenFile:        func(string, int, os.FileMode) (*os.File, error) { return d.os, nil },
		})
		if err == nil {
			d.bolt.AllocSize = growth
		}
		return err
	})
}

// mapSize is room in the address space, so that a reader does not keep a writer from making the file larger.
func mapSize() int {
	if strconv.IntSize < 64 || runtime.GOOS == "windows" { // where the file would get that size
		return 0
	}
	return 1 << 30
}

// growth is how much the file grows at a time.
const growth = 2 << 20

// read checks the format and reads the index.
func (d *file) read(report *Report) error {
	err := d.bolt.View(func(tx *bolt.Tx) error {
		about := tx.Bucket(bucketAbout)
		if about == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return fmt.Errorf("%w, but another program's database; move it away, or name another file with store PATH", ErrForeign)
			}
			return errEmpty
		}
		have := string(about.Get(keyFormat))
		if have != strconv.Itoa(format) {
			return fmt.Errorf("%w (%q, and this Concord knows %d); start the Concord that wrote it, or move the file away: "+
				"zones are then fetched again", ErrFormat, have, format)
		}
		pages, zones := tx.Bucket(bucketPages), tx.Bucket(bucketZones)
		if pages == nil || zones == nil {
			return fault{"a bucket is missing"}
		}
		return d.readIndex(pages, zones, report)
	})
	if errors.Is(err, errEmpty) && !d.readOnly {
		return d.bolt.Update(prepare)
	}
	return err
}

var errEmpty = errors.New("nothing is in it")

// prepare makes the buckets.
func prepare(tx *bolt.Tx) error {
	about, err := tx.CreateBucketIfNotExists(bucketAbout)
	if err != nil {
		return err
	}
	for _, name := range [][]byte{bucketPages, bucketZones} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return about.Put(keyFormat, []byte(strconv.Itoa(format)))
}

func (d *file) readIndex(pages, zones *bolt.Bucket, report *Report) error {
	x := d.index
	for c, k, v := first(pages); k != nil; k, v = c.Next() {
		if len(k) != pageKey || len(v) <= pageHash {
			report.Damage = append(report.Damage, fault{fmt.Sprintf("page %x has %d octets", k, len(v))})
			continue
		}
		id := binary.BigEndian.Uint64(k)
		d.next = max(d.next, id+1)
		x.pages[zone.Hash(v[:pageHash])] = place{id: id, size: uint32(len(v) - pageHash)}
		x.bytes += int64(len(v) - pageHash)
	}
	for c, k, v := first(zones); k != nil; k, v = c.Next() {
		r, err := decodeRecord(v)
		if errors.Is(err, errLater) {
			return fmt.Errorf("%w: zone %s: %w", ErrFormat, k, err)
		}
		if err != nil {
			report.Damage = append(report.Damage, fmt.Errorf("zone %s: %w; it is fetched again", k, err))
			continue
		}
		d.commit = max(d.commit, r.commit)
		x.zones[string(k)] = r.roots
	}
	return nil
}

func first(b *bolt.Bucket) (*bolt.Cursor, []byte, []byte) {
	c := b.Cursor()
	k, v := c.First()
	return c, k, v
}

// create makes an empty store, whole or not at all: whatever stands at the path had its time on the disk.
func create(path string) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	name := temp.Name()
	defer os.Remove(name)
	temp.Close()
	db, err := bolt.Open(name, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	err = db.Update(prepare)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(name, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// A file system without links.
		if _, err := os.Lstat(path); err == nil {
			return fs.ErrExist
		}
		if err := os.Rename(name, path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// syncDir makes names in a directory durable. Where a directory cannot be synced, nobody can do more.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}

// close ends the use of the file.
func (d *file) close() error {
	if d.bolt == nil {
		return d.os.Close()
	}
	return guarded(d.bolt.Close)
}

// abandon frees the lock of a file that bbolt may be stuck with. What bbolt has mapped stays mapped.
func (d *file) abandon() {
	unlock(d.os)
	d.os.Close()
}

// damagedError is of a file of Concord's whose structure is damaged.
type damagedError struct {
	err   error
	image *image
	os    *os.File // open, and locked
}

func (e *damagedError) Error() string { return e.err.Error() }
func (e *damagedError) Unwrap() error { return e.err }
