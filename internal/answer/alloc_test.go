//go:build !race

package answer

import (
	"testing"

	"github.com/miekg/dns"
)

// Not under the race detector, with which a sync.Pool forgets at random.
func TestAllocations(t *testing.T) {
	v := benchZone(t, 20000)
	for _, q := range benchQuestions {
		req := new(dns.Msg)
		req.SetQuestion(q.name, q.typ)
		question := Question{Name: q.name, Type: q.typ}
		if got := testing.AllocsPerRun(200, func() { Answer(v, question).Release() }); got > 0 {
			t.Errorf("%s: Answer makes %v allocations, want none", q.what, got)
		}
		got := testing.AllocsPerRun(200, func() {
			r := Answer(v, question)
			r.Msg(req)
			r.Release()
		})
		if got > q.allocs {
			t.Errorf("%s: Answer and Msg make %v allocations, want at most %v", q.what, got, q.allocs)
		}
	}
}

func TestSignedAllocations(t *testing.T) {
	for name, v := range signedZones() {
		for _, q := range signedQuestions {
			question := Question{Name: q.name, Type: q.typ, DO: true}
			if got := testing.AllocsPerRun(100, func() { Answer(v, question).Release() }); got > 0 {
				t.Errorf("%s, %s: Answer makes %v allocations, want none", name, q.what, got)
			}
			if q.typ == dns.TypeANY {
				continue // it has a type that is not made by hand
			}
			// The message, its records, their text, and each RRset.
			var most float64
			req := new(dns.Msg).SetQuestion(q.name, q.typ)
			got := testing.AllocsPerRun(100, func() {
				r := Answer(v, question)
				most = float64(3 + len(r.answer) + len(r.authority) + len(r.additional))
				r.Msg(req)
				r.Release()
			})
			if got > most {
				t.Errorf("%s, %s: Answer and Msg make %v allocations, want at most %v", name, q.what, got, most)
			}
		}
	}
}
