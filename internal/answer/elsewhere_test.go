package answer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// elsewhere finds the closest of some zones.
func elsewhere(zones ...*zone.Version) func(zone.Name) *zone.Version {
	return func(n zone.Name) (best *zone.Version) {
		for _, v := range zones {
			if n.InZone(v.Apex()) && (best == nil || len(v.Apex()) > len(best.Apex())) {
				best = v
			}
		}
		return best
	}
}

func TestElsewhere(t *testing.T) {
	soa := func(origin string, minimum int) string {
		return fmt.Sprintf("%s 300 IN SOA ns.%[1]s h.%[1]s 1 1 1 1 %d\n%[1]s 300 IN NS ns.%[1]s\n", origin, minimum)
	}
	one := mustZone(t, "one.", soa("one.", 11)+`
alias.one. 60 IN CNAME HOST.two.
none.one. 60 IN CNAME none.two.
nodata.one. 60 IN CNAME mail.two.
mail.one. 60 IN CNAME mail.two.
loop.one. 60 IN CNAME loop.two.
back.one. 60 IN A 192.0.2.1
out.one. 60 IN CNAME host.three.
cut.one. 60 IN CNAME x.cut.two.
tree.one. 60 IN DNAME tree.two.
down.one. 60 IN CNAME a.sub.one.
sub.one. 60 IN NS ns.sub.one.
sub2.one. 60 IN NS ns.sub2.one.
down2.one. 60 IN CNAME a.sub2.one.
`)
	two := mustZone(t, "two.", soa("two.", 22)+`
host.two. 60 IN A 192.0.2.2
mail.two. 60 IN MX 1 host.two.
loop.two. 60 IN CNAME loop.one.
back.two. 60 IN CNAME back.one.
cut.two. 60 IN NS ns.cut.two.
ns.cut.two. 60 IN A 192.0.2.3
a.tree.two. 60 IN CNAME back.two.
`)
	sub := mustZone(t, "sub.one.", soa("sub.one.", 33)+"a.sub.one. 60 IN A 192.0.2.4\n")
	here := elsewhere(one, two, sub)
	for _, c := range []struct {
		name     string
		typ      uint16
		confined string
		follow   string
	}{
		{"alias.one.", dns.TypeA, "NOERROR aa\nanswer: alias.one. 60 in cname host.two.",
			"NOERROR aa\nanswer: alias.one. 60 in cname host.two.\nanswer: host.two. 60 in a 192.0.2.2"},
		{"none.one.", dns.TypeA, "NOERROR aa\nanswer: none.one. 60 in cname none.two.",
			"NXDOMAIN aa\nanswer: none.one. 60 in cname none.two.\nauthority: two. 22 in soa ns.two. h.two. 1 1 1 1 22"},
		{"nodata.one.", dns.TypeA, "NOERROR aa\nanswer: nodata.one. 60 in cname mail.two.",
			"NOERROR aa\nanswer: nodata.one. 60 in cname mail.two.\nauthority: two. 22 in soa ns.two. h.two. 1 1 1 1 22"},
		{"mail.one.", dns.TypeMX, "NOERROR aa\nanswer: mail.one. 60 in cname mail.two.",
			"NOERROR aa\nanswer: mail.one. 60 in cname mail.two.\nanswer: mail.two. 60 in mx 1 host.two.\nadditional: host.two. 60 in a 192.0.2.2"},
		{"loop.one.", dns.TypeA, "NOERROR aa\nanswer: loop.one. 60 in cname loop.two.",
			"NOERROR aa\nanswer: loop.one. 60 in cname loop.two.\nanswer: loop.two. 60 in cname loop.one."},
		{"out.one.", dns.TypeA, "NOERROR aa\nanswer: out.one. 60 in cname host.three.",
			"NOERROR aa\nanswer: out.one. 60 in cname host.three."},
		{"cut.one.", dns.TypeA, "NOERROR aa\nanswer: cut.one. 60 in cname x.cut.two.",
			"NOERROR aa\nanswer: cut.one. 60 in cname x.cut.two.\nauthority: cut.two. 60 in ns ns.cut.two.\nadditional: ns.cut.two. 60 in a 192.0.2.3"},
		{"a.tree.one.", dns.TypeA, "NOERROR aa\nanswer: a.tree.one. 60 in cname a.tree.two.\nanswer: tree.one. 60 in dname tree.two.",
			"NOERROR aa\nanswer: a.tree.one. 60 in cname a.tree.two.\nanswer: a.tree.two. 60 in cname back.two.\n" +
				"answer: back.one. 60 in a 192.0.2.1\nanswer: back.two. 60 in cname back.one.\nanswer: tree.one. 60 in dname tree.two."},
		// The child is here too: its data and not a referral to it.
		{"down.one.", dns.TypeA, "NOERROR aa\nanswer: down.one. 60 in cname a.sub.one.\nauthority: sub.one. 60 in ns ns.sub.one.",
			"NOERROR aa\nanswer: a.sub.one. 60 in a 192.0.2.4\nanswer: down.one. 60 in cname a.sub.one."},
		{"down2.one.", dns.TypeA, "NOERROR aa\nanswer: down2.one. 60 in cname a.sub2.one.\nauthority: sub2.one. 60 in ns ns.sub2.one.",
			"NOERROR aa\nanswer: down2.one. 60 in cname a.sub2.one.\nauthority: sub2.one. 60 in ns ns.sub2.one."},
	} {
		wantResponse(t, one, Question{Name: c.name, Type: c.typ}, c.confined)
		wantResponse(t, one, Question{Name: c.name, Type: c.typ, Elsewhere: here}, c.follow)
		checkWire(t, one, Question{Name: c.name, Type: c.typ, Elsewhere: here}, Head{Size: 512})
	}
}

