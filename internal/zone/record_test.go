package zone

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// rrExamples has a record of every type that miekg/dns can parse, and of unknown ones.
var rrExamples = []string{
	"a.example. 300 IN A 192.0.2.1",
	"a.example. 300 IN AAAA 2001:db8::1",
	"a.example. 300 IN AAAA ::ffff:192.0.2.1",
	"a.example. 300 IN AFSDB 1 afsdb.example.",
	"a.example. 300 IN AMTRELAY 10 0 0 .",
	"a.example. 300 IN AMTRELAY 10 0 1 203.0.113.15",
	"a.example. 300 IN AMTRELAY 10 0 2 2600:9000:5a1:1::15",
	"a.example. 300 IN AMTRELAY 10 0 3 amtrelays.example.com.",
	"a.example. 300 IN APL 1:192.168.32.0/21 !1:192.168.38.0/28",
	"a.example. 300 IN APL 2:ff00::/8 1:0.0.0.0/0",
	`a.example. 300 IN AVC "app-name:WOLFGANG|app-class:OAM"`,
	`a.example. 300 IN CAA 0 issue "ca.example.net; policy=ev"`,
	`a.example. 300 IN CAA 128 iodef ""`,
	`a.example. 300 IN CAA 0 issue "back\\slash\"quote"`,
	"a.example. 300 IN CDNSKEY 0 3 0 AA==",
	"a.example. 300 IN CDS 0 0 0 00",
	"a.example. 300 IN CERT 1 0 5 aGVsbG8=",
	"a.example. 300 IN CNAME b.example.",
	"a.example. 300 IN CSYNC 66 3 A NS AAAA",
	"a.example. 300 IN DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
	"a.example. 300 IN DLV 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
	"a.example. 300 IN DNAME b.example.",
	"a.example. 300 IN DNSKEY 256 3 8 AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6E9f85ha0k0ew",
	"a.example. 300 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
	"a.example. 300 IN EID 73752F",
	"a.example. 300 IN EUI48 00-00-5e-90-01-2a",
	"a.example. 300 IN EUI64 00-00-5e-ef-00-00-00-2a",
	"a.example. 300 IN GID 44",
	"a.example. 300 IN GPOS -32.6882 116.8652 10.0",
	`a.example. 300 IN HINFO "DEC \\ 2060" "TOPS20"`,
	"a.example. 300 IN HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p rvs1.example. Rvs2.example.",
	`a.example. 300 IN HTTPS 1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1" key65000="x\\y"`,
	"a.example. 300 IN HTTPS 0 pool.example.",
	"a.example. 300 IN IPSECKEY 10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
	"a.example. 300 IN IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
	"a.example. 300 IN IPSECKEY 10 2 2 2001:db8::2 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
	"a.example. 300 IN IPSECKEY 10 3 2 gw.example. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
	`a.example. 300 IN ISDN "150862028003217" "004"`,
	"a.example. 300 IN KEY 256 3 8 AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6E9f85ha0k0ew",
	"a.example. 300 IN KX 10 kx.example.",
	"a.example. 300 IN L32 10 10.1.2.0",
	"a.example. 300 IN L64 10 2001:0DB8:1140:1000",
	"a.example. 300 IN LOC 42 21 54.000 N 71 06 18.000 W -24.00m 30m 10000m 10m",
	"a.example. 300 IN LP 10 l64-subnet.example.",
	"a.example. 300 IN MB b.example.",
	"a.example. 300 IN MD b.example.",
	"a.example. 300 IN MF b.example.",
	"a.example. 300 IN MG b.example.",
	"a.example. 300 IN MINFO b.example. c.example.",
	"a.example. 300 IN MR b.example.",
	"a.example. 300 IN MX 10 mail.example.",
	`a.example. 300 IN NAPTR 100 50 "s" "z3950+I2L+I2C" "!^urn:cid:.+@([^\\.]+\\.)(.*)$!\\2!i" _z3950._tcp.example.`,
	"a.example. 300 IN NID 10 0014:4fff:ff20:ee64",
	"a.example. 300 IN NIMLOC 32251A030067",
	`a.example. 300 IN NINFO "some" "data"`,
	"a.example. 300 IN NS ns1.example.",
	"a.example. 300 IN NSAP-PTR foo.example.",
	"a.example. 300 IN NSEC B.example. A MX RRSIG NSEC TYPE1234",
	"a.example. 300 IN NSEC3 1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG",
	"a.example. 300 IN NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
	"a.example. 300 IN NSEC3PARAM 1 0 0 -",
	"a.example. 300 IN OPENPGPKEY mQCNAzIG1VcAAAEEANK4f2tQ",
	`a.example. 300 IN PTR b\.c\000.example.`,
	"a.example. 300 IN PX 10 ab.net2.it. o-ab.prmd-net2.admdb.c-it.",
	`a.example. 300 IN RESINFO "qnamemin" "exterr=15-17"`,
	"a.example. 300 IN RKEY 0 255 1 AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6E9f85ha0k0ew",
	"a.example. 300 IN RP admin.example. text.example.",
	"a.example. 300 IN RRSIG A 8 2 300 20260101000000 20250101000000 60485 example. AwEAAcNEU67LJI5GEgF9QLNqLO1S",
	"a.example. 300 IN RT 10 relay.example.",
	"a.example. 300 IN SIG A 8 2 300 20260101000000 20250101000000 60485 example. AwEAAcNEU67LJI5GEgF9QLNqLO1S",
	"a.example. 300 IN SMIMEA 3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
	"a.example. 300 IN SOA ns1.example. admin.example. 4294967295 3600 600 86400 300",
	`a.example. 300 IN SPF "v=spf1 -all"`,
	"a.example. 300 IN SRV 1 2 5060 sip.example.",
	"a.example. 300 IN SSHFP 1 2 BC6533CDC95A79078A39A56EA7635984ED655318ADA9B6159E30723665DA95BB",
	`a.example. 300 IN SVCB 1 Svc.example. mandatory="alpn,port" alpn="h2" no-default-alpn="" port="53" dohpath="/q{?dns}"`,
	"a.example. 300 IN TA 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
	"a.example. 300 IN TALINK h0.example. h2.example.",
	"a.example. 300 IN TLSA 3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
	`a.example. 300 IN TXT "one" "two \" \\ \000\255" ""`,
	"a.example. 300 IN UID 44",
	`a.example. 300 IN UINFO "Gildor"`,
	`a.example. 300 IN URI 10 1 "https://example.org/a%20b"`,
	`a.example. 300 IN X25 311061700956`,
	"a.example. 300 IN ZONEMD 2018031500 1 1 62E6CF51B02E54B9B5F967D547CE43136792901F9F88E637493DAAF401C92C279DD10F0EDB1C56F080211F8480EE306D",
	`a.example. 300 CLASS1 TYPE11 \# 7 c00002010600ff`,
	`a.example. 300 CLASS1 TYPE22 \# 3 470005`,
	`a.example. 300 CLASS1 TYPE65280 \# 4 0a000001`,
	`a.example. 300 CLASS1 TYPE65281 \# 0`,
}

