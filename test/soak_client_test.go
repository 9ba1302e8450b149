package test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// soakClients ask all the time, over UDP and over TCP, and hold each answer against the model.
type soakClients struct {
	addr  netip.AddrPort
	zones []*soakZone
	down  *soakGate // shut while the server need not answer
	// forgets: it has no store, and loads its zones anew after a restart. Until then SERVFAIL is right.
	forgets bool

	answers atomic.Int64 // that were judged

	stop    chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex // guards all below
	wrong   []string
	again   []string // questions that had to be asked again
}

const (
	soakAskers = 4 // of which one asks over TCP
	// soakPace is how often each asks: enough to meet every swap, and no load.
	soakPace = 4 * time.Millisecond
	// soakTries is how often a question may be lost before that is a fault, a second each.
	soakTries = 5
)

func (c *soakClients) start(seed uint64) {
	c.stop = make(chan struct{})
	for i := range soakAskers {
		c.running.Go(func() { c.ask(rand.New(rand.NewPCG(seed, uint64(i))), i == 0) })
	}
}

func (c *soakClients) end() {
	close(c.stop)
	c.running.Wait()
}

// ask asks until the end.
func (c *soakClients) ask(r *rand.Rand, overTCP bool) {
	var transport soakTransport
	defer transport.close()
	tick := time.NewTicker(soakPace)
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		z := c.zones[r.IntN(len(c.zones))]
		c.one(z, z.first().question(r), &transport, overTCP)
	}
}

// one asks one question, again where it is lost, and judges the answer.
func (c *soakClients) one(z *soakZone, q soakQuestion, transport *soakTransport, overTCP bool) {
	up, there, floor := c.down.watch(), z.absent.watch(), z.begun()
	m := new(dns.Msg).SetQuestion(q.name, q.qtype).SetEdns0(1232, false)
	m.RecursionDesired = false
	for try := 1; ; try++ {
		answer, err := transport.exchange(c.addr, m, overTCP)
		switch {
		case !there():
			return
		case err != nil && !up():
			return
		case err != nil && try < soakTries:
			c.lost(err)
			continue
		case err == nil && answer.Rcode == dns.RcodeServerFailure && c.forgets && !up():
			return
		case err == nil:
			c.answers.Add(1)
			err = z.judge(q, floor, answer)
		}
		if err != nil {
			c.fault(fmt.Sprintf("%s %s: %v\n%v", q.name, dns.Type(q.qtype), err, answer))
		}
		return
	}
}

func (c *soakClients) fault(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, stamp()+" "+what)
}

// lost notes a question that was not answered.
func (c *soakClients) lost(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.again = append(c.again, stamp()+" "+err.Error())
}

// faults returns what was wrong so far.
func (c *soakClients) faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

// soakTransport has a connection, as a resolver keeps one, or a socket for each question.
type soakTransport struct{ conn *dns.Conn }

func (s *soakTransport) exchange(addr netip.AddrPort, m *dns.Msg, overTCP bool) (answer *dns.Msg, err error) {
	m.Id = dns.Id()
	if !overTCP {
		if answer, err = exchange("udp", addr, m); err == nil && answer.Truncated {
			answer, err = exchange("tcp", addr, m)
		}
		return answer, err
	}
	client := dns.Client{Net: "tcp", Timeout: time.Second}
	if s.conn == nil {
		if s.conn, err = client.Dial(addr.String()); err != nil {
			s.conn = nil
			return nil, err
		}
	}
	if answer, _, err = client.ExchangeWithConn(m, s.conn); err != nil {
		s.close()
	}
	return answer, err
}

func (s *soakTransport) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}
