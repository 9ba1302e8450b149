package zone

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Load returns the version with a root, of nodes that [Version.Nodes] gave. get returns the octets of a node by its hash;
// they need to be valid until it is called again, for what is kept is copied. What the pool has is shared, and a branch of it
// not read again; the pool has versions of the same zone only, and may be nil.
//
// Nothing is taken on trust: a node must have its hash, and be one that a [Builder] could have made, to the last octet. So a
// version that was loaded is as good as one that was built, whoever wrote what get returns. An error is or wraps a
// [*NodeError], which names the node.
func Load(root Hash, get func(Hash) ([]byte, error), pool *Pool) (*Version, error) {
	l := loader{get: get, pool: pool}
	text, err := l.read(root)
	if err != nil {
		return nil, err
	}
	apex, nameRoot, nsec3Root, err := splitRoot(text)
	if err != nil {
		return nil, &NodeError{root, err}
	}
	l.check.apex = bytes.Clone(apex)
	names, err := l.tree(nameRoot)
	if err != nil {
		return nil, err
	}
	l.check.nsec3 = true
	nsec3, err := l.tree(nsec3Root)
	if err != nil {
		return nil, err
	}
	v, err := newVersion(l.check.apex, names, nsec3)
	if err != nil {
		return nil, &NodeError{root, err}
	}
	return v, nil
}

// A NodeError says which page, branch or root of a version is missing or damaged.
type NodeError struct {
	Hash Hash // what it should have
	Err  error
}

// Error returns what is wrong in one line.
func (e *NodeError) Error() string { return "page " + e.Hash.String() + ": " + e.Err.Error() }

// Unwrap returns what is wrong without the page.
func (e *NodeError) Unwrap() error { return e.Err }

// A loader reads one version from left to right.
type loader struct {
	get   func(Hash) ([]byte, error)
	pool  *Pool
	check pageCheck
	last  page // the page before; nil at the start of a tree
	key   Key  // its last key
}

// read returns a node that has its hash.
func (l *loader) read(hash Hash) ([]byte, error) {
	text, err := l.get(hash)
	if err == nil {
		if have := Hash(sha256.Sum256(text)); have != hash {
			err = fmt.Errorf("its octets are damaged: their hash is %s", have.Short())
		}
	}
	if err != nil {
		return nil, &NodeError{hash, err}
	}
	return text, nil
}

func (l *loader) tree(hash Hash) (tree, error) {
	l.last = nil
	if hash == (Hash{}) {
		return tree{}, nil
	}
	k, err := l.branch(hash, 0)
	if err != nil {
		return tree{}, err
	}
	if k.below.level > 1 && len(k.below.kids) == 1 {
		return tree{}, &NodeError{hash, fmt.Errorf("a topmost branch of a single child")}
	}
	return tree{k}, nil
}

// branch reads a branch with what lies below it. Level 0 stands for any, as the topmost may have.
func (l *loader) branch(hash Hash, level int) (child, error) {
	if b := l.pool.knownBranch(hash); b != nil && (level == 0 || b.level == level) {
		k := b.over(hash)
		return k, l.follow(&k)
	}
	text, err := l.read(hash)
	if err != nil {
		return child{}, err
	}
	has, hashes, err := splitBranch(text)
	if err == nil && level != 0 && has != level {
		err = fmt.Errorf("a branch of level %d where one of level %d belongs", has, level)
	}
	if err != nil {
		return child{}, &NodeError{hash, err}
	}
	hashes = bytes.Clone(hashes)
	kids := make([]child, 0, len(hashes)/sha256.Size)
	for ; len(hashes) > 0; hashes = hashes[sha256.Size:] {
		var k child
		if has == 1 {
			k, err = l.page(Hash(hashes[:sha256.Size]))
		} else {
			k, err = l.branch(Hash(hashes[:sha256.Size]), has-1)
		}
		if err != nil {
			return child{}, err
		}
		if n := len(kids); n > 0 && (!kids[n-1].ends(k.first) || cutsBranch(has, n, k.first)) {
			return child{}, &NodeError{hash, errCut}
		}
		kids = append(kids, k)
	}
	b := l.pool.branch(hash, has, kids)
	return b.over(hash), nil
}

var errCut = fmt.Errorf("it does not end where its names say")

