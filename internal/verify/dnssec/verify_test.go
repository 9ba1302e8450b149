package dnssec

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is a time at which the signatures of answertest are valid.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func version(t testing.TB, z *answertest.Zone) *zone.Version {
	t.Helper()
	v, err := z.Version()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func verify(t testing.TB, v *zone.Version, before *State, anchors ...Anchor) (*State, Report) {
	t.Helper()
	s, r, err := Verify(t.Context(), v, before, Options{Now: now, Anchors: anchors, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// anchorsOf are DNSKEY and DS anchors of a zone, in turn.
func anchorsOf(t testing.TB, z *answertest.Zone) (list []Anchor) {
	t.Helper()
	for i, rr := range z.TrustAnchors() {
		r, err := zone.FromRR(rr)
		if i%2 == 0 {
			r, err = zone.FromRR(rr.ToDS([]uint8{1, 2, 4}[i%3]))
		}
		if err != nil {
			t.Fatal(err)
		}
		a, known, err := newAnchor(r)
		if err != nil || !known {
			t.Fatal(err, known)
		}
		list = append(list, a)
	}
	return list
}

func TestRandomZones(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			s := answertest.RandomSigning(r)
			origin := []string{"example.org.", "example.org.", ".", "A.b.c."}[r.IntN(4)]
			z := answertest.Generate(r, origin, answertest.Options{}).Signed(s)
			state, report := verify(t, version(t, z), nil, anchorsOf(t, z)...)
			if !report.OK() {
				t.Fatalf("%v: %v\n%s", s, report.Faults, z.Text())
			}
			if want := time.Unix(2114380800, 0); !state.EarliestExpiry().Equal(want) {
				t.Errorf("earliest expiry %v, want %v", state.EarliestExpiry(), want)
			}
		})
	}
}