func TestRecordRoundTrip(t *testing.T) {
	seen := map[uint16]bool{dns.TypeNULL: true, dns.TypeNXT: true} // these two miekg/dns cannot parse; see below
	for _, s := range rrExamples {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		h := rr.Header()
		seen[h.Rrtype] = true
		r, err := FromRR(rr)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if r.Type != h.Rrtype || r.TTL != 300 || r.Owner.String() != "a.example." {
			t.Errorf("%s: %v", s, r)
		}
		holdRDATA(t, r.Type, r.Data)
		back, err := r.RR()
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		// Case may have changed, so both go through text.
		if got, want := strings.ToLower(back.String()), strings.ToLower(rr.String()); got != want {
			t.Errorf("%s has become %s", want, got)
		}
		if got, ok := mustParse(t, r.String()); !ok || !bytes.Equal(got.Data, r.Data) {
			t.Errorf("%s: %s does not parse to the same data", s, r)
		}
	}
	for typ := range dns.TypeToRR {
		if CheckType(typ) == nil && !seen[typ] {
			t.Errorf("no example of %s", typeString(typ))
		}
	}
}

func mustParse(tb testing.TB, s string) (Record, bool) {
	tb.Helper()
	rr, err := dns.NewRR(s)
	if err != nil || rr == nil {
		return Record{}, false
	}
	r, err := FromRR(rr)
	return r, err == nil
}

