package test

import (
	"errors"
	"testing"
	"time"
)

// Eventually fails the test unless check returns nil within the time. It returns how long that took.
func Eventually(t testing.TB, within time.Duration, check func() error) time.Duration {
	t.Helper()
	start := time.Now()
	if err := poll(within, check); err != nil {
		t.Fatalf("not within %v: %v", within, err)
	}
	return time.Since(start)
}

// Always fails the test when check returns an error before the time is over.
func Always(t testing.TB, during time.Duration, check func() error) {
	t.Helper()
	var broken error
	_ = poll(during, func() error {
		if broken = check(); broken != nil {
			return nil
		}
		return errors.New("holds so far")
	})
	if broken != nil {
		t.Fatal(broken)
	}
}

// Patience is how long a test waits for what should take no time. It is long because a loaded machine is no fault of
// the binary; a scenario that measures a time says its own.
const Patience = time.Minute

// pause is the time between two looks.
const pause = 5 * time.Millisecond

// poll calls check until it returns nil or the time is over, and returns its last error.
func poll(within time.Duration, check func() error) error {
	over := time.After(within)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-over:
			return err
		case <-tick.C:
		}
	}
}
