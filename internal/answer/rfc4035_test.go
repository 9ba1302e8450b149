package answer

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// RFC 4035 appendix A, without signatures. The keys are not those of the appendix, which prove nothing here.
const rfc4035Zone = `
example.       3600 IN SOA    ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600
example.       3600 IN NS     ns1.example.
example.       3600 IN NS     ns2.example.
example.       3600 IN MX     1 xx.example.
example.       3600 IN NSEC   a.example. NS SOA MX RRSIG NSEC DNSKEY
example.       3600 IN DNSKEY 256 3 5 AQOy1bZVvpPqhg4j7EJoM9rI3ZmyEx2OzDBVrZy/lvI5CQePxXHZS4i8dANH4DX3tbHol61ek8EFMcsGXxKciJFHyhl94C+NwILQdzsUlSFovBZsyl/NX6yEbtw/xN9ZNcrbYvgjjZ/UVPZIySFNsgEYvh0z2542lzMKR4Dh8uZffQ==
example.       3600 IN DNSKEY 257 3 5 AQOeX7+baTmvpVHb2CcLnL1dMRWbuscRvHXlLnXwDzvqp4tZVKp1sZMepFb8MvxhhW3y/0QZsyCjczGJ1qk8vJe52iOhInKROVLRwxGpMfzPRLMlGybr51bOV/1se0ODacj3DomyB4QB5gKTYot/K9alk5/j8vfd4jWCWD+E1Sze0Q==
a.example.     3600 IN NS     ns1.a.example.
a.example.     3600 IN NS     ns2.a.example.
a.example.     3600 IN DS     57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
a.example.     3600 IN NSEC   ai.example. NS DS RRSIG NSEC
ns1.a.example. 3600 IN A      192.0.2.5
ns2.a.example. 3600 IN A      192.0.2.6
ai.example.    3600 IN A      192.0.2.9
ai.example.    3600 IN HINFO  "KLH-10" "ITS"
ai.example.    3600 IN AAAA   2001:db8::f00:baa9
ai.example.    3600 IN NSEC   b.example. A HINFO AAAA RRSIG NSEC
b.example.     3600 IN NS     ns1.b.example.
b.example.     3600 IN NS     ns2.b.example.
b.example.     3600 IN NSEC   ns1.example. NS RRSIG NSEC
ns1.b.example. 3600 IN A      192.0.2.7
ns2.b.example. 3600 IN A      192.0.2.8
ns1.example.   3600 IN A      192.0.2.1
ns1.example.   3600 IN NSEC   ns2.example. A RRSIG NSEC
ns2.example.   3600 IN A      192.0.2.2
ns2.example.   3600 IN NSEC   *.w.example. A RRSIG NSEC
*.w.example.   3600 IN MX     1 ai.example.
*.w.example.   3600 IN NSEC   x.w.example. MX RRSIG NSEC
x.w.example.   3600 IN MX     1 xx.example.
x.w.example.   3600 IN NSEC   x.y.w.example. MX RRSIG NSEC
x.y.w.example. 3600 IN MX     1 xx.example.
x.y.w.example. 3600 IN NSEC   xx.example. MX RRSIG NSEC
xx.example.    3600 IN A      192.0.2.10
xx.example.    3600 IN HINFO  "KLH-10" "TOPS-20"
xx.example.    3600 IN AAAA   2001:db8::f00:baaa
xx.example.    3600 IN NSEC   example. A HINFO AAAA RRSIG NSEC
`

const rfc4035SOA = "authority: example. 3600 IN SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600\n"

