package answer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// respond answers a question without a trip over the wire.
func respond(v *zone.Version, q Question) *dns.Msg {
	r := Answer(v, q)
	defer r.Release()
	return r.Msg(new(dns.Msg).SetQuestion(q.Name, q.Type))
}

func wantResponse(t *testing.T, v *zone.Version, q Question, want string) {
	t.Helper()
	got := normal(answertest.ResponseOf(respond(v, q)).String())
	if want = normal(want); got != want {
		t.Errorf("%+v\n--- got\n%s\n--- want\n%s", q, got, want)
	}
}

func TestRefused(t *testing.T) {
	v := mustZone(t, "example.", rfc4592Zone)
	for _, name := range []string{"other.", "notexample.", ".", "", "a..example.", "example", strings.Repeat("a", 64) + ".example.", strings.Repeat("a.", 130) + "example."} {
		if m := respond(v, Question{Name: name, Type: dns.TypeA}); m.Rcode != dns.RcodeRefused || m.Authoritative {
			t.Errorf("%q: %v", name, m)
		}
	}
}

func TestNameError(t *testing.T) {
	v := mustZone(t, "xx.", `
xx. 3600 IN SOA ns1.xx. hostmaster.ns1.xx. 1 1800 900 604800 60
xx. 3600 IN NS ns1.xx.
alias.xx. 3600 IN CNAME none.xx.
ent.ent.xx. 3600 IN A 192.0.2.1
`)
	for name, want := range map[string]bool{"none.xx.": true, "alias.xx.": false, "ent.xx.": false, "xx.": false, "yy.": false} {
		r := Answer(v, Question{Name: name, Type: dns.TypeA})
		if got := r.NameError(); got != want {
			t.Errorf("%s: NameError %v, want %v", name, got, want)
		}
		r.Release()
	}
}

func TestMinimalAny(t *testing.T) {
	v := mustZone(t, "any.", `
any. 60 IN SOA ns. h. 1 1 1 1 1
any. 60 IN NS ns.
any. 60 IN DNSKEY 257 3 13 AAEC
a.any. 60 IN TXT "x"
a.any. 60 IN MX 1 m.
a.any. 60 IN MX 2 m.
k.any. 60 IN DNSKEY 257 3 13 AAEC
k.any. 60 IN CAA 0 issue "x"
c.any. 60 IN CNAME a.any.
e.e.any. 60 IN A 192.0.2.1
`)
	for name, want := range map[string]string{
		"any.":   "answer: any. 60 in soa ns. h. 1 1 1 1 1",
		"a.any.": "answer: a.any. 60 in mx 1 m.\nanswer: a.any. 60 in mx 2 m.",
		"k.any.": "answer: k.any. 60 in caa 0 issue \"x\"",
		"c.any.": "answer: c.any. 60 in cname a.any.",
		"e.any.": "authority: any. 1 in soa ns. h. 1 1 1 1 1",
	} {
		wantResponse(t, v, Question{Name: name, Type: dns.TypeANY, MinimalAny: true}, "NOERROR aa\n"+want)
	}
}

// RFC 4035 section 3.1.1: with DO the signatures of what is sent are sent with it; without, only those asked for by type.
func TestSignatures(t *testing.T) {
	sig := func(typ, ttl string, labels int) string {
		return fmt.Sprintf("%s IN RRSIG %s 13 %d %[1]s 20300101000000 20200101000000 1 test. AAEC", ttl, typ, labels)
	}
	v := mustZone(t, "test.", `
test.        300 IN SOA ns. h. 1 1 1 1 60
test.        `+sig("SOA", "300", 1)+`
test.        300 IN NS ns.
test.        300 IN DNSKEY 256 3 13 AAEC
a.test.      300 IN A 192.0.2.1
a.test.      `+sig("A", "300", 2)+`
a.test.      30  IN AAAA 2001:db8::1
a.test.      `+sig("AAAA", "30", 2)+`
*.w.test.    300 IN A 192.0.2.2
*.w.test.    `+sig("A", "300", 2)+`
cut.test.    300 IN NS a.cut.test.
cut.test.    300 IN DS 1 13 2 00ff
cut.test.    `+sig("DS", "300", 2)+`
a.cut.test.  300 IN A 192.0.2.3
`)
	line := func(section, owner, text string) string {
		return fmt.Sprintf("%s: %s %s\n", section, owner, text)
	}
	a := "NOERROR aa\n" + line("answer", "a.test.", "300 IN A 192.0.2.1")
	soa := line("authority", "test.", "60 IN RRSIG SOA 13 1 300 20300101000000 20200101000000 1 test. AAEC") + line("authority", "test.", "60 IN SOA ns. h. 1 1 1 1 60")
	wantResponse(t, v, Question{Name: "a.test.", Type: dns.TypeA}, a)
	wantResponse(t, v, Question{Name: "a.test.", Type: dns.TypeA, DO: true}, a+line("answer", "a.test.", sig("A", "300", 2)))
	wantResponse(t, v, Question{Name: "x.w.test.", Type: dns.TypeA, DO: true},
		"NOERROR aa\n"+line("answer", "x.w.test.", "300 IN A 192.0.2.2")+line("answer", "x.w.test.", sig("A", "300", 2)))
	wantResponse(t, v, Question{Name: "a.test.", Type: dns.TypeRRSIG},
		"NOERROR aa\n"+line("answer", "a.test.", sig("AAAA", "30", 2))+line("answer", "a.test.", sig("A", "300", 2)))
	wantResponse(t, v, Question{Name: "a.test.", Type: dns.TypeMX, DO: true}, "NOERROR aa\n"+soa)
	wantResponse(t, v, Question{Name: "x.cut.test.", Type: dns.TypeA, DO: true}, "NOERROR\n"+
		line("authority", "cut.test.", "300 IN DS 1 13 2 00ff")+line("authority", "cut.test.", "300 IN NS a.cut.test.")+
		line("authority", "cut.test.", sig("DS", "300", 2))+line("additional", "a.cut.test.", "300 IN A 192.0.2.3"))
	for _, do := range []bool{false, true} {
		if n := len(respond(v, Question{Name: "a.test.", Type: dns.TypeANY, DO: do}).Answer); n != 4 {
			t.Errorf("ANY with DO %v: %d records, want 4", do, n)
		}
	}
}

