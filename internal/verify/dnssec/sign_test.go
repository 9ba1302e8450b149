package dnssec

import (
	"crypto"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// A testKey signs, and can be told to do so wrongly.
type testKey struct {
	*dns.DNSKEY
	private crypto.Signer
	silent  bool // signs nothing
	hidden  bool // is not published
}

func newTestKey(t testing.TB, algorithm uint8, flags uint16) *testKey {
	t.Helper()
	k := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: flags, Protocol: 3, Algorithm: algorithm,
	}
	size := map[uint8]int{dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256}[algorithm]
	if size == 0 {
		size = 1024
	}
	private, err := k.Generate(size)
	if err != nil {
		t.Fatal(err)
	}
	return &testKey{DNSKEY: k, private: private.(crypto.Signer)}
}

// base is a zone of every kind of name, unsigned.
const base = `
example.org. 3600 IN SOA ns1.example.org. host.example.org. 1 3600 600 86400 300
example.org. 3600 IN NS ns1.example.org.
example.org. 3600 IN MX 10 mail.example.org.
a.b.ent.example.org. 300 IN A 192.0.2.1
*.wild.example.org. 300 IN TXT "w"
insecure.example.org. 300 IN NS ns.insecure.example.org.
ns.insecure.example.org. 300 IN A 192.0.2.2
only.deep.example.org. 300 IN NS ns.elsewhere.net.
secure.example.org. 300 IN NS ns1.example.org.
secure.example.org. 300 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns1.example.org. 300 IN A 192.0.2.3
ns1.example.org. 300 IN AAAA 2001:db8::3
tree.example.org. 300 IN DNAME example.net.
www.example.org. 300 IN CNAME ns1.example.org.
`

// signedWith returns the base zone, its chain as signing says, signed with the keys. Each signature can be altered, or left out.
func signedWith(t testing.TB, signing answertest.Signing, keys []*testKey, alter func(*dns.RRSIG) bool) *answertest.Zone {
	t.Helper()
	plain, err := answertest.Parse("example.org.", base)
	if err != nil {
		t.Fatal(err)
	}
	signing.Algorithms = []uint8{dns.ED25519}
	return resigned(t, plain.Signed(signing), keys, alter)
}

// resigned takes the keys and signatures of a zone away, and signs it with other keys.
func resigned(t testing.TB, z *answertest.Zone, keys []*testKey, alter func(*dns.RRSIG) bool) *answertest.Zone {
	t.Helper()
	type name struct {
		owner string
		typ   uint16
	}
	next := &answertest.Zone{Origin: z.Origin}
	sets := map[name][]dns.RR{}
	var signed []name
	add := func(rr dns.RR) {
		next.Records = append(next.Records, rr)
		n := name{strings.ToLower(rr.Header().Name), rr.Header().Rrtype}
		sets[n] = append(sets[n], rr)
	}
	for _, rr := range z.Records {
		switch rr := rr.(type) {
		case *dns.DNSKEY:
		case *dns.RRSIG:
			if n := (name{strings.ToLower(rr.Hdr.Name), rr.TypeCovered}); !slices.Contains(signed, n) {
				signed = append(signed, n)
			}
		default:
			add(rr)
		}
	}
	for _, k := range keys {
		if !k.hidden {
			add(k.DNSKEY)
		}
	}
	for _, n := range signed {
		set := sets[n]
		for _, k := range keys {
			if k.silent {
				continue
			}
			sig := &dns.RRSIG{
				Hdr: dns.RR_Header{
					Name: set[0].Header().Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: set[0].Header().Ttl,
				},
				TypeCovered: n.typ, Algorithm: k.Algorithm, KeyTag: k.KeyTag(), SignerName: z.Origin,
				Inception: uint32(now.Unix() - 86400), Expiration: uint32(now.Unix() + 14*86400),
			}
			if alter != nil && !alter(sig) {
				continue
			}
			if err := sig.Sign(k.private, set); err != nil {
				t.Fatal(err)
			}
			next.Records = append(next.Records, sig)
		}
	}
	return next
}

// only alters signatures of one RRset.
func only(owner string, typ uint16, alter func(*dns.RRSIG) bool) func(*dns.RRSIG) bool {
	return func(sig *dns.RRSIG) bool {
		return !strings.EqualFold(sig.Hdr.Name, owner) || sig.TypeCovered != typ || alter(sig)
	}
}

func anchor(t testing.TB, rr dns.RR) Anchor {
	t.Helper()
	r, err := zone.FromRR(rr)
	if err != nil {
		t.Fatal(err)
	}
	a, known, err := newAnchor(r)
	if err != nil || !known {
		t.Fatal(err, known)
	}
	return a
}
