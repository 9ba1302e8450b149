package test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCrash kills the server at any instant while its zone changes all the time, again and again:
//
//	first, second  a new serial every few ms  -- NOTIFY --  CoreDNS  <-- kill -9
//
// After each, with both primaries dead some of the time, it serves a version that both had, no older than what was served before, whole; and
// goes on by IXFR.
func TestCrash(t *testing.T) {
	t.Parallel()
	lasting := 20 * time.Second
	if testing.Short() {
		lasting = 3 * time.Second
	}
	k := keep(t, 1000)
	random := rand.New(rand.NewPCG(1, 2))
	var serial atomic.Uint32
	serial.Store(1000)
	end := time.Now().Add(lasting)
	crashes, swaps := 0, uint32(0)
	for time.Now().Before(end) && !t.Failed() {
		before := serial.Load()
		seen := k.changing(&serial, time.Duration(random.Int64N(int64(300*time.Millisecond))))
		k.silence(crashes%4 == 3)
		k.Restart()
		got, err := k.holds() // the first answer
		if err != nil || got < seen || got > serial.Load() {
			t.Fatalf("after crash %d: serial %d is served, %d was before, and primaries have %d: %v", crashes, got, seen, serial.Load(), err)
		}
		if line, ok := k.log.Find(0, "damaged"); ok {
			t.Error(line)
		}
		k.silence(false)
		k.set(serial.Add(1))
		k.WaitServes("example.org", serial.Load())
		crashes++
		swaps += serial.Load() - before
	}
	if n := k.transfers(); n != 2 {
		t.Errorf("%d AXFRs, want the first two", n)
	}
	t.Logf("%d crashes, %d changes, %d by IXFR", crashes, swaps, k.first.Counts().Increments)
}

// changing changes the zone all the time, and kills the server after a while. It returns the last serial that was seen served.
func (k *kept) changing(serial *atomic.Uint32, after time.Duration) (seen uint32) {
	var work sync.WaitGroup
	stop := make(chan struct{})
	work.Go(func() {
		tick := time.NewTicker(7 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				k.set(serial.Add(1))
			}
		}
	})
	work.Go(func() {
		for {
			got, err := Serial(k.Addr, "example.org")
			select {
			case <-stop:
				return
			default:
			}
			if err == nil {
				seen = got
			}
		}
	})
	<-time.After(after)
	k.Kill()
	close(stop)
	work.Wait()
	return seen
}