// What cannot fit in any message costs no more than what can.
func TestLargeSets(t *testing.T) {
	var text strings.Builder
	text.WriteString("big. 60 IN SOA ns. h. 1 1 1 1 1\nbig. 60 IN NS ns.\n")
	for i := range 6000 {
		fmt.Fprintf(&text, "mx.big. 60 IN MX %d h%d.big.\n", i, i)
		fmt.Fprintf(&text, "h%d.big. 60 IN A 192.0.2.1\n", i)
		fmt.Fprintf(&text, "many.big. 60 IN A 10.0.%d.%d\n", i>>8, i&255)
	}
	for i := range 2000 {
		fmt.Fprintf(&text, "cut.big. 60 IN NS n%d.cut.big.\n", i)
		fmt.Fprintf(&text, "n%d.cut.big. 60 IN A 192.0.2.2\nn%[1]d.cut.big. 60 IN AAAA 2001:db8::2\n", i)
		fmt.Fprintf(&text, "mx1.big. 60 IN MX %d h%d.big.\n", i, i)
	}
	for i := range 100 {
		fmt.Fprintf(&text, "txt.big. 60 IN TXT %s\n", strings.Repeat(fmt.Sprintf("%0255d ", i), 200))
	}
	v := mustZone(t, "big.", text.String())
	for _, c := range []struct {
		name                          string
		typ                           uint16
		tc                            bool
		answer, authority, additional int // least and most
	}{
		{"many.big.", dns.TypeA, true, 0, 0, 0},
		{"mx.big.", dns.TypeMX, true, 0, 0, 0},
		{"mx1.big.", dns.TypeMX, false, 2000, 0, maxHosts},
		{"txt.big.", dns.TypeTXT, true, 0, 0, 0},
		{"txt.big.", dns.TypeANY, true, 0, 0, 0},
		{"x.cut.big.", dns.TypeA, true, 0, 2000, 1690},
	} {
		m := respond(v, Question{Name: c.name, Type: c.typ})
		if m.Truncated != c.tc || len(m.Answer) != c.answer || len(m.Ns) != c.authority || len(m.Extra) < c.additional || len(m.Extra) > c.additional+100 {
			t.Errorf("%s %s: TC %v and %d, %d, %d records; want %v and %d, %d, about %d", c.name, dns.Type(c.typ),
				m.Truncated, len(m.Answer), len(m.Ns), len(m.Extra), c.tc, c.answer, c.authority, c.additional)
		}
	}
}

// A chain ends at 16 aliases, or where it comes back to itself.
func TestLongChain(t *testing.T) {
	var text strings.Builder
	text.WriteString("c. 60 IN SOA ns. h. 1 1 1 1 1\nc. 60 IN NS ns.\n")
	for i := range 40 {
		fmt.Fprintf(&text, "n%d.c. 60 IN CNAME n%d.c.\n", i, i+1)
		fmt.Fprintf(&text, "l%d.c. 60 IN CNAME l%d.c.\n", i, (i+1)%5)
	}
	v := mustZone(t, "c.", text.String())
	for name, want := range map[string]int{"n0.c.": 16, "n30.c.": 10, "l0.c.": 5, "l20.c.": 6} {
		m := respond(v, Question{Name: name, Type: dns.TypeA})
		if len(m.Answer) != want {
			t.Errorf("%s: %d aliases, want %d", name, len(m.Answer), want)
		}
	}
}

func TestAppendWire(t *testing.T) {
	for _, name := range []string{".", "a.", "Ab.c.", `a\.b.c.`, `\000\255\046.x.`, `\\.\".`, strings.Repeat(strings.Repeat("x", 63)+".", 3)} {
		want, err := zone.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendWire(nil, name); string(got) != string(want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
