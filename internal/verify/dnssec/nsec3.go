package dnssec

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A chain is one of NSEC3 records with the parameters of an NSEC3PARAM record.
type chain struct {
	param []byte // RDATA of that record, part of a version
	order *order
}

// order is the names of a chain in the order of their hashes. It is made when a walk back has led nowhere: a small chain among
// the records of a large one would cost each look-up a walk past all of those.
type order struct {
	once  sync.Once
	names []zone.Node
}

const (
	maxChains   = 8
	maxRecords  = 64 // at one hash: one for each chain, with those that are being built or taken down
	maxBack     = 64 // names of other chains that are passed one by one
	paramHeader = 5  // octets before the salt (RFC 5155 sections 3.2 and 4.2)
	flagOptOut  = 1
)

// newChains returns the chains that a version must have whole. A parameter record with flags is of one that is being built or
// taken down, and of a hash that is not known nothing can be said (RFC 5155 section 4.1).
func newChains(v *zone.Version) (list []chain, why string) {
	set, _ := v.ApexNode().RRset(dns.TypeNSEC3PARAM)
	for data := range set.All() {
		if len(data) < paramHeader || data[0] != dns.SHA1 || data[1] != 0 {
			continue
		}
		if n := binary.BigEndian.Uint16(data[2:]); n > zone.MaxNSEC3Iterations {
			why = fmt.Sprintf("asks for %d iterations, and validators take no more than %d (RFC 9276 section 3.2)", n, zone.MaxNSEC3Iterations)
			continue
		}
		if len(list) == maxChains {
			return list, fmt.Sprintf("has %d records, and no more than %d chains are looked at", set.Count, maxChains)
		}
		list = append(list, chain{data, new(order)})
	}
	return list, why
}

// hash returns the hash of a name in wire form and lower case (RFC 5155 section 5). It needs scratch memory, which it returns.
func (c chain) hash(owner zone.Name, scratch []byte) (zone.NSEC3Hash, []byte) {
	salt := c.param[paramHeader:]
	scratch = append(append(scratch[:0], owner...), salt...)
	sum := sha1.Sum(scratch)
	for range binary.BigEndian.Uint16(c.param[2:]) {
		scratch = append(append(scratch[:0], sum[:]...), salt...)
		sum = sha1.Sum(scratch)
	}
	return sum, scratch
}

// at returns the record of the chain that a name has.
func (c chain) at(n zone.Node) (data []byte, ok bool) {
	set, _ := n.RRset(dns.TypeNSEC3)
	it := set.Iter()
	for range maxRecords {
		data, ok = it.Next()
		// Flags differ: they speak of opt-out here.
		if ok && len(data) > paramHeader && data[0] == c.param[0] && bytes.HasPrefix(data[2:], c.param[2:]) {
			return data, true
		}
		if !ok {
			break
		}
	}
	return nil, false
}

// find returns the record of the chain that a hash has.
func (c chain) find(v *zone.Version, hash zone.NSEC3Hash) (data []byte, ok bool) {
	var buf [hashKey]byte
	if n, exact := v.FindNSEC3(appendHashKey(buf[:0], hash)); exact {
		return c.at(n)
	}
	return nil, false
}

// cover returns the name of the chain that comes last before the key of a hash, with its record.
func (c chain) cover(v *zone.Version, key zone.Key) (n zone.Node, data []byte, ok bool) {
	var buf [zone.MaxKey]byte
	for range maxBack {
		if n, _ = v.FindNSEC3(justBefore(key)); n.IsZero() {
			return n, nil, false
		}
		if data, ok = c.at(n); ok {
			return n, data, true
		}
		key = n.AppendKey(buf[:0])
	}
	names := c.inOrder(v)
	if len(names) == 0 {
		return zone.Node{}, nil, false
	}
	var other [zone.MaxKey]byte
	i, _ := slices.BinarySearchFunc(names, key, func(n zone.Node, key zone.Key) int { return bytes.Compare(n.AppendKey(other[:0]), key) })
	n = names[(i+len(names)-1)%len(names)] // before the first comes the last
	data, ok = c.at(n)
	return n, data, ok
}

// inOrder returns the names of the chain in the order of their hashes.
func (c chain) inOrder(v *zone.Version) []zone.Node {
	c.order.once.Do(func() {
		for n := range v.WalkNSEC3() {
			if _, ok := c.at(n); ok {
				c.order.names = append(c.order.names, n)
			}
		}
	})
	return c.order.names
}

// optOut reports whether a name without a record lies in a span that may leave out delegations.
func (c chain) optOut(v *zone.Version, hash zone.NSEC3Hash) bool {
	var buf [hashKey]byte
	_, data, ok := c.cover(v, appendHashKey(buf[:0], hash))
	return ok && data[1]&flagOptOut != 0
}

// nsec3At holds an authoritative name against the chains.
func (w *worker) nsec3At(at *place, it *item) {
	for i, c := range w.chains {
		var hash zone.NSEC3Hash
		hash, w.scratch = c.hash(w.owner, w.scratch)
		data, ok := c.find(w.v, hash)
		if ok {
			w.tally.matched[i]++
			w.nsec3Bitmap(at, data, w.types)
		} else if !w.insecure || !c.optOut(w.v, hash) {
			w.fault(at, RuleNSEC3Missing, w.owner, 0, "the name has no NSEC3 record")
		}
		switch {
		case w.all:
			w.between(c, i, it)
		case ok || !w.insecure:
			w.above(c, it)
		}
	}
}

// between holds the empty non-terminals that come right before a name against a chain.
func (w *worker) between(c chain, i int, it *item) {
	left := false // one above, and rightly all below it
	for labels := it.common + 1; labels < it.key.Labels(); labels++ {
		ent := it.key.First(labels)
		hash, ok := w.nonTerminal(c, ent)
		if ok {
			w.tally.matched[i]++
			continue
		}
		if left = left || c.optOut(w.v, hash) && w.leftOut(c, ent); !left {
			w.missing(ent)
		}
	}
}

