package test

import (
	"os"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

func count1(t *testing.T, b *ballot, tally map[string]int) {
	tally["questions"]++
	rs := b.peers[:]
	for i := range rs {
		rs[i] = stripNS(b, rs[i])
	}
	if b.typ == dns.TypeANY || b.zone.HasWildcardNS() { return }
	eq := func(f func(a answertest.Response) string) string {
		var v [3]string
		for i := range rs { v[i] = f(rs[i]) }
		switch {
		case v[0]==v[1] && v[1]==v[2]: return "all"
		case v[0]==v[1]: return "not BIND"
		case v[0]==v[2]: return "not Knot"
		case v[1]==v[2]: return "not NSD"
		}
		return "split"
	}
	j := func(l []string) string { return strings.Join(l, "\n") }
	if b.do && b.zone.signing != "" {
		p := answertest.NewProver(b.zone.Zone)
		for i, r := range append(rs, b.ours) {
			want := p.Proof(b.name, r)
			var got []string
			for _, l := range r.Authority { if f := strings.Fields(l); f[3] == "nsec" || f[3] == "nsec3" { got = append(got, f[0])}}
			slices.Sort(got)
			who := append(voters[:], "ours")[i]
			k := fmt.Sprintf("proof %s %v %s", who, slices.Equal(got, want), b.zone.signing[:5])
			tally[k]++
			if os.Getenv("PROOF") == who && !slices.Equal(got, want) && tally[k] < 12 {
				f, _ := os.OpenFile("/tmp/proof", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0644)
				fmt.Fprintf(f, "##### %s %s do=%v signing %s seed %d\nwant %q\n got %q\n%s", b.name, dns.Type(b.typ), b.do, b.zone.signing, b.zone.seed, want, got, matrix(rs, b.ours))
				f.Close()
			}
		}
	}
	whole := eq(func(a answertest.Response) string { return a.String() })
	head := eq(func(a answertest.Response) string { return fmt.Sprint(a.Rcode, a.AA, a.TC) })
	an := eq(func(a answertest.Response) string { return j(a.Answer) })
	au := eq(func(a answertest.Response) string { return j(a.Authority) })
	ad := eq(func(a answertest.Response) string { return j(a.Additional) })
	tally["whole "+whole]++
	s := "unsigned"
	if strings.HasPrefix(b.zone.signing, "NSEC3") { s = "nsec3" } else if b.zone.signing != "" { s = "nsec"}
	if !b.do {s += " plain"}
	k := fmt.Sprintf("%-14s head %s; answer %s; authority %s; additional %s", s, head, an, au, ad)
	tally[k]++
	if w := os.Getenv("SHOW"); w != "" && strings.Contains(k, w) && tally[k] < 4 {
		f, _ := os.OpenFile("/tmp/show", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0644)
		fmt.Fprintf(f, "##### %s\n%s %s do=%v signing %s seed %d\n%s", k, b.name, dns.Type(b.typ), b.do, b.zone.signing, b.zone.seed, matrix(rs, b.ours))
		if os.Getenv("ZONE") != "" { fmt.Fprintf(f, "zone\n%s", zoneText(b)) }
		f.Close()
	}
}
func zoneText(b *ballot) string {
	var l []string
	for _, rr := range b.zone.Records { if rr.Header().Rrtype != dns.TypeRRSIG { l = append(l, rr.String()) } }
	return strings.Join(l, "\n")+"\n"
}

func stripNS(b *ballot, r answertest.Response) answertest.Response {
	r.Answer = slices.Compact(r.Answer)
	r.Authority = slices.Compact(r.Authority)
	r.Additional = slices.Compact(r.Additional)
	for _, l := range []*[]string{&r.Answer,&r.Authority,&r.Additional} {
		*l = slices.DeleteFunc(*l, func(s string) bool { f := strings.Fields(s); return false && f[3]=="rrsig"})
	}
	if len(r.Answer) == 0 || !r.AA || r.Rcode != "NOERROR" || len(r.Authority) == 0 {
		return r
	}
	hosts := map[string]bool{}
	o := strings.ToLower(b.zone.Origin)
	r.Authority = slices.DeleteFunc(r.Authority, func(s string) bool {
		f := strings.Fields(s)
		if f[0] == o && f[3] == "ns" { hosts[strings.Join(f[4:], " ")] = true; return true }
		return f[0] == o && f[3]=="rrsig" && f[4]=="ns"
	})
	r.Additional = slices.DeleteFunc(slices.Clone(r.Additional), func(line string) bool {
		return hosts[strings.Fields(line)[0]] && !slices.Contains(b.ours.Additional, line)
	})
	return r
}

func matrix(rs []answertest.Response, ours answertest.Response) string {
	all := append(slices.Clone(rs), ours)
	m := map[string]string{}
	for i, r := range all {
		for j, l := range strings.Split(r.String(), "\n") {
			if j == 0 { l = "head: " + l }
			if l == "" || strings.Contains(l, " in rrsig ") { continue }
			if m[l] == "" { m[l] = "...." }
			m[l] = m[l][:i] + string("NKBo"[i]) + m[l][i+1:]
		}
	}
	var lines []string
	for l, w := range m { lines = append(lines, w+" "+l) }
	slices.SortFunc(lines, func(a,b string) int { return strings.Compare(a[5:], b[5:]) })
	return strings.Join(lines, "\n")+"\n"
}
