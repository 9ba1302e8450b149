package zone

import (
	"bytes"
	"slices"
	"strings"
)

// Key is an owner name of a zone in a form whose plain byte order is the canonical order of names (RFC 4034 section
// 6.1). It holds the labels below the apex, topmost first and lower-cased, each ended by 0x00; within a label 0x00 is
// written 01 01, and 0x01 is written 01 02. The apex is the empty key, and the key of a name begins with the keys of
// all its ancestors.
type Key []byte

// MaxKey is the room that any key fits in: a name has less than 255 octets below the apex, and escapes at most
// double them.
const MaxKey = 512

// AppendKey appends the key of n in the zone at apex. ok is false, and dst comes back as it was, when n is not in
// that zone. Both may be in any case. It does not allocate if dst has room.
func AppendKey(dst []byte, n, apex Name) (key []byte, ok bool) {
	below := len(n) - len(apex)
	if below < 0 || !equalFold(n[below:], apex) {
		return dst, false
	}
	base := len(dst)
	key = slices.Grow(dst, below)[:base+below]
	// The first label is the deepest and goes last, so the key is filled from its end.
	at := len(key)
	for i := 0; i < below; {
		l := int(n[i])
		if l == 0 || i+1+l > below {
			return dst, false
		}
		at -= l + 1
		to := key[at : at+l+1]
		for j, c := range n[i+1 : i+1+l] {
			c = fold[c]
			if c <= 1 {
				return appendKeyEscaped(dst, n[:below])
			}
			to[j] = c
		}
		to[l] = 0
		i += 1 + l
	}
	return key, true
}

// appendKeyEscaped appends the key of labels that hold octets to escape.
func appendKeyEscaped(dst, labels []byte) (key []byte, ok bool) {
	size := 0
	for i := 0; i < len(labels); {
		l := int(labels[i])
		if l == 0 || i+1+l > len(labels) {
			return dst, false
		}
		for _, c := range labels[i+1 : i+1+l] {
			if c <= 1 {
				size++
			}
		}
		size += l + 1
		i += 1 + l
	}
	at := len(dst) + size
	key = slices.Grow(dst, size)[:at]
	for i := 0; i < len(labels); {
		l := int(labels[i])
		at--
		key[at] = 0
		for j := i + l; j > i; j-- {
			at--
			if c := fold[labels[j]]; c <= 1 {
				key[at] = c + 1
				at--
				key[at] = 1
			} else {
				key[at] = c
			}
		}
		i += 1 + l
	}
	return key, true
}

// AppendKeyString appends the key of a name in presentation form, as miekg/dns hands over the name of a question. ok
// is false, and dst comes back as it was, when the name is malformed or not in the zone at apex. It does not allocate
// if dst has room.
func AppendKeyString(dst []byte, qname string, apex Name) (key []byte, ok bool) {
	// Without an escape, each octet of the presentation form is one of the wire form.
	below := len(qname) - len(apex) + 1
	if below < 0 || len(qname) >= maxName || len(apex) == 0 || qname == "" || qname == "." || strings.IndexByte(qname, '\\') >= 0 {
		return appendKeyText(dst, qname, apex)
	}
	for i, at := 0, below; i < len(apex)-1; {
		l := int(apex[i])
		i++
		if at+l >= len(qname) || i+l >= len(apex) {
			return appendKeyText(dst, qname, apex)
		}
		for j, c := range apex[i : i+l] {
			if d := qname[at+j]; d == '.' || fold[c] != fold[d] {
				return appendKeyText(dst, qname, apex)
			}
		}
		if at += l; qname[at] != '.' {
			return appendKeyText(dst, qname, apex)
		}
		at++
		i += l
	}
	base := len(dst)
	key = slices.Grow(dst, below)[:base+below]
	at := len(key)
	for i := 0; i < below; {
		l := strings.IndexByte(qname[i:below], '.')
		if l <= 0 || l > maxLabel {
			return appendKeyText(dst, qname, apex)
		}
		at -= l + 1
		to := key[at : at+l+1]
		for j := range l {
			c := fold[qname[i+j]]
			if c <= 1 {
				return appendKeyText(dst, qname, apex)
			}
			to[j] = c
		}
		to[l] = 0
		i += l + 1
	}
	return key, true
}

// appendKeyText is AppendKeyString for what is not plain: by way of the wire form.
func appendKeyText(dst []byte, qname string, apex Name) (key []byte, ok bool) {
	var buf [maxName]byte
	n, err := appendText(buf[:0], qname)
	if err != nil {
		return dst, false
	}
	return AppendKey(dst, n, apex)
}

// AppendOwner appends the owner name, in wire form, that has key k in the zone at apex. Below the apex it is in lower
// case; the apex is as given.
func AppendOwner(dst []byte, k Key, apex Name) []byte {
	for end := len(k); end > 0; {
		begin := bytes.LastIndexByte(k[:end-1], 0) + 1
		length := len(dst)
		dst = append(dst, 0)
		for i := begin; i < end-1; i++ {
			c := k[i]
			if c == 1 && i+1 < end-1 {
				i++
				c = k[i] - 1
			}
			dst = append(dst, c)
		}
		dst[length] = byte(len(dst) - length - 1)
		end = begin
	}
	return append(dst, apex...)
}

// Labels returns the number of labels below the apex.
func (k Key) Labels() int { return bytes.Count(k, []byte{0}) }

// Parent returns k without its deepest label, as a part of k. The apex is its own parent.
func (k Key) Parent() Key {
	if len(k) == 0 {
		return k
	}
	return k[:bytes.LastIndexByte(k[:len(k)-1], 0)+1]
}

// First returns the ancestor of k, or k, that has so many labels below the apex, as a part of k.
func (k Key) First(labels int) Key {
	end := 0
	for ; labels > 0 && end < len(k); labels-- {
		end += bytes.IndexByte(k[end:], 0) + 1
	}
	return k[:end]
}

// Common returns the number of leading labels that k and m have in common.
func (k Key) Common(m Key) int {
	n := min(len(k), len(m))
	labels := 0
	for i := range n {
		if k[i] != m[i] {
			break
		}
		if k[i] == 0 {
			labels++
		}
	}
	return labels
}