// A chain that goes to and fro is as bounded as one in a single zone.
func TestElsewhereBounded(t *testing.T) {
	var a, b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&a, "n%d.a. 60 IN CNAME n%d.b.\n", i, i)
		fmt.Fprintf(&b, "n%d.b. 60 IN CNAME n%d.a.\n", i, i+1)
	}
	one := mustZone(t, "a.", "a. 60 IN SOA . . 1 1 1 1 1\na. 60 IN NS .\n"+a.String())
	two := mustZone(t, "b.", "b. 60 IN SOA . . 1 1 1 1 1\nb. 60 IN NS .\n"+b.String())
	m := respond(one, Question{Name: "n0.a.", Type: dns.TypeA, Elsewhere: elsewhere(one, two)})
	if len(m.Answer) != maxAliases {
		t.Errorf("%d aliases, want %d", len(m.Answer), maxAliases)
	}
}

// Each zone proves with its own chain, hashed with its own salt.
func TestElsewhereSigned(t *testing.T) {
	sign := func(origin, text string, s answertest.Signing) (*answertest.Zone, *zone.Version) {
		t.Helper()
		z, err := answertest.Parse(origin, fmt.Sprintf("%s 300 IN SOA ns. h. 1 1 1 1 60\n%[1]s 300 IN NS ns.\n%s", origin, text))
		if err != nil {
			t.Fatal(err)
		}
		s.Algorithms = []uint8{dns.ECDSAP256SHA256}
		z = z.Signed(s)
		v, err := z.Version()
		if err != nil {
			t.Fatal(err)
		}
		return z, v
	}
	_, one := sign("one.", "*.one. 60 IN CNAME none.two.\n", answertest.Signing{NSEC3: true, Salt: "aabb"})
	for _, s := range []answertest.Signing{{NSEC3: true, Salt: "cc", Iterations: 3}, {}} {
		_, two := sign("two.", "a.two. 60 IN A 192.0.2.1\nx.y.two. 60 IN A 192.0.2.1\n", s)
		q := Question{Name: "x.one.", Type: dns.TypeA, DO: true, Elsewhere: elsewhere(one, two)}
		m := respond(one, q)
		// What proves that x.one. does not exist, beside what a question for none.two. itself gets.
		direct := respond(two, Question{Name: "none.two.", Type: dns.TypeA, DO: true})
		if m.Rcode != dns.RcodeNameError || len(m.Ns) != len(direct.Ns)+2 {
			t.Errorf("%v:\n%v", s, m)
		}
		for _, rr := range direct.Ns {
			found := false
			for _, got := range m.Ns {
				found = found || dns.IsDuplicate(rr, got)
			}
			if !found {
				t.Errorf("%v: without %v", s, rr)
			}
		}
		checkWire(t, one, q, Head{Size: 4096})
	}
}
