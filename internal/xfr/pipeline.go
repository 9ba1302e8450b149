package xfr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"time"
)

// waiter is a question under way on a link.
type waiter struct {
	id   uint16
	used bool // the link was, before

	since time.Time // when it began to wait for the message that is due

	// What follows is guarded by the peer's lock while the question is on its link.
	woken   chan struct{} // tells it to look again; nil unless it waits for others
	shared  bool          // others were on the link with it
	asked   bool
	writing bool
	before  int    // answers that had come to others when it asked
	passed  int    // answers that came to others since
	answer  []byte // that another has read for it
}

// patience is how long a question waits when others on its link have been answered after it was asked and nothing comes any
// more; while something comes it waits twice that. It leaves time to ask again within that of a probe.
const patience = 2 * time.Second

func (c *Client) patience() time.Duration { return min(patience, c.Idle/4) }

var (
	errPassedOver = errors.New("others were answered in its place")
	errUnasked    = errors.New("an answer that nobody waits for")
	errSilent     = errors.New("no message")
)

// await returns the next message of the answer, which is valid until the next call and until the question leaves the link.
func (x *exchange) await(ctx context.Context) (msg []byte, err error) {
	l := x.link
	x.since = time.Now()
	for msg == nil && err == nil {
		var reads bool
		if reads, msg, err = l.role(&x.waiter); msg != nil || err != nil {
			break
		}
		if reads {
			msg, err = x.read(ctx)
		} else {
			err = x.pause(ctx)
		}
		if err != nil && x.end != walkedOut {
			err = l.snap(err)
		}
	}
	if errors.Is(err, errSilent) && time.Since(x.since) >= x.client.Idle {
		err = os.ErrDeadlineExceeded // for others it may yet come, over another link
	}
	return msg, err
}

// role returns the answer of w if another has read it, an error if the link is broken, and else whether w is to read.
func (l *link) role(w *waiter) (reads bool, answer []byte, err error) {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	switch {
	case w.answer != nil:
		return false, w.answer, nil
	case l.broken != nil:
		return false, nil, l.broken
	case l.reader == nil:
		l.reader = w
	case l.reader != w:
		w.sleeps()
	}
	return l.reader == w, nil, nil
}

// read reads until the answer has come, and hands on those of others.
func (x *exchange) read(ctx context.Context) ([]byte, error) {
	l, w := x.link, &x.waiter
	for armed := false; ; {
		if msg := l.next(); msg != nil {
			ours, err := l.sort(w, msg)
			if ours || err != nil {
				return msg, err
			}
			if err := x.overdue(ctx); err != nil {
				return nil, err
			}
			armed = false
			continue
		}
		if !armed {
			if err := l.conn.SetReadDeadline(x.until()); err != nil {
				return nil, plain(err)
			}
			if armed = true; ctx.Err() != nil { // else the deadline is moved when it ends, see interrupt
				return nil, x.overdue(ctx)
			}
		}
		err := l.fill(l.conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err, armed = x.overdue(ctx), false
		}
		if err != nil {
			return nil, err
		}
	}
}

// pause waits until there is something new for who does not read.
func (x *exchange) pause(ctx context.Context) error {
	timer := time.NewTimer(time.Until(x.until()))
	defer timer.Stop()
	select {
	case <-x.woken:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return x.overdue(ctx)
}

// sort finds out whose a message is that w has read. An answer that nobody waits for says that the other side counts in
// another way than we do, or not at all.
func (l *link) sort(w *waiter, msg []byte) (ours bool, err error) {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	if len(l.waiting) == 1 && len(l.lost) == 0 {
		return true, nil // whatever it is: with nothing else under way it is judged as what it should be
	}
	if len(msg) < headerSize {
		return false, errUnasked
	}
	id := binary.BigEndian.Uint16(msg)
	if i := slices.Index(l.lost, id); i >= 0 {
		l.lost = slices.Delete(l.lost, i, i+1)
	} else {
		i := slices.IndexFunc(l.waiting, func(w *waiter) bool { return w.asked && w.id == id })
		switch {
		case i < 0:
			return false, errUnasked
		case l.waiting[i] == w:
			ours = true
		default:
			l.waiting[i].answer = bytes.Clone(msg)
			l.waiting[i].wake()
			l.waiting = slices.Delete(l.waiting, i, i+1)
		}
	}
	l.came++
	l.last = time.Now()
	return ours, nil
}

// until returns when it is time to see whether the question is overdue.
func (x *exchange) until() time.Time {
	l, w := x.link, &x.waiter
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	end := w.since.Add(x.client.Idle)
	switch came := l.came - w.before; {
	case came == 0 && l.reader == w:
		return end // it sees what comes
	case came == 0:
		return earlier(end, time.Now().Add(x.client.patience()))
	}
	return earlier(l.last.Add(x.client.patience()), w.since.Add(2*x.client.patience()))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// overdue returns an error if the question is not to wait any longer.
func (x *exchange) overdue(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		x.end = walkedOut
		return err
	}
	l, w, now := x.link, &x.waiter, time.Now()
	past := func(begin time.Time, d time.Duration) bool { return now.Sub(begin) >= d }
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	came := l.came - w.before
	switch {
	case w.answer != nil || l.broken != nil: // which is what it is to see
	case came > 0 && (past(l.last, x.client.patience()) || past(w.since, 2*x.client.patience())):
		x.end = walkedOut
		return errPassedOver
	case came == 0 && past(w.since, x.client.Idle):
		return errSilent
	}
	return nil
}

// passOn has another read where nobody does. One that has yet to ask, or is about to wait, sees by itself.
func (l *link) passOn() {
	if l.reader != nil {
		return
	}
	for _, w := range l.waiting {
		if w.asked && !w.writing {
			w.wake()
			return
		}
	}
}

// sleeps makes ready for wake.
func (w *waiter) sleeps() {
	if w.woken == nil {
		w.woken = make(chan struct{}, 1)
	}
}

func (w *waiter) wake() {
	select {
	case w.woken <- struct{}{}: // never if it is nil
	default:
	}
}
