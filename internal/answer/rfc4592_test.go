package answer

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

const rfc4592Zone = `
example.                 3600 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 300
example.                 3600 IN NS  ns.example.com.
example.                 3600 IN NS  ns.example.net.
*.example.               3600 IN TXT "this is a wildcard"
*.example.               3600 IN MX  10 host1.example.
sub.*.example.           3600 IN TXT "this is not a wildcard"
host1.example.           3600 IN A   192.0.2.1
_ssh._tcp.host1.example. 3600 IN SRV 0 0 22 host1.example.
_ssh._tcp.host2.example. 3600 IN SRV 0 0 22 host2.example.
subdel.example.          3600 IN NS  ns.example.com.
subdel.example.          3600 IN NS  ns.example.net.
`

const rfc4592SOA = "authority: example. 300 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 300\n"

func TestRFC4592Section2(t *testing.T) {
	runEveryWay(t, "example.", rfc4592Zone, []rfcCase{
		{"2.2.1: synthesized", "host3.example.", dns.TypeMX, `NOERROR aa
answer: host3.example. 3600 IN MX 10 host1.example.
additional: host1.example. 3600 IN A 192.0.2.1`},
		{"2.2.1: no error, but no data", "host3.example.", dns.TypeA, "NOERROR aa\n" + rfc4592SOA},
		{"2.2.1: bar.example. does not exist, but the wildcard does", "foo.bar.example.", dns.TypeTXT, `NOERROR aa
answer: foo.bar.example. 3600 IN TXT "this is a wildcard"`},
		{"2.2.1: host1.example. exists", "host1.example.", dns.TypeMX, "NOERROR aa\n" + rfc4592SOA},
		{"2.2.1: sub.*.example. exists", "sub.*.example.", dns.TypeMX, "NOERROR aa\n" + rfc4592SOA},
		{"2.2.1: _tcp.host1.example. exists, without data", "_telnet._tcp.host1.example.", dns.TypeSRV, "NXDOMAIN aa\n" + rfc4592SOA},
		{"2.2.1: subdel.example. exists, and is a zone cut", "host.subdel.example.", dns.TypeA, `NOERROR
authority: subdel.example. 3600 IN NS ns.example.com.
authority: subdel.example. 3600 IN NS ns.example.net.`},
		{"2.2.1: *.example. exists", "ghost.*.example.", dns.TypeMX, "NXDOMAIN aa\n" + rfc4592SOA},
		{"2.2.2: an empty non-terminal", "_tcp.host2.example.", dns.TypeA, "NOERROR aa\n" + rfc4592SOA},
		{"2.2.2: an empty non-terminal", "host2.example.", dns.TypeTXT, "NOERROR aa\n" + rfc4592SOA},
		{"2.3: the wildcard itself", "*.example.", dns.TypeTXT, `NOERROR aa
answer: *.example. 3600 IN TXT "this is a wildcard"`},
		{"RFC 4343 4.1: case does not matter", "HoSt3.ExAmPlE.", dns.TypeTXT, `NOERROR aa
answer: host3.example. 3600 IN TXT "this is a wildcard"`},
	})
}

// A wildcard that owns each of the types of section 4.
func TestRFC4592Section4(t *testing.T) {
	runEveryWay(t, "*.example.", `
*.example.   3600 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 300
*.example.   3600 IN NS  ns.example.com.
a.*.example. 3600 IN A   192.0.2.1
`, []rfcCase{
		{"4.1: SOA of a wildcard, which is an apex and no source of synthesis", "b.*.example.", dns.TypeA, "NXDOMAIN aa\nauthority: *." + rfc4592SOA[len("authority: "):]},
		{"4.1: the apex", "*.example.", dns.TypeSOA, `NOERROR aa
answer: *.example. 3600 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 300`},
		{"4.1: a name beside it is not in the zone", "b.example.", dns.TypeA, "REFUSED"},
	})
	const types = `
example.         3600 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 300
example.         3600 IN NS  ns.example.com.
a.*.ent.example. 3600 IN A   192.0.2.1
*.c.example.     3600 IN CNAME loop.c.example.
*.d.example.     3600 IN DNAME example.net.
*.srv.example.   3600 IN SRV 0 0 22 host.srv.example.
*.ds.example.    3600 IN DS  1 13 2 00ff0123456789abcdef00ff0123456789abcdef00ff0123456789abcdef0123
`
	runEveryWay(t, "example.", types, []rfcCase{
		{"4.3: CNAME of a wildcard, which leads to itself", "x.c.example.", dns.TypeA, `NOERROR aa
answer: loop.c.example. 3600 IN CNAME loop.c.example.
answer: x.c.example. 3600 IN CNAME loop.c.example.`},
		{"4.4: DNAME of a wildcard, which redirects nothing", "x.d.example.", dns.TypeA, "NOERROR aa\n" + rfc4592SOA},
		{"4.4: and is data for who asks for it", "x.d.example.", dns.TypeDNAME, `NOERROR aa
answer: x.d.example. 3600 IN DNAME example.net.`},
		{"4.5: SRV", "_ssh._tcp.srv.example.", dns.TypeSRV, `NOERROR aa
answer: _ssh._tcp.srv.example. 3600 IN SRV 0 0 22 host.srv.example.`},
		{"4.6: DS, meaningless and harmless", "x.ds.example.", dns.TypeDS, `NOERROR aa
answer: x.ds.example. 3600 IN DS 1 13 2 00ff0123456789abcdef00ff0123456789abcdef00ff0123456789abcdef0123`},
		{"4.9: the wildcard is an empty non-terminal", "x.ent.example.", dns.TypeA, "NOERROR aa\n" + rfc4592SOA},
	})
	// No validator can make sense of NS at a wildcard, so that here is but what is said.
	runCases(t, "example.", types+"*.ns.example. 3600 IN NS ns.example.com.\n", []rfcCase{
		{"4.2: NS of a wildcard, as NSD has it", "x.ns.example.", dns.TypeNS, `NOERROR aa
answer: x.ns.example. 3600 IN NS ns.example.com.`},
		{"4.2: below a name that the wildcard makes", "x.y.ns.example.", dns.TypeA, "NOERROR aa\n" + rfc4592SOA},
		{"4.2: below the wildcard itself there is a cut", "x.*.ns.example.", dns.TypeA, `NOERROR
authority: *.ns.example. 3600 IN NS ns.example.com.`},
	})
}

