package secondary

import (
	"runtime/debug"
	"sync"
	"time"
)

// A trimmer hands memory back to the operating system after transfers. What a large one leaves behind (messages, sorted
// records, pages that were there already) is garbage at once, but the collector runs only when the heap has doubled, and
// gives back what it frees over minutes. A server that holds a zone of 40 MiB would be seen to hold 150, and on a machine
// with many small servers that is memory which the others do not get.
type trimmer struct {
	mu     sync.Mutex // guards what follows
	owed   int64      // bytes transferred since the last time
	timer  *time.Timer
	latest time.Time // when the timer fires, however many transfers follow
	last   time.Time
}

const (
	trimAfter = 4 << 20         // bytes that make it worth a collection
	trimEach  = 8 << 10         // bytes that a transfer leaves behind beside its records: ten thousand small zones, 80 MiB
	trimDelay = 3 * time.Second // for transfers that follow each other to end, and their states to be written
	trimEvery = 5 * time.Second // at most, and at least while they follow each other; a collection costs some 10 ms of CPU
)

// add says that so many bytes of records were transferred.
func (t *trimmer) add(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owed += bytes + trimEach
	if t.owed < trimAfter {
		return
	}
	wait := max(trimDelay, trimEvery-time.Since(t.last))
	if t.timer != nil {
		t.timer.Reset(min(wait, time.Until(t.latest)))
		return
	}
	t.latest = time.Now().Add(max(wait, trimEvery))
	t.timer = time.AfterFunc(wait, t.trim)
}

// trim runs in the timer's goroutine, and nobody waits for it.
func (t *trimmer) trim() {
	t.mu.Lock()
	t.owed, t.timer, t.last = 0, nil, time.Now()
	t.mu.Unlock()
	debug.FreeOSMemory()
}
