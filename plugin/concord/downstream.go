package concord

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin/transfer"
)

// A notifier tells the targets of the transfer plugin of new versions. That takes seconds where a target does not answer, so
// it is done by a few workers, which exist while there is something to tell, and never by a zone.
type notifier struct {
	mu      sync.Mutex // guards what follows, and the notices of zones
	queue   []*running // zones with news
	old     []*running // zones whose version is told of since the server has started: they can wait
	workers int
	idle    chan struct{} // closed by the last worker
}

// notice is a zone's place in the queues. Versions that come while it waits are told of with one NOTIFY.
//
//	told <--all targets took it-- under way <--- queued <--- a new version; the start
//	                                 |             ^
//	                                 +--no--> waiting, so many times
type notice struct {
	queued    bool
	underWay  bool
	news      bool // there is a newer version than the one under way
	forgotten bool
	failures  int         // of this version, in a row
	again     *time.Timer // nil: none was needed
	warned    string      // the trouble that the log has told of last; empty: it is over
}

const (
	maxNotifiers = 16
	// notifierGrace is how long the end of the server waits for NOTIFYs under way: the transfer plugin has no way to end one,
	// and tries a silent target for six seconds.
	notifierGrace = 5 * time.Second
	// startDelay is how long zones that start with a version wait until they tell of it: a target asks at once, and the
	// listeners come up after the zones.
	startDelay = time.Second
)

// notifyAgain is when targets are told again that did not take a NOTIFY, which they have been sent three times then. One that
// takes none of these finds out by its own refresh.
var notifyAgain = [...]time.Duration{15 * time.Second, time.Minute, 5 * time.Minute}

// swapped says that a zone has a new version.
func (n *notifier) swapped(r *registry, run *running) {
	r.mu.Lock()
	targets := run.transfers()
	r.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	run.notice.failures = 0
	switch {
	case len(targets) == 0:
	case run.notice.underWay:
		run.notice.news = true
	default:
		n.enqueue(r, run, &n.queue)
	}
}

// started says that a zone has begun with a version, and perhaps with other targets than before.
func (n *notifier) started(r *registry, run *running) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !run.notice.underWay {
		n.enqueue(r, run, &n.old)
	}
}

// enqueue is called with the lock held.
func (n *notifier) enqueue(r *registry, run *running, queue *[]*running) {
	if run.notice.queued || run.notice.forgotten {
		return
	}
	run.notice.queued = true
	*queue = append(*queue, run)
	if n.workers == maxNotifiers {
		return
	}
	if n.workers == 0 {
		n.idle = make(chan struct{})
	}
	n.workers++
	go n.work(r)
}

// forget takes a zone that has ended out of the queue.
func (n *notifier) forget(run *running) {
	n.mu.Lock()
	defer n.mu.Unlock()
	run.notice.forgotten = true
	if run.notice.again != nil {
		run.notice.again.Stop()
	}
}

func (n *notifier) work(r *registry) {
	for {
		run := n.next()
		if run == nil {
			return
		}
		r.mu.Lock()
		targets := run.transfers()
		r.mu.Unlock()
		var troubles []string
		for _, t := range targets {
			if err := t.Notify(run.config.Origin); err != nil {
				troubles = append(troubles, strings.ReplaceAll(err.Error(), "\n", "; "))
			}
		}
		n.told(r, run, strings.Join(troubles, "; "))
	}
}

// next returns the zone to tell of, or nil and the worker ends.
func (n *notifier) next() *running {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, queue := range []*[]*running{&n.queue, &n.old} {
		for len(*queue) > 0 {
			run := (*queue)[0]
			*queue = (*queue)[1:]
			run.notice.queued = false
			if !run.notice.forgotten {
				run.notice.underWay = true
				return run
			}
		}
	}
	if n.workers--; n.workers == 0 {
		close(n.idle)
	}
	return nil
}

// told takes in how it went. The same trouble again is not told again: a target that is gone would fill the log with the
// changes of every zone.
func (n *notifier) told(r *registry, run *running, trouble string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	note := &run.notice
	note.underWay = false
	label := *run.label.Load()
	switch {
	case trouble != "" && trouble != note.warned:
		log.Warningf("%s NOTIFY downstream: %s; trying again, and the target's own refresh will do it at last", label, trouble)
	case trouble == "" && note.warned != "":
		log.Infof("%s NOTIFY downstream is taken again", label)
	}
	note.warned = trouble
	switch {
	case note.forgotten:
		return
	case note.news:
		note.news = false
		n.enqueue(r, run, &n.queue)
		return
	case trouble == "", note.failures == len(notifyAgain):
		note.failures = 0
		return
	}
	after := notifyAgain[note.failures]
	note.failures++
	if note.again != nil {
		note.again.Stop()
	}
	note.again = time.AfterFunc(after, func() { n.started(r, run) })
}

// transfers are the transfer plugins of the server blocks that have the zone. It is called with the registry's lock held.
func (run *running) transfers() []*transfer.Transfer {
	var plugins []*transfer.Transfer
	for _, b := range run.holders {
		if b.transfer != nil && !slices.Contains(plugins, b.transfer) {
			plugins = append(plugins, b.transfer)
		}
	}
	return plugins
}

// tellStart has the targets of all zones that start with a version told of it, since they may have missed the NOTIFY of the last
// run, or be new. It is called with the registry's lock held.
func (in *instance) tellStart() {
	zones := make(map[*running]bool)
	for e := range in.entries() {
		if e.running.zone.Snapshot().Version != nil && len(e.running.transfers()) > 0 {
			zones[e.running] = true
		}
	}
	if len(zones) == 0 {
		return
	}
	in.telling = time.AfterFunc(startDelay, func() {
		for run := range zones {
			if !run.zone.Snapshot().Expired {
				in.process.notifier.started(in.process, run)
			}
		}
	})
}

// wait waits for what is under way, within bounds.
func (n *notifier) wait() {
	n.mu.Lock()
	idle, busy := n.idle, n.workers > 0
	n.mu.Unlock()
	if !busy {
		return
	}
	select {
	case <-idle:
	case <-time.After(notifierGrace):
		log.Warning("NOTIFYs to silent targets were still under way at the end")
	}
}