// NSEC and RRSIG RRsets, which only signed zones have.
func TestRFC4592Signed(t *testing.T) {
	z, err := answertest.Parse("example.", rfc4592Zone)
	if err != nil {
		t.Fatal(err)
	}
	z = z.Signed(answertest.Signing{Algorithms: []uint8{dns.ED25519}})
	v, err := z.Version()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []uint16{dns.TypeNSEC, dns.TypeRRSIG} { // 4.7 and 4.8
		for _, do := range []bool{false, true} {
			r := respond(v, Question{Name: "host3.example.", Type: typ, DO: do})
			if n := len(owners(answertest.ResponseOf(r).Answer, "nsec", "rrsig")); r.Rcode != dns.RcodeSuccess || n == 0 {
				t.Errorf("4.7 and 4.8: %s of a wildcard, DO %v: %s", dns.Type(typ), do, r)
			}
		}
	}
	// 4.8: "RRSIG records will be present at a wildcard domain name in a signed zone and will be synthesized along with data sought".
	r := answertest.ResponseOf(respond(v, Question{Name: "host3.example.", Type: dns.TypeTXT, DO: true}))
	if got := owners(r.Answer, "rrsig"); !slices.Equal(got, []string{"host3.example."}) {
		t.Errorf("4.8: signatures of %q", got)
	}
}

// runEveryWay runs cases in the zone as it is and signed in every way. Signed, the answers with DO must say the same, have the
// proofs that the RFCs want, and satisfy a validator.
func runEveryWay(t *testing.T, origin, text string, cases []rfcCase) {
	t.Helper()
	runCases(t, origin, text, cases)
	z, err := answertest.Parse(origin, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []answertest.Signing{{}, {NSEC3: true}, {NSEC3: true, Salt: "aabbccdd", Iterations: 12}, {NSEC3: true, OptOut: true, Seed: 1}, {NSEC3: true, OptOut: true, Seed: 2}} {
		s.Algorithms = []uint8{dns.ED25519}
		signed := z.Signed(s)
		v, err := signed.Version()
		if err != nil {
			t.Fatal(err)
		}
		prover := answertest.NewProver(signed)
		for _, c := range cases {
			fail := func(what string, got any) {
				t.Errorf("%s, zone signed with %s: %s %s: %s\n%s", c.section, s, c.name, dns.Type(c.typ), what, got)
			}
			m := respond(v, Question{Name: c.name, Type: c.typ, DO: true})
			got, plain := answertest.ResponseOf(m), answertest.ResponseOf(respond(v, Question{Name: c.name, Type: c.typ}))
			if normal(plain.String()) != normal(c.want) {
				fail("without DO it is not "+c.want, plain)
			}
			if !saysTheSame(plain, got) {
				fail("with DO it says something else", got)
			}
			if m.Rcode == dns.RcodeRefused {
				continue
			}
			if want := prover.Proof(c.name, got); !slices.Equal(owners(got.Authority, "nsec", "nsec3"), want) {
				fail("the proof is not that of "+c.section, got)
			}
			if err := newValidator(v, m).judge(); err != nil {
				fail(err.Error(), got)
			}
		}
	}
}
