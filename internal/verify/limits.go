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
	turns    *turns
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
	return &Limits{turns: newTurns(workers), commands: make(chan struct{}, commands), time: CommandTime, work: WorkTime}
}

// errWorkTime is the cause of the end of a check that took too long.
var errWorkTime = errors.New("did not end in time")

// do waits for a processor and does the work of a check of a zone with it, in at most WorkTime. What it waits does not count: whoever
// is waited for is bounded too.
func (l *Limits) do(ctx context.Context, zone any, work func(context.Context, *turn) error) error {
	if err := l.turns.acquire(ctx, zone); err != nil {
		return err
	}
	t := &turn{turns: l.turns, zone: zone, held: 1, most: 1, since: time.Now(), left: l.work}
	defer t.end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if l.work <= 0 {
		cancel(l.late())
	}
	t.timer = time.AfterFunc(l.work, func() { cancel(l.late()) })
	defer t.timer.Stop()
	return work(ctx, t)
}

// timed returns a context that ends when WorkTime is over.
func (l *Limits) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.work, l.late())
}

func (l *Limits) late() error { return fmt.Errorf("%w, at most %s", errWorkTime, l.work) }

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

func release(slots chan struct{}, n int) {
	for range n {
		<-slots
	}
}
