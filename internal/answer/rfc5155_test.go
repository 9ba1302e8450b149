package answer

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// RFC 5155 appendix A, without signatures and with other keys. Its NSEC3 records have opt-out, salt aabbccdd and 12
// iterations, and the owner name of one of them has an address.
const rfc5155Zone = `
example.       3600 IN SOA    ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600
example.       3600 IN NS     ns1.example.
example.       3600 IN NS     ns2.example.
example.       3600 IN MX     1 xx.example.
example.       3600 IN DNSKEY 256 3 7 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LUsAD0QPWU+wzt89epO6tHzkMBVDkC7qphQO2hTY4hHn9npWFRw5BYubE=
example.       3600 IN DNSKEY 257 3 7 AwEAAcUlFV1vhmqx6NSOUOq2R/dsR7Xm3upJj7IommWSpJABVfW8Q0rOvXdM6kzt+TAu92L9AbsUdblMFin8CVF3n4s=
example.       3600 IN NSEC3PARAM 1 0 12 aabbccdd
2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 IN A 192.0.2.127
a.example.     3600 IN NS     ns1.a.example.
a.example.     3600 IN NS     ns2.a.example.
a.example.     3600 IN DS     58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
ns1.a.example. 3600 IN A      192.0.2.5
ns2.a.example. 3600 IN A      192.0.2.6
ai.example.    3600 IN A      192.0.2.9
ai.example.    3600 IN HINFO  "KLH-10" "ITS"
ai.example.    3600 IN AAAA   2001:db8::f00:baa9
c.example.     3600 IN NS     ns1.c.example.
c.example.     3600 IN NS     ns2.c.example.
ns1.c.example. 3600 IN A      192.0.2.7
ns2.c.example. 3600 IN A      192.0.2.8
ns1.example.   3600 IN A      192.0.2.1
ns2.example.   3600 IN A      192.0.2.2
*.w.example.   3600 IN MX     1 ai.example.
x.w.example.   3600 IN MX     1 xx.example.
x.y.w.example. 3600 IN MX     1 xx.example.
xx.example.    3600 IN A      192.0.2.10
xx.example.    3600 IN HINFO  "KLH-10" "TOPS-20"
xx.example.    3600 IN AAAA   2001:db8::f00:baaa
` + h0p9 + h2t7 + h2vp + h35m + hb4u + hgje + hji6 + hk8u + hkoh + hq04 + hr53 + ht64

// The chain of appendix A.
const (
	h0p9 = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 3600 IN NSEC3 1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM\n"
	h2t7 = "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 IN NSEC3 1 1 12 AABBCCDD 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG\n"
	h2vp = "2vptu5timamqttgl4luu9kg21e0aor3s.example. 3600 IN NSEC3 1 1 12 AABBCCDD 35MTHGPGCU1QG68FAB165KLNSNK3DPVL MX RRSIG\n"
	h35m = "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 3600 IN NSEC3 1 1 12 AABBCCDD B4UM86EGHHDS6NEA196SMVMLO4ORS995 NS DS RRSIG\n"
	hb4u = "b4um86eghhds6nea196smvmlo4ors995.example. 3600 IN NSEC3 1 1 12 AABBCCDD GJEQE526PLBF1G8MKLP59ENFD789NJGI MX RRSIG\n"
	hgje = "gjeqe526plbf1g8mklp59enfd789njgi.example. 3600 IN NSEC3 1 1 12 AABBCCDD JI6NEOAEPV8B5O6K4EV33ABHA8HT9FGC A HINFO AAAA RRSIG\n"
	hji6 = "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. 3600 IN NSEC3 1 1 12 AABBCCDD K8UDEMVP1J2F7EG6JEBPS17VP3N8I58H\n"
	hk8u = "k8udemvp1j2f7eg6jebps17vp3n8i58h.example. 3600 IN NSEC3 1 1 12 AABBCCDD KOHAR7MBB8DC2CE8A9QVL8HON4K53UHI\n"
	hkoh = "kohar7mbb8dc2ce8a9qvl8hon4k53uhi.example. 3600 IN NSEC3 1 1 12 AABBCCDD Q04JKCEVQVMU85R014C7DKBA38O0JI5R A RRSIG\n"
	hq04 = "q04jkcevqvmu85r014c7dkba38o0ji5r.example. 3600 IN NSEC3 1 1 12 AABBCCDD R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN A RRSIG\n"
	hr53 = "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. 3600 IN NSEC3 1 1 12 AABBCCDD T644EBQK9BIBCNA874GIVR6JOJ62MLHV MX RRSIG\n"
	ht64 = "t644ebqk9bibcna874givr6joj62mlhv.example. 3600 IN NSEC3 1 1 12 AABBCCDD 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A HINFO AAAA RRSIG\n"
)

