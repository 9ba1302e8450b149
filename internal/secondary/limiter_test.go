package secondary

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A gang is jobs that each take a second of virtual time, and notes of when they ran.
type gang struct {
	gate *gate

	mu      sync.Mutex // guards what follows
	ran     []string
	running int
	peak    int
	work    sync.WaitGroup
}

func newGang(limit int) *gang {
	g := &gang{gate: new(gate)}
	g.gate.resize(limit)
	return g
}

func (g *gang) job(primary byte, name string, answers bool) *job {
	j := &job{key: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, primary}), 53)}
	j.run = func() bool {
		defer g.work.Done()
		g.mu.Lock()
		g.ran = append(g.ran, name)
		g.running++
		g.peak = max(g.peak, g.running)
		g.mu.Unlock()
		time.Sleep(time.Second)
		g.mu.Lock()
		g.running--
		g.mu.Unlock()
		return answers
	}
	g.work.Add(1)
	return j
}

func (g *gang) now() (running int, ran []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running, slices.Clone(g.ran)
}

func (g *gang) enter(primary byte, name string) {
	g.gate.enter(g.job(primary, name, true))
	synctest.Wait() // so that those that may start have, in this order
}

func TestGateBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(4)
		begin := time.Now()
		for i := range 40 {
			g.enter(byte(i%4), fmt.Sprint(i))
		}
		g.work.Wait()
		if g.peak != 4 || time.Since(begin) != 10*time.Second {
			t.Errorf("%d at once, 40 jobs in %v; want 4 in 10s", g.peak, time.Since(begin))
		}
		synctest.Wait()
		if len(g.gate.lanes) != 0 || g.gate.running != 0 {
			t.Errorf("%d lanes and %d running are left", len(g.gate.lanes), g.gate.running)
		}
	})
}

func TestGateTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(1)
		for _, name := range []string{"a1", "a2", "a3", "a4"} {
			g.enter(1, name)
		}
		g.enter(2, "b1")
		g.enter(2, "b2")
		g.work.Wait()
		if want := []string{"a1", "a2", "b1", "a3", "b2", "a4"}; !slices.Equal(g.ran, want) {
			t.Errorf("ran %v, want %v", g.ran, want)
		}
	})
}

func TestGateUrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(1)
		for _, name := range []string{"a", "b", "c"} {
			g.enter(1, name)
		}
		for _, name := range []string{"x", "y"} {
			j := g.job(1, name, true)
			j.urgent = true
			g.gate.enter(j)
		}
		g.work.Wait()
		if want := []string{"a", "x", "y", "b", "c"}; !slices.Equal(g.ran, want) {
			t.Errorf("ran %v, want %v", g.ran, want)
		}
	})
}

// TestGateRoutineInFlood has routine go on, however many urgent jobs there are.
func TestGateRoutineInFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(1)
		g.enter(1, "first")
		for range 2 {
			g.enter(1, "routine")
		}
		for range 40 {
			j := g.job(1, "urgent", true)
			j.urgent = true
			g.gate.enter(j)
		}
		g.work.Wait()
		for i, name := range g.ran {
			if want := i == 1+urgentRow || i == 2+2*urgentRow; want != (name == "routine") {
				t.Fatalf("ran %v", g.ran)
			}
		}
	})
}

// TestGateShares has many zones wait for a primary that does not answer: another one gets its places all the same.
func TestGateShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(8)
		for range 100 {
			g.gate.enter(g.job(1, "dead", false))
		}
		synctest.Wait()
		if n, _ := g.now(); n != 8 {
			t.Errorf("%d of one primary alone, want 8", n)
		}
		for range 40 {
			g.gate.enter(g.job(2, "live", true))
		}
		time.Sleep(7500 * time.Millisecond)
		_, ran := g.now()
		live := 0
		for _, name := range ran {
			if name == "live" {
				live++
			}
		}
		if live < 25 {
			t.Errorf("%d of the primary that answers ran within 7.5 s, want at least 25", live)
		}
		g.work.Wait()
	})
}

func TestGateOwnLimitOfPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(8)
		for range 6 {
			j := g.job(1, "a", true)
			j.most = 2
			g.gate.enter(j)
		}
		g.work.Wait()
		if g.peak != 2 {
			t.Errorf("%d at once, want 2", g.peak)
		}
	})
}

func TestGateLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(1)
		g.enter(1, "a")
		jobs := []*job{g.job(1, "b", true), g.job(1, "c", true), g.job(1, "d", true)}
		for _, j := range jobs {
			g.gate.enter(j)
		}
		for _, j := range []*job{jobs[1], jobs[0]} {
			if !g.gate.leave(j) {
				t.Error("a job that waits is said not to")
			}
			if g.gate.leave(j) {
				t.Error("a job that left is said to wait")
			}
			g.work.Done()
		}
		g.work.Wait()
		if want := []string{"a", "d"}; !slices.Equal(g.ran, want) {
			t.Errorf("ran %v, want %v", g.ran, want)
		}
	})
}

func TestGateClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(2)
		a, b := g.job(1, "a", true), g.job(2, "b", true)
		if !g.gate.claim(a) || !g.gate.claim(b) {
			t.Fatal("no place in an empty gate")
		}
		if g.gate.claim(g.job(3, "c", true)) {
			t.Error("a place in a full gate")
		}
		g.work.Done()
		g.enter(3, "d")
		g.gate.release(a.key, true)
		synctest.Wait()
		if _, ran := g.now(); !slices.Equal(ran, []string{"d"}) {
			t.Errorf("ran %v, want the one that waited", ran)
		}
		g.gate.release(b.key, false)
		g.work.Done()
		g.work.Done()
		g.work.Wait()
		if !g.gate.answers(a.key) || g.gate.answers(b.key) {
			t.Error("what was told of the primaries is not known")
		}
	})
}

func TestResizeStartsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGang(1)
		for range 4 {
			g.enter(1, "a")
		}
		g.gate.resize(4)
		synctest.Wait()
		if n, _ := g.now(); n != 4 {
			t.Errorf("%d run, want 4", n)
		}
		g.work.Wait()
	})
}
