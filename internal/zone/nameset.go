package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

const (
	// MaxRRsetRecords is the most records that an RRset may have. An RRset of more than about 4,000 records fits no DNS
	// message; the rest is leeway for zones that other servers load.
	MaxRRsetRecords = 65535
	// MaxNameBytes bounds the records of one owner name, in octets of RDATA with a few more for each record.
	MaxNameBytes = 16 << 20
)

// A nameSet gathers the records of one owner name in any order and packs them as RRsets. It is reused from name to name.
type nameSet struct {
	recs  []setRecord
	buf   []byte
	limit int // size of buf at which duplicates are looked for
}

type setRecord struct {
	typ        uint16
	ttl        uint32
	start, end int  // of the RDATA in buf
	gone       bool // about to be deleted
}

func (s *nameSet) reset() {
	s.recs = s.recs[:0]
	s.buf = s.buf[:0]
	s.limit = MaxNameBytes
}

func (s *nameSet) data(r setRecord) []byte { return s.buf[r.start:r.end] }

// add takes a record; the RDATA is copied.
func (s *nameSet) add(typ uint16, ttl uint32, data []byte) error {
	if len(s.buf)+recordOverhead*len(s.recs) >= s.limit {
		// Only duplicates may excuse so many records. The limit doubles each time, so that finding out stays linear.
		if s.compact(); s.size() > MaxNameBytes {
			return fmt.Errorf("more than %d octets of records at one owner name", MaxNameBytes)
		}
		s.limit = MaxNameBytes + s.size()
	}
	start := len(s.buf)
	s.buf = append(s.buf, data...)
	s.recs = append(s.recs, setRecord{typ: typ, ttl: ttl, start: start, end: len(s.buf)})
	return nil
}

// recordOverhead stands for what a record costs beside its RDATA.
const recordOverhead = 8

func (s *nameSet) size() int { return len(s.buf) + recordOverhead*len(s.recs) }

func (s *nameSet) compare(a, b setRecord) int {
	if a.typ != b.typ {
		return cmp.Compare(a.typ, b.typ)
	}
	return bytes.Compare(s.data(a), s.data(b))
}

// sort brings the records into order and drops duplicates, of which the lowest TTL is kept. It returns how many, and the type
// of one.
func (s *nameSet) sort() (twice uint16, duplicates int) {
	sorted := true
	for i := 1; i < len(s.recs) && sorted; i++ {
		sorted = s.compare(s.recs[i-1], s.recs[i]) < 0
	}
	if sorted {
		return 0, 0
	}
	slices.SortFunc(s.recs, s.compare)
	kept := s.recs[:1]
	for _, r := range s.recs[1:] {
		if last := &kept[len(kept)-1]; s.compare(*last, r) != 0 {
			kept = append(kept, r)
		} else {
			last.ttl = min(last.ttl, r.ttl)
			twice = r.typ
			duplicates++
		}
	}
	s.recs = kept
	return twice, duplicates
}

// compact sorts, and frees the octets of dropped duplicates.
func (s *nameSet) compact() {
	s.sort()
	buf := make([]byte, 0, 2*len(s.buf))
	for i, r := range s.recs {
		start := len(buf)
		buf = append(buf, s.data(r)...)
		s.recs[i].start, s.recs[i].end = start, len(buf)
	}
	s.buf = buf
}

// packed says what a name came to.
type packed struct {
	flags       byte
	records     int
	duplicates  int
	unequalTTLs int // RRsets whose TTLs differed and were made equal to the lowest (RFC 2181 section 5.2)
}

// pack appends the RRsets of the name to dst. The RRSIGs of a name are no RRset in the sense of RFC 2181, since each has the
// TTL of what it covers (RFC 4034 section 3): they are kept as one RRset for each type that they cover.
func (s *nameSet) pack(dst []byte) ([]byte, packed, error) {
	_, duplicates := s.sort()
	out := packed{duplicates: duplicates, records: len(s.recs)}
	for rest := s.recs; len(rest) > 0; {
		typ, n := rest[0].typ, 1
		for n < len(rest) && rest[n].typ == typ && (typ != dns.TypeRRSIG || covered(s.data(rest[n])) == covered(s.data(rest[0]))) {
			n++
		}
		switch typ {
		case dns.TypeNS:
			out.flags |= flagDelegation
		case dns.TypeDNAME:
			out.flags |= flagDNAME
		}
		set := rest[:n]
		rest = rest[n:]
		if n > MaxRRsetRecords {
			return dst, out, fmt.Errorf("%s RRset of %d records, at most %d are possible", dns.Type(typ), n, MaxRRsetRecords)
		}
		var unequal bool
		if dst, unequal = s.packRRset(dst, set); unequal {
			out.unequalTTLs++
		}
	}
	return dst, out, nil
}

func (s *nameSet) packRRset(dst []byte, set []setRecord) (_ []byte, unequal bool) {
	ttl, size := set[0].ttl, 0
	for _, r := range set {
		if r.ttl != ttl {
			unequal = true
			ttl = min(ttl, r.ttl)
		}
		size += uvarintLen(r.end-r.start) + r.end - r.start
	}
	dst = binary.AppendUvarint(dst, uint64(set[0].typ))
	dst = binary.AppendUvarint(dst, uint64(ttl))
	dst = binary.AppendUvarint(dst, uint64(len(set)))
	if len(set) == 1 {
		dst = binary.AppendUvarint(dst, uint64(set[0].end-set[0].start))
		return append(dst, s.data(set[0])...), unequal
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	for _, r := range set {
		dst = binary.AppendUvarint(dst, uint64(r.end-r.start))
		dst = append(dst, s.data(r)...)
	}
	return dst, unequal
}

func uvarintLen(n int) int {
	k := 1
	for n >= 0x80 {
		n >>= 7
		k++
	}
	return k
}
