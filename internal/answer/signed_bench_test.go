package answer

import (
	"fmt"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// signedQuestions have one of each proof.
var signedQuestions = []struct {
	what, name string
	typ        uint16
}{
	{"A", "host471.example.com.", dns.TypeA},
	{"NODATA", "host471.example.com.", dns.TypeAAAA},
	{"NODATA-ENT", "wild.example.com.", dns.TypeA},
	{"NXDOMAIN", "nohost471.example.com.", dns.TypeA},
	{"NXDOMAIN-deep", "a.b.c.d.nohost471.example.com.", dns.TypeA},
	{"Wildcard", "any.wild.example.com.", dns.TypeA},
	{"Wildcard-NODATA", "any.wild.example.com.", dns.TypeAAAA},
	{"CNAME", "www471.example.com.", dns.TypeA},
	{"Referral-insecure", "www.sub470.example.com.", dns.TypeA},
	{"Referral-secure", "www.signed470.example.com.", dns.TypeA},
	{"DS-NODATA", "sub470.example.com.", dns.TypeDS},
	{"DNSKEY", "example.com.", dns.TypeDNSKEY},
	{"ANY", "example.com.", dns.TypeANY},
}

// signedZones are a company's zone, signed in three ways.
var signedZones = sync.OnceValue(func() map[string]*zone.Version {
	text := "@ 3600 IN SOA ns1 hostmaster 1 3600 600 86400 300\n@ 3600 IN NS ns1\n@ 3600 IN MX 10 mail\nmail 3600 IN A 192.0.2.1\n*.wild 300 IN A 192.0.2.99\n"
	for i := range 1000 {
		text += fmt.Sprintf("host%d 3600 IN A 192.0.2.%d\nwww%[1]d 3600 IN CNAME host%[1]d\n", i, i&255)
		if i%10 == 0 {
			text += fmt.Sprintf("sub%d 3600 IN NS ns1.sub%[1]d\nns1.sub%[1]d 3600 IN A 192.0.2.1\n", i)
			text += fmt.Sprintf("signed%d 3600 IN NS ns1.sub%[1]d\nsigned%[1]d 3600 IN DS 1 13 2 %064[1]x\n", i)
		}
	}
	z, err := answertest.Parse("example.com.", text)
	if err != nil {
		panic(err)
	}
	list := map[string]*zone.Version{}
	for name, s := range map[string]answertest.Signing{"NSEC": {}, "NSEC3": {NSEC3: true}, "OptOut": {NSEC3: true, OptOut: true}, "NSEC3x150": {NSEC3: true, Iterations: 150}} {
		s.Algorithms = []uint8{dns.ECDSAP256SHA256}
		if list[name], err = z.Signed(s).Version(); err != nil {
			panic(err)
		}
	}
	return list
})

func BenchmarkAnswerSigned(b *testing.B) {
	for _, name := range []string{"NSEC", "NSEC3", "OptOut", "NSEC3x150"} {
		v := signedZones()[name]
		for _, bench := range signedQuestions {
			b.Run(name+"/"+bench.what, func(b *testing.B) {
				q := Question{Name: bench.name, Type: bench.typ, DO: true}
				b.ReportAllocs()
				for b.Loop() {
					Answer(v, q).Release()
				}
			})
		}
	}
}
