package parity

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/concord-dns/concord/internal/zone"
)

// Content is what a version holds as far as a comparison looks at it.
//
// Where something is left out, the hash of the version says too much, and
// pages cannot tell either, since what is left out lies in the same pages. The
// root is then a sum: of a keyed hash of each RRset that is compared, modulo
// 2^256. The sum does not depend on the order, and what is added to or taken
// from a version is added to or taken from the sum. The key keeps a primary
// from choosing records whose hashes add up to those of others.
type Content struct {
	// Root is the same for the same content. Roots of different Comparisons
	// have nothing to do with each other, nor have those of two processes. The
	// zero Root stands for that of the version itself.
	Root zone.Hash
	// Aside and Ignored are how many records were left out: by the comparison,
	// and by what the operator ignores.
	Aside, Ignored int

	sum sum
	of  *Comparison
}

// Known is a version with its content.
type Known struct {
	Version *zone.Version
	Content Content
}

// Content returns the content of v. With versions that differ little from v,
// the likeliest first, it costs as much as the difference.
func (c *Comparison) Content(v *zone.Version, near ...Known) Content {
	if c.whole() {
		return Content{Root: v.Root()}
	}
	for _, k := range near {
		if k.Version == nil || k.Content.of != c {
			continue
		}
		if content, ok := c.from(k, v); ok {
			return content
		}
	}
	n := Content{of: c}
	var h hasher
	var key zone.Key
	add := func(node zone.Node) {
		key = node.AppendKey(key[:0])
		for it := node.RRsets(); ; {
			s, ok := it.Next()
			if !ok {
				return
			}
			n.add(&h, key, s)
		}
	}
	for node := range v.Walk() {
		add(node)
	}
	for node := range v.WalkNSEC3() {
		add(node)
	}
	n.close()
	return n
}

// leastDifference is how many RRsets may always be looked at to come from one
// version to another.
const leastDifference = 1000

// from returns the content of v by its difference from another version. ok is
// false if they have so little in common that a pass over v costs less.
func (c *Comparison) from(k Known, v *zone.Version) (n Content, ok bool) {
	n = k.Content
	if k.Version.Root() == v.Root() {
		return n, true
	}
	var h hasher
	most := max(leastDifference, v.Names()/4)
	seen := 0
	for change := range zone.Changes(k.Version, v) {
		if seen++; seen > most {
			return Content{}, false
		}
		n.take(&h, change.Owner, change.Before)
		n.add(&h, change.Owner, change.After)
	}
	n.close()
	return n, true
}

func (n *Content) add(h *hasher, owner zone.Key, s zone.RRset) {
	if s.Count > 0 && n.counted(owner, s, s.Count) {
		n.sum.add(sha256.Sum256(h.write(&n.of.secret, owner, s)))
	}
}

func (n *Content) take(h *hasher, owner zone.Key, s zone.RRset) {
	if s.Count > 0 && n.counted(owner, s, -s.Count) {
		n.sum.take(sha256.Sum256(h.write(&n.of.secret, owner, s)))
	}
}

// counted counts an RRset that is left out, and reports whether it is compared.
func (n *Content) counted(owner zone.Key, s zone.RRset, records int) bool {
	switch n.of.part(owner, s.Type, s.Covered()) {
	case Aside:
		n.Aside += records
	case Ignored:
		n.Ignored += records
	default:
		return true
	}
	return false
}

// close makes the root of the sum, which is never shown itself.
func (n *Content) close() {
	text := append([]byte("concord content 1\x00"), n.of.secret[:]...)
	for _, word := range n.sum {
		text = binary.BigEndian.AppendUint64(text, word)
	}
	n.Root = sha256.Sum256(text)
}

// sum is a number modulo 2^256, its lowest word first.
type sum [4]uint64

func (s *sum) add(h zone.Hash) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], binary.LittleEndian.Uint64(h[8*i:]), carry)
	}
}

func (s *sum) take(h zone.Hash) {
	var borrow uint64
	for i := range s {
		s[i], borrow = bits.Sub64(s[i], binary.LittleEndian.Uint64(h[8*i:]), borrow)
	}
}

// contentRoot is the root that stands for a version: that of its content or,
// of one that has none, its own.
func contentRoot(v *zone.Version, c *Content) zone.Hash {
	if c.Root == (zone.Hash{}) {
		return v.Root()
	}
	return c.Root
}
