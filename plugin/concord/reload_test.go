package concord

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// gcPercent returns how often the process collects garbage.
func gcPercent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// TestCollectionPutOff has the collector wait during a reload, and a while after it, and no longer.
func TestCollectionPutOff(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	synctest.Test(t, func(t *testing.T) {
		var c collection
		c.resume()
		c.putOff()
		c.putOff()
		time.Sleep(2 * collectAfter)
		if got := gcPercent(); got != reloadGrowth {
			t.Fatalf("%d %% in a reload, want %d", got, reloadGrowth)
		}
		c.resume()
		time.Sleep(collectAfter / 2)
		c.putOff() // another one
		time.Sleep(collectAfter)
		if got := gcPercent(); got != reloadGrowth {
			t.Fatalf("%d %% in the second reload, want %d", got, reloadGrowth)
		}
		c.resume()
		time.Sleep(collectAfter)
		synctest.Wait()
		if got := gcPercent(); got != 100 {
			t.Fatalf("%d %% after it, want 100", got)
		}
	})
}

// TestCollectionEnd has it as before at once when there is nothing left to serve.
func TestCollectionEnd(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	var c collection
	c.end()
	c.putOff()
	c.resume()
	c.end()
	if got := gcPercent(); got != 100 || c.timer.Stop() {
		t.Errorf("%d %% at the end, want 100, and nothing to come", got)
	}
}

// TestCollectionSeldom leaves alone what an operator has set to collect more seldom.
func TestCollectionSeldom(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, set := range []int{-1, reloadGrowth + 1} {
		debug.SetGCPercent(set)
		var c collection
		c.putOff()
		if got := gcPercent(); got != set {
			t.Errorf("%d %% in a reload, want %d", got, set)
		}
		c.resume()
		if c.timer != nil {
			t.Error("there is something to restore")
		}
	}
}
