package parity

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// side is one provider's copy, with the keys that it has and those of them
// that it signs with.
type side struct {
	name    string
	version *zone.Version
	keys    []key
	signs   []key
	unknown []string // what it signs with and does not have
	many    bool     // it has more keys than are looked at
}

// key is a DNSKEY without its flags, which change as it is revoked.
type key struct {
	algorithm uint8
	tag       uint16
	public    []byte
}

func (k key) String() string { return fmt.Sprintf("%d (algorithm %d)", k.tag, k.algorithm) }

func (k key) in(keys []key) bool {
	return slices.ContainsFunc(keys, func(l key) bool { return k.algorithm == l.algorithm && bytes.Equal(k.public, l.public) })
}

// has reports whether s has the key, or another of other's with its tag: which
// of the two signs is not known then.
func (s *side) has(k key, other *side) bool {
	return slices.ContainsFunc(other.signs, func(l key) bool { return l.tag == k.tag && l.algorithm == k.algorithm && l.in(s.keys) })
}

func (s *side) algorithms() []uint8 {
	var all []uint8
	for _, k := range s.signs {
		all = append(all, k.algorithm)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// maxKeys is how many keys of one provider are looked at, and how many of its
// signatures over the SOA: more than twice as many as the field's largest have.
// All of them are held against those of each other provider, within a verdict.
const maxKeys = 32

// read takes the keys from the apex: those that sign are those of the
// signatures over the SOA, which every signer makes with its zone-signing keys.
func (s *side) read() {
	apex := s.version.ApexNode()
	keys, _ := apex.RRset(dns.TypeDNSKEY)
	s.many = keys.Count > maxKeys
	for data := range keys.All() {
		const header = 4 // flags, protocol, algorithm
		if len(s.keys) == maxKeys {
			break
		}
		if len(data) > header {
			s.keys = append(s.keys, key{algorithm: data[3], tag: zone.KeyTag(data), public: data[header:]})
		}
	}
	signatures, _ := apex.Signatures(dns.TypeSOA)
	seen := 0
	for data := range signatures.All() {
		const tagEnd = 18 // RFC 4034 section 3.1
		if seen++; seen > maxKeys {
			break
		}
		if len(data) < tagEnd {
			continue
		}
		algorithm, tag := data[2], binary.BigEndian.Uint16(data[tagEnd-2:])
		found := false
		for _, k := range s.keys {
			if k.algorithm != algorithm || k.tag != tag {
				continue
			}
			if found = true; !k.in(s.signs) {
				s.signs = append(s.signs, k)
			}
		}
		if !found && !s.many {
			s.unknown = append(s.unknown, key{algorithm: algorithm, tag: tag}.String())
		}
	}
}

// validates reports whether who has the DNSKEY RRset of s can validate what
// other signs, as far as that can be told. One key is enough (RFC 6840 section
// 5.11), so that a roll with two signatures is none too early.
func (s *side) validates(other *side) bool {
	return s.many || other.many || slices.ContainsFunc(other.signs, func(k key) bool { return k.in(s.keys) })
}
