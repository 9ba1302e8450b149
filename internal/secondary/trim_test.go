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
		tr.add(trimAfter - 1 - trimEach)
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

// TestTrimmerWaits has small transfers follow each other, and finds that what they leave is collected when they are over, and
// meanwhile now and then.
func TestTrimmerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trimmer
		times, last := 0, time.Time{}
		look := func() {
			synctest.Wait()
			tr.mu.Lock()
			defer tr.mu.Unlock()
			if tr.last != last {
				times, last = times+1, tr.last
			}
		}
		begin := time.Now()
		for time.Since(begin) < 4*trimEvery {
			for range 100 {
				tr.add(100)
			}
			time.Sleep(trimDelay / 5)
			look()
		}
		if times < 2 || times > 4 {
			t.Errorf("collected %d times in %v", times, 4*trimEvery)
		}
		time.Sleep(trimEvery)
		if look(); tr.owed != 0 || tr.timer != nil {
			t.Error("not collected in the end")
		}
	})
}