const rfc5155SOA = "authority: example. 3600 IN SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600\n"

// The examples of RFC 5155 appendix B, without the NS RRset of the apex beside an answer.
func TestRFC5155AppendixB(t *testing.T) {
	runSigned(t, "example.", rfc5155Zone, dns.RSASHA1NSEC3SHA1, []rfcCase{
		{"B.1 Name Error", "a.c.x.w.example.", dns.TypeA, "NXDOMAIN aa\n" +
			"authority: " + h0p9 + "authority: " + h35m + "authority: " + hb4u + rfc5155SOA},
		{"B.2 No Data Error", "ns1.example.", dns.TypeMX, "NOERROR aa\n" + "authority: " + h2t7 + rfc5155SOA},
		{"B.2.1 No Data Error, Empty Non-Terminal", "y.w.example.", dns.TypeA, "NOERROR aa\n" + rfc5155SOA + "authority: " + hji6},
		{"B.3 Referral to an Opt-Out Unsigned Zone", "mc.c.example.", dns.TypeMX, "NOERROR\n" +
			"authority: " + h0p9 + "authority: " + h35m + `authority: c.example. 3600 IN NS ns1.c.example.
authority: c.example. 3600 IN NS ns2.c.example.
additional: ns1.c.example. 3600 IN A 192.0.2.7
additional: ns2.c.example. 3600 IN A 192.0.2.8`},
		{"B.4 Wildcard Expansion", "a.z.w.example.", dns.TypeMX, `NOERROR aa
answer: a.z.w.example. 3600 IN MX 1 ai.example.
authority: ` + hq04 + `additional: ai.example. 3600 IN A 192.0.2.9
additional: ai.example. 3600 IN AAAA 2001:db8::f00:baa9`},
		{"B.5 Wildcard No Data Error", "a.z.w.example.", dns.TypeAAAA, "NOERROR aa\n" + rfc5155SOA +
			"authority: " + hk8u + "authority: " + hq04 + "authority: " + hr53},
		{"B.6 DS Child Zone No Data Error", "example.", dns.TypeDS, "NOERROR aa\n" + "authority: " + h0p9 + rfc5155SOA},
	})
}

// What section 7.2 says in words.
func TestRFC5155Section7(t *testing.T) {
	runSigned(t, "example.", rfc5155Zone, dns.RSASHA1NSEC3SHA1, []rfcCase{
		{"7.2.4: DS, and no NSEC3 record matches", "c.example.", dns.TypeDS, "NOERROR aa\n" +
			"authority: " + h0p9 + "authority: " + h35m + rfc5155SOA},
		{"7.2.7: a signed delegation needs no proof", "mc.a.example.", dns.TypeMX, `NOERROR
authority: a.example. 3600 IN DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
authority: a.example. 3600 IN NS ns1.a.example.
authority: a.example. 3600 IN NS ns2.a.example.
additional: ns1.a.example. 3600 IN A 192.0.2.5
additional: ns2.a.example. 3600 IN A 192.0.2.6`},
		{"7.2.8: data at the owner name of an NSEC3 record", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", dns.TypeA, `NOERROR aa
answer: 2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 IN A 192.0.2.127`},
		{"7.2.8: it does not exist by its NSEC3 record: no such type", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", dns.TypeNSEC3, "NOERROR aa\n" +
			rfc5155SOA + "authority: " + hkoh},
	})
	// A name with nothing but an NSEC3 record does not exist. Which records prove that is for the hash to say.
	z, err := answertest.Parse("example.", rfc5155Zone)
	if err != nil {
		t.Fatal(err)
	}
	v, err := z.Version()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []uint16{dns.TypeNSEC3, dns.TypeRRSIG, dns.TypeANY, dns.TypeA} {
		const name = "b4um86eghhds6nea196smvmlo4ors995.example."
		r := answertest.ResponseOf(respond(v, Question{Name: name, Type: typ, DO: true}))
		if r.Rcode != "NXDOMAIN" || len(r.Answer) > 0 {
			t.Errorf("7.2.8: %s %s: %s", name, dns.Type(typ), r)
		}
	}
}
