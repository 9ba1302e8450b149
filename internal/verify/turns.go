package verify

import (
	"context"
	"slices"
	"sync"
	"time"
)

// turns are the processors that checks have. Whoever waits for one gets it by zones: the zone that has the fewest comes first, and
// of these who has waited longest. A check that takes long gives its processors back now and then if others wait (turn), so that
// one zone, however dear it was made, delays others by a slice and no more.
type turns struct {
	mu      sync.Mutex // guards what follows
	free    int
	held    map[any]int // by zone
	waiting []*waiter   // in the order in which they came
}

type waiter struct {
	zone  any
	ready chan struct{} // closed when it has a processor
}

// slice is how long a check keeps its processors while others wait.
const slice = 50 * time.Millisecond

func newTurns(n int) *turns { return &turns{free: n, held: make(map[any]int)} }

// acquire waits for a processor. A nil error obliges the caller to release it.
func (t *turns) acquire(ctx context.Context, zone any) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.mu.Lock()
	if t.free > 0 { // while any is, nobody waits
		t.free--
		t.held[zone]++
		t.mu.Unlock()
		return nil
	}
	w := &waiter{zone: zone, ready: make(chan struct{})}
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, w); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	} else { // it came at the same moment
		t.giveBack(zone, 1)
	}
	return context.Cause(ctx)
}

// more takes processors that nobody wants, so many at most, and returns how many it took.
func (t *turns) more(zone any, most int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := max(0, min(t.free, most)) // while any is free, nobody waits
	t.free -= n
	t.held[zone] += n
	return n
}

func (t *turns) release(zone any, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveBack(zone, n)
}

func (t *turns) giveBack(zone any, n int) {
	t.free += n
	if t.held[zone] -= n; t.held[zone] == 0 {
		delete(t.held, zone)
	}
	t.grant()
}

// grant gives what is free to those who wait.
func (t *turns) grant() {
	for t.free > 0 && len(t.waiting) > 0 {
		next := 0
		for i, w := range t.waiting {
			if t.held[w.zone] < t.held[t.waiting[next].zone] {
				next = i
			}
			if t.held[t.waiting[next].zone] == 0 { // as most have: thousands may wait
				break
			}
		}
		w := t.waiting[next]
		t.waiting = slices.Delete(t.waiting, next, next+1)
		t.free--
		t.held[w.zone]++
		close(w.ready)
	}
}

// wanted reports whether a zone waits that has fewer processors than this one.
func (t *turns) wanted(zone any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.waiting, func(w *waiter) bool { return t.held[w.zone] < t.held[zone] })
}

// A turn is what one check has of the processors. It belongs to the goroutine that does the check.
type turn struct {
	turns *turns
	zone  any
	held  int
	most  int // that it had
	since time.Time

	left  time.Duration // of the time that it may take
	timer *time.Timer   // its end
}

// More takes processors that nobody wants, up to most in all, and returns how many it has then.
func (t *turn) More(most int) int {
	t.held += t.turns.more(t.zone, most-t.held)
	t.most = max(t.most, t.held)
	return t.held
}

// Wanted reports whether others wait, and this check has had its slice.
func (t *turn) Wanted() bool { return time.Since(t.since) >= slice && t.turns.wanted(t.zone) }

// Yield lets others have the processors, and returns how many it has when it has its next turn: at least one, or the end of ctx has come.
// The wait is not a part of the time that the check may take.
func (t *turn) Yield(ctx context.Context) int {
	if t.timer.Stop() {
		t.left -= time.Since(t.since)
		defer func() { t.timer.Reset(max(0, t.left)) }()
	}
	t.end()
	if t.turns.acquire(ctx, t.zone) == nil {
		t.held = 1
	}
	t.since = time.Now()
	return t.More(t.most)
}

func (t *turn) end() {
	t.turns.release(t.zone, t.held)
	t.held = 0
}
