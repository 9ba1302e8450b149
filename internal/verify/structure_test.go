package verify

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/concord-dns/concord/internal/zone"
)

func TestStructure(t *testing.T) {
	const head = "@ SOA ns.example.net. admin 1 1 1 1 1\n@ NS ns.example.net.\n"
	for _, tt := range []struct{ name, text, want string }{
		{"plain", head + "www A 192.0.2.1\n", ""},
		{"no NS", "@ SOA ns.example.net. admin 1 1 1 1 1\n@ A 192.0.2.1\n", `
failure structure apex-ns: example.org. NS: no NS record at the apex: nobody serves the zone, as far as it says`},
		{"SOA below", head + "sub SOA ns admin 1 1 1 1 1\n", `
failure structure soa: sub.example.org. SOA: a SOA record below the apex is another zone's; remove it, or delegate`},
		{"CNAME and data", head + "www CNAME web\nwww A 192.0.2.1\nweb A 192.0.2.1\n", `
failure structure cname: www.example.org. CNAME: has other records beside it, and answers could be one or the other (RFC 2181 section 10.1)`},
		{"CNAME and DNAME", head + "www CNAME web\nwww DNAME web\nweb A 192.0.2.1\n", `
failure structure cname: www.example.org. CNAME: has other records beside it, and answers could be one or the other (RFC 2181 section 10.1)`},
		{"CNAME and what may be there", head + `www CNAME web
www KEY 256 3 13 AAAA
www NSEC a.example.org. CNAME RRSIG NSEC
www RRSIG CNAME 13 3 300 20300101000000 20200101000000 1 example.org. AAAA
web A 192.0.2.1
`, ""},
		{"two CNAMEs", head + "www CNAME web\nwww CNAME w.example.net.\nweb A 192.0.2.1\n", `
failure structure singleton: www.example.org. CNAME: 2 records, where there can be one only (RFC 6672 section 2.4, RFC 2181 section 10.1)`},
		{"two DNAMEs", head + "www DNAME web\nwww DNAME w.example.net.\n", `
failure structure singleton: www.example.org. DNAME: 2 records, where there can be one only (RFC 6672 section 2.4, RFC 2181 section 10.1)`},
		{"DNAME and below", head + "old DNAME new.example.net.\nold A 192.0.2.1\na.b.old A 192.0.2.1\nolder A 192.0.2.1\n", `
warning structure dname: old.example.org. DNAME: hides the records below it, for one a.b.old.example.org. (RFC 6672 section 2.4)`},
		{"DNAME and nothing below", head + "old DNAME new.example.net.\nolder A 192.0.2.1\n*.aold A 192.0.2.1\n", ""},
		{"DNAME at the apex", head + "@ DNAME new.example.net.\n", ""},
		{"DNAME at the apex and below", head + "@ DNAME new.example.net.\nwww A 192.0.2.1\n", `
warning structure dname: example.org. DNAME: hides the records below it, for one www.example.org. (RFC 6672 section 2.4)`},
		{"DNAME beside NS", head + "old DNAME new.example.net.\nold NS ns.example.net.\n", `
warning structure dname: old.example.org. DNAME: is beside NS records, which hide it (RFC 6672 section 2.3)`},
		{"glue", head + `sub NS sub
sub NS ns1.sub
sub NS ns.other
sub NS ns.example.net.
sub AAAA 2001:db8::1
ns1.sub A 192.0.2.1
`, ""},
		{"no glue", head + "sub NS sub\nsub NS ns1.sub\nns1.sub TXT here\n", `
warning structure glue: sub.example.org. NS: no address for ns1.sub.example.org., which cannot be found without it
warning structure glue: sub.example.org. NS: no address for sub.example.org., which cannot be found without it`},
		{"servers at the apex", head + "@ NS a\n@ NS b\n@ NS c\n@ NS d.w\na A 192.0.2.1\nb CNAME a\n*.w AAAA 2001:db8::1\n", `
warning structure address: example.org. NS: b.example.org. is an alias, which a name server's name must not be (RFC 2181 section 10.3)
warning structure address: example.org. NS: no address for c.example.org.`},
		{"many", head + func() string {
			var b strings.Builder
			for i := range 25 {
				fmt.Fprintf(&b, "s%02d NS ns.s%02d\n", i, i)
			}
			return b.String()
		}(), func() string {
			var b strings.Builder
			for i := range 10 {
				fmt.Fprintf(&b, "\nwarning structure glue: s%02d.example.org. NS: no address for ns.s%02d.example.org., which cannot be found without it", i, i)
			}
			return b.String() + "\nwarning structure glue: 15 more"
		}()},
	} {
		v := mustZone(t, "example.org.", tt.text)
		s, err := surveyWhole(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(s.findings(v)); got != strings.TrimPrefix(tt.want+"\n", "\n") {
			t.Errorf("%s:\n%s", tt.name, got)
		}
	}
}

// TestDoubled has zones whose final dots are missing, in the ways in which zones are written, and zones with a few of such names.
func TestDoubled(t *testing.T) {
	const head = "@ SOA ns.example.net. admin.example.net. 1 1 1 1 1\n@ NS ns.example.net.\n"
	hosts := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "#", fmt.Sprint(i)) + "\n")
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, origin, text string
		doubled            int // warnings
		want               string
	}{
		{"nothing", "example.org.", head + hosts(20, "h# A 192.0.2.1"), 0, ""},
		{".se 2009", "se.", head + hosts(50, "d#.se NS ns1.d#.se\nd#.se NS ns.loopia.example\nns1.d#.se A 192.0.2.1"), 150,
			"100 of 100 owner names"},
		{"a small one", "example.org.", head + "www.example.org A 192.0.2.1\nmail.example.org A 192.0.2.1\nimap.example.org A 192.0.2.1\n", 3,
			"3 of 3 owner names"},
		{"owners in full and some by hand", "example.org.", head + hosts(12, "h#.example.org A 192.0.2.1") + hosts(5, "o# A 192.0.2.1"), 12,
			"12 of 17 owner names"},
		{"relative owners", "example.org.", head + hosts(30, "h# A 192.0.2.1") +
			"ftp CNAME h1.example.org\nold CNAME h2.example.org\n@ MX 10 mail.example.org\n@ MX 20 mx.example.net\n_sip._tcp SRV 1 1 1 cdn.example.com\n", 3,
			"3 of 5 names in RDATA"},
		{"the apex's servers", "example.org.", "@ SOA ns1.example.org hostmaster.example.org 1 1 1 1 1\n@ NS ns1.example.org\nns1 A 192.0.2.1\n", 3,
			"all name servers at the apex"},
		{"forms that append", "example.org.", head + hosts(2, "h# A 192.0.2.1") +
			"_dmarc.example.org TXT a\nmail._domainkey.example.org TXT a\nautodiscover.example.org TXT a\n", 3, ""},
		{"a mistake or two", "example.org.", head + hosts(9, "h# A 192.0.2.1") + "www CNAME h1.example.org\nftp CNAME h2.example.org\n", 2, ""},
		{"com.com.", "com.", head + hosts(9, "d# NS ns.example.net.") + "com NS ns1.com\nns1.com A 192.0.2.1\nns2.com A 192.0.2.1\n", 4, ""},
		{"the root", ".", "@ SOA a.example. b. 1 1 1 1 1\n@ NS a.example.\n" + hosts(20, "d# NS ns.d#.\nns.d# A 192.0.2.1"), 0, ""},
		{"letters of the same kind", "example.org.", head + hosts(20, "wwwexample.org# A 192.0.2.1"), 0, ""},
		{"HTTPS", "example.org.", head + hosts(3, "h# HTTPS 1 cdn.example.org alpn=h2"), 3, "3 of 3 names in RDATA"},
	} {
		v := mustZone(t, tt.origin, tt.text)
		s, err := surveyWhole(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		if s.counts[ruleDoubled] != tt.doubled {
			t.Errorf("%s: %d doubled, want %d", tt.name, s.counts[ruleDoubled], tt.doubled)
		}
		got := s.doubled(v)
		if len(got) != min(len(tt.want), 1) || tt.want != "" && !strings.Contains(got[0].Detail, tt.want) {
			t.Errorf("%s: %s", tt.name, lines(got))
		}
	}
}

