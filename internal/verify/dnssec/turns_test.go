package dnssec

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// greedy wants the processors back all the time, and gives other numbers of them.
type greedy struct {
	asked, yields int
}

func (g *greedy) Wanted() bool              { g.asked++; return g.asked%2 == 0 }
func (g *greedy) Yield(context.Context) int { g.yields++; return g.yields % 3 }
func (g *greedy) More(most int) int         { return min(most, 1+g.asked%4) }

// TestTurns has a verification come to the same with others in between, first and by changes.
func TestTurns(t *testing.T) {
	text := base
	for i := range 500 {
		text += fmt.Sprintf("host%d.example.org. 300 IN A 192.0.2.1\n", i)
	}
	z, err := answertest.Parse("example.org.", text)
	if err != nil {
		t.Fatal(err)
	}
	v := version(t, z.Signed(answertest.Signing{Algorithms: []uint8{dns.ED25519}}))
	g := new(greedy)
	state, report, err := Verify(t.Context(), v, nil, Options{Now: now, Workers: 4, Turns: g})
	if err != nil || !report.OK() {
		t.Fatal(report, err)
	}
	if g.yields < 10 {
		t.Errorf("%d turns were given", g.yields)
	}
	alone, want := verify(t, v, nil)
	if !reflect.DeepEqual(report, want) || !state.EarliestExpiry().Equal(alone.EarliestExpiry()) {
		t.Errorf("%+v, want %+v", report, want)
	}
}
