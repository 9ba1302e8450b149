package secondary

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// A pacer spreads the work of transfers over time, so that the processors are there when questions come. Go lets a goroutine
// run for 10 ms before another one has its turn, and the primaries may be on the same machine: a zone that is taken in as fast as
// it comes keeps answers waiting for as long. Paced, it takes longer by what it leaves free, and its primaries are slowed down by
// TCP.
//
//	work ██──work ██──work ██──    of one transfer, or of several in turn
//	     └ w ┘└ 4w/P - w ┘         on P processors
type pacer struct {
	mu   sync.Mutex // guards what follows
	free time.Time  // when the share has caught up with the work
}

const (
	// paceShare is the part of all processors that paced transfers take together: one of so many.
	paceShare = 4
	// paceGrain is how much work is worth a wait: timers are not finer.
	paceGrain = 200 * time.Microsecond
	// paceMost is the most that one message counts for: whatever took longer was not work but a machine that stood still.
	paceMost = 10 * time.Millisecond
)

// worked says for how long a transfer has kept a processor, and waits until the next may begin, at most until the end of ctx.
func (p *pacer) worked(ctx context.Context, d time.Duration) {
	d = min(d, paceMost)
	procs := time.Duration(runtime.GOMAXPROCS(0))
	now := time.Now()
	p.mu.Lock()
	if begin := now.Add(-d); p.free.Before(begin) {
		p.free = begin
	}
	p.free = p.free.Add(d * paceShare / procs)
	wait := p.free.Sub(now)
	p.mu.Unlock()
	if wait < paceGrain {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}
