package answertest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A key signs zones. All zones have the same, as making them takes more time than a test has.
type key struct {
	algorithm uint8
	flags     uint16
	private   crypto.Signer
	public    []byte // as in a DNSKEY record
}

// A pair is what signs a zone in one algorithm.
type pair struct{ ksk, zsk *key }

// keyPair returns the keys of an algorithm. Those of RSA differ from run to run; nothing but key tags and signatures comes
// from them.
func keyPair(algorithm uint8) pair {
	pairs.Lock()
	defer pairs.Unlock()
	p, ok := pairs.m[algorithm]
	if !ok {
		p = pair{newKey(algorithm, dns.ZONE|dns.SEP), newKey(algorithm, dns.ZONE)}
		pairs.m[algorithm] = p
	}
	return p
}

var pairs = struct {
	sync.Mutex // guards m
	m          map[uint8]pair
}{m: map[uint8]pair{}}

func newKey(algorithm uint8, flags uint16) *key {
	k := &key{algorithm: algorithm, flags: flags}
	seed := sha512.Sum512(fmt.Appendf(nil, "answertest %d %d", algorithm, flags))
	switch algorithm {
	case dns.RSASHA256:
		private := must(rsa.GenerateKey(rand.Reader, 1024)) // small: a test signs much
		k.private = private
		exponent := big.NewInt(int64(private.E)).Bytes()
		k.public = slices.Concat([]byte{byte(len(exponent))}, exponent, private.N.Bytes())
	case dns.ECDSAP256SHA256:
		k.ecdsa(elliptic.P256(), seed[:32])
	case dns.ECDSAP384SHA384:
		k.ecdsa(elliptic.P384(), seed[:48])
	case dns.ED25519:
		private := ed25519.NewKeyFromSeed(seed[:ed25519.SeedSize])
		k.private, k.public = private, private.Public().(ed25519.PublicKey)
	default:
		panic(fmt.Sprintf("answertest: no keys of algorithm %d", algorithm))
	}
	return k
}

func (k *key) ecdsa(curve elliptic.Curve, seed []byte) {
	private := must(ecdsa.ParseRawPrivateKey(curve, seed))
	k.private, k.public = private, must(private.PublicKey.Bytes())[1:]
}

// record returns the DNSKEY record.
func (k *key) record(origin string, ttl uint32) *dns.DNSKEY {
	return &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: ttl},
		Flags:     k.flags,
		Protocol:  3,
		Algorithm: k.algorithm,
		PublicKey: base64.StdEncoding.EncodeToString(k.public),
	}
}

// signs reports whether the key signs RRsets of a type: the DNSKEY RRset and those that speak to the parent are signed with
// the key that the parent knows.
func (k *key) signs(typ uint16) bool {
	switch typ {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		return k.flags&dns.SEP != 0
	}
	return k.flags&dns.SEP == 0
}

// sign returns the signature over data as it stands in an RRSIG record. The same data has the same signature.
func (k *key) sign(data []byte) []byte {
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256(data)
		return must(rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:]))
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(data)
		var rs struct{ R, S *big.Int }
		must(asn1.Unmarshal(must(private.Sign(nil, sum[:], crypto.SHA256)), &rs))
		sig := make([]byte, 64) // RFC 6605 section 4
		rs.R.FillBytes(sig[:32])
		rs.S.FillBytes(sig[32:])
		return sig
	case ed25519.PrivateKey:
		return ed25519.Sign(private, data)
	}
	panic("answertest: a key of no known kind")
}

// signedData is what a signature is over: the RDATA of the RRSIG record without signature, and the RRset in canonical form and
// order (RFC 4034 sections 3.1.8.1 and 6).
func signedData(rrsig []byte, set []zone.Record) []byte {
	data := slices.Clone(rrsig)
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b zone.Record) int { return bytes.Compare(a.Data, b.Data) })
	for _, r := range set {
		data = append(data, lowerName(r.Owner)...)
		data = binary.BigEndian.AppendUint16(data, r.Type)
		data = binary.BigEndian.AppendUint16(data, dns.ClassINET)
		data = binary.BigEndian.AppendUint32(data, r.TTL)
		data = binary.BigEndian.AppendUint16(data, uint16(len(r.Data)))
		data = append(data, r.Data...)
	}
	return data
}

// lowerName returns a name in wire form with its letters in lower case. Lengths of labels are no letters.
func lowerName(n zone.Name) zone.Name {
	lower := slices.Clone(n)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c | 0x20
		}
	}
	return lower
}
