package answer

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// Records of many types, two of a type where a type can have more, names and strings with all kinds of octets.
const allTypes = `
@ 300 IN SOA ns\.1 host\000master 1 2 3 4 5
@ 300 IN NS ns1
@ 300 IN NS \255.x\032y
a 60 IN A 192.0.2.1
a 60 IN A 192.0.2.2
a 60 IN AAAA 2001:db8::1
a 60 IN AAAA ::ffff:192.0.2.1
cname 60 IN CNAME o\"ut.example.net.
ptr 60 IN PTR a\\b.
dname 60 IN DNAME .
a 60 IN MX 0 .
a 60 IN MX 65535 mx
a 60 IN TXT "" "a \"b\" \\ \000\200\255" "c"
a 60 IN TXT "one"
a 60 IN SPF "v=spf1"
srv 60 IN SRV 1 2 65535 t\@rget
srv 60 IN SRV 1 2 0 .
ds 60 IN DS 65535 8 2 00ff0123456789abcdef00ff0123456789abcdef00ff0123456789abcdef0123
a 60 IN HINFO "cpu" "o\"s"
a 60 IN CAA 128 issue "ca\"\\.test"
a 60 IN URI 10 1 "https://example.net/"
a 60 IN NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" .
a 60 IN TLSA 3 1 1 00ff
a 60 IN SSHFP 1 1 00ff
a 60 IN DNSKEY 257 3 13 AAEC
a 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 @ AAEC
a 60 IN RRSIG AAAA 13 2 60 20300101000000 20200101000000 1 @ AAEC
a 60 IN NSEC b A TYPE65280
a 60 IN SVCB 1 svc alpn="h2,h3" port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key65000="\000x"
a 60 IN HTTPS 0 .
a 60 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
a 60 IN RP mbox txt
a 60 IN AFSDB 1 host
a 60 IN APL 1:192.0.2.0/24 !2:2001:db8::/32
a 60 IN CERT 1 2 3 AAEC
a 60 IN ZONEMD 1 1 1 00ff
a 60 IN OPENPGPKEY AAEC
a 60 IN TYPE45 \# 10 0A0102C0000201000102
a 60 IN CSYNC 1 1 A NS
a 60 IN TYPE65280 \# 4 00FF0102
`

func allTypesZone(t testing.TB) (*answertest.Zone, *zone.Version) {
	t.Helper()
	z, err := answertest.Parse("example.", allTypes)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []uint16{dns.TypeNULL, 65281} { // RDATA of no octets
		z.Records = append(z.Records, &dns.RFC3597{Hdr: dns.RR_Header{Name: "a.example.", Rrtype: typ, Class: dns.ClassINET, Ttl: 60}})
	}
	v, err := z.Version()
	if err != nil {
		t.Fatal(err)
	}
	return z, v
}

// Every record comes out as it went in, as the same Go value that miekg/dns makes of a message.
func TestRecords(t *testing.T) {
	z, v := allTypesZone(t)
	for _, want := range z.Records {
		h := want.Header()
		req := new(dns.Msg).SetQuestion(h.Name, h.Rrtype)
		r := Answer(v, Question{Name: h.Name, Type: h.Rrtype})
		m := r.Msg(req)
		r.Release()
		h.Rdlength = 0
		if !slices.ContainsFunc(m.Answer, func(got dns.RR) bool {
			got = dns.Copy(got)
			got.Header().Rdlength = 0
			return reflect.DeepEqual(lower(got), lower(want))
		}) {
			t.Errorf("no %#v\nin %v", want, m.Answer)
		}
	}
}

// lower makes a record canonical in its names, by way of the wire.
func lower(rr dns.RR) dns.RR {
	v := reflect.ValueOf(answertest.Unpacked(rr)).Elem()
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("dns"); strings.HasSuffix(tag, "domain-name") {
			v.Field(i).SetString(strings.ToLower(v.Field(i).String()))
		}
	}
	out := v.Addr().Interface().(dns.RR)
	out.Header().Rdlength = 0
	return out
}

