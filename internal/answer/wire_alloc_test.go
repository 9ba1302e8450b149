//go:build !race

package answer

import "testing"

// Not under the race detector, with which a sync.Pool forgets at random.
func TestWireAllocations(t *testing.T) {
	buf := make([]byte, 0, 1232)
	for _, w := range wireBenches(t) {
		for _, size := range []int{cap(buf), 512} {
			w.h.Size = size
			got := testing.AllocsPerRun(200, func() {
				r := Answer(w.v, w.q)
				r.Fit(size)
				r.AppendWire(buf, w.h)
				r.Release()
			})
			if got > 0 {
				t.Errorf("%s, %d octets: %v allocations, want none", w.what, size, got)
			}
		}
	}
}
