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
	mu        sync.Mutex // guards what follows
	reloading bool
	off       bool        // it waits,
	before    int         // and this is the percentage that was in force
	timer     *time.Timer // nil until it is needed
}

const (
	// reloadGrowth is by how many percent the heap may grow in a reload.
	reloadGrowth = 300
	// collectAfter is how long after a reload all is as before. What a start leaves behind is collected then, too.
	collectAfter = 3 * time.Second
)

// putOff has the collector wait until resume.
func (c *collection) putOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reloading = true
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

// resume has it as before, soon, if it waits.
func (c *collection) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reloading = false
	if c.off {
		c.soon()
	}
}

// collectSoon has what is garbage go back to the operating system, soon.
func (c *collection) collectSoon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.soon()
}

// end has it as before, now.
func (c *collection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.restore()
}

// soon is called with the lock held, and so is restore.
func (c *collection) soon() {
	if c.timer == nil {
		c.timer = time.AfterFunc(collectAfter, c.collect)
	} else {
		c.timer.Reset(collectAfter)
	}
}

func (c *collection) restore() {
	if c.off {
		debug.SetGCPercent(c.before)
		c.off = false
	}
}

// collect runs in the timer's goroutine. It collects before all is as before: with more there than the collector's goal, whoever asks
// for memory would have to do its work.
func (c *collection) collect() {
	debug.FreeOSMemory()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reloading {
		c.restore()
	}
}