// What a plugin does to a message is seen neither in the version nor in another message.
func TestNoSharedMemory(t *testing.T) {
	z, v := allTypesZone(t)
	before := contents(v)
	for _, rr := range z.Records {
		for _, typ := range []uint16{rr.Header().Rrtype, dns.TypeANY} {
			q := Question{Name: rr.Header().Name, Type: typ}
			req := new(dns.Msg).SetQuestion(q.Name, typ)
			r := Answer(v, q)
			first, second := r.Msg(req), r.Msg(req)
			want := second.String()
			scramble(reflect.ValueOf(first))
			r.Release()
			if got := second.String(); got != want {
				t.Fatalf("%s %s: a message changed with another\n--- got\n%s\n--- want\n%s", q.Name, dns.Type(typ), got, want)
			}
			if req.Question[0].Name != q.Name {
				t.Fatalf("%s %s: the request changed with the response", q.Name, dns.Type(typ))
			}
		}
	}
	if got := contents(v); got != before {
		t.Errorf("the version changed with a message\n--- got\n%s\n--- want\n%s", got, before)
	}
}

func contents(v *zone.Version) string {
	var b strings.Builder
	for r := range v.All() {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// scramble changes everything that can be reached from v.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scramble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
		if v.CanSet() && v.Cap() > v.Len() {
			more := v.Slice(0, v.Cap())
			for i := v.Len(); i < v.Cap(); i++ {
				more.Index(i).SetZero()
			}
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString("scrambled.")
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.CanSet() {
			v.SetUint(v.Uint() ^ 0x55)
		}
	}
}

// What the server adds to a section leaves the others alone.
func TestSectionsGrowApart(t *testing.T) {
	v := mustZone(t, "example.", rfc4592Zone)
	for _, name := range []string{"host3.example.", "none.host1.example.", "host1.example."} {
		r := Answer(v, Question{Name: name, Type: dns.TypeMX})
		m := r.Msg(new(dns.Msg).SetQuestion(name, dns.TypeMX))
		r.Release()
		want := m.Copy()
		extra := &dns.A{Hdr: dns.RR_Header{Name: "extra.", Rrtype: dns.TypeA}}
		_ = append(m.Answer, extra)
		_ = append(m.Ns, extra)
		equal := func(a, b []dns.RR) bool {
			return slices.EqualFunc(a, b, func(a, b dns.RR) bool { return reflect.DeepEqual(a, b) })
		}
		if !equal(m.Answer, want.Answer) || !equal(m.Ns, want.Ns) || !equal(m.Extra, want.Extra) {
			t.Errorf("%s: a section grew into another: %v", name, m)
		}
		if cap(m.Extra) == len(m.Extra) {
			t.Errorf("%s: no room for the server's OPT record", name)
		}
	}
}

// The header is what SetReply makes of the request, with the fields of the answer.
func TestHeader(t *testing.T) {
	v := mustZone(t, "example.", rfc4592Zone)
	req := new(dns.Msg).SetQuestion("HoSt1.example.", dns.TypeA)
	req.CheckingDisabled = true
	r := Answer(v, Question{Name: req.Question[0].Name, Type: dns.TypeA})
	defer r.Release()
	got := r.Msg(req)
	want := new(dns.Msg).SetReply(req)
	want.Authoritative = true
	if got.MsgHdr != want.MsgHdr || !slices.Equal(got.Question, want.Question) {
		t.Errorf("got %v, want %v", got, want)
	}
	if name := got.Answer[0].Header().Name; name != req.Question[0].Name {
		t.Errorf("owner %s, want the case of the question", name)
	}
	if got := r.Msg(new(dns.Msg)); len(got.Question) != 0 {
		t.Error("a question that the request does not have")
	}
}

func TestParent(t *testing.T) {
	for _, c := range [][2]string{
		{"a.b.", "b."}, {"b.", "."}, {".", "."}, {`a\.b.c.`, "c."}, {`a\\.c.`, "c."}, {`\046\..c.d.`, "c.d."}, {`a.b\.c.`, `b\.c.`},
	} {
		if got := parent(c[0]); got != c[1] {
			t.Errorf("parent(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}
