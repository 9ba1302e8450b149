package concord

import (
	"slices"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin/transfer"
)

// A notifier tells the targets of the transfer plugin of new versions. That takes seconds where a target does not answer, so
// it is done by a few workers, which exist while there is something to tell, and never by a zone.
type notifier struct {
	mu      sync.Mutex // guards what follows, and the notices of zones
	queue   []*running
	workers int
	busy    sync.WaitGroup
}

// notice is a zone's place in the queue. Versions that come while it waits are told of with one NOTIFY.
type notice struct {
	queued    bool
	forgotten bool
	plugins   []*transfer.Transfer
}

const (
	maxNotifiers = 16
	// notifierGrace is how long the end of the server waits for NOTIFYs under way: the transfer plugin has no way to end one,
	// and tries a silent target for six seconds.
	notifierGrace = 5 * time.Second
)

// swapped says that a zone has a new version.
func (n *notifier) swapped(r *registry, run *running) {
	var plugins []*transfer.Transfer
	r.mu.Lock()
	for _, b := range run.holders {
		if b.transfer != nil && !slices.Contains(plugins, b.transfer) {
			plugins = append(plugins, b.transfer)
		}
	}
	r.mu.Unlock()
	if len(plugins) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	run.notice.plugins = plugins
	if run.notice.queued || run.notice.forgotten {
		return
	}
	run.notice.queued = true
	n.queue = append(n.queue, run)
	if n.workers < maxNotifiers {
		n.workers++
		n.busy.Go(n.work)
	}
}

// forget takes a zone that has ended out of the queue.
func (n *notifier) forget(run *running) {
	n.mu.Lock()
	defer n.mu.Unlock()
	run.notice.forgotten = true
}

func (n *notifier) work() {
	for {
		run, plugins := n.next()
		if run == nil {
			return
		}
		for _, t := range plugins {
			if err := t.Notify(run.config.Origin); err != nil {
				log.Warningf("%s NOTIFY downstream: %v", *run.label.Load(), err)
			}
		}
	}
}

// next returns the zone to tell of, or nil and the worker ends.
func (n *notifier) next() (*running, []*transfer.Transfer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) > 0 {
		run := n.queue[0]
		n.queue = n.queue[1:]
		run.notice.queued = false
		if !run.notice.forgotten {
			return run, run.notice.plugins
		}
	}
	n.workers--
	return nil, nil
}

// wait waits for what is under way, within bounds.
func (n *notifier) wait() {
	n.mu.Lock()
	idle := n.workers == 0
	n.mu.Unlock()
	if idle {
		return
	}
	done := make(chan struct{})
	go func() { // ends with the last worker
		n.busy.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(notifierGrace):
		log.Warning("NOTIFYs to silent targets were still under way at the end")
	}
}
