package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/concord-dns/concord/internal/zone"
)

// A collector finds pages that nothing refers to, and deletes them, a step at a time. It belongs to the writer.
//
//	     enough was written                nothing left to mark           nothing left to delete
//	idle ------------------> marking ---------------------------> sweeping ---------------------> idle
//
// A commit while it marks adds its roots to what is to be marked. One while it sweeps takes its pages off the list.
type collector struct {
	phase  phase
	octets int64 // written since the last round
	marked map[uint64]struct{}
	todo   []zone.Hash
	dead   map[zone.Hash]struct{}
	order  []zone.Hash // the dead, as they lie in the file
}

type phase uint8

const (
	idle phase = iota
	marking
	sweeping
)

const (
	leastGarbage = 1 << 20 // that is worth a round
	markStep     = 256     // branches
	sweepStep    = 256     // pages
	// collectPause is how long a round waits for whoever reads.
	collectPause = 100 * time.Millisecond
)

// wrote counts what may be garbage one day.
func (c *collector) wrote(octets int) { c.octets += int64(octets) }

// add says that roots were committed.
func (c *collector) add(roots []zone.Hash) {
	if c.phase == marking {
		c.todo = append(c.todo, roots...)
	}
}

// keep takes a page off the list of the dead, and reports whether it was on it.
func (c *collector) keep(h zone.Hash) bool {
	if c.phase != sweeping {
		return false
	}
	_, was := c.dead[h]
	delete(c.dead, h)
	return was
}

// condemned reports whether a page is on the list of the dead.
func (c *collector) condemned(h zone.Hash) bool {
	_, dead := c.dead[h]
	return dead
}

// mark remembers a page by eight octets of its hash: where two share them, garbage stays.
func (c *collector) mark(h zone.Hash) (fresh bool) {
	key := binary.LittleEndian.Uint64(h[:])
	_, known := c.marked[key]
	c.marked[key] = struct{}{}
	return !known
}

// collect takes a step, and reports whether another is to follow.
func (db *DB) collect() bool {
	c := &db.collector
	if db.file == nil || db.file.readOnly || db.failed() {
		return false
	}
	// Whoever reads has looked up where pages are.
	if !db.disk.TryLock() {
		return false
	}
	defer db.disk.Unlock()
	x := db.file.index
	switch c.phase {
	case idle:
		if c.octets < max(leastGarbage, x.bytes/16) {
			return false
		}
		c.octets = 0
		c.phase, c.marked, c.todo = marking, make(map[uint64]struct{}, len(x.pages)), x.roots()
	case marking:
		if err := guarded(func() error { return db.file.bolt.View(db.markStep) }); err != nil {
			*c = collector{}
			return false
		}
		if len(c.todo) == 0 {
			db.condemn()
		}
	case sweeping:
		if err := db.sweepStep(); err != nil {
			db.note(&DiskError{db.options.Path, "collect", err})
			db.shut(err)
			*c = collector{}
			return false
		}
	}
	return true
}

// markStep marks what lies below some of the branches that are to be looked at.
func (db *DB) markStep(tx *bolt.Tx) error {
	c := &db.collector
	pages := tx.Bucket(bucketPages)
	for range markStep {
		n := len(c.todo)
		if n == 0 {
			return nil
		}
		h := c.todo[n-1]
		c.todo = c.todo[:n-1]
		p, ok := db.file.index.find(h)
		if !ok || !c.mark(h) {
			continue
		}
		v := pages.Get(appendID(nil, p.id))
		if len(v) <= pageHash {
			continue // damaged: what lies below it can be reached by nobody
		}
		for below, page := range zone.Links(v[pageHash:]) {
			if page {
				c.mark(below)
			} else {
				c.todo = append(c.todo, below)
			}
		}
	}
	return nil
}

// condemn lists what was not marked.
func (db *DB) condemn() {
	c, x := &db.collector, db.file.index
	c.phase, c.dead, c.order = sweeping, make(map[zone.Hash]struct{}), nil
	x.mu.RLock()
	defer x.mu.RUnlock()
	for h := range x.pages {
		if _, ok := c.marked[binary.LittleEndian.Uint64(h[:])]; !ok {
			c.dead[h] = struct{}{}
			c.order = append(c.order, h)
		}
	}
	slices.SortFunc(c.order, func(a, b zone.Hash) int { return cmp.Compare(x.pages[a].id, x.pages[b].id) })
	c.marked = nil
}

// sweepStep deletes some of the dead.
func (db *DB) sweepStep() error {
	c, f := &db.collector, db.file
	n := min(len(c.order), sweepStep)
	if n == 0 {
		c.phase, c.dead = idle, nil
		return nil
	}
	step := c.order[:n]
	c.order = c.order[n:]
	step = slices.DeleteFunc(step, func(h zone.Hash) bool { _, ok := c.dead[h]; return !ok })
	before := f.bolt.Stats()
	err := guarded(func() error {
		return f.bolt.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketPages)
			b.FillPercent = 1
			for _, h := range step {
				if p, ok := f.index.find(h); ok {
					if err := b.Delete(appendID(nil, p.id)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, h := range step {
		f.index.drop(h, false)
		delete(c.dead, h)
	}
	db.collected += uint64(len(step))
	db.count(f, before)
	db.measure()
	return nil
}

func (db *DB) failed() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.failure != nil
}
