package answer

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// benchZone is a company's zone: hosts, a wildcard, mail, delegations, aliases.
func benchZone(b testing.TB, hosts int) *zone.Version {
	b.Helper()
	apex, _ := zone.ParseName("example.com.")
	builder := zone.NewBuilder(apex, nil)
	add := func(format string, args ...any) {
		rr, err := dns.NewRR(fmt.Sprintf(format, args...))
		if err != nil {
			b.Fatal(err)
		}
		rec, err := zone.FromRR(rr)
		if err != nil {
			b.Fatal(err)
		}
		if err := builder.Add(rec); err != nil {
			b.Fatal(err)
		}
	}
	add("example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 300")
	for i := range 2 {
		add("example.com. 3600 IN NS ns%d.example.com.", i+1)
		add("example.com. 3600 IN MX %d mail%d.example.com.", 10*i, i+1)
		add("ns%d.example.com. 3600 IN A 192.0.2.%d", i+1, i)
		add("ns%d.example.com. 3600 IN AAAA 2001:db8::%d", i+1, i)
		add("mail%d.example.com. 3600 IN A 192.0.2.%d", i+1, i+10)
	}
	add("example.com. 3600 IN TXT \"v=spf1 mx -all\"")
	add("*.wild.example.com. 300 IN A 192.0.2.99")
	for i := range hosts {
		add("host%d.example.com. 3600 IN A 10.%d.%d.%d", i, i>>16&255, i>>8&255, i&255)
		add("www%d.example.com. 3600 IN CNAME host%d.example.com.", i, i)
		if i%10 == 0 {
			add("sub%d.example.com. 3600 IN NS ns1.sub%[1]d.example.com.", i)
			add("sub%d.example.com. 3600 IN NS ns.example.net.", i)
			add("ns1.sub%d.example.com. 3600 IN A 192.0.2.1", i)
		}
	}
	v, _, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	return v
}

var benchQuestions = []struct {
	what, name string
	typ        uint16
	allocs     float64 // for Answer and Msg together
}{
	{"A", "host4711.example.com.", dns.TypeA, 2},
	{"NODATA", "host4711.example.com.", dns.TypeAAAA, 3},
	{"NXDOMAIN", "nohost4711.example.com.", dns.TypeA, 3},
	{"Wildcard", "any.wild.example.com.", dns.TypeA, 2},
	{"CNAME", "www4711.example.com.", dns.TypeA, 4},
	{"Referral", "www.sub4710.example.com.", dns.TypeA, 5},
	{"MX", "example.com.", dns.TypeMX, 6},
	{"TXT", "example.com.", dns.TypeTXT, 4},
	{"ANY", "example.com.", dns.TypeANY, 14},
}

func BenchmarkAnswer(b *testing.B) {
	v := benchZone(b, 20000)
	for _, bench := range benchQuestions {
		b.Run(bench.what, func(b *testing.B) {
			q := Question{Name: bench.name, Type: bench.typ}
			b.ReportAllocs()
			for b.Loop() {
				Answer(v, q).Release()
			}
		})
	}
}

func BenchmarkAnswerMsg(b *testing.B) {
	v := benchZone(b, 20000)
	for _, bench := range benchQuestions {
		b.Run(bench.what, func(b *testing.B) {
			req := new(dns.Msg)
			req.SetQuestion(bench.name, bench.typ)
			b.ReportAllocs()
			for b.Loop() {
				r := Answer(v, Question{Name: req.Question[0].Name, Type: req.Question[0].Qtype})
				m := r.Msg(req)
				r.Release()
				if m.Id != req.Id {
					b.Fatal(m)
				}
			}
		})
	}
}