func (l *loader) page(hash Hash) (child, error) {
	text, err := l.get(hash)
	if err != nil {
		return child{}, &NodeError{hash, err}
	}
	k := child{hash: hash}
	if p := l.pool.knownPage(hash, text); p != nil { // it was checked when it came into the pool
		k.page, k.first = p, p.first()
		k.sum = p.summary()
		return k, l.follow(&k)
	}
	if have := Hash(sha256.Sum256(text)); have != hash {
		return child{}, &NodeError{hash, fmt.Errorf("its octets are damaged: their hash is %s", have.Short())}
	}
	if k.sum, err = l.check.page(text); err != nil {
		return child{}, &NodeError{hash, err}
	}
	k.page = append(page(nil), text...)
	k.first = k.page.first()
	l.pool.learnPage(hash, k.page)
	return k, l.follow(&k)
}

// follow checks that a page, or a branch that the pool had, may come after the page before it, and makes its last page
// the one before what comes next.
func (l *loader) follow(k *child) error {
	first := tree{*k}.firstPage()
	node := Node{first, 0}
	// What the pool had was of one tree as a whole, but maybe of the other.
	if it := node.RRsets(); k.below != nil || l.pool != nil {
		if set, _ := it.Next(); inNSEC3(set.Type, set.First()) != l.check.nsec3 {
			return &NodeError{k.hash, errTree}
		}
	}
	depth := first.info(0).depth
	above := depth >= 0 && depth < k.first.Labels() // says that a name above it is a cut
	if l.last != nil {
		if bytes.Compare(l.key, k.first) >= 0 {
			return &NodeError{k.hash, errOrder}
		}
		var cut cutState
		cut.after(l.last.info(l.last.count()-1), l.key)
		if cut.active && bytes.HasPrefix(k.first, cut.key) {
			if !above || depth != cut.depth {
				return &NodeError{k.hash, errDepth}
			}
			above = false
		}
	}
	if above {
		return &NodeError{k.hash, errDepth}
	}
	l.last = k.page
	if k.below != nil {
		l.last = tree{*k}.last()
	}
	l.key = l.last.appendKey(l.key[:0], l.last.count()-1)
	return nil
}

// after sets the state as it is behind a name.
func (s *cutState) after(info nameInfo, key Key) {
	switch {
	case info.depth >= 0:
		s.set(key.First(info.depth), info.depth)
	case info.flags&flagDNAME != 0:
		s.set(key, key.Labels())
	default:
		s.active = false
	}
}

// firstPage returns the first page of a tree that is not empty, or the page that it consists of.
func (t tree) firstPage() page {
	k := &t.child
	for k.below != nil {
		k = &k.below.kids[0]
	}
	return k.page
}

// summary counts what a page holds.
func (p page) summary() summary {
	s := summary{pages: 1, names: uint32(p.count()), bytes: uint64(len(p))}
	var buf [MaxKey]byte
	for i := range p.count() {
		s.records += uint32(Node{p, i}.records())
		if hasWildcard(p.appendKey(buf[:0], i)) {
			s.wildcards++
		}
	}
	return s
}

func (p *Pool) knownBranch(hash Hash) *branch {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.branches[hash]
}

// knownPage returns the page with these octets, of which nothing has been checked, if it has the hash.
func (p *Pool) knownPage(hash Hash, text []byte) page {
	first, ok := firstOf(text)
	if p == nil || !ok {
		return nil
	}
	if has, known := p.known(p.keyHash(first), text); has == hash {
		return known
	}
	return nil
}

// learnPage keeps a page that was checked.
func (p *Pool) learnPage(hash Hash, fresh page) {
	if p == nil {
		return
	}
	quick := p.keyHash(fresh.first())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.find(quick, fresh) == nil {
		p.add(quick, hash, fresh)
	}
}

// firstOf returns the first key of what may be a page.
func firstOf(text []byte) (Key, bool) {
	p := page(text)
	if len(p) < pageHeader || p.count() == 0 || len(p) < pageHeader+pageEntry*p.count() {
		return nil, false
	}
	shared, area := p.keys()
	end := area + p.keyEnd(0)
	if end > len(p) {
		return nil, false
	}
	return Key(p[shared:end]), true
}
