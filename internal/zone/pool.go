package zone

import (
	"bytes"
	"crypto/sha256"
	"hash/maphash"
	"sync"
)

// A Pool interns pages and branches: Builders that share a Pool share the memory of equal ones, so that the same zone from
// several primaries costs one copy and the differences. It is safe for concurrent use. It keeps everything that it has
// seen, so it should live as long as one round of transfers and no longer. It is of one zone: pages are found by their first
// names, of which another zone may have the same.
type Pool struct {
	seed maphash.Seed

	mu       sync.Mutex // guards what follows
	pages    []interned
	newest   map[uint64]int32 // by the hash of the first key: the place of its newest page, counted from 1
	branches map[Hash]*branch
}

// interned is a page, and the place of the one before it with the same first key; 0: there is none.
type interned struct {
	hash Hash
	page page
	next int32
}

// NewPool returns a Pool that knows the pages and branches of the base versions; nil versions are passed over.
func NewPool(base ...*Version) *Pool {
	size := 0
	for _, v := range base {
		if v != nil { // what versions share counts once: they are of one zone
			size = max(size, int(v.names.sum.pages+v.nsec3.sum.pages))
		}
	}
	p := &Pool{
		seed: maphash.MakeSeed(), pages: make([]interned, 0, size), newest: make(map[uint64]int32, size), branches: make(map[Hash]*branch),
	}
	for _, v := range base {
		if v != nil {
			p.learn(v.names.child)
			p.learn(v.nsec3.child)
		}
	}
	return p
}

func (p *Pool) learn(c child) {
	switch {
	case c.page != nil:
		p.add(p.keyHash(c.first), c.hash, c.page)
	case c.below != nil && p.branches[c.hash] == nil: // else it was learned from another version
		p.branches[c.hash] = c.below
		for _, kid := range c.below.kids {
			p.learn(kid)
		}
	}
}

func (p *Pool) keyHash(first Key) uint64 { return maphash.Bytes(p.seed, first) }

// find returns the page with these octets. It is called with the lock held.
func (p *Pool) find(quick uint64, text []byte) *interned {
	for at := p.newest[quick]; at != 0; {
		known := &p.pages[at-1]
		if bytes.Equal(known.page, text) {
			return known
		}
		at = known.next
	}
	return nil
}

// add keeps a page that find does not find. It is called with the lock held, or before anybody else has the Pool.
func (p *Pool) add(quick uint64, hash Hash, fresh page) {
	p.pages = append(p.pages, interned{hash, fresh, p.newest[quick]})
	p.newest[quick] = int32(len(p.pages))
}

// intern returns the hash of the page in scratch, and a page with that content that may be kept. SHA-256 is ten times the work
// of finding a page, and most pages of a transfer are known already.
func (p *Pool) intern(scratch []byte) (Hash, page) {
	if p == nil {
		return sha256.Sum256(scratch), append(page(nil), scratch...)
	}
	quick := p.keyHash(page(scratch).first())
	if hash, known := p.known(quick, scratch); known != nil {
		return hash, known
	}
	hash, fresh := Hash(sha256.Sum256(scratch)), append(page(nil), scratch...)
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.find(quick, scratch); known != nil { // another Builder was quicker
		return known.hash, known.page
	}
	p.add(quick, hash, fresh)
	return hash, fresh
}

func (p *Pool) known(quick uint64, text []byte) (Hash, page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.find(quick, text); known != nil {
		return known.hash, known.page
	}
	return Hash{}, nil
}

// branch returns the branch over kids, which has the given hash.
func (p *Pool) branch(hash Hash, level int, kids []child) *branch {
	if p == nil {
		return newBranch(level, kids)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.branches[hash]
	if !ok {
		known = newBranch(level, kids)
		p.branches[hash] = known
	}
	return known
}
