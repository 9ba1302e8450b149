package zone

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/miekg/dns"
)

// RRset is the set of records of one owner name and type, as a view into a version: read only, and valid as long as
// anyone holds it. The zero RRset is absent.
//
// In a page an RRset is
//
//	uvarint  type
//	uvarint  TTL
//	uvarint  count  number of records
//	uvarint  size   octets that follow
//	         count = 1: the RDATA; else, for each record in canonical order, uvarint length and RDATA
type RRset struct {
	Type  uint16
	TTL   uint32 // seconds
	Count int    // number of records; 0: there is no such RRset
	data  []byte
}

// First returns the first RDATA in canonical order, nil when the RRset is absent.
func (s RRset) First() []byte {
	if s.Count == 0 {
		return nil
	}
	data, _ := s.split(s.data)
	return data
}

// All yields the RDATAs in canonical order (RFC 4034 section 6.3). They are views into the version: read only.
func (s RRset) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i, rest := 0, s.data; i < s.Count; i++ {
			var data []byte
			data, rest = s.split(rest)
			if !yield(data) {
				return
			}
		}
	}
}

// Size returns the octets that the RDATAs take, with their framing.
func (s RRset) Size() int { return len(s.data) }

// Iter returns an iterator over the RDATAs, for where the closure of All would be an allocation.
func (s RRset) Iter() RDATAIter { return RDATAIter{set: s, rest: s.data} }

// RDATAIter goes through the RDATAs of an RRset in canonical order.
type RDATAIter struct {
	set  RRset
	rest []byte
	at   int
}

// Next returns the next RDATA, a view into the version, and false after the last.
func (it *RDATAIter) Next() (data []byte, ok bool) {
	if it.at == it.set.Count {
		return nil, false
	}
	it.at++
	data, it.rest = it.set.split(it.rest)
	return data, true
}

// split takes the next RDATA off what is left of the data.
func (s RRset) split(rest []byte) (data, more []byte) {
	if s.Count == 1 {
		return rest, nil
	}
	n, k := uvarint(rest)
	end := k + int(n)
	return rest[k:end:end], rest[end:]
}

// Covered returns the type that an RRset of RRSIGs covers, 0 for any other.
func (s RRset) Covered() uint16 {
	if s.Type != dns.TypeRRSIG {
		return 0
	}
	return covered(s.First())
}

// covered returns the type that the RRSIG with this RDATA covers (RFC 4034 section 3.1.1).
func covered(rrsig []byte) uint16 {
	if len(rrsig) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(rrsig)
}

// Equal reports whether two RRsets have the same type, TTL and records.
func (s RRset) Equal(t RRset) bool {
	return s.Type == t.Type && s.TTL == t.TTL && s.Count == t.Count && bytes.Equal(s.data, t.data)
}

// uvarint is binary.Uvarint for octets that are known to be whole, with the common case in line.
func uvarint(b []byte) (v uint64, n int) {
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// RRsetIter goes through the RRsets of a name by ascending type; RRSIGs by the type that they cover.
type RRsetIter struct{ rest []byte }

// Next returns the next RRset, and false after the last.
func (it *RRsetIter) Next() (s RRset, ok bool) {
	if len(it.rest) == 0 {
		return RRset{}, false
	}
	var n, size int
	s, n, size = rrsetHeader(it.rest)
	s.data = it.rest[n : n+size : n+size]
	it.rest = it.rest[n+size:]
	return s, true
}

// rrsetHeader reads the header of the RRset at the start of b; it returns the header's length and that of the data after it.
func rrsetHeader(b []byte) (s RRset, n, size int) {
	t, n := uvarint(b)
	ttl, k := uvarint(b[n:])
	n += k
	count, k := uvarint(b[n:])
	n += k
	l, k := uvarint(b[n:])
	n += k
	return RRset{Type: uint16(t), TTL: uint32(ttl), Count: int(count)}, n, int(l)
}

// A Node is an owner name of a version that owns records. It is a small value; the zero Node is no name.
type Node struct {
	page  page
	index int
}

// IsZero reports whether n is no name.
func (n Node) IsZero() bool { return n.page == nil }

// AppendKey appends the key of the name to dst.
func (n Node) AppendKey(dst []byte) Key { return n.page.appendKey(dst, n.index) }

// RRsets returns an iterator over the RRsets of the name by ascending type.
func (n Node) RRsets() RRsetIter {
	if n.page == nil {
		return RRsetIter{}
	}
	return RRsetIter{n.page.name(n.index)}
}

// Signatures returns the RRSIGs of the name that cover the given type.
func (n Node) Signatures(typ uint16) (RRset, bool) {
	for it := n.RRsets(); ; {
		s, ok := it.Next()
		if !ok || s.Type > dns.TypeRRSIG {
			return RRset{}, false
		}
		if s.Type == dns.TypeRRSIG && s.Covered() == typ {
			return s, true
		}
	}
}

// RRset returns the RRset of the given type. The RRSIGs of a name are one RRset for each type that they cover, of which this
// returns the first: see [Node.Signatures] and [Node.RRsets].
func (n Node) RRset(typ uint16) (RRset, bool) {
	if n.page == nil {
		return RRset{}, false
	}
	for rest := n.page.name(n.index); len(rest) > 0; {
		s, k, size := rrsetHeader(rest)
		if s.Type >= typ {
			if s.Type != typ {
				break
			}
			s.data = rest[k : k+size : k+size]
			return s, true
		}
		rest = rest[k+size:]
	}
	return RRset{}, false
}

// Delegation reports whether the name is a zone cut: it owns NS and is not the apex.
func (n Node) Delegation() bool { return n.page != nil && n.info().flags&flagDelegation != 0 }

// DNAME reports whether the name owns a DNAME.
func (n Node) DNAME() bool { return n.page != nil && n.info().flags&flagDNAME != 0 }

func (n Node) info() nameInfo { return n.page.info(n.index) }