// TestSurveyNext compares what comes of the difference with what a look at the whole zone finds, over zones with all that the rules
// are about.
func TestSurveyNext(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		set := map[string]bool{}
		from := randomZone(t, r, set, 30)
		before, err := surveyWhole(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 20 {
			to := randomZone(t, r, set, 1+r.IntN(6))
			next, err := surveyNext(t.Context(), from, before, to)
			if err != nil {
				t.Fatal(err)
			}
			compareSurveys(t, fmt.Sprintf("seed %d, step %d", seed, step), to, next)
			from, before = to, next
		}
	}
}

func compareSurveys(t *testing.T, what string, v *zone.Version, next *survey) {
	t.Helper()
	whole, err := surveyWhole(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if whole.counts != next.counts || whole.owners != next.owners || whole.targets != next.targets || whole.data != next.data {
		t.Fatalf("%s:\n%+v\nwant\n%+v", what, next, whole)
	}
	for rule, n := range next.counts {
		if n <= maxExamples && !sameFindings(whole.some[rule], next.some[rule]) {
			t.Fatalf("%s:\n%swant\n%s", what, lines(next.some[rule]), lines(whole.some[rule]))
		}
	}
}

// sameFindings reports whether all that the second has is in the first: it may have forgotten some.
func sameFindings(whole, some []Finding) bool {
	all := map[Finding]int{}
	for _, f := range whole {
		all[f]++
	}
	for _, f := range some {
		if all[f]--; all[f] < 0 {
			return false
		}
	}
	return len(some) > 0 == (len(whole) > 0) || reflect.DeepEqual(whole, some)
}

// randomZone changes so many records of a set, and makes a version of it.
func randomZone(t *testing.T, r *rand.Rand, set map[string]bool, changes int) *zone.Version {
	names := []string{"@", "a", "b", "x.a", "y.x.a", "ns.a", "*.b", "c.b", "example.org", "n.example.org", "z"}
	name := func() string { return names[r.IntN(len(names))] }
	for range changes {
		record := name() + " "
		switch r.IntN(9) {
		case 0, 1:
			record += "NS " + name()
		case 2:
			record += "CNAME " + name()
		case 3:
			record += "DNAME " + name()
		case 4, 5:
			record += fmt.Sprintf("A 192.0.2.%d", r.IntN(3))
		case 6:
			record += "MX 10 " + name()
		case 7:
			record += "RRSIG A 13 3 300 20300101000000 20200101000000 1 example.org. AAAA"
		case 8:
			record = "k2b4k1s2gk0d5lo4u6e1fcb3s4gkj0c2 NSEC3 1 0 0 - k2b4k1s2gk0d5lo4u6e1fcb3s4gkj0c3 A"
		}
		set[record] = !set[record]
	}
	text := "@ SOA ns.example.net. admin 1 1 1 1 1\n"
	for record, there := range set {
		if there {
			text += record + "\n"
		}
	}
	return mustZone(t, "example.org.", text)
}
