package answer

import (
	"encoding/binary"

	"github.com/concord-dns/concord/internal/zone"
)

// wire is a message while it is written, and where in it names stand (RFC 1035 section 4.1.4).
//
// A name that stands in the message is a path of nodes from the root label down, one for each of its labels, so that names
// share the nodes of the suffix that they have in common. A node is found by its parent and its label, in a small hash table
// that is cleared for each message that has a name to look up; many have none, as their names are all in the question.
type wire struct {
	msg      []byte
	base     int // where in msg the message begins
	limit    int // octets that it may have
	question zone.Name
	ended    bool // nothing more is to be written: the message is truncated
	full     bool // an additional RRset was left out
	scratch  []byte

	seeded bool // the question's name is in the table
	count  int
	slots  [slots]uint8 // numbers of nodes, 0: empty
	nodes  [maxNodes]node
	starts [128]uint8 // of the labels of the name that is being written
}

// A node stands for its label and those above it. Number 0 is the root label.
type node struct {
	parent, slot uint8
	at           uint16 // where in the message its label stands
}

const (
	// maxNodes bounds the names that others can point to. A referral with 13 name servers and their addresses has some 30.
	maxNodes = 128
	slots    = 2 * maxNodes
	// maxProbes bounds the search for one label, whatever labels a zone has.
	maxProbes = 8
	// maxPointer is the first offset that a pointer cannot hold.
	maxPointer = 1 << 14
	pointer    = 0xC000
)

// spelling says whether a name may be written as a pointer.
type spelling uint8

const (
	compressed spelling = iota
	spelt               // in full, but others may point to it
)

func (w *wire) begin(dst []byte, limit int) {
	w.msg, w.base, w.limit = dst, len(dst), limit
	w.question = nil
	w.ended, w.full = false, false
	w.seeded, w.count = false, 0
}

// end forgets memory that is not the Result's.
func (w *wire) end() { w.msg, w.question = nil, nil }

func (w *wire) size() int { return len(w.msg) - w.base }

func (w *wire) room() int { return w.limit - w.size() }

// A mark is a place to come back to.
type mark struct{ size, count int }

func (w *wire) mark() mark { return mark{len(w.msg), w.count} }

// reset takes back what was written since the mark. Nodes go in the reverse of the order in which they came, so that the table
// is as it was.
func (w *wire) reset(m mark) {
	w.msg = w.msg[:m.size]
	for ; w.count > m.count; w.count-- {
		w.slots[w.nodes[w.count].slot] = 0
	}
}

// name writes a name, and reports false if there is no room for it. ref is where others can point to for the same name, 0 if they
// cannot.
func (w *wire) name(name zone.Name, how spelling) (ref int, ok bool) {
	if !w.seeded {
		w.seed()
	}
	labels := 0
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		w.starts[labels&127] = uint8(i)
		labels++
	}
	// From the topmost label down, as far as the message has the name.
	var parent, slot uint8
	free := true
	known := labels
	for known > 0 {
		start := int(w.starts[known-1])
		child, at, room := w.find(parent, name[start:start+1+int(name[start])])
		if child == 0 {
			slot, free = at, room
			break
		}
		parent = child
		known--
	}

	at := w.size()
	if known == 0 && parent > 0 && how == compressed {
		if w.room() < 2 {
			return 0, false
		}
		ref = int(w.nodes[parent].at)
		w.msg = binary.BigEndian.AppendUint16(w.msg, pointer|uint16(ref))
		return ref, true
	}
	if parent == 0 || how == spelt {
		if w.room() < len(name) {
			return 0, false
		}
		w.msg = append(w.msg, name...)
	} else {
		spelt := int(w.starts[known-1])
		spelt += 1 + int(name[spelt])
		if w.room() < spelt+2 {
			return 0, false
		}
		w.msg = append(w.msg, name[:spelt]...)
		w.msg = binary.BigEndian.AppendUint16(w.msg, pointer|w.nodes[parent].at)
	}
	if labels > 0 && at < maxPointer {
		ref = at
	}
	for i := known - 1; i >= 0; i-- {
		start := int(w.starts[i])
		if !free || w.count == maxNodes-1 || at+start >= maxPointer {
			break
		}
		parent = w.insert(parent, slot, at+start)
		if i > 0 {
			next := int(w.starts[i-1])
			_, slot, free = w.find(parent, name[next:start])
		}
	}
	return ref, true
}

// seed puts the question's name into the table.
func (w *wire) seed() {
	clear(w.slots[:])
	w.seeded = true
	name := w.question
	labels := 0
	for i := 0; i < len(name) && name[i] != 0; i += 1 + int(name[i]) {
		w.starts[labels&127] = uint8(i)
		labels++
	}
	var parent uint8
	for i := labels - 1; i >= 0 && w.count < maxNodes-1; i-- {
		start := int(w.starts[i])
		_, slot, free := w.find(parent, name[start:start+1+int(name[start])])
		if !free {
			return
		}
		parent = w.insert(parent, slot, headerSize+start)
	}
}

// find returns the node of a label, length octet included, below another, or 0 and where there is a free slot for it.
func (w *wire) find(parent uint8, label []byte) (child, slot uint8, free bool) {
	slot = hash(parent, label)
	for range maxProbes {
		n := w.slots[slot]
		if n == 0 {
			return 0, slot, true
		}
		if w.nodes[n].parent == parent {
			there := w.msg[w.base+int(w.nodes[n].at):]
			if there[0] == label[0] && zone.Name(there[:len(label)]).Equal(label) {
				return n, slot, true
			}
		}
		slot++ // and from the last to the first
	}
	return 0, 0, false
}

func (w *wire) insert(parent, slot uint8, at int) (number uint8) {
	w.count++
	w.nodes[w.count] = node{parent: parent, slot: slot, at: uint16(at)}
	w.slots[slot] = uint8(w.count)
	return uint8(w.count)
}

// hash takes no more than the length and eight octets of a label: numbers and differences are at its ends. A bit that tells
// upper from lower case is left out.
func hash(parent uint8, label []byte) uint8 {
	var head, tail uint32
	if n := len(label); n >= 4 {
		head, tail = binary.LittleEndian.Uint32(label), binary.LittleEndian.Uint32(label[n-4:])
	} else {
		for _, c := range label {
			head = head<<8 | uint32(c)
		}
	}
	const caseBits = 0x20202020
	h := (head|caseBits)*0x9E3779B1 ^ (tail|caseBits)*0x85EBCA6B + uint32(parent)*0xC2B2AE35
	h ^= h >> 15
	h *= 0x2C1B3C6D
	return uint8(h >> 24)
}
