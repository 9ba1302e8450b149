package concord

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/concord-dns/concord/internal/secondary"
)

// A making is a zone that has its place in the registry, and is still to be made.
type making struct {
	run     *running
	options *secondary.Options // nil once that was tried
}

// makeAll makes zones, on all processors at the first start, when there are no questions that would wait. It is called with the lock held.
// If one cannot be made, the error is that of the first of them, and those that were not made lose their places.
func (r *registry) makeAll(list []making, pace *pacing) error {
	errs := make([]error, len(list))
	each(len(list), pace.workers(), func(i int) {
		pace.step()
		m := list[i]
		list[i].options = nil // what was read from the store goes with them
		m.run.zone, errs[i] = secondary.New(m.run.config, *m.options)
	})
	for _, err := range errs {
		if err != nil {
			r.drop(list)
			return err
		}
	}
	for _, m := range list {
		warnMD5(*m.run.label.Load(), m.run.zone)
	}
	return nil
}

// drop takes zones that were not made out of the registry. It is called with the lock held.
func (r *registry) drop(list []making) {
	notMade := func(run *running) bool { return run.zone == nil }
	r.zones = slices.DeleteFunc(r.zones, notMade)
	for _, m := range list {
		if origin := m.run.config.Origin; notMade(m.run) {
			r.origins[origin] = slices.DeleteFunc(r.origins[origin], notMade)
			if len(r.origins[origin]) == 0 {
				delete(r.origins, origin)
			}
		}
	}
}

// each calls do with every number below n, in order, by so many goroutines as workers, and waits for them.
func each(n, workers int, do func(i int)) {
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(workers, n) {
		work.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	work.Wait()
}
