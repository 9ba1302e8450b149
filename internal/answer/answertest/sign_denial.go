package answertest

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"math/rand/v2"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// denialTTL is the TTL of NSEC and NSEC3 records (RFC 9077 section 3).
func (sg *signer) denialTTL() uint32 { return min(sg.soa.TTL, sg.soa.Minimum) }

// chainNSEC adds the NSEC records (RFC 4035 section 2.3).
func (sg *signer) chainNSEC() {
	owners := slices.DeleteFunc(sg.sorted(), func(o *owner) bool { return o.out })
	for i, o := range owners {
		next := owners[(i+1)%len(owners)]
		sg.addRR(&dns.NSEC{
			Hdr:        dns.RR_Header{Name: o.name.String(), Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: sg.denialTTL()},
			NextDomain: next.name.String(),
			TypeBitMap: bitmap(append(o.types(), dns.TypeNSEC, dns.TypeRRSIG)),
		})
	}
}

func bitmap(types []uint16) []uint16 {
	slices.Sort(types)
	return slices.Compact(types)
}

func (sg *signer) parameters() {
	sg.addRR(&dns.NSEC3PARAM{
		Hdr:        dns.RR_Header{Name: sg.apex.String(), Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET, Ttl: 0},
		Hash:       dns.SHA1,
		Iterations: sg.signing.Iterations,
		SaltLength: uint8(len(sg.signing.Salt) / 2),
		Salt:       sg.signing.Salt,
	})
}

// chainNSEC3 adds the NSEC3 records (RFC 5155 section 7.1).
func (sg *signer) chainNSEC3() {
	type link struct {
		hash  []byte
		types []uint16
	}
	var chain []link
	seen := map[string]bool{}
	add := func(name zone.Name, types []uint16) {
		chain = append(chain, link{Hash(name, sg.signing.Salt, sg.signing.Iterations), bitmap(types)})
	}
	some, all := rand.New(rand.NewPCG(sg.signing.Seed, 4)), sg.rand.IntN(2) == 0
	var above []*owner // whose empty non-terminals are to be added
	for _, o := range sg.sorted() {
		if o.out {
			continue
		}
		types := o.types()
		secure := slices.ContainsFunc(types, o.signs)
		if skip := sg.signing.OptOut && !secure && some.IntN(4) > 0; skip {
			if all {
				above = append(above, o)
			}
			continue
		}
		if secure {
			types = append(types, dns.TypeRRSIG)
		}
		add(o.name, types)
		above = append(above, o)
	}
	for _, o := range above {
		name := o.name
		for up := o.key; len(up) > 0; {
			name, up = name[1+int(name[0]):], up.Parent()
			if sg.owners[string(up)] == nil && !seen[string(up)] {
				seen[string(up)] = true
				add(name, nil)
			}
		}
	}
	slices.SortFunc(chain, func(a, b link) int { return bytes.Compare(a.hash, b.hash) })
	for i, l := range chain {
		var flags uint8
		if sg.signing.OptOut {
			flags = 1
		}
		rr := &dns.NSEC3{
			Hdr:        dns.RR_Header{Name: hashed(l.hash, sg.apex.String()), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: sg.denialTTL()},
			Hash:       dns.SHA1,
			Flags:      flags,
			Iterations: sg.signing.Iterations,
			SaltLength: uint8(len(sg.signing.Salt) / 2),
			Salt:       sg.signing.Salt,
			HashLength: sha1.Size,
			NextDomain: base32Hex.EncodeToString(chain[(i+1)%len(chain)].hash),
			TypeBitMap: l.types,
		}
		r := must(zone.FromRR(rr))
		sg.hashed = append(sg.hashed, &owner{name: r.Owner, sets: map[uint16][]zone.Record{dns.TypeNSEC3: {r}}})
	}
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// hashed returns the owner name of an NSEC3 record.
func hashed(hash []byte, origin string) string {
	return below(string(bytes.ToLower([]byte(base32Hex.EncodeToString(hash)))), origin)
}

// Hash returns the hash of a name (RFC 5155 section 5).
func Hash(name zone.Name, salt string, iterations uint16) []byte {
	wire := must(hex.DecodeString(salt))
	hash := []byte(lowerName(name))
	for range int(iterations) + 1 {
		sum := sha1.Sum(append(hash, wire...))
		hash = sum[:]
	}
	return hash
}
