package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"

	"github.com/miekg/dns"
)

// verifies reports whether sig, as it stands in an RRSIG record, is the key's signature over data.
func (k *key) verifies(data, sig []byte) bool {
	var buf [sha512.Size]byte
	switch k.algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		sum := sha1.Sum(data)
		return k.verifiesRSA(crypto.SHA1, append(buf[:0], sum[:]...), sig)
	case dns.RSASHA256:
		sum := sha256.Sum256(data)
		return k.verifiesRSA(crypto.SHA256, append(buf[:0], sum[:]...), sig)
	case dns.RSASHA512:
		sum := sha512.Sum512(data)
		return k.verifiesRSA(crypto.SHA512, append(buf[:0], sum[:]...), sig)
	case dns.ECDSAP256SHA256:
		sum := sha256.Sum256(data)
		return k.verifiesECDSA(append(buf[:0], sum[:]...), sig, 32)
	case dns.ECDSAP384SHA384:
		sum := sha512.Sum384(data)
		return k.verifiesECDSA(append(buf[:0], sum[:]...), sig, 48)
	case dns.ED25519:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(k.ed25519, data, sig)
	}
	return false
}

// verifiesECDSA verifies a signature of RFC 6605 section 4: r and s, each of size octets.
func (k *key) verifiesECDSA(sum, sig []byte, size int) bool {
	if len(sig) != 2*size {
		return false
	}
	const most = 2 + 2*(3+48)
	var buf [most]byte
	der := append(buf[:0], 0x30, 0)
	der = appendInteger(der, sig[:size])
	der = appendInteger(der, sig[size:])
	der[1] = byte(len(der) - 2)
	return ecdsa.VerifyASN1(k.ecdsa, sum, der)
}

// appendInteger appends a number without sign as DER has it. It has at most 49 octets, so that lengths take one.
func appendInteger(dst, n []byte) []byte {
	n = bytes.TrimLeft(n, "\x00")
	if len(n) == 0 || n[0]&0x80 != 0 {
		dst = append(dst, 0x02, byte(len(n)+1), 0)
	} else {
		dst = append(dst, 0x02, byte(len(n)))
	}
	return append(dst, n...)
}

func (k *key) verifiesRSA(hash crypto.Hash, sum, sig []byte) bool {
	if k.odd != nil {
		return k.odd.verifies(hash, sum, sig)
	}
	// A signature without its leading zeros is what some signers write; crypto/rsa wants all octets.
	if size := k.rsa.Size(); len(sig) < size && len(sig) > 0 {
		sig = append(make([]byte, size-len(sig), size), sig...)
	}
	return rsa.VerifyPKCS1v15(k.rsa, hash, sum, sig) == nil
}

// bigKey is an RSA key that crypto/rsa does not take: shorter than 1024 bits, which RFC 3110 allows, or with an exponent of
// more than 31. All of it is public, so that it does not matter how long anything takes.
type bigKey struct{ n, e *big.Int }

func (k *bigKey) verifies(hash crypto.Hash, sum, sig []byte) bool {
	size := (k.n.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(sig)
	if len(sig) > size || s.Cmp(k.n) >= 0 {
		return false
	}
	prefix := digestInfo[hash]
	if size < len(prefix)+len(sum)+11 {
		return false
	}
	// RFC 8017 section 9.2.
	want := bytes.Repeat([]byte{0xFF}, size)
	want[0], want[1] = 0, 1
	rest := want[size-len(prefix)-len(sum)-1:]
	rest[0] = 0
	copy(rest[1:], prefix)
	copy(rest[1+len(prefix):], sum)
	return bytes.Equal(s.Exp(s, k.e, k.n).FillBytes(make([]byte, size)), want)
}

// digestInfo is what stands in front of the hash in a signature (RFC 8017 section 9.2, note 1).
var digestInfo = map[crypto.Hash]string{
	crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}
