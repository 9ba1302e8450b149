package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/concord-dns/concord/internal/zone"
)

// Loaded is what the store has of a zone.
type Loaded struct {
	Found bool
	State State
	// Served is the version that is to be served: that of State.Served or, if that is damaged, the newest of the history that is whole.
	Served *zone.Version
	// Versions are all whole versions, by their roots. They share their pages.
	Versions map[zone.Hash]*zone.Version
	// Damage says what was damaged, each with zone and page; empty: nothing was.
	Damage []error
	// Refetch says that Served is not what was served last: the zone is to be fetched again, whole.
	Refetch bool
}

// Load returns what the store has of a zone. An error means that nothing could be read; damage is no error.
func (db *DB) Load(ctx context.Context, name string) (Loaded, error) {
	if db.off {
		return Loaded{}, nil
	}
	if err := db.reading(ctx); err != nil {
		return Loaded{}, err
	}
	defer db.disk.RUnlock()
	if db.file == nil {
		return Loaded{}, &DiskError{db.options.Path, "read zone " + name, errAway}
	}
	l := load{ctx: ctx, file: db.file, name: name}
	err := guarded(func() error { return db.file.bolt.View(l.run) })
	if err != nil {
		return Loaded{}, &DiskError{db.options.Path, "read zone " + name, err}
	}
	for i, err := range l.out.Damage {
		l.out.Damage[i] = fmt.Errorf("store %s: zone %s: %w", db.options.Path, name, err)
	}
	return l.out, nil
}

// A load reads one zone.
type load struct {
	ctx  context.Context
	file *file
	name string
	out  Loaded

	cursor *bolt.Cursor
	at     uint64      // the page at which the cursor stands; 0: at none
	read   []zone.Hash // that were read
}

func (l *load) run(tx *bolt.Tx) error {
	value := tx.Bucket(bucketZones).Get([]byte(l.name))
	if value == nil {
		return nil
	}
	l.out.Found = true
	r, err := decodeRecord(value)
	if err == nil {
		l.out.State, err = r.state(l.name)
	}
	if err != nil {
		l.out.Damage, l.out.Refetch = append(l.out.Damage, err), true
		return nil
	}
	l.cursor = tx.Bucket(bucketPages).Cursor()
	l.out.Versions = make(map[zone.Hash]*zone.Version, len(r.roots))
	pool := zone.NewPool()
	for _, root := range r.roots {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		v, err := zone.Load(root, l.get, pool)
		switch {
		case err == nil && v.Apex().String() != l.name:
			l.out.Damage = append(l.out.Damage, fmt.Errorf("version %s is of zone %s", root.Short(), v.Apex()))
		case err == nil:
			l.out.Versions[root] = v
		default:
			l.out.Damage = append(l.out.Damage, fmt.Errorf("version %s: %w", root.Short(), err))
			if e, ok := errors.AsType[*zone.NodeError](err); ok {
				l.file.index.drop(e.Hash, true)
			}
		}
	}
	l.file.index.vouch(l.read)
	l.choose()
	return nil
}

// choose says which version is to be served.
func (l *load) choose() {
	s := &l.out.State
	if l.out.Served = l.out.Versions[s.Served]; l.out.Served != nil || s.Served == (zone.Hash{}) {
		return
	}
	l.out.Refetch = true
	if len(l.out.Damage) == 0 {
		l.out.Damage = append(l.out.Damage, fmt.Errorf("version %s is missing", s.Served.Short()))
	}
	for i := len(s.History) - 1; i >= 0; i-- {
		if v := l.out.Versions[s.History[i].Root]; v != nil {
			l.out.Served = v
			return
		}
	}
}

var (
	errMissing = errors.New("it is missing")
	errHeader  = errors.New("it is damaged: another stands in its place")
)

// get returns a page. Pages of one version mostly follow each other in the file.
func (l *load) get(h zone.Hash) ([]byte, error) {
	p, ok := l.file.index.find(h)
	if !ok {
		return nil, errMissing
	}
	var k, v []byte
	if l.at != 0 && p.id == l.at+1 {
		k, v = l.cursor.Next()
	}
	if len(k) != pageKey || binary.BigEndian.Uint64(k) != p.id {
		k, v = l.cursor.Seek(appendID(nil, p.id))
	}
	if len(k) != pageKey || binary.BigEndian.Uint64(k) != p.id {
		l.at = 0
		return nil, errMissing
	}
	l.at = p.id
	if len(v) <= pageHash || zone.Hash(v[:pageHash]) != h {
		return nil, errHeader
	}
	l.read = append(l.read, h)
	return v[pageHash:], nil
}
