package xfr

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/concord-dns/concord/internal/config"
)

// Conns keeps connections that are idle, for the next question to the same primary, whatever its zone (RFC 7766 section
// 6.2.1), and what was found out about primaries. All Clients of a process share one. Its zero value is ready to use, and
// whoever made it closes it.
//
//	dialled --questions, answers--> in use --Conn.Close--> kept --Conn.Open--> in use ...
//	                                                        |
//	                                                        +--time, or too many--> closed
//
// How several use one at a time is drawn above link. A kept connection costs a timer and no goroutine. So that the primary has
// closed it is only seen by whoever takes it, and connects anew.
type Conns struct {
	mu     sync.Mutex // guards what follows; nothing waits under it
	peers  map[peerKey]*peer
	kept   []*link // oldest first
	closed bool

	expiring sync.WaitGroup // timers that are set, or run
}

const (
	// keepTime is how long a connection is kept if the primary has not said how long it may be: less than the 5 s of
	// PowerDNS, the shortest of the defaults that are around. mostKeep is the longest, whatever a primary says.
	keepTime = 4 * time.Second
	mostKeep = 30 * time.Second

	// keptEach and keptAll bound the connections that are kept, to one address of a primary and altogether. NSD accepts
	// 100 from all the world by default.
	keptEach = 4
	keptAll  = 256
)

// Close closes what is kept, and keeps nothing from now on.
func (c *Conns) Close() {
	c.mu.Lock()
	c.closed = true
	kept := c.kept
	c.kept = nil
	c.mu.Unlock()
	for _, l := range kept {
		c.stop(l)
		l.close()
	}
	c.expiring.Wait()
}

// Kept returns how many connections are kept.
func (c *Conns) Kept() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.kept)
}

// peerKey says which connections are alike.
type peerKey struct {
	addr   netip.AddrPort
	source netip.Addr
	tls    string
}

// peer is one address of a primary, asked in one way, and what is known of it.
type peer struct {
	conns *Conns   // nil: nothing is kept
	tls   *tlsPeer // nil: TCP

	mu    sync.Mutex // guards what follows, and what is under way on each link; nothing waits under it
	found facts
	open  []*link // those on which questions are under way that others may join
}

// facts are what was found out about a primary, and need not be found out again.
type facts struct {
	key      string    // the TSIG key that did last time
	noEDNS   time.Time // when it did not know EDNS; zero: it does
	oneByOne time.Time // when it did not take several questions at once; zero: it does
}

// spareTime is how long a primary is spared what it did not know.
const spareTime = time.Hour

// plain reports whether it is asked without EDNS, sequential whether it is asked one question after the other.
func (k facts) plain(now time.Time) bool      { return spared(k.noEDNS, now) }
func (k facts) sequential(now time.Time) bool { return spared(k.oneByOne, now) }

func spared(found, now time.Time) bool {
	since := now.Sub(found)
	return !found.IsZero() && since >= 0 && since < spareTime
}

func (p *peer) known() facts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.found
}

func (p *peer) learn(change func(*facts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.found)
}

// peer returns the peer at this address; with no Conns, a new one.
func (c *Conns) peer(addr netip.AddrPort, source netip.Addr, t config.TLS) *peer {
	if c == nil {
		return newPeer(nil, addr, t)
	}
	key := peerKey{addr: addr, source: source}
	if t.On {
		key.tls = fmt.Sprintf("%+v", t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[key]
	if p == nil {
		if c.peers == nil {
			c.peers = make(map[peerKey]*peer)
		}
		p = newPeer(c, addr, t)
		c.peers[key] = p
	}
	return p
}

func newPeer(c *Conns, addr netip.AddrPort, t config.TLS) *peer {
	p := &peer{conns: c}
	if t.On {
		p.tls = newTLSPeer(t, addr.Addr())
	}
	return p
}

// take returns the connection that was kept last, nil if there is none.
func (p *peer) take() *link {
	c := p.conns
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, l := range slices.Backward(c.kept) {
		if l.peer == p {
			c.kept = slices.Delete(c.kept, i, i+1)
			c.stop(l)
			return l
		}
	}
	return nil
}

// keep takes back a connection that is of use.
func (p *peer) keep(l *link) {
	c := p.conns
	if c == nil || l.idle <= 0 {
		l.close()
		return
	}
	l.wire = wire{} // of no use meanwhile
	c.mu.Lock()
	surplus := c.surplus(p)
	if c.closed {
		surplus = l
	} else {
		c.kept = append(c.kept, l)
		c.expiring.Add(1)
		l.timer = time.AfterFunc(l.idle, func() { c.expire(l) })
	}
	c.mu.Unlock()
	if surplus != nil {
		surplus.close()
	}
}

// surplus takes out the connection that has to go when one more of the peer comes.
func (c *Conns) surplus(p *peer) *link {
	oldest, same := -1, 0
	for i, l := range c.kept {
		if l.peer != p {
			continue
		}
		if same++; oldest < 0 {
			oldest = i
		}
	}
	switch {
	case same >= keptEach:
	case len(c.kept) >= keptAll:
		oldest = 0
	default:
		return nil
	}
	l := c.kept[oldest]
	c.kept = slices.Delete(c.kept, oldest, oldest+1)
	c.stop(l)
	return l
}

// stop stops the timer of a connection that is not kept any more.
func (c *Conns) stop(l *link) {
	if l.timer.Stop() {
		c.expiring.Done()
	}
}

// expire closes a connection whose time is over, if nobody has taken it meanwhile.
func (c *Conns) expire(l *link) {
	defer c.expiring.Done()
	c.mu.Lock()
	i := slices.Index(c.kept, l)
	if i >= 0 {
		c.kept = slices.Delete(c.kept, i, i+1)
	}
	c.mu.Unlock()
	if i >= 0 {
		l.close()
	}
}
