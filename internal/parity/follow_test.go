package parity

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// TestFollow has primaries that all follow one line of contents, each after a
// delay of its own and, in the end, each with serials that may begin anew. A
// change comes before the one before has reached all: nothing ever comes to
// rest. What all have held is served all the same, no state is ever drift, and
// nothing is served before enough have held it.
func TestFollow(t *testing.T) {
	const changes = 60
	for seed := range uint64(45) {
		random := rand.New(rand.NewPCG(seed, 2))
		w := newWorld(t)
		kind := config.Compare(seed % 3)
		w.compare(kind)
		w.recent, w.policy.Settle = true, time.Minute
		w.policy.Agree = []config.Agree{{Kind: config.All}, {Kind: config.Majority}}[random.IntN(2)]
		restarts := kind != config.CompareStrict && random.IntN(2) == 0
		n := 2 + random.IntN(3)
		delay, at, offset := make([]int, n), make([]int, n), make([]zone.Serial, n)
		for i := range n {
			w.obs = append(w.obs, Observation{Name: fmt.Sprintf("ns%d", i+1)})
			delay[i], at[i] = random.IntN(40), -1
			if kind != config.CompareStrict {
				offset[i] = zone.Serial(random.Uint32())
			}
		}
		content := func(k int) string { return fmt.Sprintf("A%d", k) } // letters do not reach so far
		best := -1
		for second := range 10 * changes {
			for i := range n {
				// Each change is at a multiple of ten seconds; each primary has it delay later.
				k := (second - delay[i]) / 10
				if second < delay[i] || k >= changes || k == at[i] {
					continue
				}
				if restarts && random.IntN(40) == 0 {
					// The serials begin anew with what it holds already.
					offset[i] = zone.Serial(random.Uint32())
					if at[i] >= 0 {
						w.see(&w.obs[i], line(t, w, content(at[i]), at[i], offset[i]))
					}
				}
				at[i] = k
				w.see(&w.obs[i], line(t, w, content(k), k, offset[i]))
			}
			v, _ := w.judge()
			if v.State == Drift {
				t.Fatalf("seed %d second %d: %s", seed, second, w.show(&v, false))
			}
			for _, p := range v.Primaries {
				if p.State == PrimaryDiverged {
					t.Fatalf("seed %d second %d: %s", seed, second, w.show(&v, false))
				}
			}
			if w.served.Version != nil {
				served := indexOf(w.served.Version)
				enough := 0
				last := changes
				for _, k := range at {
					if k >= served {
						enough++
					}
					last = min(last, k)
				}
				if enough < w.policy.Agree.Need(n) {
					t.Fatalf("seed %d second %d: serves %d, which %d of %d have held", seed, second, served, enough, n)
				}
				if served < best {
					t.Fatalf("seed %d second %d: goes back from %d to %d", seed, second, best, served)
				}
				if served < last-1 {
					t.Fatalf("seed %d second %d: serves %d, and all have held %d\n%s", seed, second, served, last, w.show(&v, false))
				}
				best = served
			} else if second > 120 {
				t.Fatalf("seed %d second %d: serves nothing\n%s", seed, second, w.show(&v, false))
			}
			w.now = w.now.Add(time.Second)
		}
		stray(t, w, content, at, offset, changes)
	}
}

// stray has one primary leave the line, while the others go on.
func stray(t *testing.T, w *world, content func(int) string, at []int, offset []zone.Serial, changes int) {
	for i := range at {
		w.see(&w.obs[i], line(t, w, content(changes), changes, offset[i]))
	}
	w.judge()
	w.now = w.now.Add(time.Second)
	w.see(&w.obs[0], line(t, w, "stray", changes+1, offset[0]))
	w.judge()
	w.now = w.now.Add(time.Second)
	for i := range at[1:] {
		w.see(&w.obs[i+1], line(t, w, content(changes+1), changes+2, offset[i+1]))
	}
	w.judge()
	w.now = w.now.Add(w.policy.Settle)
	v, _ := w.judge()
	if s := v.Primaries[0].State; v.State != Drift || s != PrimaryDiverged && s != PrimaryRegressed {
		t.Errorf("agree %s: one left the line, and it is not told as drift\n%s", w.policy.Agree, w.show(&v, false))
	}
}

// line is the k-th content of the line, with the k-th serial.
func line(t *testing.T, w *world, name string, k int, offset zone.Serial) *zone.Version {
	key := fmt.Sprint(name, offset)
	if v, ok := w.versions[key]; ok {
		return v
	}
	v := build(t, []string{
		fmt.Sprintf("example.org. 3600 SOA ns.example.org. host.example.org. %d 7200 900 1209600 %d", offset+zone.Serial(k), k),
		"example.org. 3600 NS ns.example.org.",
		fmt.Sprintf("www.example.org. 3600 TXT %d", k),
	})
	w.versions[key], w.names[v.Root()] = v, key
	return v
}

func indexOf(v *zone.Version) int { return int(v.SOA().Minimum) }
