package zone

import (
	"bytes"
	"crypto/sha256"
	"hash/maphash"
	"sync"
)

// A Pool interns pages and branches: Builders that share a Pool share the memory of equal ones, so that the same zone from
// several primaries costs one copy and the differences. It is safe for concurrent use. It keeps everything that it has
// seen, so it should live as long as one round of transfers and no longer.
type Pool struct {
	// seed is of a hash that is a tenth of the work of SHA-256: most pages of a transfer are known already.
	seed maphash.Seed

	mu       sync.Mutex // guards what follows
	pages    map[uint64]interned
	branches map[Hash]*branch
}

type interned struct {
	hash Hash
	page page
}

// NewPool returns a Pool that knows the pages and branches of the base versions; nil versions are passed over.
func NewPool(base ...*Version) *Pool {
	p := &Pool{seed: maphash.MakeSeed(), pages: make(map[uint64]interned), branches: make(map[Hash]*branch)}
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
		p.pages[maphash.Bytes(p.seed, c.page)] = interned{c.hash, c.page}
	case c.below != nil && p.branches[c.hash] == nil: // else it was learned from another version
		p.branches[c.hash] = c.below
		for _, kid := range c.below.kids {
			p.learn(kid)
		}
	}
}

// intern returns the hash of the page in scratch, and a page with that content that may be kept.
func (p *Pool) intern(scratch []byte) (Hash, page) {
	if p == nil {
		return sha256.Sum256(scratch), append(page(nil), scratch...)
	}
	quick := maphash.Bytes(p.seed, scratch)
	if known, ok := p.known(quick); ok && bytes.Equal(known.page, scratch) {
		return known.hash, known.page
	}
	fresh := interned{sha256.Sum256(scratch), append(page(nil), scratch...)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.pages[quick]; ok {
		if known.hash == fresh.hash { // another Builder was quicker
			fresh = known
		}
		return fresh.hash, fresh.page // else two pages share the quick hash, and one goes unshared
	}
	p.pages[quick] = fresh
	return fresh.hash, fresh.page
}

func (p *Pool) known(quick uint64) (interned, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.pages[quick]
	return known, ok
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
