package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Limits is what the checks of all zones may take of the machine. One belongs to the process.
type Limits struct {
	workers  chan struct{}
	commands chan struct{}
	time     time.Duration // that a command may take
	work     time.Duration // that any other check may take
}

const (
	// DefaultCommands is how many commands run at once. Each holds a zone in another form, in a program that is not ours.
	DefaultCommands = 4
	// CommandTime is how long a command may take before it is ended.
	CommandTime = 5 * time.Minute
	// WorkTime is how long each of the other checks may take of one copy, from when it has a processor. A signed zone of ten
	// million records takes less; one that was made to be dear would keep the processors from other zones for days.
	WorkTime = 30 * time.Minute
)

// NewLimits returns Limits with so many processors for checks, and so many commands at once. 0 processors are half of those
// that there are, so that queries keep theirs; 0 commands are [DefaultCommands].
func NewLimits(workers, commands int) *Limits {
	if workers <= 0 {
		workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if commands <= 0 {
		commands = DefaultCommands
	}
	return &Limits{workers: make(chan struct{}, workers), commands: make(chan struct{}, commands), time: CommandTime, work: WorkTime}
}

// errWorkTime is the cause of the end of a check that took too long.
var errWorkTime = errors.New("did not end in time")

// do waits for a processor and does the work of a check with it, in at most WorkTime. The wait does not count: whoever is waited
// for is bounded too.
func (l *Limits) do(ctx context.Context, work func(context.Context) error) error {
	if err := acquire(ctx, l.workers); err != nil {
		return err
	}
	defer release(l.workers, 1)
	ctx, cancel := l.timed(ctx)
	defer cancel()
	return work(ctx)
}

// timed returns a context that ends when WorkTime is over.
func (l *Limits) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.work, fmt.Errorf("%w, at most %s", errWorkTime, l.work))
}

// acquire waits for a slot. A nil error obliges the caller to release it.
func acquire(ctx context.Context, slots chan struct{}) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// more takes slots that are free now, without waiting: whoever waits while it holds one could wait for itself.
func more(slots chan struct{}) (taken int) {
	for range cap(slots) {
		select {
		case slots <- struct{}{}:
			taken++
		default:
			return taken
		}
	}
	return taken
}

func release(slots chan struct{}, n int) {
	for range n {
		<-slots
	}
}
