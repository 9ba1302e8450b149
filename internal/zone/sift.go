package zone

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// A Sift goes through the names of a version faster than Walk where most of them are plain: they own nothing but RRsets of a few
// types, of which all that is wanted is how many records there are. These it counts, page by page, and yields the others.
type Sift struct {
	Plain   Types // a name with nothing else is plain,
	Except  Key   // unless it is at or below this name; empty: wherever it is
	Counted Types // whose records are counted

	// Names and Records are how many plain names there were, and records of the counted types at them.
	Names, Records int
}

// Types are types below 512.
type Types [8]uint64

// TypesOf returns a set of types.
func TypesOf(list ...uint16) (t Types) {
	for _, typ := range list {
		t[typ/64] |= 1 << (typ % 64)
	}
	return t
}

func (t *Types) has(typ uint) bool { return typ < 64*uint(len(t)) && t[typ/64]>>(typ%64)&1 != 0 }

// siftPause is after how many pages a Sift yields a zero Node.
const siftPause = 256

// Walk yields the names that are not plain in canonical order, without those of NSEC3 records, and between them a zero Node now and
// then, so that nobody who wants to end it waits for long.
func (s *Sift) Walk(v *Version) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if v.names.below != nil {
			pages := 0
			s.branch(v.names.below, &pages, yield)
		}
	}
}

func (s *Sift) branch(b *branch, pages *int, yield func(Node) bool) bool {
	for i := range b.kids {
		k := &b.kids[i]
		if k.below != nil {
			if !s.branch(k.below, pages, yield) {
				return false
			}
			continue
		}
		if *pages++; *pages%siftPause == 0 && !yield(Node{}) {
			return false
		}
		if !s.page(k.page, yield) {
			return false
		}
	}
	return true
}

func (s *Sift) page(p page, yield func(Node) bool) bool {
	n := p.count()
	shared, area := p.keys()
	ends := p[pageHeader+4*n : pageHeader+8*n]
	data := p[area+p.keyEnd(n-1):]
	excepted := len(s.Except) > 0 && mayBeBelow(p[shared:area], s.Except)
	start := 0
	for i := range n {
		end := int(binary.LittleEndian.Uint32(ends[4*i:]))
		records, plain := s.plain(data[start:end])
		start = end
		if plain && !(excepted && Node{p, i}.Below(s.Except)) {
			s.Names++
			s.Records += records
		} else if !yield(Node{p, i}) {
			return false
		}
	}
	return true
}

// mayBeBelow reports whether a name whose key begins with a prefix may be at or below the name with the key.
func mayBeBelow(prefix, key []byte) bool {
	return bytes.HasPrefix(prefix, key) || bytes.HasPrefix(key, prefix)
}

// plain reports whether RRsets are all of plain types, and how many records there are of the counted ones. It reads what
// rrsetHeader does, without what is not wanted of it.
func (s *Sift) plain(b []byte) (records int, plain bool) {
	for len(b) > 0 {
		typ, at := uint(b[0]), 1
		if typ >= 0x80 {
			t, n := binary.Uvarint(b)
			typ, at = uint(t), n
		}
		if !s.Plain.has(typ) {
			return 0, false
		}
		for b[at] >= 0x80 { // TTL
			at++
		}
		at++
		count, n := uvarint(b[at:])
		at += n
		size, n := uvarint(b[at:])
		if s.Counted.has(typ) {
			records += int(count)
		}
		b = b[at+n+int(size):]
	}
	return records, true
}
