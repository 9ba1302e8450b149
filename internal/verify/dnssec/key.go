package dnssec

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A key is a DNSKEY record that can verify signatures.
type key struct {
	data      []byte // RDATA, shared with the version
	tag       uint16
	algorithm uint8
	bit       mask // of its algorithm
	revoked   bool
	rsa       *rsa.PublicKey // of what crypto/rsa takes
	odd       *bigKey        // of RSA that it does not take
	ecdsa     *ecdsa.PublicKey
	ed25519   ed25519.PublicKey
}

// mask is a set of algorithms that can be verified.
type mask uint8

// algorithms are those that can be verified, by their place in a mask.
var algorithms = [...]uint8{
	dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519,
}

// bitOf returns the mask of one algorithm, 0 for one that is not known.
func bitOf(algorithm uint8) mask {
	if i := slices.Index(algorithms[:], algorithm); i >= 0 {
		return 1 << i
	}
	return 0
}

func (m mask) String() string {
	s := ""
	for i, a := range algorithms {
		if m>>i&1 != 0 {
			if s != "" {
				s += ", "
			}
			s += dns.AlgorithmToString[a]
		}
	}
	return s
}

const (
	keyHeader  = 4    // octets before the public key (RFC 4034 section 2.1)
	maxKeys    = 64   // of a zone: the field's largest have a dozen
	maxAlike   = 4    // keys of one tag and algorithm, each of which a signature may be by: as Unbound has it
	maxModulus = 4096 // bits: RFC 5702 section 2
	minModulus = 512
	// maxExponent is in bits. Some zones have 33, from signers that took 2^32+1; crypto/rsa takes 31.
	maxExponent = 64
)

// newKey reads the RDATA of a DNSKEY record. Errors are of keys that no validator could use; a key of an unknown algorithm has
// no error and no bit.
func newKey(data []byte) (key, error) {
	if len(data) <= keyHeader {
		return key{}, fmt.Errorf("DNSKEY of %d octets has no key", len(data))
	}
	flags := binary.BigEndian.Uint16(data)
	k := key{data: data, tag: zone.KeyTag(data), algorithm: data[3], revoked: flags&dns.REVOKE != 0}
	switch {
	case flags&dns.ZONE == 0:
		return key{}, errors.New("DNSKEY is not a zone key (RFC 4034 section 2.1.1)")
	case data[2] != 3:
		return key{}, fmt.Errorf("DNSKEY has protocol %d, want 3 (RFC 4034 section 2.1.2)", data[2])
	}
	k.bit = bitOf(k.algorithm)
	var err error
	public := data[keyHeader:]
	switch k.algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		err = k.setRSA(public)
	case dns.ECDSAP256SHA256:
		k.ecdsa, err = ecdsaKey(elliptic.P256(), public)
	case dns.ECDSAP384SHA384:
		k.ecdsa, err = ecdsaKey(elliptic.P384(), public)
	case dns.ED25519:
		if k.ed25519 = public; len(public) != ed25519.PublicKeySize {
			err = fmt.Errorf("public key of %d octets, want %d", len(public), ed25519.PublicKeySize)
		}
	}
	if err != nil {
		return key{}, fmt.Errorf("DNSKEY %d of algorithm %d: %w", k.tag, k.algorithm, err)
	}
	return k, nil
}

// setRSA reads a public key of RFC 3110 section 2.
func (k *key) setRSA(b []byte) error {
	n := int(b[0])
	if b = b[1:]; n == 0 {
		if len(b) < 2 {
			return errors.New("public key ends within the length of its exponent")
		}
		n, b = int(binary.BigEndian.Uint16(b)), b[2:]
	}
	if n == 0 || n >= len(b) {
		return errors.New("public key ends within its exponent")
	}
	exponent, modulus := bytes.TrimLeft(b[:n], "\x00"), bytes.TrimLeft(b[n:], "\x00")
	if len(exponent)*8 > maxExponent || len(modulus)*8 > maxModulus {
		return fmt.Errorf("RSA modulus of %d octets with an exponent of %d, more than validators take", len(modulus), len(exponent))
	}
	e, m := new(big.Int).SetBytes(exponent), new(big.Int).SetBytes(modulus)
	if m.BitLen() < minModulus || m.Bit(0) == 0 || e.Bit(0) == 0 || e.BitLen() < 2 {
		return fmt.Errorf("RSA modulus of %d bits with an exponent of %d is no RSA key that validators take", m.BitLen(), e.BitLen())
	}
	if m.BitLen() >= 1024 && e.BitLen() < 32 {
		k.rsa = &rsa.PublicKey{N: m, E: int(e.Int64())}
	} else {
		k.odd = &bigKey{n: m, e: e}
	}
	return nil
}

// ecdsaKey reads a public key of RFC 6605 section 4: a point without the octet that says that it is not compressed.
func ecdsaKey(curve elliptic.Curve, b []byte) (*ecdsa.PublicKey, error) {
	const uncompressed = 4
	return ecdsa.ParseUncompressedPublicKey(curve, append([]byte{uncompressed}, b...))
}

// A keySet is what a DNSKEY RRset has of use.
type keySet struct {
	set  zone.RRset
	keys []key // by tag and algorithm
	// unusable is what is wrong with each of the others.
	unusable []error
	unknown  []uint8 // algorithms
	all      mask    // algorithms of keys that are not revoked
}

func newKeySet(set zone.RRset) (*keySet, error) {
	if set.Count > maxKeys {
		return nil, fmt.Errorf("has %d keys, and no more than %d are looked at", set.Count, maxKeys)
	}
	s := &keySet{set: set}
	for data := range set.All() {
		k, err := newKey(data)
		switch {
		case err != nil:
			s.unusable = append(s.unusable, err)
		case k.bit == 0:
			s.unknown = append(s.unknown, k.algorithm)
		default:
			s.keys = append(s.keys, k)
			if !k.revoked {
				s.all |= k.bit
			}
		}
	}
	sortKeys(s.keys)
	for _, k := range s.keys {
		if n := len(s.find(k.tag, k.algorithm)); n > maxAlike {
			return nil, fmt.Errorf("has %d keys with tag %d of algorithm %d, and validators try no more than %d for a signature", n, k.tag, k.algorithm, maxAlike)
		}
	}
	return s, nil
}

// sortKeys brings keys into the order that find wants.
func sortKeys(list []key) {
	slices.SortStableFunc(list, func(a, b key) int {
		return (int(a.tag)<<8 | int(a.algorithm)) - (int(b.tag)<<8 | int(b.algorithm))
	})
}

// find returns the keys that a signature may be by.
func (s *keySet) find(tag uint16, algorithm uint8) []key {
	lo := 0
	for lo < len(s.keys) && (s.keys[lo].tag != tag || s.keys[lo].algorithm != algorithm) {
		lo++
	}
	hi := lo
	for hi < len(s.keys) && s.keys[hi].tag == tag && s.keys[hi].algorithm == algorithm {
		hi++
	}
	return s.keys[lo:hi]
}

// same reports whether a signature may be by the same keys in both.
func (s *keySet) same(t *keySet, tag uint16, algorithm uint8) bool {
	return slices.EqualFunc(s.find(tag, algorithm), t.find(tag, algorithm), func(a, b key) bool { return bytes.Equal(a.data, b.data) })
}