// A bitmap of all types is not written out: miekg/dns would take seconds for it.
func TestRecordStringLong(t *testing.T) {
	data := []byte{0}
	for window := range 256 {
		data = append(append(data, byte(window), 32), bytes.Repeat([]byte{0xFF}, 32)...)
	}
	if s := (Record{Owner: Name{0}, Type: dns.TypeNSEC, Data: data}).String(); !strings.Contains(s, `\# 8705 00`) {
		t.Errorf("it is written %.80s", s)
	}
}

// What miekg/dns cannot hold without a loss comes as a *dns.RFC3597 of its own type.
func TestRecordOpaque(t *testing.T) {
	for _, tc := range []struct {
		typ   uint16
		rdata string
		text  string
	}{
		{dns.TypeNXT, `01 "b" 00 62 01 80 02`, `CLASS1 TYPE30 \# 7 01620062018002`},
		{dns.TypeISDN, `02 "15"`, `CLASS1 TYPE20 \# 3 023135`},
		{dns.TypeLOC, "01 02 03", `CLASS1 TYPE29 \# 3 010203`},
		{dns.TypeAMTRELAY, "0A 81 C0 00 02 01", `CLASS1 TYPE260 \# 6 0a81c0000201`},
		{dns.TypeAPL, "00 03 00 00", `CLASS1 TYPE42 \# 4 00030000`},
		{dns.TypeAPL, "00 01 08 02 0A 01", `CLASS1 TYPE42 \# 6 000108020a01`},
		{dns.TypeHTTPS, "00 01 00 00 03 00 01 01", `CLASS1 TYPE65 \# 8 0001000003000101`},
		{dns.TypeHTTPS, "00 01 00 00 01 00 01 00", `CLASS1 TYPE65 \# 8 0001000001000100`},
		{dns.TypeHTTPS, "00 01 00 00 00 00 04 00 04 00 01", `CLASS1 TYPE65 \# 11 0001000000000400040001`},
		{dns.TypeHTTPS, "00 01 00 00 06 00 00", `CLASS1 TYPE65 \# 7 00010000060000`},
		{dns.TypeHTTPS, "00 01 00 FF FF 00 00", `CLASS1 TYPE65 \# 7 000100ffff0000`},
		{typeA6, "00 20010DB8000000000000000000000001", `CLASS1 TYPE38 \# 17 0020010db8000000000000000000000001`},
	} {
		data := unhex(t, tc.rdata)
		data, err := AppendRDATA(nil, tc.typ, data, 0, len(data))
		if err != nil {
			t.Errorf("%s %s: %v", typeString(tc.typ), tc.rdata, err)
			continue
		}
		holdRDATA(t, tc.typ, data)
		r := Record{Owner: mustName(t, "a.example."), Type: tc.typ, TTL: 300, Data: data}
		if got := strings.Join(strings.Fields(r.String()), " "); got != "a.example. 300 "+tc.text {
			t.Errorf("%s %s is written %s", typeString(tc.typ), tc.rdata, got)
		}
	}
	null := Record{Owner: Name{0}, Type: dns.TypeNULL, Data: []byte{1, 2}}
	if got := strings.Join(strings.Fields(null.String()), " "); got != `. 0 CLASS1 TYPE10 \# 2 0102` {
		t.Errorf("NULL is written %s", got)
	}
}

