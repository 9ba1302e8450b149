package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Name is an absolute domain name in uncompressed wire form (RFC 1035 section 3.1): length-prefixed labels ended by
// the root label, at most 255 octets in all. Case is kept as it was given. A Name from ParseName, AppendUnpacked or
// AppendOwner is well formed; the methods survive one that is not, but what they say about it means nothing.
type Name []byte

const (
	maxName  = 255 // octets of a name on the wire, RFC 1035 section 2.3.4
	maxLabel = 63  // octets of a label, RFC 1035 section 2.3.4
	maxHops  = 126 // pointers followed in one name: as many as miekg/dns follows, and more than any name needs
)

// What can be wrong with a name. AppendRDATA and ParseName put the place in front.
var (
	errNameShort   = errors.New("name runs past the end of the data")
	errNameLong    = errors.New("name is longer than 255 octets")
	errNamePointer = errors.New("compression pointer does not point backwards")
	errNameHops    = errors.New("name follows more than 126 compression pointers")
	errNameType    = errors.New("name has a label of an unknown type")
	errNameNoPtr   = errors.New("name is compressed, which its type does not allow")

	errTextEmpty  = errors.New("it is empty; write . for the root")
	errTextLabel  = errors.New("it has an empty label")
	errTextLong   = errors.New("a label is longer than 63 octets")
	errTextEscape = errors.New(`a backslash must be followed by three digits up to 255, or by one character that is no digit`)
)

// AppendUnpacked appends the name at msg[off:] to dst, uncompressed and with its case kept, and returns the longer
// slice and the offset of what follows the name. A compression pointer (RFC 1035 section 4.1.4) must point before
// the start of the piece that it ends, so that a name cannot loop or grow without bound; labels of other types than
// plain and pointer (RFC 6891 section 5) are refused. On an error dst comes back as it was.
func AppendUnpacked(dst, msg []byte, off int) (out []byte, next int, err error) {
	return appendName(dst, msg, off, true)
}

// appendName is AppendUnpacked, which can be told to refuse pointers.
func appendName(dst, msg []byte, off int, pointers bool) ([]byte, int, error) {
	if off < 0 {
		return dst, 0, errNameShort
	}
	var (
		out   = dst
		room  = maxName
		next  = -1
		start = off // of the run of labels being read
		pos   = off
		hops  = 0
	)
	for {
		if pos >= len(msg) {
			return dst, 0, errNameShort
		}
		c := int(msg[pos])
		switch {
		case c == 0:
			pos++
			if pos-start > room {
				return dst, 0, errNameLong
			}
			if next < 0 {
				next = pos
			}
			return append(out, msg[start:pos]...), next, nil
		case c <= maxLabel:
			pos += 1 + c
		case c >= 0xC0:
			if !pointers {
				return dst, 0, errNameNoPtr
			}
			if pos+1 >= len(msg) {
				return dst, 0, errNameShort
			}
			target := int(binary.BigEndian.Uint16(msg[pos:])) & 0x3FFF
			if next < 0 {
				next = pos + 2
			}
			if target >= start {
				return dst, 0, errNamePointer
			}
			if hops++; hops > maxHops {
				return dst, 0, errNameHops
			}
			if room -= pos - start; room <= 0 {
				return dst, 0, errNameLong
			}
			out = append(out, msg[start:pos]...)
			start, pos = target, target
		default:
			return dst, 0, errNameType
		}
	}
}

// ParseName reads a name in presentation form (RFC 1035 section 5.1): labels with dots between them, \DDD for an
// octet by its decimal value, \X for a character that would otherwise mean something. A name without the final dot
// is taken as absolute.
func ParseName(s string) (Name, error) {
	var buf [maxName]byte
	n, err := appendText(buf[:0], s)
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", s, err)
	}
	return bytes.Clone(n), nil
}

// appendText appends the name of the presentation form s. It needs no more room than maxName.
func appendText(dst []byte, s string) (Name, error) {
	base := len(dst)
	switch s {
	case "":
		return dst, errTextEmpty
	case ".":
		return append(dst, 0), nil
	}
	label := len(dst) // where the length of the current label goes
	dst = append(dst, 0)
	for i := 0; i < len(s); {
		c := s[i]
		i++
		switch c {
		case '.':
			if len(dst) == label+1 {
				return dst[:base], errTextLabel
			}
			dst[label] = byte(len(dst) - label - 1)
			if i == len(s) {
				return append(dst, 0), nil
			}
			label = len(dst)
			if label-base >= maxName-1 {
				return dst[:base], errNameLong
			}
			dst = append(dst, 0)
			continue
		case '\\':
			var ok bool
			if c, i, ok = unescape(s, i); !ok {
				return dst[:base], errTextEscape
			}
		}
		if len(dst)-label > maxLabel {
			return dst[:base], errTextLong
		}
		if len(dst)-base >= maxName-1 {
			return dst[:base], errNameLong
		}
		dst = append(dst, c)
	}
	dst[label] = byte(len(dst) - label - 1)
	return append(dst, 0), nil
}

// unescape reads what follows the backslash before s[i:].
func unescape(s string, i int) (c byte, next int, ok bool) {
	if i == len(s) {
		return 0, i, false
	}
	if !isDigit(s[i]) {
		return s[i], i + 1, true
	}
	if i+3 > len(s) || !isDigit(s[i+1]) || !isDigit(s[i+2]) {
		return 0, i, false
	}
	v := int(s[i]-'0')*100 + int(s[i+1]-'0')*10 + int(s[i+2]-'0')
	return byte(v), i + 3, v <= 255
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// String returns the name in presentation form with the final dot, escaped as miekg/dns does, so that it compares
// equal to the names in a dns.Msg.
func (n Name) String() string {
	var buf [maxName + 1]byte
	return string(n.AppendString(buf[:0]))
}

// AppendString appends what String returns.
func (n Name) AppendString(dst []byte) []byte {
	if len(n) <= 1 {
		return append(dst, '.')
	}
	for len(n) > 1 {
		l := int(n[0])
		if l == 0 || l >= len(n) {
			break
		}
		for _, c := range n[1 : 1+l] {
			switch {
			case c < ' ' || c > '~':
				dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
			case special[c]:
				dst = append(dst, '\\', c)
			default:
				dst = append(dst, c)
			}
		}
		dst = append(dst, '.')
		n = n[1+l:]
	}
	return dst
}

// special are the printable octets of a label that are written with a backslash.
var special = [256]bool{
	'.': true, ' ': true, '\'': true, '@': true, ';': true, '(': true, ')': true, '"': true, '\\': true,
}

// Labels returns the number of labels, the root label not counted.
func (n Name) Labels() int {
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		count++
	}
	return count
}

// Equal reports whether n and m are the same name; case does not matter (RFC 4343).
func (n Name) Equal(m Name) bool { return equalFold(n, m) }

// InZone reports whether n is the apex or lies below it; case does not matter.
func (n Name) InZone(apex Name) bool {
	below := len(n) - len(apex)
	if below < 0 || !equalFold(n[below:], apex) {
		return false
	}
	i := 0
	for i < below && n[i] != 0 {
		i += 1 + int(n[i])
	}
	return i == below
}

// equalFold compares octets with A to Z taken as a to z. Length octets are below 'A', so whole names can be compared.
func equalFold(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if c != b[i] && fold[c] != fold[b[i]] {
			return false
		}
	}
	return true
}

// fold maps A to Z to lower case and every other octet to itself (RFC 4343 section 3).
var fold = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// lower folds names in place. Length octets are below 'A' and stay.
func lower(b []byte) {
	for i, c := range b {
		b[i] = fold[c]
	}
}
