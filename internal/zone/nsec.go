package zone

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

// Denial is how a version proves that names and types do not exist.
type Denial uint8

const (
	// NoDenial is the way of an unsigned zone: not at all.
	NoDenial Denial = iota
	// ByNSEC is by NSEC records (RFC 4034 section 4).
	ByNSEC
	// ByNSEC3 is by NSEC3 records (RFC 5155).
	ByNSEC3
)

// MaxNSEC3Iterations is the most additional iterations of the hash that a version may be made with. It is what validators
// accepted when RFC 9276 was written; many have gone lower since (section 3.2), and beyond it none sees more in a zone than
// an unsigned one.
const MaxNSEC3Iterations = 150

// nsec3Chain is the chain of NSEC3 records that proofs are made of.
type nsec3Chain struct {
	param []byte // RDATA of its NSEC3PARAM record; nil: there is no such chain
	apex  Node   // its record for the apex
}

// NSEC3Hash is the hash of a name (RFC 5155 section 5).
type NSEC3Hash [sha1.Size]byte

// Signed reports whether the zone is signed: it has a DNSKEY RRset, without which nobody can make use of signatures.
func (v *Version) Signed() bool { return v.signed }

// Denial returns how the version proves that something does not exist. With NSEC and NSEC3 records side by side the NSEC3PARAM
// record decides: it is added when the chain of NSEC3 records is whole, and goes before they go (RFC 5155 sections 10.4 and 10.5).
func (v *Version) Denial() Denial { return v.denial }

// setDenial finds out how the version denies. Of several NSEC3PARAM records, as in the middle of a roll, the first in canonical
// order counts that is not marked (RFC 5155 section 4.1.2) and whose chain has the apex: that with the fewest iterations.
func (v *Version) setDenial() error {
	if _, v.signed = v.node.RRset(dns.TypeDNSKEY); !v.signed {
		return nil
	}
	if _, ok := v.node.RRset(dns.TypeNSEC); ok {
		v.denial = ByNSEC
	}
	params, _ := v.node.RRset(dns.TypeNSEC3PARAM)
	most := 0
	for param := range params.All() {
		if len(param) < paramHeader || param[0] != dns.SHA1 || param[1] != 0 {
			continue
		}
		if n := int(binary.BigEndian.Uint16(param[2:])); n > MaxNSEC3Iterations {
			most = max(most, n)
			continue
		}
		v.chain.param = param
		hash := v.NSEC3Hash(nil)
		if v.chain.apex, _ = v.MatchNSEC3(&hash); !v.chain.apex.IsZero() {
			v.denial = ByNSEC3
			return nil
		}
	}
	v.chain = nsec3Chain{}
	if most > 0 && v.denial == NoDenial && v.nsec3.below != nil {
		return fmt.Errorf("NSEC3PARAM with %d iterations, and no more than %d are served: to validators such a zone is unsigned or "+
			"broken (RFC 9276 section 3.2); have it signed with 0, as section 3.1 wants it", most, MaxNSEC3Iterations)
	}
	return nil
}

// paramHeader is the size of NSEC3PARAM RDATA without its salt (RFC 5155 section 4.2). NSEC3 RDATA begins in the same way.
const paramHeader = 5

// at returns the NSEC3 RRset of a name that has a record of the chain.
func (c *nsec3Chain) at(n Node) (set RRset, ok bool) {
	set, _ = n.RRset(dns.TypeNSEC3)
	it := set.Iter()
	for range maxAtHash {
		data, ok := it.Next()
		if !ok {
			break
		}
		// All of NSEC3PARAM but the flags, which in NSEC3 records speak of opt-out.
		if len(data) > paramHeader && data[0] == c.param[0] && bytes.HasPrefix(data[2:], c.param[2:]) {
			return set, true
		}
	}
	return RRset{}, false
}

