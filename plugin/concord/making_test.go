package concord

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
)

// TestMakeAll makes all zones of a start, and leaves none behind that could not be made.
func TestMakeAll(t *testing.T) {
	const zones = 50
	for _, row := range []struct {
		name   string
		broken []int
		reload bool
	}{
		{name: "all can be made"},
		{name: "two cannot", broken: []int{30, 20}},
		{name: "two cannot, in a reload", broken: []int{30, 20}, reload: true},
	} {
		r := newRegistry()
		b := &block{instance: &instance{process: r}}
		var list []making
		r.mu.Lock()
		for i := range zones {
			cfg := config.Defaults()
			cfg.Origin = fmt.Sprintf("zone%02d.example.", i)
			run, options := r.hold(b, &cfg, new(keeping), false)
			if slices.Contains(row.broken, i) {
				options.Client = nil
			}
			list = append(list, making{run, options})
		}
		err := r.makeAll(list, &pacing{on: row.reload, began: time.Now()})
		left := slices.Clone(r.zones)
		origins := len(r.origins)
		r.mu.Unlock()
		if (err != nil) != (len(row.broken) > 0) {
			t.Errorf("%s: %v", row.name, err)
		}
		if len(left) != zones-len(row.broken) || origins != len(left) {
			t.Errorf("%s: %d zones are left, of %d origins", row.name, len(left), origins)
		}
		if slices.ContainsFunc(left, func(run *running) bool { return run.zone == nil }) {
			t.Errorf("%s: a zone that was not made is left", row.name)
		}
		r.release(func(of *block) bool { return of == b })
		if len(r.zones) > 0 || len(r.origins) > 0 {
			t.Errorf("%s: %d zones are held by nobody", row.name, len(r.zones))
		}
	}
}

// TestEach does everything once, however many do it.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		for _, workers := range []int{1, 2, 7} {
			done := make([]atomic.Int64, n)
			each(n, workers, func(i int) { done[i].Add(1) })
			for i := range done {
				if got := done[i].Load(); got != 1 {
					t.Errorf("%d by %d: %d is done %d times", n, workers, i, got)
				}
			}
		}
	}
}