// Values of CAA and URI that miekg/dns has its limits with.
func TestRecordLongValues(t *testing.T) {
	for _, size := range []int{1, 1015, 1016, 1017, 1020, 1025, 5000, 65000} {
		for _, c := range []string{"a", `\`, "\xff"} {
			value := bytes.Repeat([]byte(c), size)
			holdRDATA(t, dns.TypeURI, append([]byte("\x00\x01\x00\x01"), value...))
			holdRDATA(t, dns.TypeCAA, append([]byte("\x00\x05issue"), value...))
		}
	}
}

func TestFromRRErrors(t *testing.T) {
	chaos, err := dns.NewRR(`version.bind. 0 CH TXT "x"`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		rr  dns.RR
		err string
	}{
		{nil, "no record"},
		{chaos, "version.bind. TXT: class CH, want IN"},
		{&dns.A{Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeA, Class: dns.ClassINET}}, "a.example. A: RDATA of 0 octets, want 4"},
		{&dns.NS{Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "b"}, "fully qualified"},
		{&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: dns.ClassINET}}, "meta-type"},
	} {
		if r, err := FromRR(tc.rr); err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%v: %v, %v, want an error with %q", tc.rr, r, err, tc.err)
		}
	}
	if _, err := NewRR(".", 65280, 0, make([]byte, 65536)); err == nil {
		t.Error("RDATA of 65536 octets has an RR")
	}
}

func TestParseSOA(t *testing.T) {
	r, ok := mustParse(t, "example. 3600 IN SOA NS1.example. Admin.example. 4294967295 3600 600 86400 300")
	if !ok {
		t.Fatal("the record does not parse")
	}
	soa, err := ParseSOA(r.Data, r.TTL)
	if err != nil {
		t.Fatal(err)
	}
	if soa.MName.String() != "ns1.example." || soa.RName.String() != "admin.example." || soa.Serial != 4294967295 ||
		soa.Refresh != 3600 || soa.Retry != 600 || soa.Expire != 86400 || soa.Minimum != 300 || soa.TTL != 3600 {
		t.Errorf("%+v", soa)
	}
	for n := range r.Data {
		if _, err := ParseSOA(r.Data[:n], 0); err == nil {
			t.Errorf("the first %d octets are a SOA", n)
		}
	}
	if _, err := ParseSOA(append(r.Data, 0), 0); err == nil {
		t.Error("a SOA with an octet more is one")
	}
}

// The shortcut makes the same RRs as miekg/dns does.
func TestCommonRR(t *testing.T) {
	common := 0
	for _, s := range rrExamples {
		r, ok := mustParse(t, s)
		if !ok {
			t.Fatalf("%s does not parse", s)
		}
		h := header("a.example.", r.Type, r.TTL, r.Data)
		rr := commonRR(h, r.Data)
		if rr == nil {
			continue
		}
		common++
		if want, _, err := dns.UnpackRRWithHeader(h, r.Data, 0); err != nil || !reflect.DeepEqual(rr, want) {
			t.Errorf("%#v, want %#v (%v)", rr, want, err)
		}
	}
	if common < 6 {
		t.Errorf("only %d examples took the shortcut", common)
	}
}

// An RR shares no memory with the data that it is made of: other plugins alter RRs.
func TestNewRRCopies(t *testing.T) {
	for _, s := range rrExamples {
		r, _ := mustParse(t, s)
		want := bytes.Clone(r.Data)
		rr, err := r.RR()
		if err != nil {
			t.Fatal(err)
		}
		text := rr.String()
		for i := range r.Data {
			r.Data[i] ^= 0xFF
		}
		if rr.String() != text {
			t.Errorf("%s changes with its data", text)
		}
		copy(r.Data, want)
	}
}

// Data that AppendRDATA would refuse is an error or some RR, but nothing panics.
func TestNewRRMalformed(*testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, typ := range zoneTypes() {
		for range 300 {
			data := randomRDATA(r, typ)
			data = data[:r.IntN(len(data)+1)]
			if rr, err := NewRR(".", typ, 0, data); err == nil {
				_ = rr.String()
			}
			_ = Record{Owner: Name{0}, Type: typ, Data: data}.String()
		}
	}
}

func BenchmarkNewRR(b *testing.B) {
	for label, rd := range benchRDATA {
		data, err := AppendRDATA(nil, rd.typ, rd.msg, rd.off, len(rd.msg)-rd.off)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(label, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := NewRR("a.example.", rd.typ, 300, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
