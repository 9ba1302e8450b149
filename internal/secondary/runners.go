package secondary

import (
	"runtime"
	"sync"
)

// runners are the goroutines in which zones deal with what came in. That is work for a processor and waits for nothing, so that
// few do it, and one processor is left to questions: of goroutines that can run, each waits for all that came before it, and
// after a reload of ten thousand zones the ones that read questions would wait for seconds.
//
//	a zone is woken --> queue --> one of at most so many goroutines, which ends when nothing is queued
type runners struct {
	mu      sync.Mutex // guards what follows; nothing waits under it
	queue   []*Zone    // in the order in which they were woken
	running int
}

// run has a zone's run called, once.
func (r *runners) run(z *Zone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, z)
	if r.running < max(1, runtime.GOMAXPROCS(0)-1) {
		r.running++
		go r.work()
	}
}

func (r *runners) work() {
	for z := r.next(); z != nil; z = r.next() {
		z.run()
		z.work.Done()
	}
}

// next returns the zone whose turn it is; nil: there is none, and the goroutine ends.
func (r *runners) next() *Zone {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.queue = nil
		r.running--
		return nil
	}
	z := r.queue[0]
	r.queue[0] = nil
	r.queue = r.queue[1:]
	return z
}
