package tsig

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// A Key signs queries, and makes what verifies their answers. It is a small value, and may be used by any number of
// goroutines. The zero Key is none.
type Key struct {
	name      string // in presentation form
	wire      zone.Name
	algorithm config.Algorithm
	secret    config.Secret
}

// New returns the key that the configuration describes.
func New(k config.Key) (Key, error) {
	name, err := zone.ParseName(k.Name)
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", k.Name, err)
	}
	if int(k.Algorithm) >= len(hashes) || hashes[k.Algorithm].make == nil {
		return Key{}, fmt.Errorf("key %s: %v is not an algorithm", k.Name, k.Algorithm)
	}
	lower(name)
	return Key{name: name.String(), wire: name, algorithm: k.Algorithm, secret: k.Secret}, nil
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.wire == nil }

// String returns the name of the key; the secret is never printed.
func (k Key) String() string { return k.name }

// Algorithm returns how the key signs.
func (k Key) Algorithm() config.Algorithm { return k.algorithm }

// Secret returns the secret, for who verifies queries.
func (k Key) Secret() config.Secret { return k.secret }

// hashes are what the algorithms sign with, and their names in messages.
var hashes = [...]struct {
	make func() hash.Hash
	size int
	wire zone.Name
}{
	config.HMACMD5:    {md5.New, md5.Size, zone.Name("\x08hmac-md5\x07sig-alg\x03reg\x03int\x00")},
	config.HMACSHA1:   {sha1.New, sha1.Size, zone.Name("\x09hmac-sha1\x00")},
	config.HMACSHA224: {sha256.New224, sha256.Size224, zone.Name("\x0bhmac-sha224\x00")},
	config.HMACSHA256: {sha256.New, sha256.Size, zone.Name("\x0bhmac-sha256\x00")},
	config.HMACSHA384: {sha512.New384, sha512.Size384, zone.Name("\x0bhmac-sha384\x00")},
	config.HMACSHA512: {sha512.New, sha512.Size, zone.Name("\x0bhmac-sha512\x00")},
}

func (k Key) hash() hash.Hash { return hmac.New(hashes[k.algorithm].make, k.secret.Reveal()) }

const (
	// Fudge is how far clocks may be apart, as RFC 8945 section 10 recommends.
	Fudge = 300 * time.Second

	headerSize = 12
	fixedSize  = 10 // type, class, TTL and RDLENGTH
)

// Size returns how many octets Sign adds to a query.
func (k Key) Size() int {
	h := hashes[k.algorithm]
	return len(k.wire) + fixedSize + len(h.wire) + rdataFixed + h.size
}

// Sign appends a TSIG record to a query, and returns what verifies the answer to it. The query must have room for one more
// record in its additional section, and no TSIG record yet.
func (k Key) Sign(query []byte, now time.Time) ([]byte, *Exchange) {
	r := record{algorithm: hashes[k.algorithm].wire, signed: uint64(now.Unix()), fudge: uint16(Fudge / time.Second)}
	h := k.hash()
	h.Write(query)
	h.Write(k.variables(nil, &r))
	r.mac = h.Sum(nil)
	r.id = binary.BigEndian.Uint16(query)

	query = append(query, k.wire...)
	query = binary.BigEndian.AppendUint16(query, dns.TypeTSIG)
	query = binary.BigEndian.AppendUint16(query, dns.ClassANY)
	query = binary.BigEndian.AppendUint32(query, 0) // TTL
	query = binary.BigEndian.AppendUint16(query, uint16(len(r.algorithm)+rdataFixed+len(r.mac)))
	query = r.append(query)
	additional := query[10:headerSize]
	binary.BigEndian.PutUint16(additional, binary.BigEndian.Uint16(additional)+1)

	x := &Exchange{key: k, hash: h}
	x.after(r.mac)
	return query, x
}

// variables appends what is signed of the TSIG record itself (RFC 8945 section 4.3.3).
func (k Key) variables(dst []byte, r *record) []byte {
	dst = append(dst, k.wire...)
	dst = binary.BigEndian.AppendUint16(dst, dns.ClassANY)
	dst = binary.BigEndian.AppendUint32(dst, 0) // TTL
	dst = append(dst, r.algorithm...)
	dst = r.timers(dst)
	dst = binary.BigEndian.AppendUint16(dst, r.code)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.other)))
	return append(dst, r.other...)
}

// lower makes a name lower-case, in place. Octets that are lengths of labels are below all letters.
func lower(n zone.Name) {
	for i, c := range n {
		if c >= 'A' && c <= 'Z' {
			n[i] = c + 'a' - 'A'
		}
	}
}
