package verify

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns has a zone whose checks never end hold all processors, and others have theirs in between.
func TestTurns(t *testing.T) {
	for _, processors := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimits(processors, 1)
			l.work = 10 * time.Second
			ctx, cancel := context.WithCancelCause(t.Context())
			var all sync.WaitGroup
			yields := 0
			all.Go(func() {
				err := l.do(ctx, "dear", func(ctx context.Context, turn *turn) error {
					if n := turn.More(processors + 5); n != processors {
						t.Errorf("%d processors, want %d", n, processors)
					}
					for ctx.Err() == nil {
						time.Sleep(time.Millisecond) // of the bubble: its work
						if turn.Wanted() {
							yields++
							if n := turn.Yield(ctx); n < 1 || n > processors {
								t.Errorf("%d processors after the turn of others", n)
							}
						}
						turn.More(processors)
					}
					return context.Cause(ctx)
				})
				if !errors.Is(err, errWorkTime) {
					t.Errorf("the dear one ends with %v", err)
				}
			})
			time.Sleep(time.Second)
			began := time.Now()
			for range 20 { // one after the other
				if err := l.do(t.Context(), "other", func(context.Context, *turn) error { time.Sleep(10 * time.Millisecond); return nil }); err != nil {
					t.Error(err)
				}
			}
			if took, want := time.Since(began), 20*(slice+12*time.Millisecond); took > want {
				t.Errorf("with %d processors, 20 checks of 10 ms take %v, want at most %v", processors, took, want)
			}
			if want := 20; processors == 1 && yields != want || yields < 1 { // of two it gives one away for as long as it is wanted
				t.Errorf("%d turns were given, want %d", yields, want)
			}
			// Many of many zones at once wait for each other, and for a slice of the dear one now and then.
			began = time.Now()
			var others sync.WaitGroup
			for i := range 50 {
				others.Go(func() {
					_ = l.do(t.Context(), i, func(context.Context, *turn) error { time.Sleep(10 * time.Millisecond); return nil })
				})
			}
			others.Wait()
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("50 checks of 10 ms take %v", took)
			}
			time.Sleep(2 * l.work) // but for the waits, its own time ends
			synctest.Wait()
			all.Wait()
			cancel(nil)
			if l.turns.free != processors || len(l.turns.held) != 0 || len(l.turns.waiting) != 0 {
				t.Errorf("in the end %+v", l.turns)
			}
		})
	}
}

// TestTurnsGivenUp has those who wait go away.
func TestTurnsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimits(1, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				err := l.do(ctx, i, func(ctx context.Context, turn *turn) error {
					<-ctx.Done()
					turn.Yield(ctx)
					return context.Cause(ctx)
				})
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		cancel()
		all.Wait()
		if l.turns.free != 1 || len(l.turns.held) != 0 || len(l.turns.waiting) != 0 {
			t.Errorf("in the end %+v", l.turns)
		}
	})
}
