package secondary

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTrimmer has large transfers, and many small ones, be followed by one collection, and the next one not be at once.
func TestTrimmer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trimmer
		done := func() bool {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			return tr.timer == nil && tr.owed == 0
		}
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		tr.add(trimAfter - 1)
		wait(time.Hour)
		if done() {
			t.Error("collected for next to nothing")
		}
		tr.add(1)
		tr.add(trimAfter)
		wait(trimDelay)
		if !done() {
			t.Error("not collected")
		}
		tr.add(10 * trimAfter)
		wait(trimEvery - time.Millisecond)
		if done() {
			t.Error("collected again at once")
		}
		wait(time.Millisecond)
		if !done() {
			t.Error("not collected again")
		}
	})
}
