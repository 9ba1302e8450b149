package answer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// Names as long and as deep as a name can be, and with labels of every octet (RFC 2181 section 11), in zones with names of every
// kind, signed in every way.
func TestOddNames(t *testing.T) {
	for _, origin := range []string{".", "test.", "16/28.2.0.192.in-addr.arpa.", `a\.b.\000.`} {
		below := func(name string) string {
			if origin == "." {
				return name + "."
			}
			return name + "." + origin
		}
		z := &answertest.Zone{Origin: origin}
		add := func(format string, args ...any) {
			rr, err := dns.NewRR(fmt.Sprintf(format, args...))
			if err != nil {
				t.Fatal(err)
			}
			z.Records = append(z.Records, answertest.Unpacked(rr))
		}
		add("%s 300 IN SOA ns. h. 1 2 3 4 60", origin)
		add("%s 300 IN NS ns.", origin)
		deep, long := below("d"), below(strings.Repeat("x", 63)) // the deepest and the longest name
		for octets(deep) <= 253 {
			deep = "d." + deep
		}
		for octets(long) <= 253 {
			long = strings.Repeat("x", min(254-octets(long), 63)) + "." + long
		}
		names := []string{deep, long}
		for c := range 256 {
			names = append(names, fmt.Sprintf(`\%03d.%s`, c, below("o")), fmt.Sprintf(`o\%03d.%s`, c, below("o")))
		}
		for i, name := range names {
			add("%s 300 IN TXT x", name)
			names[i] = z.Records[len(z.Records)-1].Header().Name
		}
		add("*.%s 300 IN TXT wild", below("w"))
		for _, s := range []*answertest.Signing{
			nil, {Algorithms: []uint8{dns.ED25519}}, {Algorithms: []uint8{dns.ED25519, dns.ECDSAP256SHA256}, NSEC3: true, Salt: strings.Repeat("ab", 255), Iterations: 2},
		} {
			signed := z
			if s != nil {
				signed = z.Signed(*s)
			}
			v, err := signed.Version()
			if err != nil {
				t.Fatalf("%s: %v", origin, err)
			}
			for i, name := range names {
				m := ask(t, v, name, dns.TypeTXT)
				if len(m.Answer) != 1 || !strings.EqualFold(m.Answer[0].Header().Name, m.Question[0].Name) {
					t.Fatalf("%s: %v", name, m)
				}
				if s == nil || i%8 > 0 && i > 1 {
					continue
				}
				parent := answertest.Parent(name)
				wildcard := below("y.w") // all below it is made by the wildcard
				for octets(wildcard) < 250 {
					wildcard = "y." + wildcard
				}
				for _, asked := range []string{name, parent, "n." + parent, "n." + answertest.Parent(parent), wildcard} {
					if _, ok := dns.IsDomainName(asked); !ok || !dns.IsSubDomain(origin, asked) {
						continue
					}
					for _, typ := range []uint16{dns.TypeTXT, dns.TypeA} {
						m := respond(v, Question{Name: asked, Type: typ, DO: true})
						if err := newValidator(v, m).judge(); err != nil {
							t.Fatalf("%s %s: %v\n%v", asked, dns.Type(typ), err, m)
						}
						if _, err := m.Pack(); err != nil {
							t.Fatalf("%s %s: %v", asked, dns.Type(typ), err)
						}
					}
				}
			}
		}
	}
}

// octets is the size of a name on the wire.
func octets(name string) int {
	n, err := dns.PackDomainName(name, make([]byte, 512), 0, nil, false)
	if err != nil {
		return 512
	}
	return n
}

// Which types have addresses added for the host they name, as two of NSD, Knot and BIND do it.
func TestAdditional(t *testing.T) {
	const text = `
x.       300 IN SOA ns h 1 2 3 4 60
x.       300 IN NS ns.y.
t        300 IN A 192.0.2.1
t        300 IN AAAA 2001:db8::1
*.w      300 IN A 192.0.2.2
sub      300 IN NS ns.sub
ns.sub   300 IN A 192.0.2.3
c        300 IN CNAME t
kx       300 IN KX 1 t
rt       300 IN RT 1 t
svcb     300 IN SVCB 1 t alpn=h2 ipv4hint=192.0.2.9
https    300 IN HTTPS 1 t
alias    300 IN HTTPS 0 t
wild     300 IN HTTPS 1 a.w
self     300 IN HTTPS 1 . alpn=h2
self     300 IN A 192.0.2.4
glue     300 IN HTTPS 1 ns.sub
cname    300 IN HTTPS 1 c
mxnull   300 IN MX 0 .
naptr    300 IN NAPTR 1 2 "a" "x" "" t
afsdb    300 IN AFSDB 1 t
ptr      300 IN PTR t
`
	const both = "additional: t.x. 300 in a 192.0.2.1\nadditional: t.x. 300 in aaaa 2001:db8::1"
	v := mustZone(t, "x.", text)
	for _, c := range []struct {
		name string
		typ  uint16
		want string
	}{
		{"kx", dns.TypeKX, both},
		{"rt", dns.TypeRT, both},
		{"svcb", dns.TypeSVCB, both},
		{"https", dns.TypeHTTPS, both},
		{"alias", dns.TypeHTTPS, both},
		{"wild", dns.TypeHTTPS, "additional: a.w.x. 300 in a 192.0.2.2"},
		{"self", dns.TypeHTTPS, ""},
		{"glue", dns.TypeHTTPS, ""},
		{"cname", dns.TypeHTTPS, ""},
		{"mxnull", dns.TypeMX, ""},
		{"naptr", dns.TypeNAPTR, ""},
		{"afsdb", dns.TypeAFSDB, ""},
		{"ptr", dns.TypePTR, ""},
	} {
		got := answertest.ResponseOf(ask(t, v, c.name+".x.", c.typ))
		if len(got.Answer) != 1 {
			t.Errorf("%s: %s", c.name, got)
		}
		got.Answer = nil
		if want := strings.TrimSpace("NOERROR aa\n" + c.want); normal(got.String()) != normal(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, want)
		}
	}
}

// NSEC and RRSIG records stand beside a CNAME, and DS belongs to the other side of it.
func TestTypesBesideCNAME(t *testing.T) {
	const soa = "authority: x. 60 in soa ns.x. h.x. 1 2 3 4 60\n"
	runCases(t, "x.", `
x.  300 IN SOA ns h 1 2 3 4 60
x.  300 IN NS ns
c   300 IN CNAME t
*.w 300 IN CNAME t
s   300 IN CNAME t
s   300 IN NSEC x. CNAME RRSIG NSEC
s   300 IN RRSIG CNAME 13 2 300 20300101000000 20200101000000 1 x. AAEC
t   300 IN A 192.0.2.1
`, []rfcCase{
		{"RFC 4035 2.5", "c.x.", dns.TypeNSEC, "NOERROR aa\n" + soa},
		{"RFC 4035 2.5", "c.x.", dns.TypeRRSIG, "NOERROR aa\n" + soa},
		{"RFC 4035 2.5", "a.w.x.", dns.TypeNSEC, "NOERROR aa\n" + soa},
		{"RFC 4035 2.5", "a.w.x.", dns.TypeRRSIG, "NOERROR aa\n" + soa},
		{"RFC 4035 2.5", "s.x.", dns.TypeNSEC, "NOERROR aa\nanswer: s.x. 300 in nsec x. cname rrsig nsec"},
		{"RFC 4035 2.5", "s.x.", dns.TypeRRSIG, "NOERROR aa\nanswer: s.x. 300 in rrsig cname 13 2 300 20300101000000 20200101000000 1 x. aaec"},
		{"RFC 1034 3.6.2", "c.x.", dns.TypeDS, "NOERROR aa\nanswer: c.x. 300 in cname t.x.\n" + soa},
		{"RFC 1034 3.6.2", "c.x.", dns.TypeCDS, "NOERROR aa\nanswer: c.x. 300 in cname t.x.\n" + soa},
	})
}

// RFC 2181 section 5: no RRset has a record twice, whatever an alias leads back to.
func TestOnce(t *testing.T) {
	z, err := answertest.Parse("x.", "x. 300 IN SOA ns h 1 2 3 4 60\nx. 300 IN NS ns\na.x. 300 IN DNAME x.\na.x. 300 IN A 192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	v, err := z.Signed(answertest.Signing{Algorithms: []uint8{dns.ED25519}}).Version()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []uint16{dns.TypeRRSIG, dns.TypeANY, dns.TypeDNAME} {
		for _, do := range []bool{false, true} {
			answer := answertest.ResponseOf(respond(v, Question{Name: "a.a.x.", Type: typ, DO: do})).Answer
			if len(slices.Compact(slices.Clone(answer))) < len(answer) {
				t.Errorf("%s behind a DNAME that leads to its own owner, DO %v: %q", dns.Type(typ), do, answer)
			}
		}
	}
}

// DNSKEY, CDS, CDNSKEY, NSEC3PARAM and signatures are plain data for whoever asks for them by type; nothing else of DNSSEC
// comes without DO (RFC 4035 section 3.1, RFC 3225 section 3).
func TestWithoutDO(t *testing.T) {
	z, err := answertest.Parse("x.", "x. 300 IN SOA ns h 1 2 3 4 60\nx. 300 IN NS ns\n*.w 300 IN A 192.0.2.1\ncut 300 IN NS ns\nsecure 300 IN NS ns\nsecure 300 IN DS 1 13 2 00ff")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(8) { // of which some have CDS and CDNSKEY
		for _, nsec3 := range []bool{false, true} {
			v, err := z.Signed(answertest.Signing{Algorithms: []uint8{dns.ED25519, dns.ECDSAP256SHA256}, NSEC3: nsec3, Seed: seed}).Version()
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"x.", "a.w.x.", "none.x.", "cut.x.", "a.cut.x.", "secure.x.", "a.secure.x.", "w.x."} {
				for _, typ := range []uint16{dns.TypeA, dns.TypeSOA, dns.TypeDS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeNSEC, dns.TypeNSEC3PARAM, dns.TypeRRSIG} {
					m := respond(v, Question{Name: name, Type: typ})
					for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
						switch got := rr.Header().Rrtype; got {
						case dns.TypeSOA, dns.TypeNS, dns.TypeA, typ:
						default:
							t.Errorf("%s %s: %s", name, dns.Type(typ), rr)
						}
					}
				}
			}
			for _, typ := range []uint16{dns.TypeDNSKEY, dns.TypeSOA, dns.TypeNS} {
				m := respond(v, Question{Name: "x.", Type: typ, DO: true})
				algorithms := map[uint8]bool{}
				for _, rr := range m.Answer {
					if sig, ok := rr.(*dns.RRSIG); ok {
						algorithms[sig.Algorithm] = true
					}
				}
				if len(algorithms) != 2 {
					t.Errorf("%s: signatures of %d algorithms, want 2", dns.Type(typ), len(algorithms))
				}
			}
		}
	}
}
