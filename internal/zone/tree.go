package zone

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sort"
)

// Hash is the SHA-256 of a page, of a branch, or of a whole version (its root).
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first eight hexadecimal digits, for people.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// A tree is an ordered, hashed set of names: its topmost branch. The zero tree is empty.
type tree struct{ child }

// A branch is an inner node. Level 1 has pages below it, level n branches of level n-1.
type branch struct {
	level int
	kids  []child
	// heads are the eight octets of each child's first key that follow the prefix common to them all, so that a search
	// among the children stays within a few cache lines.
	heads  []uint64
	prefix Key // what the first keys of all children begin with
}

// A child is what a branch knows of a page or branch below it.
type child struct {
	first Key // its first key; shares the page's memory
	hash  Hash
	sum   summary
	page  page    // at level 1
	below *branch // above level 1
}

// summary adds up what lies below a child.
type summary struct {
	pages, names, records uint32
	wildcards             uint32 // names with a label "*", wherever in the name
	bytes                 uint64
}

func (s *summary) add(t summary) {
	s.pages += t.pages
	s.names += t.names
	s.records += t.records
	s.wildcards += t.wildcards
	s.bytes += t.bytes
}

// branchKind is the first octet of what is hashed for a branch; its level is added to it.
const branchKind = 0x80

// branchHash returns the hash of the branch over kids. It needs scratch memory, which it returns for the next one.
func branchHash(level int, kids []child, scratch []byte) (Hash, []byte) {
	scratch = appendBranch(scratch[:0], level, kids)
	return sha256.Sum256(scratch), scratch
}

// newBranch makes the branch over kids, which it keeps if they waste little memory and copies if not.
func newBranch(level int, kids []child) *branch {
	if cap(kids) > len(kids)+len(kids)/8 {
		kids = slices.Clone(kids)
	}
	b := &branch{level: level, kids: kids, heads: make([]uint64, len(kids))}
	first := kids[0].first
	b.prefix = slices.Clone(first[:commonPrefix(first, kids[len(kids)-1].first)])
	for i := range kids {
		b.heads[i] = head(kids[i].first[len(b.prefix):])
	}
	return b
}

// over returns the child that stands for b in the branch above.
func (b *branch) over(hash Hash) child {
	c := child{first: b.kids[0].first, hash: hash, below: b}
	for i := range b.kids {
		c.sum.add(b.kids[i].sum)
	}
	return c
}

// head returns the first eight octets of key as an integer that orders as they do, short keys padded with zeros.
func head(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var h uint64
	for i, c := range key {
		h |= uint64(c) << (56 - 8*i)
	}
	return h
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// search returns the index of the last child whose first key is not after key, or -1.
func (b *branch) search(key Key) int {
	if !bytes.HasPrefix(key, b.prefix) {
		if bytes.Compare(key, b.prefix) < 0 {
			return -1
		}
		return len(b.kids) - 1
	}
	h := head(key[len(b.prefix):])
	lo, hi := 0, len(b.heads) // heads before lo are < h, heads from hi on are >= h
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if b.heads[mid] < h {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(b.heads) || b.heads[lo] != h {
		return lo - 1
	}
	// The head is not enough to decide among the children that share it.
	end := lo + 1
	for end < len(b.heads) && b.heads[end] == h {
		end++
	}
	return lo - 1 + sort.Search(end-lo, func(i int) bool { return bytes.Compare(b.kids[lo+i].first, key) > 0 })
}

// seek returns the page in which key is or would be, and the first key of the page after it (nil: there is none). The page
// is nil when the tree is empty or the key is before its first name.
func (t tree) seek(key Key) (p page, next Key) {
	for b := t.below; b != nil; {
		i := b.search(key)
		if i < 0 {
			return nil, b.kids[0].first
		}
		if i+1 < len(b.kids) {
			next = b.kids[i+1].first
		}
		c := &b.kids[i]
		if c.below == nil {
			return c.page, next
		}
		b = c.below
	}
	return nil, nil
}

// last returns the last page of the tree, nil when it is empty.
func (t tree) last() page {
	for b := t.below; b != nil; {
		c := &b.kids[len(b.kids)-1]
		if c.below == nil {
			return c.page
		}
		b = c.below
	}
	return nil
}
