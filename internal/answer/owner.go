package answer

import (
	"strings"

	"github.com/concord-dns/concord/internal/zone"
)

// An owner is the owner name of an entry: a name of the chain without its first labels or, for link < 0, a name of its own.
// A name of the chain keeps the case of the question, and its suffixes need no memory.
type owner struct {
	name zone.Name
	link int8
	skip uint8
}

// here is the last name of the chain as an owner.
func (r *Result) here() owner { return r.above(0) }

// above is the last name of the chain without its first labels.
func (r *Result) above(labels int) owner {
	return owner{link: int8(len(r.chain) - 1), skip: uint8(labels)}
}

// linkName returns a name of the chain.
func (r *Result) linkName(link int) zone.Name {
	if r.chain[link] == nil { // the first
		start := len(r.names)
		r.names = appendWire(r.names, r.question.Name)
		r.chain[link] = zone.Name(r.names[start:])
	}
	return r.chain[link]
}

// appendWire appends the wire form of a name in presentation form, which AppendKeyString has found well formed.
func appendWire(dst []byte, name string) []byte {
	for i := 0; i < len(name) && name != "."; i++ {
		label := len(dst)
		dst = append(dst, 0)
		for ; name[i] != '.'; i++ {
			c := name[i]
			if c == '\\' {
				i++
				if c = name[i]; c >= '0' && c <= '9' {
					c = (c-'0')*100 + (name[i+1]-'0')*10 + name[i+2] - '0'
					i += 2
				}
			}
			dst = append(dst, c)
		}
		dst[label] = byte(len(dst) - label - 1)
	}
	return append(dst, 0)
}

// wireName returns an owner name in wire form.
func (r *Result) wireName(o owner) zone.Name {
	if o.link < 0 {
		return o.name
	}
	name := r.linkName(int(o.link))
	for range o.skip {
		name = name[1+int(name[0]):]
	}
	return name
}

// ownerText returns an owner name in presentation form.
func (r *Result) ownerText(o owner) string {
	if o.link < 0 {
		return r.name(o.name)
	}
	name := r.links[o.link]
	for range o.skip {
		name = parent(name)
	}
	return name
}

// parent returns a name without its first label.
func parent(name string) string {
	i := strings.IndexByte(name, '.')
	if j := strings.IndexByte(name[:max(i, 0)], '\\'); j >= 0 {
		// An escape: find the first dot that ends a label.
		for i = j; i < len(name) && name[i] != '.'; i++ {
			if name[i] == '\\' {
				i++ // of \DDD the digits are no dots
			}
		}
	}
	if i < 0 || i+1 >= len(name) {
		return "."
	}
	return name[i+1:]
}
