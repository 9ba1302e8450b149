package secondary

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// An ask is one asking of a primary. From the time that its job enters a gate until its answer is delivered it belongs to the
// job's goroutine:
//
//	          gate          same serial           deliver
//	idle --> probes --> probe ----------------------------> idle
//	             |        | another serial                   ^
//	             |        v                                  |
//	             +--> gate: transfers --> transfer ----------+
//	          nothing held, and the primary is known to answer
type ask struct {
	began time.Time
	held  bool // a copy is held,
	have  zone.Serial
	whole bool          // it is asked for the zone even if that has the serial of the copy
	base  *zone.Version // the changes since this are asked for; nil: the whole zone
	at    int           // the address to begin with
	limit int64
	pool  func() *zone.Pool
	paced bool // the zone answers already: its questions go before the transfer

	near     []parity.Known // what is likely to differ little from what it sends
	current  *checked       // what is known of the copy held; nil: it has yet to be checked, or none is held
	again    bool           // the copy held is checked again if the primary has no other
	approved zone.Hash      // what an operator has approved

	tried map[int]error // addresses that failed; nil while none has
}

// An answer is what became of an ask, or, not final, word of it.
type answer struct {
	primary   *primary
	final     bool
	address   int
	probed    bool          // the primary told its SOA
	serial    zone.Serial   // that it told, or sent
	expire    time.Duration // until the primary's own copy expires; 0: it did not say
	candidate xfr.Candidate // the transfer's; its version is nil if there was none
	base      *zone.Version // that it was asked for the changes of
	checked   *checked      // the copy that came, or that was checked again; nil: neither
	kind      string        // of what failed or succeeded: "probe", "axfr", "ixfr" or "check"
	err       error
	took      time.Duration
}

const (
	kindProbe = "probe"
	kindAXFR  = "axfr"
	kindIXFR  = "ixfr"
	kindCheck = "check"

	// probeTime is how long one address has to tell its SOA, connecting included.
	probeTime = 10 * time.Second
)

// ask has a primary asked.
func (l *life) ask(p *primary, now time.Time) {
	z := l.zone
	p.asking = true
	p.retryAt, p.askedAt, p.wanted, p.expire = time.Time{}, now, false, 0
	p.ask = ask{began: now, at: p.firstAddress(), pool: l.pool()}
	var served int64
	if v := l.served(); v != nil {
		served, p.ask.paced = int64(v.Bytes()), true
	}
	p.ask.limit = z.config.Limit.SizeFor(served)
	l.prepare(p)
	if last := p.last(); last != nil {
		p.ask.held, p.ask.have = true, last.Serial()
		p.ask.whole = p.whole || p.manners.derived && l.verdict.State == parity.Drift
		if !p.ask.whole && p.manners.increments(now) {
			p.ask.base = last
		}
	} else if p.failingSince.IsZero() {
		p.failingSince = now // until it answers: parity does not wait for ever for one that hangs
		l.stale = true
	}
	p.job.urgent = l.round.underWay && l.round.notified
	z.work.Add(1)
	// A probe spares a transfer that may not be needed, and keeps a primary that is down from holding one of the few places.
	// Neither is so when the zone is not held yet and its primary has just answered for another zone.
	if !p.ask.held && z.options.Limiter.answers(p.job.key) {
		p.enter(&z.options.Limiter.transfers, p.transfer)
	} else {
		p.enter(&z.options.Limiter.probes, p.probe)
	}
}

// prepare notes what the checks of what comes will need to know.
func (l *life) prepare(p *primary) {
	a := &p.ask
	if p.seen.Version != nil {
		a.near = append(a.near, parity.Known{Version: p.seen.Version, Content: p.seen.Content})
	}
	if v := l.served(); v != nil {
		a.near = append(a.near, parity.Known{Version: v, Content: l.serving.content})
	}
	if a.current = p.unchecked; a.current == nil {
		a.current = p.current()
	}
	a.again = a.current != nil && a.current.done && !a.current.passed() && a.current.mayPass()
	if l.words.approval != nil {
		a.approved = l.words.approval.Root
	}
}

// enter queues a job. The zone may be stopped at any time, and does not wait for jobs that wait.
func (p *primary) enter(g *gate, run func() bool) {
	p.job.run = run
	g.enter(&p.job)
	if p.zone.ctx.Err() != nil {
		p.abandon(g)
	}
}

// abandon takes the job out of the queue, if it is there.
func (p *primary) abandon(g *gate) {
	if g.leave(&p.job) {
		p.zone.work.Done()
	}
}