// The examples of RFC 4035 appendix B. Where those have the NS RRset of the apex beside an answer, with the addresses of its
// hosts, we leave it out: nobody needs it, and Knot does so.
func TestRFC4035AppendixB(t *testing.T) {
	runSigned(t, "example.", rfc4035Zone, dns.RSASHA1, []rfcCase{
		{"B.1 Answer", "x.w.example.", dns.TypeMX, `NOERROR aa
answer: x.w.example. 3600 IN MX 1 xx.example.
additional: xx.example. 3600 IN A 192.0.2.10
additional: xx.example. 3600 IN AAAA 2001:db8::f00:baaa`},
		{"B.2 Name Error", "ml.example.", dns.TypeA, `NXDOMAIN aa
authority: b.example. 3600 IN NSEC ns1.example. NS RRSIG NSEC
authority: example. 3600 IN NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
` + rfc4035SOA},
		{"B.3 No Data Error", "ns1.example.", dns.TypeMX, `NOERROR aa
` + rfc4035SOA + `authority: ns1.example. 3600 IN NSEC ns2.example. A RRSIG NSEC`},
		{"B.4 Referral to Signed Zone", "mc.a.example.", dns.TypeMX, `NOERROR
authority: a.example. 3600 IN DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
authority: a.example. 3600 IN NS ns1.a.example.
authority: a.example. 3600 IN NS ns2.a.example.
additional: ns1.a.example. 3600 IN A 192.0.2.5
additional: ns2.a.example. 3600 IN A 192.0.2.6`},
		{"B.5 Referral to Unsigned Zone", "mc.b.example.", dns.TypeMX, `NOERROR
authority: b.example. 3600 IN NS ns1.b.example.
authority: b.example. 3600 IN NS ns2.b.example.
authority: b.example. 3600 IN NSEC ns1.example. NS RRSIG NSEC
additional: ns1.b.example. 3600 IN A 192.0.2.7
additional: ns2.b.example. 3600 IN A 192.0.2.8`},
		{"B.6 Wildcard Expansion", "a.z.w.example.", dns.TypeMX, `NOERROR aa
answer: a.z.w.example. 3600 IN MX 1 ai.example.
authority: x.y.w.example. 3600 IN NSEC xx.example. MX RRSIG NSEC
additional: ai.example. 3600 IN A 192.0.2.9
additional: ai.example. 3600 IN AAAA 2001:db8::f00:baa9`},
		{"B.7 Wildcard No Data Error", "a.z.w.example.", dns.TypeAAAA, `NOERROR aa
authority: *.w.example. 3600 IN NSEC x.w.example. MX RRSIG NSEC
` + rfc4035SOA + `authority: x.y.w.example. 3600 IN NSEC xx.example. MX RRSIG NSEC`},
		{"B.8 DS Child Zone No Data Error", "example.", dns.TypeDS, `NOERROR aa
authority: example. 3600 IN NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
` + rfc4035SOA},
	})
}

// What section 3.1 says in words.
func TestRFC4035Section3(t *testing.T) {
	runSigned(t, "example.", rfc4035Zone, dns.RSASHA1, []rfcCase{
		{"3.1.4.1: DS at the parent's side", "a.example.", dns.TypeDS, `NOERROR aa
answer: a.example. 3600 IN DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B`},
		{"3.1.4.1: no DS at the parent's side", "b.example.", dns.TypeDS, `NOERROR aa
authority: b.example. 3600 IN NSEC ns1.example. NS RRSIG NSEC
` + rfc4035SOA},
		{"3.1.3.1: an empty non-terminal", "y.w.example.", dns.TypeA, `NOERROR aa
` + rfc4035SOA + `authority: x.w.example. 3600 IN NSEC x.y.w.example. MX RRSIG NSEC`},
		{"3.1.3.1: the same one, above a wildcard", "w.example.", dns.TypeMX, `NOERROR aa
` + rfc4035SOA + `authority: ns2.example. 3600 IN NSEC *.w.example. A RRSIG NSEC`},
		{"3.1.3.2: one NSEC record for both", "x.x.w.example.", dns.TypeA, `NXDOMAIN aa
` + rfc4035SOA + `authority: x.w.example. 3600 IN NSEC x.y.w.example. MX RRSIG NSEC`},
		{"3.1.3.2: after the last name", "zz.example.", dns.TypeA, `NXDOMAIN aa
authority: example. 3600 IN NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
` + rfc4035SOA + `authority: xx.example. 3600 IN NSEC example. A HINFO AAAA RRSIG NSEC`},
		{"2.3: NSEC asked for by type", "xx.example.", dns.TypeNSEC, `NOERROR aa
answer: xx.example. 3600 IN NSEC example. A HINFO AAAA RRSIG NSEC`},
		{"RFC 4592 4.7: NSEC of a wildcard, as NSD, Knot and BIND have it", "a.z.w.example.", dns.TypeNSEC, `NOERROR aa
answer: a.z.w.example. 3600 IN NSEC x.w.example. MX RRSIG NSEC
authority: x.y.w.example. 3600 IN NSEC xx.example. MX RRSIG NSEC`},
	})
}