// above finds the empty non-terminals above a name that they must have a record for: that has one itself, or must have.
func (w *worker) above(c chain, it *item) {
	for key := it.key.Parent(); len(key) > 0; key = key.Parent() {
		if m := w.v.Find(key); !m.Node.IsZero() {
			continue
		}
		if _, ok := w.nonTerminal(c, key); !ok {
			w.missing(key)
		}
	}
}

func (w *worker) missing(ent zone.Key) {
	owner := zone.AppendOwner(nil, ent, w.apex)
	w.fault(&place{key: ent}, RuleNSEC3Missing, owner, 0, "the name, which others lie below, has no NSEC3 record")
}

// nobody holds a name that is no owner name with authority against the chains: it may be an empty non-terminal.
func (w *worker) nobody(it *item) {
	m := w.v.Find(it.key)
	exists := m.Exists && m.Cut.IsZero() && !it.out
	was := w.before.v.Find(it.key)
	fresh := !was.Exists || !was.Cut.IsZero() || !was.Node.IsZero()
	for _, c := range w.chains {
		if exists {
			// That it has no record is old news, unless it is new itself or its record went: then all below it has to be left out.
			hash, ok := w.nonTerminal(c, it.key)
			if !ok && (fresh || w.changed(hash)) && !(c.optOut(w.v, hash) && w.leftOut(c, it.key)) {
				w.missing(it.key)
			}
			continue
		}
		var hash zone.NSEC3Hash
		hash, w.scratch = c.hash(w.owner, w.scratch)
		if _, ok := c.find(w.v, hash); ok {
			w.extra(appendHashKey(nil, hash))
		}
	}
}

func (w *worker) extra(key zone.Key) {
	owner := zone.AppendOwner(nil, key, w.apex)
	w.fault(&place{true, key}, RuleNSEC3Extra, owner, dns.TypeNSEC3, "is the hash of no authoritative name")
}

// nonTerminal holds an empty non-terminal against a chain.
func (w *worker) nonTerminal(c chain, ent zone.Key) (hash zone.NSEC3Hash, ok bool) {
	w.other = zone.AppendOwner(w.other[:0], ent, w.apex)
	hash, w.scratch = c.hash(w.other, w.scratch)
	data, ok := c.find(w.v, hash)
	if ok {
		w.nsec3Bitmap(&place{key: ent}, data, nil)
	}
	return hash, ok
}

// nsec3Bitmap holds the bitmap of a record against the types of the name that it stands for.
func (w *worker) nsec3Bitmap(at *place, data []byte, types []uint16) {
	rest := data[paramHeader+int(data[4]):]
	if len(rest) == 0 || 1+int(rest[0]) > len(rest) {
		return // package zone has no such record
	}
	if why := w.bitmap(rest[1+int(rest[0]):], types, true); why != "" {
		w.fault(at, RuleNSEC3Bitmap, zone.AppendOwner(nil, at.key, w.apex), dns.TypeNSEC3, why)
	}
}

// leftOut reports whether a chain leaves out all authoritative names below an empty non-terminal: they are insecure delegations
// (RFC 5155 section 7.1).
func (w *worker) leftOut(c chain, ent zone.Key) bool {
	key := append(slices.Clone(ent), end...)
	for key = authoritativeBefore(w.v, append(key, 0), nil); !w.stopped.Load() && len(key) > len(ent) && bytes.HasPrefix(key, ent); {
		n := w.v.Find(key).Node
		if _, secure := n.RRset(dns.TypeDS); secure || !n.Delegation() {
			return false
		}
		w.other = zone.AppendOwner(w.other[:0], key, w.apex)
		var hash zone.NSEC3Hash
		hash, w.scratch = c.hash(w.other, w.scratch)
		if _, ok := c.find(w.v, hash); ok {
			return false
		}
		key = authoritativeBefore(w.v, key, nil)
	}
	return true
}

// links holds the next hash of a name's NSEC3 records against the chains: it has a record, and that before it is this one. If
// that is so for every record, the chain is in order and closed.
func (w *worker) links(at *place, n zone.Node) {
	for i, c := range w.chains {
		data, ok := c.at(n)
		if !ok {
			continue
		}
		w.tally.records[i]++
		var buf [hashKey]byte
		hash, ok := nextHash(data)
		if ok {
			_, ok = c.find(w.v, hash)
		}
		if !ok {
			w.fault(at, RuleNSEC3Next, w.owner, dns.TypeNSEC3, "the next hash is of no record of the chain")
			continue
		}
		prev, _, _ := c.cover(w.v, appendHashKey(buf[:0], hash))
		if w.prev = prev.AppendKey(w.prev[:0]); !bytes.Equal(w.prev, at.key) {
			w.fault(at, RuleNSEC3Next, w.owner, dns.TypeNSEC3, "the next hash is not the next of the chain")
		}
	}
}

// nextHash returns the next hashed owner name of NSEC3 RDATA.
func nextHash(data []byte) (hash zone.NSEC3Hash, ok bool) {
	rest := data[paramHeader+int(data[4]):]
	if len(rest) < 1+len(hash) || int(rest[0]) != len(hash) {
		return hash, false
	}
	return zone.NSEC3Hash(rest[1:]), true
}

const (
	hashSize = sha1.Size
	hashKey  = 32 + 1 // octets of the key of an NSEC3 record
)

func appendHashKey(dst []byte, hash zone.NSEC3Hash) zone.Key {
	return append(base32Hex.AppendEncode(dst, hash[:]), 0)
}

var base32Hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