// probe asks the addresses in turn for the SOA, until one has a serial that is not older than that of the copy held: they
// are one organisation's, and one of them may be behind.
func (p *primary) probe() (answered bool) {
	a, z := &p.ask, p.zone
	if err := z.options.Limiter.outages.word(p, time.Now()); err != nil {
		p.deliver(answer{kind: kindProbe, err: fmt.Errorf("primary %s: %w", p.config.Name, err), final: true})
		return false
	}
	at, serial, expire := -1, zone.Serial(0), time.Duration(0)
	var conn *xfr.Conn // to the address at
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for i := range p.config.Addresses {
		i = (a.at + i) % len(p.config.Addresses)
		c := p.client.Open(p.config.Addresses[i])
		soa, err := probe(z.ctx, c, z.apex)
		if err != nil {
			c.Close()
			a.fail(i, err)
			if z.ctx.Err() != nil {
				break
			}
			continue
		}
		if at >= 0 && !serial.Less(soa.Serial) {
			c.Close()
			continue
		}
		if conn != nil {
			conn.Close()
		}
		at, serial, expire, conn = i, soa.Serial, c.Expire(), c
		if !a.held || !serial.Less(a.have) {
			break
		}
	}
	var err error
	if at < 0 {
		err = a.err(p)
	}
	z.options.Limiter.outages.learn(p, err, time.Now())
	switch {
	case err != nil:
		p.deliver(answer{kind: kindProbe, err: err, final: true})
		return false
	case a.held && serial == a.have && !a.whole:
		same := answer{kind: kindProbe, address: at, probed: true, serial: serial, expire: expire, final: true}
		if a.again {
			go p.checked(same, a.current.version)
		} else {
			p.deliver(same)
		}
		return true
	}
	a.at = at
	if a.base != nil && !a.have.Less(serial) {
		a.base = nil // no changes lead to an older one
	}
	z.deliver(answer{primary: p, kind: kindProbe, address: at, probed: true, serial: serial, expire: expire})
	// With a place at once, the transfer goes over the connection that is there. It is not held for a later place: thousands
	// of zones may wait for one, and others may use it meanwhile.
	if g := &z.options.Limiter.transfers; g.claim(&p.job) {
		key := p.job.key
		ok := p.transferOver(conn)
		conn = nil
		g.release(key, ok)
		return true
	}
	conn.Close()
	conn = nil
	p.enter(&z.options.Limiter.transfers, p.transfer)
	return true
}

func probe(ctx context.Context, c *xfr.Conn, apex zone.Name) (soa zone.SOA, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	defer caught(&err)
	return c.Probe(ctx, apex)
}

func (p *primary) receiveOver(conn *xfr.Conn) (c xfr.Candidate, err error) {
	defer caught(&err)
	return conn.Transfer(p.zone.ctx, p.zone.apex, p.ask.base, p.ask.pool, p.ask.limit)
}

// pace has a transfer leave processors to questions, if the zone gets any.
func (p *primary) pace(ctx context.Context, worked time.Duration) {
	if p.ask.paced {
		p.zone.options.Limiter.pace.worked(ctx, worked)
	}
}

// caught makes an error of a panic. What is parsed here is whatever a primary chose to send, and a mistake of ours in it must
// not end a server with all of its zones.
func caught(err *error) {
	if r := recover(); r != nil {
		where := "an unknown place"
		if pc := make([]uintptr, 1); runtime.Callers(4, pc) > 0 { // past Callers, here, the runtime's panic and who called it
			frame, _ := runtime.CallersFrames(pc).Next()
			where = fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
		*err = fmt.Errorf("a mistake in Concord, please report it: panic in %s: %v", where, r)
	}
}

func (p *primary) transfer() (answered bool) { return p.transferOver(nil) }

// transferOver asks the addresses in turn for the zone, from the one that answered on. A connection to that one is used, and
// its use ended, if it is there.
func (p *primary) transferOver(conn *xfr.Conn) (answered bool) {
	a, z := &p.ask, p.zone
	for i := range p.config.Addresses {
		i = (a.at + i) % len(p.config.Addresses)
		if a.tried[i] != nil || z.ctx.Err() != nil {
			continue
		}
		if conn == nil {
			conn = p.client.Open(p.config.Addresses[i])
		}
		c, err := p.receiveOver(conn)
		conn.Close()
		conn = nil
		if err != nil {
			a.fail(i, err)
			continue
		}
		s := c.Stats()
		if s.Steps == 0 {
			z.options.Limiter.trim.add(int64(c.Version().Bytes()))
		}
		// The place is for transfers: checks have bounds of their own, and may take longer.
		go p.checked(answer{
			kind: kindOf(s.Kind), address: i, serial: c.Version().Serial(), expire: s.Expire, candidate: c, base: a.base, final: true,
		}, c.Version())
		return true
	}
	err, kind := a.err(p), kindAXFR
	if e, ok := errors.AsType[*xfr.Error](err); ok {
		kind = kindOf(e.Kind)
	} else if a.base != nil {
		kind = kindIXFR
	}
	p.deliver(answer{kind: kind, err: err, final: true})
	return false
}

// checked delivers an answer with what the checks of a version came to. The ask's part in [Zone.work] lasts until then.
func (p *primary) checked(a answer, v *zone.Version) {
	a.checked = p.zone.check(p.config.Name, v, p.ask.near, p.ask.current, v.Root() == p.ask.approved)
	p.deliver(a)
}

// deliver hands over the final answer. The ask is not the goroutine's any more.
func (p *primary) deliver(a answer) {
	a.primary, a.took = p, time.Since(p.ask.began)
	p.zone.deliver(a)
	p.zone.work.Done()
}

func (a *ask) fail(address int, err error) {
	if a.tried == nil {
		a.tried = make(map[int]error, 1)
	}
	a.tried[address] = err
}

// err returns the error of the address that was asked first, and how many others failed.
func (a *ask) err(p *primary) error {
	err := a.tried[a.at]
	if err == nil {
		for _, err = range a.tried {
			break
		}
	}
	if others := len(a.tried) - 1; others > 0 {
		err = fmt.Errorf("%w (%d more of its addresses failed)", err, others)
	}
	if err == nil {
		err = context.Cause(p.zone.ctx) // before anything was tried
	}
	return fmt.Errorf("primary %s: %w", p.config.Name, err) // the zone is named in err
}

// answers reports whether a primary is known to answer.
func (l *Limiter) answers(key netip.AddrPort) bool {
	return l.probes.answers(key) || l.transfers.answers(key)
}
