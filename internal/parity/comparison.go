package parity

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// A Comparison says what must be the same in two copies of one zone for them
// to agree. It never changes, and any number of goroutines may use it. A nil
// Comparison is strict, with nothing ignored, and so is the zero one.
type Comparison struct {
	kind    config.Compare
	secret  [32]byte
	ignore  []ignored
	counted counted // so that a verdict does not count again what the last one has
}

// ignored is one name, or every name below one, and a type that is left out
// there.
type ignored struct {
	key   zone.Key
	below bool
	typ   uint16 // 0: every type
}

// NewComparison returns the comparison that a zone is configured with. The
// secret keys its roots, so that no primary can make two contents of one root:
// it is drawn once in a process and told to nobody. What is ignored outside
// the zone is never found in it.
func NewComparison(cfg *config.Zone, apex zone.Name, secret [32]byte) *Comparison {
	c := &Comparison{kind: cfg.Compare, secret: secret}
	for _, r := range cfg.Ignore {
		text, below := r.Name, false
		if len(text) > 2 && text[:2] == "*." {
			text, below = text[2:], true
		}
		name, err := zone.ParseName(text)
		if err != nil {
			continue // Validate has told
		}
		i := ignored{below: below, typ: r.Type}
		key, ok := zone.AppendKey(nil, name, apex)
		switch {
		case ok:
			i.key = key
		case !below || !apex.InZone(name):
			continue
		default: // "*." above the zone: every name of it, the apex included
			c.ignore = append(c.ignore, ignored{typ: r.Type})
		}
		c.ignore = append(c.ignore, i)
	}
	return c
}

// Kind returns which comparison it is.
func (c *Comparison) Kind() config.Compare {
	if c == nil {
		return config.CompareStrict
	}
	return c.kind
}

// strict reports whether the serials of all primaries are one line.
func (c *Comparison) strict() bool { return c.Kind() == config.CompareStrict }

// whole reports whether nothing is left out, so that the root of a version is
// that of its content.
func (c *Comparison) whole() bool { return c.strict() && (c == nil || len(c.ignore) == 0) }

// Part says what a comparison makes of an RRset.
type Part uint8

const (
	// Compared: it must be the same.
	Compared Part = iota
	// Aside: the comparison leaves it to each provider.
	Aside
	// Ignored: the operator has said to ignore it.
	Ignored
)

// part returns what becomes of the RRsets of a type at a name. Of signatures
// covered is the type that they cover: they go with what they sign.
func (c *Comparison) part(owner zone.Key, typ, covered uint16) Part {
	if c == nil {
		return Compared
	}
	for i := range c.ignore {
		g := &c.ignore[i]
		if (g.typ == 0 || g.typ == typ || typ == dns.TypeRRSIG && g.typ == covered) && g.matches(owner) {
			return Ignored
		}
	}
	if c.kind == config.CompareStrict {
		return Compared
	}
	if len(owner) == 0 && (ofProvider(typ) || typ == dns.TypeRRSIG && ofProvider(covered)) {
		return Aside
	}
	if c.kind == config.CompareMultisigner && ofSigner(typ) {
		return Aside
	}
	return Compared
}

func (g *ignored) matches(owner zone.Key) bool {
	if g.below {
		return len(owner) > len(g.key) && bytes.HasPrefix(owner, g.key)
	}
	return bytes.Equal(owner, g.key)
}

// ofProvider reports whether each provider has its own RRset of the type at
// the apex.
func ofProvider(typ uint16) bool {
	return typ == dns.TypeSOA || typ == dns.TypeNS || typ == dns.TypeZONEMD
}

// ofSigner reports whether RRsets of the type are what each signer makes (RFC
// 8901).
func ofSigner(typ uint16) bool {
	switch typ {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		return true
	}
	return false
}

// hasher hashes RRsets one after the other with the comparison's secret.
type hasher struct{ buf []byte }

// write returns what is hashed of an RRset: a form that no two RRsets share.
// It is valid until the next call.
func (h *hasher) write(secret *[32]byte, owner zone.Key, s zone.RRset) []byte {
	b := append(h.buf[:0], secret[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(owner)))
	b = append(b, owner...)
	b = binary.BigEndian.AppendUint16(b, s.Type)
	b = binary.BigEndian.AppendUint32(b, s.TTL)
	b = slices.Grow(b, s.Size()+3*s.Count)
	for it := s.Iter(); ; {
		data, ok := it.Next()
		if !ok {
			break
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
	}
	h.buf = b
	return b
}
