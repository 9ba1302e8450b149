package zone

import (
	"bytes"
	"encoding/binary"
)

// A page is a packed run of names in canonical order: the leaf of the tree, and the unit of hashing and sharing.
//
//	octet   kind        pageKind, which also keeps a page's hash apart from a branch's
//	octet   count       names in the page, 1 to maxPageNames
//	uint16  shared      length of the prefix that all keys share
//	uint16  × count     end of each key, in the key area, without the shared prefix
//	2 octets × count    depth and flags of each name
//	uint32  × count     end of each name's data, in the data area
//	        shared prefix, key area, data area
//
// Integers are little-endian. The shared prefix stands right before the first key, so that the whole first key is one
// slice of the page. What a search reads lies together at the front, in few cache lines.
//
// A name's depth is that of the topmost cut at or above the name, as labels below the apex plus one (0: none). With it in
// each name one look at the predecessor of a name tells whether the name is occluded, however deep it is. A name's
// data are its RRsets (see rrset.go).
type page []byte

const (
	pageKind       = 0x00
	pageHeader     = 4
	pageEntry      = 8      // octets of the three arrays for each name
	flagDelegation = 1 << 0 // the name owns NS and is not the apex
	flagDNAME      = 1 << 1 // the name owns DNAME
)

func (p page) count() int { return int(p[1]) }

func (p page) sharedLen() int { return int(binary.LittleEndian.Uint16(p[2:])) }

// keys returns the offset of the shared prefix, and that of the key area behind it.
func (p page) keys() (shared, area int) {
	shared = pageHeader + pageEntry*p.count()
	return shared, shared + p.sharedLen()
}

func (p page) keyEnd(i int) int {
	return int(binary.LittleEndian.Uint16(p[pageHeader+2*i:]))
}

func (p page) dataEnd(i int) int {
	return int(binary.LittleEndian.Uint32(p[pageHeader+4*p.count()+4*i:]))
}

// info returns the depth and flags of name i.
func (p page) info(i int) nameInfo {
	at := pageHeader + 2*p.count() + 2*i
	return nameInfo{depth: int(p[at]) - 1, flags: p[at+1]}
}

// dataSize returns the octets of the data area.
func (p page) dataSize() int { return p.dataEnd(p.count() - 1) }

// first returns the first key, as a slice of the page.
func (p page) first() Key {
	shared, area := p.keys()
	return Key(p[shared : area+p.keyEnd(0)])
}

// suffix returns key i without the shared prefix.
func (p page) suffix(i int) []byte {
	_, area := p.keys()
	start := 0
	if i > 0 {
		start = p.keyEnd(i - 1)
	}
	return p[area+start : area+p.keyEnd(i)]
}

func (p page) appendKey(dst []byte, i int) Key {
	shared, area := p.keys()
	return append(append(dst, p[shared:area]...), p.suffix(i)...)
}

// name returns the data of name i: its RRsets.
func (p page) name(i int) []byte {
	n := p.count()
	_, area := p.keys()
	start := area + p.keyEnd(n-1)
	end := start + p.dataEnd(i)
	if i > 0 {
		start += p.dataEnd(i - 1)
	}
	return p[start:end:end]
}

// search returns the index of the greatest name of the page that is not after key, and whether it is key itself. The key
// must not be before the page's first.
func (p page) search(key Key) (i int, exact bool) {
	n := p.count()
	shared, area := p.keys()
	prefix := p[shared:area]
	if len(key) < len(prefix) || string(key[:len(prefix)]) != string(prefix) {
		return n - 1, false // the key is after every name that has the prefix
	}
	rest := key[len(prefix):]
	ends := p[pageHeader : pageHeader+2*n]
	keys := p[area:]
	lo, hi := 0, n // names before lo are <= key, names from hi on are > key
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		start := 0
		if mid > 0 {
			start = int(binary.LittleEndian.Uint16(ends[2*mid-2:]))
		}
		switch c := bytes.Compare(keys[start:binary.LittleEndian.Uint16(ends[2*mid:])], rest); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo - 1, false
}

// commonLabels returns how many leading labels key i and key have in common.
func (p page) commonLabels(i int, key Key) int {
	shared, area := p.keys()
	labels, whole := commonLabels(p[shared:area], key)
	if !whole {
		return labels
	}
	more, _ := commonLabels(p.suffix(i), key[area-shared:])
	return labels + more
}

// commonLabels counts the labels that end within the common prefix of a and b, and says whether all of a is that prefix.
// A zero octet in a key is always the end of a label.
func commonLabels(a, b []byte) (labels int, whole bool) {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return labels, false
		}
		if a[i] == 0 {
			labels++
		}
	}
	return labels, n == len(a)
}

// nameInfo is what a page says of a name beside its data.
type nameInfo struct {
	depth int // labels below the apex of the topmost cut at or above the name; -1: none
	flags byte
}