// runSigned asks with DO, and wants the signatures of every RRset that the zone has signed beside what a case lists. Without
// DO, the sections must be the same without what is there only for validators.
func runSigned(t *testing.T, origin, text string, algorithm uint8, cases []rfcCase) {
	t.Helper()
	z, err := answertest.Parse(origin, text)
	if err != nil {
		t.Fatal(err)
	}
	z.Records = append(z.Records, placeholders(z, algorithm)...)
	v, err := z.Version()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		got := answertest.ResponseOf(respond(v, Question{Name: c.name, Type: c.typ, DO: true}))
		for _, section := range []*[]string{&got.Answer, &got.Authority, &got.Additional} {
			*section = withoutSignatures(t, v, *section)
		}
		if want := normal(c.want); normal(got.String()) != want {
			t.Errorf("%s: %s %s with DO\n--- got\n%s\n--- want\n%s", c.section, c.name, dns.Type(c.typ), normal(got.String()), want)
		}
		plain := answertest.ResponseOf(respond(v, Question{Name: c.name, Type: c.typ}))
		got.Authority = slices.DeleteFunc(got.Authority, func(line string) bool {
			return slices.Contains([]string{"nsec", "nsec3", "ds"}, strings.Fields(line)[3])
		})
		if !plain.Equal(got) {
			t.Errorf("%s: %s %s without DO\n--- got\n%s\n--- want\n%s", c.section, c.name, dns.Type(c.typ), plain, got)
		}
	}
}

// placeholders returns RRSIG records of the right shape for the authoritative RRsets of a zone.
func placeholders(z *answertest.Zone, algorithm uint8) (sigs []dns.RR) {
	cuts := map[string]bool{}
	for _, rr := range z.Records {
		if h := rr.Header(); h.Rrtype == dns.TypeNS && h.Name != z.Origin {
			cuts[h.Name] = true
		}
	}
	seen := map[string]bool{}
	for _, rr := range z.Records {
		h := rr.Header()
		signed := !cuts[h.Name] || h.Rrtype == dns.TypeDS || h.Rrtype == dns.TypeNSEC
		for up := h.Name; up != "."; {
			up = answertest.Parent(up)
			signed = signed && !cuts[up]
		}
		if of := h.Name + dns.Type(h.Rrtype).String(); signed && !seen[of] {
			seen[of] = true
			sigs = append(sigs, &dns.RRSIG{
				Hdr:         dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: h.Ttl},
				TypeCovered: h.Rrtype, Algorithm: algorithm, Labels: uint8(len(dns.SplitDomainName(strings.TrimPrefix(h.Name, "*.")))),
				OrigTtl: h.Ttl, Expiration: 1084127779, Inception: 1081535779, KeyTag: 38519, SignerName: z.Origin, Signature: "AAEC",
			})
		}
	}
	return sigs
}

// withoutSignatures wants the signature of every RRset of a section that has one in the zone, and no other, and returns the
// section without them.
func withoutSignatures(t *testing.T, v *zone.Version, section []string) (rest []string) {
	t.Helper()
	signed, want := map[string]bool{}, map[string]bool{}
	for _, line := range section {
		f := strings.Fields(line)
		if f[3] == "rrsig" {
			if signed[f[0]+" "+f[4]] {
				t.Errorf("twice: %s", line)
			}
			signed[f[0]+" "+f[4]] = true
			continue
		}
		rest = append(rest, line)
		want[f[0]+" "+f[3]] = want[f[0]+" "+f[3]] || hasSignature(t, v, f[0], dns.StringToType[strings.ToUpper(f[3])])
	}
	for of, yes := range want {
		if yes != signed[of] {
			t.Errorf("the RRset %s has a signature: %v, want %v", of, signed[of], yes)
		}
		delete(signed, of)
	}
	for of := range signed {
		t.Errorf("a signature of %s, which is not there", of)
	}
	return rest
}

// hasSignature reports whether an RRset, or that of the wildcard it comes from, is signed.
func hasSignature(t *testing.T, v *zone.Version, name string, typ uint16) bool {
	t.Helper()
	key, ok := zone.AppendKeyString(nil, name, v.Apex())
	if !ok {
		t.Fatalf("%s is not in the zone", name)
	}
	if typ == dns.TypeNSEC3 {
		return true
	}
	m := v.Find(key)
	node := m.Node
	if !m.Exists {
		node = m.Wildcard
	}
	_, ok = node.Signatures(typ)
	return ok
}
