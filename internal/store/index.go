package store

import (
	"sync"

	"github.com/concord-dns/concord/internal/zone"
)

// An index knows under which number each page is in the file, and which roots each zone has there.
type index struct {
	mu    sync.RWMutex // guards what follows; held for a look-up
	pages map[zone.Hash]place
	zones map[string][]zone.Hash
	bytes int64 // octets of all pages
	// hurt says that a page was found damaged: to have a branch does not mean any more to have what is below it.
	hurt bool
}

type place struct {
	id   uint64
	size uint32
	// sound: it was read or written by this process, and had its hash.
	sound bool
}

func newIndex() *index {
	return &index{pages: make(map[zone.Hash]place), zones: make(map[string][]zone.Hash)}
}

func (x *index) find(h zone.Hash) (place, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p, ok := x.pages[h]
	return p, ok
}

func (x *index) isHurt() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.hurt
}

func (x *index) put(h zone.Hash, p place) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old, ok := x.pages[h]; ok {
		x.bytes -= int64(old.size)
	}
	x.pages[h] = p
	x.bytes += int64(p.size)
}

// drop forgets a page. One that was damaged is written again by the next version that has it.
func (x *index) drop(h zone.Hash, damaged bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.hurt = x.hurt || damaged
	if p, ok := x.pages[h]; ok {
		delete(x.pages, h)
		x.bytes -= int64(p.size)
	}
}

// vouch says of pages that they had their hashes.
func (x *index) vouch(list []zone.Hash) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, h := range list {
		if p, ok := x.pages[h]; ok {
			p.sound = true
			x.pages[h] = p
		}
	}
}

func (x *index) setZone(name string, roots []zone.Hash) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.zones[name] = roots
}

func (x *index) dropZone(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.zones, name)
}

// roots returns the roots of all zones.
func (x *index) roots() []zone.Hash {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var list []zone.Hash
	for _, roots := range x.zones {
		list = append(list, roots...)
	}
	return list
}
