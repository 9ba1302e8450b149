package secondary

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// An operator has the last word. Each method hands it to the zone's goroutine, waits until that has decided, which is soon, and the
// decision is on the disk, and returns it. Where the disk fails, or a write has taken too long, the word is in force all the same, and
// Decision.Unwritten says that it is not kept yet; it is written as soon as the disk is back. What cannot be done is an error that says why. A version is named by its root, in
// hexadecimal, or by the first digits of it, four or more.

// Approve has a primary's copy served that a guard keeps back, or that too few hold. What is wrong with a copy, rather than
// unlikely, cannot be approved. It holds until the primaries agree on what came later.
func (z *Zone) Approve(ctx context.Context, root string, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionApprove, root: root, word: w})
}

// Reject keeps a primary's copy from being served, whoever else comes to hold it.
func (z *Zone) Reject(ctx context.Context, root string, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionReject, root: root, word: w})
}

// Hold keeps what is served until Release, whatever the primaries hold. It expires all the same if nobody confirms it.
func (z *Zone) Hold(ctx context.Context, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionHold, word: w})
}

// Release ends Hold.
func (z *Zone) Release(ctx context.Context, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionRelease, word: w})
}

// Pin serves a version of the history until Unpin.
func (z *Zone) Pin(ctx context.Context, root string, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionPin, root: root, word: w})
}

// Unpin ends Pin.
func (z *Zone) Unpin(ctx context.Context, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionUnpin, word: w})
}

// Refresh has one primary asked whether it has anything new; "" is all of them.
func (z *Zone) Refresh(ctx context.Context, primary string, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionRefresh, primary: primary, word: w})
}

// Retransfer has the whole zone fetched from one primary, whatever its serial is; "" is all of them.
func (z *Zone) Retransfer(ctx context.Context, primary string, w Word) (Decision, error) {
	return z.order(ctx, &order{kind: DecisionRetransfer, primary: primary, word: w})
}

// An order is an operator's word on its way to the zone's goroutine.
type order struct {
	kind    DecisionKind
	root    string
	primary string
	word    Word
	reply   chan reply  // has room for the one reply
	taken   atomic.Bool // it is in force

	pin pin // kind DecisionPin, while the version is checked
}

// reply is what became of an order.
type reply struct {
	decision Decision
	err      error
}

var (
	errStopped    = errors.New("the zone has been stopped")
	errNotStarted = errors.New("the zone has not been started yet; try again")
)

func (z *Zone) order(ctx context.Context, o *order) (Decision, error) {
	fail := func(err error) (Decision, error) {
		return Decision{}, fmt.Errorf("zone %s: %s: %w", z.config.Origin, o.kind, err)
	}
	if wrong := o.word.check(); wrong != "" {
		return fail(errors.New(wrong))
	}
	o.reply = make(chan reply, 1)
	if err := z.hand(o); err != nil {
		return fail(err)
	}
	select {
	case r := <-o.reply:
		if r.err != nil {
			return fail(r.err)
		}
		return r.decision, nil
	case <-z.ctx.Done():
		if o.taken.Load() {
			return fail(fmt.Errorf("%w after it had been decided, and before it was known to be on the disk; look at the decisions", errStopped))
		}
		return fail(errStopped)
	case <-ctx.Done():
		if o.taken.Load() {
			return fail(fmt.Errorf("%w before it was on the disk; it is in force", context.Cause(ctx)))
		}
		return fail(fmt.Errorf("%w before the zone had decided; it may do it all the same", context.Cause(ctx)))
	}
}

// hand puts the order into the inbox.
func (z *Zone) hand(o *order) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case z.stopped:
		return errStopped
	case !z.started:
		return errNotStarted
	}
	z.inbox.orders = append(z.inbox.orders, o)
	z.wake()
	return nil
}

// given is what is to be said to an order.
type given struct {
	order *order
	reply reply
	write uint64 // the write that has the decision; those after it have it as well
}

// reply tells operators what was decided, once they can see it and a restart would find it. While the disk fails they are told
// that it would not: the word is in force all the same, for a zone that is to be held is to be held at once.
func (l *life) reply() {
	k := &l.keep
	var waiting []given
	for _, g := range l.words.replies {
		why := k.trouble()
		switch {
		case g.reply.err != nil || k.off() || k.ended >= g.write:
		case why == nil || k.writing() && !k.slow:
			waiting = append(waiting, g)
			continue
		default:
			g.reply.decision.Unwritten = why.Error()
			l.tellUnwritten(&g.reply.decision, why)
		}
		l.replies = append(l.replies, g)
	}
	l.words.replies = waiting
}
