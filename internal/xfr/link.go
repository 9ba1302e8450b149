package xfr

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"time"
)

// link is one connection to a primary, from before it is there, and what is under way on it: one transfer, or SOA queries of
// several zones (RFC 7766 section 6.2.1.1).
//
//	place -> acquire, send, release -> await -> leave
//	  |        one at a time; the       one reads, for all     the last one keeps the link for itself,
//	  |        first connects                                  others leave it to who is still there
//	  +- beside others, on one of peer.open, or on one that was kept or is new
//
// There is no goroutine for it: those who ask read it, and who leaves passes that on.
type link struct {
	peer  *peer
	idle  time.Duration // how long it may be kept
	timer *time.Timer   // while it is kept
	used  bool          // before what is under way now: the primary may have closed it meanwhile

	turn        chan struct{} // holds something while one connects or writes, who may set what follows
	conn        net.Conn      // nil: it is not connected yet
	below       net.Conn      // the TCP connection under TLS; else conn itself
	certificate *certificate  // of ours, over TLS

	wire // of who reads

	// What follows is guarded by the peer's lock.
	waiting []*waiter // whose questions are under way, or will be when it is their turn
	reader  *waiter   // the one of them that reads, nil while none does
	lost    []uint16  // ids of questions that nobody waits for any more, and whose answers may still come
	came    int       // answers to what was under way beside others,
	last    time.Time // and when the last of them came
	broken  error     // why it is of no more use
	now     Phase     // that it is in: PhaseDial, PhaseTLS, or PhaseTimeout from then on
}

func newLink(p *peer) *link {
	return &link{peer: p, idle: keepTime, turn: make(chan struct{}, 1), now: PhaseDial}
}

// mostUnderWay is how many questions may be under way on one link. A server with a lower bound reads no further until it has
// answered some, which costs no more than time.
const mostUnderWay = 32

// place finds the link to ask over: the Conn's own, one on which others ask and that has room, one that was kept, or a new one.
func (x *exchange) place(how care) {
	p, w := x.peer, &x.waiter
	now := x.client.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	shares := x.question.single() && how < alone && p.conns != nil && !p.found.sequential(now)
	l := x.link
	if l == nil && shares {
		l = p.joinable(how)
	}
	if l == nil && how == overAny {
		l = p.take()
	}
	if l == nil {
		l = newLink(p)
	}
	if shares && len(l.waiting) == 0 {
		p.open = append(p.open, l)
	}
	w.id, w.used = l.freeID(), l.used
	if l.waiting = append(l.waiting, w); len(l.waiting) > 1 {
		for _, other := range l.waiting {
			other.shared = true
		}
	}
	x.link = l
}

// joinable returns a link on which others ask already, nil if none has room.
func (p *peer) joinable(how care) *link {
	for _, l := range p.open {
		if len(l.waiting)+len(l.lost) < mostUnderWay && !(l.used && how > overAny) {
			return l
		}
	}
	return nil
}

// unlist has no more questions join those of a link.
func (p *peer) unlist(l *link) {
	if i := slices.Index(p.open, l); i >= 0 {
		p.open = slices.Delete(p.open, i, i+1)
	}
}

// freeID returns an id that tells the answer apart from all others that may come. It keeps no secret.
func (l *link) freeID() uint16 {
	for {
		id := uint16(rand.Uint32())
		if !slices.Contains(l.lost, id) && !slices.ContainsFunc(l.waiting, func(w *waiter) bool { return w.id == id }) {
			return id
		}
	}
}

// leave takes the question off its link. If nothing else is under way there and the link is good it stays the Conn's.
func (x *exchange) leave(ctx context.Context) {
	l, p, w := x.link, x.peer, &x.waiter
	x.link = nil
	p.mu.Lock()
	if w.asked {
		w.passed = l.came - w.before
	}
	i := slices.Index(l.waiting, w)
	if x.end == cameThrough && (i >= 0 || slices.Contains(p.open, l)) {
		l.heed(x.told)
	}
	if i < 0 { // another has read the answer, and has the link; or it is broken
		p.mu.Unlock()
		return
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	if l.reader == w {
		l.reader = nil
	}
	switch {
	case x.end == brokeOff || x.end == neverBegun:
		l.snapLocked(errClosed)
	case len(l.waiting) > 0:
		if w.asked && x.answered == 0 {
			l.lost = append(l.lost, w.id)
		}
		l.passOn()
	default:
		p.unlist(l)
		if x.end == cameThrough && len(l.lost) == 0 && !l.unread() {
			l.used = true
			x.link = l
			break
		}
		p.mu.Unlock()
		if ctx.Err() != nil {
			l.abort()
		} else {
			l.close()
		}
		return
	}
	p.mu.Unlock()
}

// snap ends a link for all that is under way on it, and returns why: what was wrong first stands.
func (l *link) snap(err error) error {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	l.snapLocked(err)
	return l.broken
}

func (l *link) snapLocked(err error) {
	if l.broken != nil {
		return
	}
	l.broken = err
	l.peer.unlist(l)
	for _, w := range l.waiting {
		w.wake()
	}
	l.waiting, l.reader = nil, nil
	l.abort()
}

// heed takes in what the primary said of the connection.
func (l *link) heed(o options) {
	if !o.hasKeepalive {
		return
	}
	l.idle = min(o.keepalive*9/10, mostKeep) // by then the primary has not closed it yet
	if l.idle == 0 {
		l.peer.unlist(l) // nothing more is to be asked over it (RFC 7828 section 3.2.2)
	}
}

// acquire waits for the turn of w to connect and to write.
func (l *link) acquire(ctx context.Context, w *waiter) error {
	select {
	case l.turn <- struct{}{}:
	default:
		l.peer.mu.Lock()
		w.sleeps()
		l.peer.mu.Unlock()
	wait:
		for {
			select {
			case l.turn <- struct{}{}:
				break wait
			case <-w.woken:
				if err := l.fault(); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	err := l.fault()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		<-l.turn
	}
	return err
}

// release ends the turn.
func (l *link) release(w *waiter) {
	l.peer.mu.Lock()
	w.writing = false
	l.peer.mu.Unlock()
	<-l.turn
}

// begin notes that the question is written now, and is part of the turn of w. Nothing is if the context has ended.
func (l *link) begin(ctx context.Context, w *waiter) error {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	if ctx.Err() == nil {
		w.asked, w.writing, w.before = true, true, l.came
	}
	return ctx.Err()
}

// interrupt has the call return that w is in, since its context has ended.
func (l *link) interrupt(w *waiter) {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	switch {
	case w.writing:
		l.abort() // what is half written cannot be taken back
	case l.reader == w:
		_ = l.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (l *link) fault() error {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	return l.broken
}

func (l *link) stage() Phase {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	return l.now
}

func (l *link) setStage(now Phase) {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	l.now = now
}

func (l *link) connected(conn, below net.Conn, ours *certificate) {
	l.peer.mu.Lock()
	defer l.peer.mu.Unlock()
	l.conn, l.below, l.certificate, l.now = conn, below, ours, PhaseTimeout
}

// close ends a connection over which nothing is under way.
func (l *link) close() {
	if l.conn != nil {
		_ = l.conn.Close() // nothing is written that could be lost
	}
}

// abort ends a connection at once. It may be called while it is in use.
func (l *link) abort() {
	if l.below != nil {
		_ = l.below.Close()
	}
}
