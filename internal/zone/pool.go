package zone

import (
	"crypto/sha256"
	"sync"
)

// A Pool interns pages: Builders that share a Pool share the memory of equal pages, so that the same zone from several
// primaries costs one copy and the differences. It is safe for concurrent use. It keeps every page that it has seen, so it
// should live as long as one round of transfers and no longer.
type Pool struct {
	mu    sync.Mutex // guards pages
	pages map[Hash]page
}

// NewPool returns a Pool that knows the pages of the base versions; nil versions are passed over.
func NewPool(base ...*Version) *Pool {
	p := &Pool{pages: make(map[Hash]page)}
	for _, v := range base {
		if v != nil {
			p.learn(v.names.below)
			p.learn(v.nsec3.below)
		}
	}
	return p
}

func (p *Pool) learn(b *branch) {
	if b == nil {
		return
	}
	for i := range b.kids {
		if c := &b.kids[i]; c.below != nil {
			p.learn(c.below)
		} else {
			p.pages[c.hash] = c.page
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
