package secondary

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPacer has transfers work in grains, and finds that together they take their share of the processors, whatever their number,
// and that one which worked little or long ago waits for nothing.
func TestPacer(t *testing.T) {
	for _, transfers := range []int{1, 2, 10} {
		synctest.Test(t, func(t *testing.T) {
			const grain, grains = time.Millisecond, 100
			var p pacer
			begin := time.Now()
			var running sync.WaitGroup
			for range transfers {
				running.Go(func() {
					for range grains {
						time.Sleep(grain) // stands for work: only time counts
						p.worked(t.Context(), grain)
					}
				})
			}
			running.Wait()
			work := time.Duration(transfers) * grain * grains
			least := work * paceShare / time.Duration(runtime.GOMAXPROCS(0))
			if took := time.Since(begin); took < least-grain || took > 2*max(least, grain*grains)+grain*paceShare {
				t.Errorf("%d transfers with %v of work took %v, want about %v", transfers, work, took, least)
			}

			time.Sleep(time.Hour) // what was not used is not saved up, and nobody waits for it
			begin = time.Now()
			if p.worked(t.Context(), paceGrain/100); time.Since(begin) != 0 {
				t.Errorf("waited %v for next to nothing", time.Since(begin))
			}
		})
	}
}

// TestPacerEnds has the end of a transfer end its wait, and finds that a machine that stood still for an hour keeps nobody waiting
// for two.
func TestPacerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		if p.worked(ctx, paceMost); time.Since(begin) != 0 {
			t.Errorf("waited %v after the end", time.Since(begin))
		}
		if p.worked(t.Context(), time.Hour); time.Since(begin) > 2*paceShare*paceMost {
			t.Errorf("waited %v", time.Since(begin))
		}
	})
}
