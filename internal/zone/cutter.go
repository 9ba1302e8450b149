package zone

import (
	"bytes"
	"encoding/binary"
)

// Where a group of items ends is decided before each next item: never below the floor, always at the cap, and in between
// where the hash of the item's first key has its low bits zero. The decision depends on nothing but the group that is
// open and that key, so two sequences that share a run of items share the groups within it.
const (
	minPageNames    = 8
	maxPageNames    = 96
	pageMask        = 1<<4 - 1 // one name in 16 begins a page: 24 names a page on average
	maxPageData     = 16 << 10 // from this many octets of data on a page takes no further name
	minBranchKids   = 16
	maxBranchKids   = 256
	branchBits      = 5 // one child in 32 begins a branch: 48 children a branch on average
	firstBranchBits = 4 // the bits below it decided about pages
)

func cutsPage(names, data int, key Key) bool {
	return names >= maxPageNames || data >= maxPageData || names >= minPageNames && keyHash(key)&pageMask == 0
}

func cutsBranch(level, kids int, key Key) bool {
	if kids >= maxBranchKids {
		return true
	}
	shift := (firstBranchBits + branchBits*(level-1)) & 63
	return kids >= minBranchKids && keyHash(key)>>shift&(1<<branchBits-1) == 0
}

// keyHash is FNV-1a with the finaliser of MurmurHash3. It need not withstand an attacker: names chosen to make it useless
// still get pages and branches between floor and cap.
func keyHash(key Key) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range key {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// A cutter makes a tree of names that arrive in canonical order. Beside single names it takes whole pages and branches of an
// older tree, which it reuses as they are where the groups fall alike:
//
//	name ──── open page ── page ── open branch of level 1 ── branch ── open branch of level 2 ── … ── root
//	whole page ──────────────┘                                  │
//	whole branch ───────────────────────────────────────────────┘
//
// A group that was taken whole is held back until what comes next shows whether its end still is one: if not, it is
// taken apart again. What the cutter makes is the same either way.
type cutter struct {
	pool *Pool
	cut  cutState

	// The open page.
	keys    []byte
	keyEnds []int
	infos   []byte
	data    []byte
	ends    []int
	sum     summary

	// open[i] are the children of the open branch of level i+1.
	open [][]child

	// A page or branch taken whole and held back; the open page, and the open branches up to its level, are empty meanwhile.
	held *child

	scratch []byte
}

// cutState is the topmost cut at or above the names that come next.
type cutState struct {
	key    []byte
	depth  int
	active bool
}

func (s *cutState) set(key Key, depth int) {
	s.key = append(s.key[:0], key...)
	s.depth = depth
	s.active = true
}

// enter moves on to key and returns the depth of the cut at or above it, -1 for none.
func (s *cutState) enter(key Key, flags byte) int {
	if s.active && bytes.HasPrefix(key, s.key) {
		return s.depth
	}
	s.active = false
	if flags == 0 {
		return -1
	}
	labels := key.Labels()
	s.set(key, labels)
	if flags&flagDelegation == 0 {
		return -1 // the owner of a DNAME is not below itself
	}
	return labels
}

// name takes the next name with its RRsets as nameSet packs them.
func (c *cutter) name(key Key, p packed, rrsets []byte) {
	c.settle(key)
	if len(c.ends) > 0 && cutsPage(len(c.ends), len(c.data), key) {
		c.closePage()
	}
	if len(key) == 0 {
		p.flags &^= flagDelegation
	}
	depth := c.cut.enter(key, p.flags)
	c.keys = append(c.keys, key...)
	c.keyEnds = append(c.keyEnds, len(c.keys))
	c.infos = append(c.infos, byte(depth+1), p.flags)
	c.data = append(c.data, rrsets...)
	c.ends = append(c.ends, len(c.data))
	c.sum.names++
	c.sum.records += uint32(p.records)
	if hasWildcard(key) {
		c.sum.wildcards++
	}
}

var (
	wildcardLabel = []byte("*\x00")
	innerWildcard = []byte("\x00*\x00")
)

// hasWildcard reports whether any label of the name is "*".
func hasWildcard(key Key) bool {
	i := bytes.IndexByte(key, '*')
	return i >= 0 && (bytes.HasPrefix(key, wildcardLabel) || bytes.Contains(key[max(i-1, 0):], innerWildcard))
}

// take takes a whole page (level 0) or branch of an older tree. It returns false, and has taken nothing, where the groups
// that are open do not end before it: its parts have to be taken one by one then.
func (c *cutter) take(k *child, level int) bool {
	c.settle(k.first)
	if len(c.ends) > 0 {
		if !cutsPage(len(c.ends), len(c.data), k.first) {
			return false
		}
		c.closePage()
	}
	for l := 1; l <= level; l++ {
		if n := c.kids(l); n > 0 {
			if !cutsBranch(l, n, k.first) {
				return false
			}
			c.closeBranch(l)
		}
	}
	c.held = k
	return true
}

// takeMore takes the children of b after the one at i, which was just taken, and before end, if what is open began
// where b did: they are cut there as they were. It returns how many it took.
func (c *cutter) takeMore(b *branch, i, end int) int {
	if end <= i+1 || c.kids(b.level) != i {
		return 0
	}
	c.grow(b.level)
	if c.open[b.level-1] == nil {
		c.open[b.level-1] = make([]child, 0, len(b.kids)+2) // what changes rarely adds more
	}
	c.open[b.level-1] = append(c.open[b.level-1], b.kids[i:end-1]...)
	c.held = &b.kids[end-1]
	return end - 1 - i
}

// settle decides about the group that is held back, now that the key of the next item is known.
func (c *cutter) settle(next Key) {
	k := c.held
	if k == nil {
		return
	}
	c.held = nil
	if k.ends(next) {
		c.push(k.level()+1, *k)
		return
	}
	// Its right edge is open again: all but the last child at each level, and the names of the last page.
	for k.below != nil {
		l, kids := k.below.level, k.below.kids
		c.grow(l)
		c.open[l-1] = append(c.open[l-1], kids[:len(kids)-1]...)
		k = &kids[len(kids)-1]
	}
	if k.ends(next) {
		c.push(1, *k)
		return
	}
	c.sum = k.sum
	for i := range k.page.count() {
		c.keys = k.page.appendKey(c.keys, i)
		c.keyEnds = append(c.keyEnds, len(c.keys))
		info := k.page.info(i)
		c.infos = append(c.infos, byte(info.depth+1), info.flags)
		c.data = append(c.data, k.page.name(i)...)
		c.ends = append(c.ends, len(c.data))
	}
}

// level returns 0 for a page.
func (k *child) level() int {
	if k.below == nil {
		return 0
	}
	return k.below.level
}

// ends reports whether the page or branch, and all groups on its right edge, end where the next item has the key next.
func (k *child) ends(next Key) bool {
	for k.below != nil {
		if !cutsBranch(k.below.level, len(k.below.kids), next) {
			return false
		}
		k = &k.below.kids[len(k.below.kids)-1]
	}
	return cutsPage(k.page.count(), k.page.dataSize(), next)
}

// closePage ends the open page and hands it to the first level.
func (c *cutter) closePage() {
	c.scratch = c.encodePage(c.scratch[:0])
	hash, p := c.pool.intern(c.scratch)
	c.sum.pages, c.sum.bytes = 1, uint64(len(p))
	done := child{first: p.first(), hash: hash, sum: c.sum, page: p}
	c.keys, c.keyEnds, c.infos, c.data, c.ends, c.sum = c.keys[:0], c.keyEnds[:0], c.infos[:0], c.data[:0], c.ends[:0], summary{}
	c.push(1, done)
}

func (c *cutter) kids(level int) int {
	if level > len(c.open) {
		return 0
	}
	return len(c.open[level-1])
}

func (c *cutter) grow(level int) {
	for len(c.open) < level {
		c.open = append(c.open, nil)
	}
}

// push adds a finished child to the open branch of a level, after ending that branch if it ends before the child.
func (c *cutter) push(level int, k child) {
	c.grow(level)
	if n := c.kids(level); n > 0 && cutsBranch(level, n, k.first) {
		c.closeBranch(level)
	}
	c.open[level-1] = append(c.open[level-1], k)
}

func (c *cutter) closeBranch(level int) {
	c.push(level+1, c.branch(level))
}

// branch makes the branch over the open children of a level, and leaves none open there.
func (c *cutter) branch(level int) child {
	var hash Hash
	kids := c.open[level-1]
	hash, c.scratch = branchHash(level, kids, c.scratch)
	b := c.pool.branch(hash, level, kids)
	if len(b.kids) > 0 && &b.kids[0] == &kids[0] {
		c.open[level-1] = nil // it is the branch's now
	} else {
		c.open[level-1] = kids[:0]
	}
	return b.over(hash)
}

// finish ends all that is open and returns the tree.
func (c *cutter) finish() tree {
	if k := c.held; k != nil {
		c.held = nil
		c.push(k.level()+1, *k)
	}
	if len(c.ends) > 0 {
		c.closePage()
	}
	for level := 1; level <= len(c.open); level++ {
		kids := c.open[level-1]
		if level == c.top() {
			if level == 1 || len(kids) > 1 {
				return tree{c.branch(level)}
			}
			// A single child needs no branch above it.
			top := kids[0]
			for top.level() > 1 && len(top.below.kids) == 1 {
				top = top.below.kids[0]
			}
			return tree{top}
		}
		if len(kids) > 0 {
			c.closeBranch(level)
		}
	}
	return tree{}
}

// top returns the highest level that has children.
func (c *cutter) top() int {
	top := len(c.open)
	for top > 0 && len(c.open[top-1]) == 0 {
		top--
	}
	return top
}

func (c *cutter) encodePage(dst []byte) []byte {
	n := len(c.ends)
	lastStart := 0
	if n > 1 {
		lastStart = c.keyEnds[n-2]
	}
	shared := commonPrefix(c.keys[:c.keyEnds[0]], c.keys[lastStart:])
	dst = append(dst, pageKind, byte(n))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(shared))
	for i, end := range c.keyEnds {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(end-(i+1)*shared))
	}
	dst = append(dst, c.infos...)
	for _, end := range c.ends {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(end))
	}
	dst = append(dst, c.keys[:shared]...)
	start := 0
	for _, end := range c.keyEnds {
		dst = append(dst, c.keys[start+shared:end]...)
		start = end
	}
	return append(dst, c.data...)
}