// NSEC3Hash returns the hash of a name with the parameters of the version's chain; Denial has said ByNSEC3.
func (v *Version) NSEC3Hash(key Key) NSEC3Hash {
	var buf [maxName + maxSalt]byte
	salt := v.chain.param[paramHeader:]
	sum := sha1.Sum(append(AppendOwner(buf[:0], key, v.apex), salt...))
	for range binary.BigEndian.Uint16(v.chain.param[2:]) {
		sum = sha1.Sum(append(append(buf[:0], sum[:]...), salt...))
	}
	return sum
}

const maxSalt = 255 // octets of salt, whose length is one octet

// NSEC3Apex returns the name of the chain that stands for the apex, which needs no hash, and its NSEC3 RRset.
func (v *Version) NSEC3Apex() (Node, RRset) {
	set, _ := v.chain.at(v.chain.apex)
	return v.chain.apex, set
}

// MatchNSEC3 returns the name of the chain whose hash it is, with its NSEC3 RRset, and a zero Node if there is none.
func (v *Version) MatchNSEC3(hash *NSEC3Hash) (Node, RRset) {
	var buf [nsec3Label]byte
	if n, exact := v.FindNSEC3(hash.appendKey(buf[:0])); exact {
		if set, ok := v.chain.at(n); ok {
			return n, set
		}
	}
	return Node{}, RRset{}
}

// CoverNSEC3 returns the name of the chain in whose span a hash lies, the last before it, with its NSEC3 RRset. The Node is
// zero if the chain has that hash itself.
func (v *Version) CoverNSEC3(hash *NSEC3Hash) (Node, RRset) {
	var buf [nsec3Label]byte
	n, exact := v.FindNSEC3(hash.appendKey(buf[:0]))
	for range maxBack {
		if set, ok := v.chain.at(n); ok && !exact {
			return n, set
		} else if ok {
			break
		}
		// One of another chain.
		if n, exact = v.nsec3.before(n), false; n.IsZero() {
			p := v.nsec3.last()
			n = Node{p, p.count() - 1}
		}
	}
	return Node{}, RRset{}
}

// maxAtHash bounds the NSEC3 records at one hash that a question looks at: a zone has one for each of its chains.
const maxAtHash = 64

// maxBack bounds the names that are passed on the way back to one of the chain. Chains of as many names lie together like
// shuffled cards: that there are so many others in a row does not happen.
const maxBack = 256

// nsec3Label is the size of the key of an NSEC3 record: its label of base32hex and what ends it.
const nsec3Label = 32 + 1

func (h *NSEC3Hash) appendKey(dst []byte) Key {
	return append(base32Hex.AppendEncode(dst, h[:]), 0)
}

var base32Hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// CoverNSEC returns the name, with its NSEC RRset, that covers a name before which n comes as the last that owns records. Names
// below a cut have no NSEC record; the cut's goes on behind them. The Node is zero if there is none.
func (v *Version) CoverNSEC(n Node) (Node, RRset) {
	var buf [MaxKey]byte
	for range maxBack {
		if n.IsZero() {
			break
		}
		if info := n.info(); info.depth >= 0 {
			n = v.cutAt(n, info, n.AppendKey(buf[:0]))
		}
		if set, ok := n.RRset(dns.TypeNSEC); ok {
			return n, set
		}
		n = v.names.before(n) // the chain has a hole, or is longer than its zone
	}
	return Node{}, RRset{}
}

// before returns the last name before one of the tree, a zero Node before the first.
func (t tree) before(n Node) Node {
	if n.index > 0 {
		return Node{n.page, n.index - 1}
	}
	key := n.page.first()
	var left *child // what is left of the way down, at the lowest level where anything is
	for b := t.below; b != nil; {
		i := b.search(key)
		if i > 0 {
			left = &b.kids[i-1]
		}
		b = b.kids[i].below
	}
	if left == nil {
		return Node{}
	}
	p := left.page
	if left.below != nil {
		p = tree{*left}.last()
	}
	return Node{p, p.count() - 1}
}
