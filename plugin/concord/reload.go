package concord

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// pacing has a reload of thousands of zones pause now and then, so that the goroutine that reads questions gets a processor: Go takes
// one away from this one after 10 ms, and the questions that the system keeps meanwhile are few. At the first start nobody asks yet.
type pacing struct {
	on    bool
	began time.Time // of the work since the last pause
}

// A pause is longer than the work before it, which is a fraction of what Go would let it have.
const (
	pausePeriod = 700 * time.Microsecond
	pauseLength = time.Millisecond
)

// begin begins work, which is a reload's or not.
func (p *pacing) begin(on bool) { *p = pacing{on, time.Now()} }

// step is called before each piece of work.
func (p *pacing) step() {
	if p.on && time.Since(p.began) >= pausePeriod {
		time.Sleep(pauseLength)
		p.began = time.Now()
	}
}

// workers returns how many goroutines may do the work: all that there are processors for, and one in a reload.
func (p *pacing) workers() int {
	if p.on {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// reloading reports whether an instance is being replaced.
func (r *registry) reloading() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reloads != nil
}

// A reload of thousands of zones makes as much anew as there is. Collected meanwhile, two times over, that would keep questions
// waiting: on two processors the collector takes the one that the reload leaves free, in slices of milliseconds, for a tenth of a
// second each time. So it waits until the reload is over, unless memory for what is there would be needed reloadGrowth times over or
// the limit that the operator has set for the process is reached, which is heeded all the time.
type collection struct {
	mu     sync.Mutex // guards what follows
	before int        // the percentage that was in force, if put off
	off    bool
	timer  *time.Timer
}

const (
	// reloadGrowth is by how many percent the heap may grow in a reload.
	reloadGrowth = 300
	// reloadRest is how long after a reload all is as before.
	reloadRest = 3 * time.Second
)

// putOff has the collector wait.
func (c *collection) putOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.off {
		return
	}
	before := debug.SetGCPercent(reloadGrowth)
	if before < 0 || before > reloadGrowth { // it is off, or seldom, already
		debug.SetGCPercent(before)
		return
	}
	c.off, c.before = true, before
}

// resume has it as before, soon.
func (c *collection) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.off {
		return
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(reloadRest, c.restore)
	} else {
		c.timer.Reset(reloadRest)
	}
}

// restore runs in the timer's goroutine. It collects first: with what there is beyond the old goal, whoever asks for memory would have to
// do the collector's work.
func (c *collection) restore() {
	debug.FreeOSMemory()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		debug.SetGCPercent(c.before)
		c.off = false
	}
}
