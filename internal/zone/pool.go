package zone

import (
	"crypto/sha256"
	"sync"
)

// A Pool interns pages and branches: Builders that share a Pool share the memory of equal ones, so that the same zone from
// several primaries costs one copy and the differences. It is safe for concurrent use. It keeps everything that it has
// seen, so it should live as long as one round of transfers and no longer.
type Pool struct {
	mu       sync.Mutex // guards what follows
	pages    map[Hash]page
	branches map[Hash]*branch
}

// NewPool returns a Pool that knows the pages and branches of the base versions; nil versions are passed over.
func NewPool(base ...*Version) *Pool {
	p := &Pool{pages: make(map[Hash]page), branches: make(map[Hash]*branch)}
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
		p.pages[c.hash] = c.page
	case c.below != nil && p.branches[c.hash] == nil: // else it was learned from another version
		p.branches[c.hash] = c.below
		for _, kid := range c.below.kids {
			p.learn(kid)
		}
	}
}

// intern returns the hash of the page in scratch, and a page with that content that may be kept.
func (p *Pool) intern(scratch []byte) (Hash, page) {
	h := Hash(sha256.Sum256(scratch))
	if p == nil {
		return h, append(page(nil), scratch...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.pages[h]
	if !ok {
		known = append(page(nil), scratch...)
		p.pages[h] = known
	}
	return h, known
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
