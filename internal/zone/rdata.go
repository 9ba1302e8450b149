package zone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// maxRDATA is what RDLENGTH can say (RFC 1035 section 3.2.1).
const maxRDATA = 65535

// AppendRDATA appends the canonical form (RFC 4034 section 6.2, as RFC 6840 section 5.1 amends it) of the RDATA
// msg[off:off+rdlen] of a record of that type to dst: names are decompressed where RFC 3597 section 4 wants it, and
// lower-cased for the types that RFC 4034 lists. The layout of every known type is checked to its last octet, the
// values in it are not. Types that are not known are opaque (RFC 3597). On an error dst comes back as it was.
//
// What is accepted has a dns.RR (Record.RR) that packs to the same octets.
func AppendRDATA(dst []byte, typ uint16, msg []byte, off, rdlen int) ([]byte, error) {
	end := off + rdlen
	switch {
	case off < 0 || rdlen < 0 || end > len(msg):
		return dst, rdataError(typ, fmt.Errorf("RDATA of %d octets runs past the end of the message", rdlen))
	case rdlen > maxRDATA:
		return dst, rdataError(typ, fmt.Errorf("RDATA of %d octets, at most %d fit in a record", rdlen, maxRDATA))
	}
	l := layoutOf(typ)
	switch {
	case l == nil:
		if err := CheckType(typ); err != nil {
			return dst, err
		}
		return append(dst, msg[off:end]...), nil
	case l.check != nil:
		if err := l.check(msg[off:end]); err != nil {
			return dst, rdataError(typ, err)
		}
		return append(dst, msg[off:end]...), nil
	}
	out, err := appendFields(dst, l.fields, msg, off, end)
	if err != nil {
		return dst, rdataError(typ, err)
	}
	if len(out)-len(dst) > maxRDATA {
		return dst, rdataError(typ, fmt.Errorf("RDATA of %d octets when decompressed, at most %d fit in a record",
			len(out)-len(dst), maxRDATA))
	}
	return out, nil
}

// CheckType returns an error for the types that are never data of a zone: 0, OPT, and the range of Q-types and
// meta-types from 128 to 255 (RFC 6895 section 3.1), which holds TKEY, TSIG, IXFR, AXFR, MAILB, MAILA and ANY.
func CheckType(typ uint16) error {
	if typ == 0 || typ == dns.TypeOPT || typ >= 128 && typ <= 255 {
		return rdataError(typ, errMetaType)
	}
	return nil
}

var errMetaType = errors.New("this is a meta-type, and no record of a zone can have it")

// rdataError puts the type before what is wrong with its RDATA.
func rdataError(typ uint16, err error) error {
	return fmt.Errorf("%s: %w", typeString(typ), err)
}

// typeString returns the mnemonic of a type, or TYPE and its number (RFC 3597 section 5).
func typeString(typ uint16) string {
	if l := layoutOf(typ); l != nil {
		return l.mnemonic
	}
	return dns.Type(typ).String()
}

// appendFields reads RDATA field by field. Each case leaves off behind its field.
func appendFields(dst []byte, fields []field, msg []byte, off, end int) ([]byte, error) {
	begin, out := off, dst
	for i := 0; i < len(fields); i++ {
		f := &fields[i]
		switch f.kind {
		case asOctets:
			if end-off < f.size {
				return dst, shortError(fields, msg[begin:end], f)
			}
			out = append(out, msg[off:off+f.size]...)
			off += f.size
		case asName:
			from := len(out)
			var err error
			// Only the part of a name in the RDATA itself ends there; where a pointer leads, it may read on.
			if out, off, err = appendName(out, msg, off, f.pointers); err != nil {
				if errors.Is(err, errNameShort) {
					err = errNameRDATA
				}
				return dst, fieldError(f, err)
			}
			if off > end {
				return dst, fieldError(f, errNameRDATA)
			}
			if f.lower {
				lower(out[from:])
			}
		case asText, asTexts:
			from := off
			for done := false; !done; {
				if off >= end || off+1+int(msg[off]) > end {
					return dst, shortError(fields, msg[begin:end], f)
				}
				off += 1 + int(msg[off])
				done = f.kind == asText || off == end
			}
			out = append(out, msg[from:off]...)
		case asRest:
			if end-off < f.size {
				return dst, shortError(fields, msg[begin:end], f)
			}
			out = append(out, msg[off:end]...)
			off = end
		case asCounted:
			if off >= end || off+1+int(msg[off]) > end || int(msg[off]) < f.size {
				return dst, shortError(fields, msg[begin:end], f)
			}
			next := off + 1 + int(msg[off])
			out = append(out, msg[off:next]...)
			off = next
		case asPrefix:
			if off >= end || msg[off] > 128 || off+1+a6Suffix(msg[off]) > end {
				return dst, shortError(fields, msg[begin:end], f)
			}
			next := off + 1 + a6Suffix(msg[off])
			out = append(out, msg[off:next]...)
			if msg[off] == 0 {
				fields = fields[:i+1]
			}
			off = next
		case asBitmap:
			if err := checkBitmap(msg[off:end], f.size); err != nil {
				return dst, fieldError(f, err)
			}
			out = append(out, msg[off:end]...)
			off = end
		}
	}
	if off < end {
		return dst, fmt.Errorf("RDATA of %d octets, want %d", end-begin, off-begin)
	}
	return out, nil
}

// errNameRDATA says that a name does not end where the RDATA ends, or before.
var errNameRDATA = errors.New("name runs past the end of the RDATA")

func fieldError(f *field, err error) error { return fmt.Errorf("%s: %w", f.label, err) }

// shortError says that RDATA ends before or within a field.
func shortError(fields []field, rdata []byte, f *field) error {
	if want, ok := fixedSize(fields); ok {
		return fmt.Errorf("RDATA of %d octets, want %d", len(rdata), want)
	}
	return fmt.Errorf("RDATA of %d octets is too short for its %s", len(rdata), f.label)
}

// fixedSize returns the size of RDATA that has no field of variable size.
func fixedSize(fields []field) (size int, ok bool) {
	for _, f := range fields {
		size += f.size
	}
	return size, !slices.ContainsFunc(fields, func(f field) bool { return f.kind != asOctets })
}

// checkBitmap checks a type bitmap (RFC 4034 section 4.1.2) of at least so many blocks. Blocks of no types and zero
// octets at the end of a block MUST be left out; BIND refuses them as well.
func checkBitmap(b []byte, blocks int) error {
	for last := -1; len(b) > 0; blocks-- {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return errBitmapShort
		}
		window, size := int(b[0]), int(b[1])
		switch {
		case window <= last:
			return errBitmapOrder
		case size == 0 || size > 32:
			return errBitmapSize
		case b[1+size] == 0:
			return errBitmapZero
		}
		last = window
		b = b[2+size:]
	}
	if blocks > 0 {
		return errBitmapEmpty
	}
	return nil
}

var (
	errBitmapShort = errors.New("RDATA ends within a block")
	errBitmapOrder = errors.New("blocks are not in increasing order")
	errBitmapSize  = errors.New("a block must have 1 to 32 octets")
	errBitmapZero  = errors.New("a block ends in a zero octet")
	errBitmapEmpty = errors.New("it lists no type")
)

// u16 reads a 16-bit number.
func u16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }
