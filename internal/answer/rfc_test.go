package answer

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// A question with the response that an RFC, or a rule of this package, says it has.
type rfcCase struct {
	section string
	name    string
	typ     uint16
	want    string // as Response.String, without case and order
}

func runCases(t *testing.T, origin, text string, cases []rfcCase) {
	t.Helper()
	v := mustZone(t, origin, text)
	for _, c := range cases {
		got := answertest.ResponseOf(ask(t, v, c.name, c.typ)).String()
		if want := normal(c.want); normal(got) != want {
			t.Errorf("%s: %s %s\n--- got\n%s\n--- want\n%s", c.section, c.name, dns.Type(c.typ), normal(got), want)
		}
	}
}

// normal brings the text of a response into one form: lower case, single spaces, lines of a section sorted.
func normal(text string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines = append(lines, strings.ToLower(strings.Join(strings.Fields(line), " ")))
	}
	return strings.Join(lines, "\n")
}

// mustZone makes a version of a master file.
func mustZone(t testing.TB, origin, text string) *zone.Version {
	t.Helper()
	z, err := answertest.Parse(origin, text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := z.Version()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// RFC 1034 section 6.1, without its parts in master-file syntax that nobody has used since.
const rfc1034Zone = `
. 86400 IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400
. 86400 IN NS A.ISI.EDU.
. 86400 IN NS C.ISI.EDU.
. 86400 IN NS SRI-NIC.ARPA.
MIL. 86400 IN NS SRI-NIC.ARPA.
MIL. 86400 IN NS A.ISI.EDU.
EDU. 86400 IN NS SRI-NIC.ARPA.
EDU. 86400 IN NS C.ISI.EDU.
SRI-NIC.ARPA. 86400 IN A 26.0.0.73
SRI-NIC.ARPA. 86400 IN A 10.0.0.51
SRI-NIC.ARPA. 86400 IN MX 0 SRI-NIC.ARPA.
SRI-NIC.ARPA. 86400 IN HINFO DEC-2060 TOPS20
ACC.ARPA. 86400 IN A 26.6.0.65
ACC.ARPA. 86400 IN HINFO PDP-11/70 UNIX
ACC.ARPA. 86400 IN MX 10 ACC.ARPA.
USC-ISIC.ARPA. 86400 IN CNAME C.ISI.EDU.
73.0.0.26.IN-ADDR.ARPA. 86400 IN PTR SRI-NIC.ARPA.
65.0.6.26.IN-ADDR.ARPA. 86400 IN PTR ACC.ARPA.
51.0.0.10.IN-ADDR.ARPA. 86400 IN PTR SRI-NIC.ARPA.
52.0.0.10.IN-ADDR.ARPA. 86400 IN PTR C.ISI.EDU.
103.0.3.26.IN-ADDR.ARPA. 86400 IN PTR A.ISI.EDU.
A.ISI.EDU. 86400 IN A 26.3.0.103
C.ISI.EDU. 86400 IN A 10.0.0.52
`

const rfc1034SOA = "authority: . 86400 IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400\n"

// The server of these examples does not serve ISI.EDU.
func TestRFC1034Section6(t *testing.T) {
	runCases(t, ".", rfc1034Zone, []rfcCase{
		{"6.2.1", "SRI-NIC.ARPA.", dns.TypeA, `NOERROR aa
answer: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
answer: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"6.2.2", "SRI-NIC.ARPA.", dns.TypeANY, `NOERROR aa
answer: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
answer: SRI-NIC.ARPA. 86400 IN A 26.0.0.73
answer: SRI-NIC.ARPA. 86400 IN HINFO "DEC-2060" "TOPS20"
answer: SRI-NIC.ARPA. 86400 IN MX 0 SRI-NIC.ARPA.`},
		{"6.2.3", "SRI-NIC.ARPA.", dns.TypeMX, `NOERROR aa
answer: SRI-NIC.ARPA. 86400 IN MX 0 SRI-NIC.ARPA.
additional: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
additional: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"6.2.4 and RFC 2308 2.2", "SRI-NIC.ARPA.", dns.TypeNS, "NOERROR aa\n" + rfc1034SOA},
		{"6.2.5", "SIR-NIC.ARPA.", dns.TypeA, "NXDOMAIN aa\n" + rfc1034SOA},
		{"6.2.6", "BRL.MIL.", dns.TypeA, `NOERROR
authority: MIL. 86400 IN NS A.ISI.EDU.
authority: MIL. 86400 IN NS SRI-NIC.ARPA.
additional: A.ISI.EDU. 86400 IN A 26.3.0.103
additional: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
additional: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"6.2.7", "USC-ISIC.ARPA.", dns.TypeA, `NOERROR aa
answer: USC-ISIC.ARPA. 86400 IN CNAME C.ISI.EDU.
authority: EDU. 86400 IN NS C.ISI.EDU.
authority: EDU. 86400 IN NS SRI-NIC.ARPA.
additional: C.ISI.EDU. 86400 IN A 10.0.0.52
additional: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
additional: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"6.2.8", "USC-ISIC.ARPA.", dns.TypeCNAME, `NOERROR aa
answer: USC-ISIC.ARPA. 86400 IN CNAME C.ISI.EDU.`},
		{"4.3.2 step 3b at the cut", "EDU.", dns.TypeNS, `NOERROR
authority: EDU. 86400 IN NS C.ISI.EDU.
authority: EDU. 86400 IN NS SRI-NIC.ARPA.
additional: C.ISI.EDU. 86400 IN A 10.0.0.52
additional: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
additional: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"4.2.1: data below a cut is no answer", "C.ISI.EDU.", dns.TypeA, `NOERROR
authority: EDU. 86400 IN NS C.ISI.EDU.
authority: EDU. 86400 IN NS SRI-NIC.ARPA.
additional: C.ISI.EDU. 86400 IN A 10.0.0.52
additional: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
additional: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"RFC 4035 3.1.4.1: DS at a cut", "EDU.", dns.TypeDS, "NOERROR aa\n" + rfc1034SOA},
		{"RFC 4035 3.1.4.1: DS below a cut", "ISI.EDU.", dns.TypeDS, `NOERROR
authority: EDU. 86400 IN NS C.ISI.EDU.
authority: EDU. 86400 IN NS SRI-NIC.ARPA.
additional: C.ISI.EDU. 86400 IN A 10.0.0.52
additional: SRI-NIC.ARPA. 86400 IN A 10.0.0.51
additional: SRI-NIC.ARPA. 86400 IN A 26.0.0.73`},
		{"RFC 8020: an empty non-terminal exists", "0.26.IN-ADDR.ARPA.", dns.TypePTR, "NOERROR aa\n" + rfc1034SOA},
		{"the root itself", ".", dns.TypeDS, "NOERROR aa\n" + rfc1034SOA},
	})
}

func TestRFC2308(t *testing.T) {
	const text = `
xx.       3600 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 %s
xx.       3600 IN NS  ns1.xx.
ns1.xx.   3600 IN A   127.0.0.2
an.xx.    3600 IN CNAME tripple.xx.
some.xx.  3600 IN A   192.0.2.1
nodata.xx. 3600 IN CNAME some.xx.
out.xx.   3600 IN CNAME outside.example.
`
	runCases(t, "xx.", strings.ReplaceAll(text, "%s", "1200"), []rfcCase{
		{"2.1 type 2: CNAME to a name that is not there", "AN.XX.", dns.TypeA, `NXDOMAIN aa
answer: an.xx. 3600 IN CNAME tripple.xx.
authority: xx. 1200 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 1200`},
		{"2.2 type 2: CNAME to NODATA", "nodata.xx.", dns.TypeMX, `NOERROR aa
answer: nodata.xx. 3600 IN CNAME some.xx.
authority: xx. 1200 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 1200`},
		{"RFC 6604 3: out of the zone", "out.xx.", dns.TypeA, `NOERROR aa
answer: out.xx. 3600 IN CNAME outside.example.`},
		{"3: MINIMUM is the lower", "none.xx.", dns.TypeA, `NXDOMAIN aa
authority: xx. 1200 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 1200`},
		{"3: the SOA as an answer keeps its TTL", "xx.", dns.TypeSOA, `NOERROR aa
answer: xx. 3600 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 1200`},
	})
	runCases(t, "xx.", strings.ReplaceAll(text, "%s", "86400"), []rfcCase{
		{"3: the SOA's TTL is the lower", "none.xx.", dns.TypeA, `NXDOMAIN aa
authority: xx. 3600 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 86400`},
	})
}

func TestRFC6672(t *testing.T) {
	long := strings.Repeat(strings.Repeat("y", 50)+".", 4)
	runCases(t, "com.", `
com.            3600 IN SOA ns.example.net. h.example.net. 1 3600 600 86400 300
com.            3600 IN NS  ns.example.net.
example.com.    60   IN DNAME example.net.
example.com.    60   IN A   192.0.2.1
b.site.com.     60   IN DNAME y.example.net.
in.com.         60   IN DNAME target.com.
www.target.com. 60   IN A   192.0.2.2
cyc.com.        60   IN DNAME c.cyc.com.
long.com.       60   IN DNAME `+strings.Repeat("z", 60)+`.net.
`, []rfcCase{
		{"2.3: the owner itself", "example.com.", dns.TypeA, `NOERROR aa
answer: example.com. 60 IN A 192.0.2.1`},
		{"2.3: the owner itself", "example.com.", dns.TypeDNAME, `NOERROR aa
answer: example.com. 60 IN DNAME example.net.`},
		{"2.2", "a.b.example.com.", dns.TypeA, `NOERROR aa
answer: a.b.example.com. 60 IN CNAME a.b.example.net.
answer: example.com. 60 IN DNAME example.net.`},
		{"2.2: no match", "ab.site.com.", dns.TypeA, `NXDOMAIN aa
authority: com. 300 IN SOA ns.example.net. h.example.net. 1 3600 600 86400 300`},
		{"2.2", "a.b.site.com.", dns.TypeA, `NOERROR aa
answer: a.b.site.com. 60 IN CNAME a.y.example.net.
answer: b.site.com. 60 IN DNAME y.example.net.`},
		{"3.2: within the zone", "www.in.com.", dns.TypeA, `NOERROR aa
answer: in.com. 60 IN DNAME target.com.
answer: www.in.com. 60 IN CNAME www.target.com.
answer: www.target.com. 60 IN A 192.0.2.2`},
		{"3.2: the CNAME is the answer to CNAME", "none.in.com.", dns.TypeCNAME, `NOERROR aa
answer: in.com. 60 IN DNAME target.com.
answer: none.in.com. 60 IN CNAME none.target.com.`},
		{"3.2: NXDOMAIN behind it", "none.in.com.", dns.TypeA, `NXDOMAIN aa
answer: in.com. 60 IN DNAME target.com.
answer: none.in.com. 60 IN CNAME none.target.com.
authority: com. 300 IN SOA ns.example.net. h.example.net. 1 3600 600 86400 300`},
		{"2.2: cyc", "cyc.cyc.com.", dns.TypeA, `NOERROR aa
answer: cyc.com. 60 IN DNAME c.cyc.com.
answer: cyc.cyc.com. 60 IN CNAME cyc.c.cyc.com.`},
		{"3.2: YXDOMAIN", long + "long.com.", dns.TypeA, `YXDOMAIN aa
answer: long.com. 60 IN DNAME ` + strings.Repeat("z", 60) + `.net.`},
	})
	runCases(t, "x.", `
x.    3600 IN SOA ns.example.net. h.example.net. 1 3600 600 86400 300
x.    3600 IN NS  ns.example.net.
x.    60   IN DNAME .
a.x.  60   IN A   192.0.2.1
`, []rfcCase{
		{"2.2: shortloop, and data below a DNAME is occluded (2.4)", "shortloop.a.x.", dns.TypeA, `NOERROR aa
answer: shortloop.a.x. 60 IN CNAME shortloop.a.
answer: x. 60 IN DNAME .`},
		{"2.4: at the apex", "a.x.", dns.TypeA, `NOERROR aa
answer: a.x. 60 IN CNAME a.
answer: x. 60 IN DNAME .`},
	})
}

// RFC 9471 section 3.1: all glue within the delegated zone; section 3.2: and that of its siblings.
func TestGlue(t *testing.T) {
	runCases(t, "test.", `
test.           3600 IN SOA ns.test. h.test. 1 3600 600 86400 300
test.           3600 IN NS  ns.test.
ns.test.        3600 IN A   192.0.2.1
foo.test.       3600 IN NS  ns1.foo.test.
foo.test.       3600 IN NS  ns1.bar.test.
foo.test.       3600 IN NS  ns.test.
foo.test.       3600 IN NS  ns.outside.
bar.test.       3600 IN NS  ns1.bar.test.
ns1.foo.test.   3600 IN AAAA 2001:db8::1
ns1.bar.test.   3600 IN A   192.0.2.2
ns1.bar.test.   3600 IN TXT "not glue"
mail.test.      3600 IN MX  1 ns1.bar.test.
mail.test.      3600 IN MX  2 ns.test.
mail.test.      3600 IN MX  3 ns.test.
mail.test.      3600 IN MX  4 alias.test.
alias.test.     3600 IN CNAME ns.test.
self.test.      3600 IN NS  self.test.
self.test.      3600 IN A   192.0.2.3
`, []rfcCase{
		{"RFC 9471 3.1 and 3.2", "www.foo.test.", dns.TypeA, `NOERROR
authority: foo.test. 3600 IN NS ns.outside.
authority: foo.test. 3600 IN NS ns.test.
authority: foo.test. 3600 IN NS ns1.bar.test.
authority: foo.test. 3600 IN NS ns1.foo.test.
additional: ns.test. 3600 IN A 192.0.2.1
additional: ns1.bar.test. 3600 IN A 192.0.2.2
additional: ns1.foo.test. 3600 IN AAAA 2001:db8::1`},
		{"RFC 1034 4.2.1: glue is for referrals", "mail.test.", dns.TypeMX, `NOERROR aa
answer: mail.test. 3600 IN MX 1 ns1.bar.test.
answer: mail.test. 3600 IN MX 2 ns.test.
answer: mail.test. 3600 IN MX 3 ns.test.
answer: mail.test. 3600 IN MX 4 alias.test.
additional: ns.test. 3600 IN A 192.0.2.1`},
		{"NS as an answer", "test.", dns.TypeNS, `NOERROR aa
answer: test. 3600 IN NS ns.test.
additional: ns.test. 3600 IN A 192.0.2.1`},
		{"the cut is its own name server", "self.test.", dns.TypeA, `NOERROR
authority: self.test. 3600 IN NS self.test.
additional: self.test. 3600 IN A 192.0.2.3`},
	})
}
