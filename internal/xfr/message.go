package xfr

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Question is what a primary is asked. The class is IN.
type Question struct {
	Zone zone.Name
	ID   uint16
	Type uint16   // dns.TypeSOA, dns.TypeAXFR or dns.TypeIXFR
	Have zone.SOA // with dns.TypeIXFR, that of the version whose changes are wanted
}

// Append appends the query in wire form, without the length that goes before it over TCP. RD is off (RFC 5936 section
// 2.1.1), and there is no EDNS.
func (q Question) Append(dst []byte) []byte {
	authority := byte(0)
	if q.Type == dns.TypeIXFR {
		authority = 1
	}
	dst = binary.BigEndian.AppendUint16(dst, q.ID)
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, authority, 0, 0) // flags, and one question
	dst = append(dst, q.Zone...)
	dst = binary.BigEndian.AppendUint16(dst, q.Type)
	dst = binary.BigEndian.AppendUint16(dst, dns.ClassINET)
	if authority > 0 {
		dst = appendSOA(dst, q.Have)
	}
	return dst
}

// single reports whether the answer is one message.
func (q Question) single() bool { return q.Type == dns.TypeSOA }

// appendSOA appends a SOA record whose owner is the name of the question, for which a pointer stands.
func appendSOA(dst []byte, soa zone.SOA) []byte {
	dst = append(dst, 0xC0, headerSize)
	dst = binary.BigEndian.AppendUint16(dst, dns.TypeSOA)
	dst = binary.BigEndian.AppendUint16(dst, dns.ClassINET)
	dst = binary.BigEndian.AppendUint32(dst, soa.TTL)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(soa.MName)+len(soa.RName)+20))
	dst = append(append(dst, soa.MName...), soa.RName...)
	for _, n := range []uint32{uint32(soa.Serial), soa.Refresh, soa.Retry, soa.Expire, soa.Minimum} {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	return dst
}

// String returns the question as dig prints it.
func (q Question) String() string { return questionString(q.Zone, dns.ClassINET, q.Type) }

func questionString(name zone.Name, class, typ uint16) string {
	return fmt.Sprintf("%s %s %s", name, dns.Class(class), dns.Type(typ))
}

const (
	headerSize = 12 // RFC 1035 section 4.1.1
	fixedSize  = 10 // type, class, TTL and RDLENGTH of a record, RFC 1035 section 4.1.3
	maxName    = 255
)

// A reader reads the messages of one answer, one after the other. Its memory is used again for each record.
type reader struct {
	msg      []byte
	off      int
	sections [3]int // records in answer, authority and additional
	flags    uint16
	owner    [maxName]byte
}

// record is one record of a message.
type record struct {
	owner zone.Name // valid until the next record is read
	typ   uint16
	class uint16
	ttl   uint32
	data  int // offset of the RDATA in the message
	size  int // of the RDATA
}

// open begins a message: it checks that it answers q, and leaves the reader before the first record. Only messages after
// the first may do without the question (RFC 5936 section 2.2.1). AA is not looked at: Knot does not set it in a transfer.
func (r *reader) open(q Question, msg []byte, first bool) error {
	if len(msg) < headerSize {
		return parseFault("%d octets are too short for a message", len(msg))
	}
	r.msg, r.off = msg, headerSize
	r.flags = binary.BigEndian.Uint16(msg[2:])
	questions := int(binary.BigEndian.Uint16(msg[4:]))
	for i := range r.sections {
		r.sections[i] = int(binary.BigEndian.Uint16(msg[6+2*i:]))
	}
	const (
		opcode = 0xF << 11
		rcode  = 0xF
	)
	switch {
	case binary.BigEndian.Uint16(msg) != q.ID:
		return streamFault("an id that is not that of the query")
	case r.flags&flagQR == 0:
		return streamFault("a query where an answer is due: QR is not set")
	case r.flags&opcode != 0:
		return streamFault("opcode %d, want QUERY", r.flags&opcode>>11)
	case r.flags&rcode != 0:
		return &fault{PhaseRcode, Rcode(r.flags & rcode)}
	case r.flags&flagTC != 0:
		return streamFault("truncated: TC is set, which has no meaning over TCP")
	case questions > 1 || questions == 0 && first:
		return streamFault("%d questions, want 1", questions)
	case questions == 0:
		return nil
	}
	return r.question(q)
}

// Bits of the header.
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
)

// question reads the question, which must be q.
func (r *reader) question(q Question) error {
	name, next, err := zone.AppendUnpacked(r.owner[:0], r.msg, r.off)
	if err != nil {
		return parseFault("question: %w", err)
	}
	if len(r.msg) < next+4 {
		return parseFault("question: message ends in it")
	}
	typ, class := binary.BigEndian.Uint16(r.msg[next:]), binary.BigEndian.Uint16(r.msg[next+2:])
	if typ != q.Type || class != dns.ClassINET || !q.Zone.Equal(name) {
		return streamFault("question %s, want %s", questionString(name, class, typ), q)
	}
	r.off = next + 4
	return nil
}

// next reads the next record.
func (r *reader) next() (rec record, err error) {
	owner, off, err := zone.AppendUnpacked(r.owner[:0], r.msg, r.off)
	if err != nil {
		return rec, err
	}
	if len(r.msg)-off < fixedSize {
		return rec, errCut
	}
	fixed := r.msg[off : off+fixedSize]
	rec = record{
		owner: owner,
		typ:   binary.BigEndian.Uint16(fixed),
		class: binary.BigEndian.Uint16(fixed[2:]),
		ttl:   binary.BigEndian.Uint32(fixed[4:]),
		data:  off + fixedSize,
		size:  int(binary.BigEndian.Uint16(fixed[8:])),
	}
	if rec.ttl > maxTTL {
		rec.ttl = 0
	}
	if r.off = rec.data + rec.size; r.off > len(r.msg) {
		return rec, errCut
	}
	return rec, nil
}

// maxTTL is the greatest TTL; one with the top bit set counts as 0 (RFC 2181 section 8).
const maxTTL = 1<<31 - 1

var errCut = fmt.Errorf("message ends in it")

// close reads what follows the answer section and wants nothing after it. The records there are no part of an answer to
// what we ask: an OPT or a TSIG at most.
func (r *reader) close() error {
	for i, section := range []string{"authority", "additional"} {
		count := r.sections[1+i]
		for n := range count {
			if _, err := r.next(); err != nil {
				return parseFault("%s record %d of %d: %w", section, n+1, count, err)
			}
		}
	}
	if rest := len(r.msg) - r.off; rest > 0 {
		return parseFault("%d octets after the last record", rest)
	}
	return nil
}
