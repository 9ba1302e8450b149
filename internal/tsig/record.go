package tsig

import (
	"encoding/binary"
	"errors"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// record is the RDATA of a TSIG record (RFC 8945 section 4.2).
type record struct {
	algorithm zone.Name // lower case
	signed    uint64    // seconds since 1970, 48 bits of them
	fudge     uint16    // seconds
	mac       []byte
	id        uint16 // of the message when it was signed
	code      uint16 // BADSIG and the like; 0 is no error
	other     []byte
}

// rdataFixed is the size of the RDATA without algorithm, MAC and other data.
const rdataFixed = 16

func (r *record) append(dst []byte) []byte {
	dst = append(dst, r.algorithm...)
	dst = r.timers(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.mac)))
	dst = append(dst, r.mac...)
	dst = binary.BigEndian.AppendUint16(dst, r.id)
	dst = binary.BigEndian.AppendUint16(dst, r.code)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.other)))
	return append(dst, r.other...)
}

// timers appends what is signed of the record in all messages of an answer but the first (RFC 8945 section 4.3.3.1).
func (r *record) timers(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.signed>>32))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.signed))
	return binary.BigEndian.AppendUint16(dst, r.fudge)
}

var (
	errMessage  = errors.New("the message ends in a record")
	errRecord   = errors.New("its TSIG record is malformed")
	errPosition = errors.New("its TSIG record is not the last record")
)

// last finds the TSIG record of a message, which is the last record of it. ok is false when there is none.
func last(msg []byte) (start int, owner zone.Name, r record, ok bool, err error) {
	if len(msg) < headerSize {
		return 0, nil, r, false, errMessage
	}
	additional := int(binary.BigEndian.Uint16(msg[10:]))
	if additional == 0 {
		return 0, nil, r, false, nil
	}
	off := headerSize
	for range binary.BigEndian.Uint16(msg[4:]) {
		if off = skipName(msg, off); off < 0 || off+4 > len(msg) {
			return 0, nil, r, false, errMessage
		}
		off += 4
	}
	count := int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:])) + additional
	for i := range count {
		fixed := skipName(msg, off)
		if fixed < 0 || fixed+fixedSize > len(msg) {
			return 0, nil, r, false, errMessage
		}
		data := fixed + fixedSize
		end := data + int(binary.BigEndian.Uint16(msg[fixed+8:]))
		if end > len(msg) {
			return 0, nil, r, false, errMessage
		}
		if binary.BigEndian.Uint16(msg[fixed:]) == dns.TypeTSIG && i >= count-additional {
			if i != count-1 || end != len(msg) {
				return 0, nil, r, false, errPosition
			}
			owner, r, err = parse(msg, off, fixed, end)
			return off, owner, r, err == nil, err
		}
		off = end
	}
	return 0, nil, r, false, nil
}

// parse reads the TSIG record at start, of which fixed is the offset after the owner name.
func parse(msg []byte, start, fixed, end int) (owner zone.Name, r record, err error) {
	class, ttl := binary.BigEndian.Uint16(msg[fixed+2:]), binary.BigEndian.Uint32(msg[fixed+4:])
	owner, _, err = zone.AppendUnpacked(nil, msg, start)
	if err != nil || class != dns.ClassANY || ttl != 0 {
		return nil, r, errRecord
	}
	algorithm, off, err := zone.AppendUnpacked(nil, msg, fixed+fixedSize)
	if err != nil || off > end {
		return nil, r, errRecord
	}
	lower(owner)
	lower(algorithm)
	r.algorithm = algorithm
	data := msg[off:end:end]
	take := func(n int) []byte {
		if len(data) < n {
			err = errRecord
			return make([]byte, n)
		}
		taken := data[:n]
		data = data[n:]
		return taken
	}
	u16 := func() uint16 { return binary.BigEndian.Uint16(take(2)) }
	r.signed = uint64(u16())<<32 | uint64(binary.BigEndian.Uint32(take(4)))
	r.fudge = u16()
	r.mac = take(int(u16()))
	r.id, r.code = u16(), u16()
	r.other = take(int(u16()))
	if err != nil || len(data) > 0 {
		return nil, r, errRecord
	}
	return owner, r, nil
}

// skipName returns the offset after the name at off, -1 if it runs past the end. Where a pointer leads is not looked at.
func skipName(msg []byte, off int) int {
	for off < len(msg) {
		switch c := int(msg[off]); {
		case c == 0:
			return off + 1
		case c >= 0xC0:
			return off + 2
		case c > 63:
			return -1
		default:
			off += 1 + c
		}
	}
	return -1
}
