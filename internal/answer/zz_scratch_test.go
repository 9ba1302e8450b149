package answer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

func BenchmarkScratch(b *testing.B) {
	text := "@ 3600 IN SOA ns1 hostmaster 1 3600 600 86400 300\n@ 3600 IN NS ns1\n"
	for i := range 50000 {
		text += fmt.Sprintf("host%d 3600 IN A 192.0.2.%d\n", i, i&255)
	}
	z, err := answertest.Parse("example.com.", text)
	if err != nil {
		b.Fatal(err)
	}
	for _, n3 := range []bool{true, false} {
		v, err := z.Signed(answertest.Signing{NSEC3: n3, Algorithms: []uint8{dns.ED25519}}).Version()
		if err != nil {
			b.Fatal(err)
		}
		names := make([]string, 4096)
		for i := range names {
			names[i] = fmt.Sprintf("nx%d.example.com.", rand.Uint32())
		}
		buf := make([]byte, 0, 4096)
		b.Run(fmt.Sprint(n3), func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				r := Answer(v, Question{Name: names[i&4095], Type: dns.TypeA, DO: true})
				r.AppendWire(buf, Head{Size: 1232})
				r.Release()
			}
		})
	}
}
