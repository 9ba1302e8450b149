package answer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// BenchmarkAnswerWire is question to octets; BenchmarkWire is the rendering alone.
func BenchmarkAnswerWire(b *testing.B) {
	for _, w := range wireBenches(b) {
		b.Run(w.what, func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				r := Answer(w.v, w.q)
				r.AppendWire(buf, w.h)
				r.Release()
			}
		})
	}
}

func BenchmarkWire(b *testing.B) {
	for _, w := range wireBenches(b) {
		b.Run(w.what, func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			r := Answer(w.v, w.q)
			defer r.Release()
			b.ReportAllocs()
			for b.Loop() {
				r.AppendWire(buf, w.h)
			}
			b.ReportMetric(float64(len(r.AppendWire(buf, w.h))), "octets")
		})
	}
}

// BenchmarkMsg is question to message.
func BenchmarkMsg(b *testing.B) {
	for _, w := range wireBenches(b) {
		b.Run(w.what, func(b *testing.B) {
			req := new(dns.Msg).SetQuestion(w.q.Name, w.q.Type)
			b.ReportAllocs()
			for b.Loop() {
				r := Answer(w.v, w.q)
				r.Msg(req)
				r.Release()
			}
		})
	}
}

// BenchmarkFit is for answers that do not fit as they are.
func BenchmarkFit(b *testing.B) {
	for _, w := range wireBenches(b) {
		b.Run(w.what, func(b *testing.B) {
			r := Answer(w.v, w.q)
			defer r.Release()
			b.ReportAllocs()
			for b.Loop() {
				r.Fit(1232)
			}
		})
	}
}

type wireBench struct {
	what string
	v    *zone.Version
	q    Question
	h    Head
}

func wireBenches(b testing.TB) []wireBench {
	b.Helper()
	v := benchZone(b, 20000)
	var list []wireBench
	for _, q := range benchQuestions {
		list = append(list, wireBench{q.what, v, Question{Name: q.name, Type: q.typ}, Head{Size: 1232}})
	}
	signed := signedZone(b, answertest.Signing{NSEC3: true, Algorithms: []uint8{dns.ECDSAP256SHA256}})
	opt := []byte{0, 0, byte(dns.TypeOPT), 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0}
	for _, q := range []Question{
		{Name: "host42.example.com.", Type: dns.TypeA},
		{Name: "host42.example.com.", Type: dns.TypeAAAA},
		{Name: "nohost42.example.com.", Type: dns.TypeA},
		{Name: "x.sub42.example.com.", Type: dns.TypeA},
	} {
		q.DO = true
		list = append(list, wireBench{fmt.Sprintf("NSEC3/%s/%s", q.Name[:6], dns.Type(q.Type)), signed, q, Head{Size: 1232, OPT: opt}})
	}
	return list
}

// signedZone is a small zone of hosts and delegations, signed.
func signedZone(b testing.TB, s answertest.Signing) *zone.Version {
	b.Helper()
	text := "example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 300\nexample.com. 3600 IN NS ns1.example.com.\n"
	for i := range 500 {
		text += fmt.Sprintf("host%d 3600 IN A 192.0.2.%d\nsub%d 3600 IN NS ns1.sub%d\nns1.sub%d 3600 IN A 192.0.2.1\n", i, rand.IntN(256), i, i, i)
	}
	z, err := answertest.Parse("example.com.", text)
	if err != nil {
		b.Fatal(err)
	}
	v, err := z.Signed(s).Version()
	if err != nil {
		b.Fatal(err)
	}
	return v
}
