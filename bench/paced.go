package main

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// paced asks questions at a fixed rate, whatever becomes of them, so that a server that stalls is seen to stall. Each answer
// is timed from when its question was due, and from when it was sent.
//
// It owns two goroutines, one that asks and one that takes answers; stop waits for both.
type paced struct {
	conn    *net.UDPConn
	list    []packed
	apart   time.Duration
	start   time.Time
	asked   []asked
	way     [1 << 16]atomic.Int64 // by ID: the question that is under way, counted from 1
	ended   chan struct{}
	end     sync.Once
	running sync.WaitGroup
}

// asked is one question: when it was sent and answered, in nanoseconds from the start; 0: not.
type asked struct {
	sent, answered atomic.Int64
	wrong          atomic.Bool
}

// answerWithin is how long a question may take before it is lost.
const answerWithin = 2 * time.Second

// startPaced begins to ask. It ends by stop, or after so long.
func startPaced(addr netip.AddrPort, list []packed, rate int, most time.Duration) (*paced, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20) // as much as the system allows
	p := &paced{conn: conn, list: list, apart: time.Second / time.Duration(rate), start: time.Now(), ended: make(chan struct{})}
	p.asked = make([]asked, int(most/p.apart))
	p.running.Go(p.ask)
	p.running.Go(p.answer)
	return p, nil
}

func (p *paced) stop() {
	p.end.Do(func() {
		close(p.ended)
		_ = p.conn.Close()
	})
	p.running.Wait()
}

func (p *paced) due(n int) time.Duration { return time.Duration(n) * p.apart }

func (p *paced) ask() {
	var buf [512]byte
	for n := 0; n < len(p.asked); {
		if wait := p.due(n) - time.Since(p.start); wait > 0 {
			select {
			case <-p.ended:
				return
			case <-time.After(wait):
			}
			continue
		}
		msg := buf[:copy(buf[:], p.list[n%len(p.list)].msg)]
		binary.BigEndian.PutUint16(msg, uint16(n))
		p.way[uint16(n)].Store(int64(n) + 1)
		p.asked[n].sent.Store(int64(time.Since(p.start)))
		if _, err := p.conn.Write(msg); err != nil {
			select {
			case <-p.ended:
				return
			default: // as if it were lost on the way
			}
		}
		n++
	}
}

func (p *paced) answer() {
	var buf [4096]byte
	for {
		size, err := p.conn.Read(buf[:])
		now := time.Since(p.start)
		if err != nil {
			select {
			case <-p.ended:
				return
			default: // nobody listens at the moment
				continue
			}
		}
		if size < 12 {
			continue
		}
		n := p.way[binary.BigEndian.Uint16(buf[:])].Swap(0) - 1
		if n < 0 {
			continue
		}
		want := &p.list[n%int64(len(p.list))]
		p.asked[n].wrong.Store(buf[3]&15 != want.rcode || binary.BigEndian.Uint16(buf[6:]) != want.answers)
		p.asked[n].answered.Store(int64(now))
	}
}

// delays is what became of the questions of some time.
type delays struct {
	asked, lost, wrong int
	p99, worst         time.Duration // from when they were due
	wire99             time.Duration // from when they were sent
	late               time.Duration // the latest that one was sent
	bad                time.Duration // from the beginning of that time until the last question was due that was lost or got a wrong answer
}

// quietly lets a load that has just begun go on while nothing else happens, and returns since when it counts: not from its own start.
func (b *bench) quietly(ctx context.Context) (since time.Time, err error) {
	if err := sleep(ctx, time.Second/2); err != nil {
		return since, err
	}
	since = time.Now()
	return since, sleep(ctx, b.load)
}

// between looks at the questions that were due from one time to another. It is called after stop.
func (p *paced) between(from, to time.Time) delays {
	var d delays
	var due, wire []time.Duration
	begun := from.Sub(p.start)
	for n := max(0, int(begun/p.apart)); n < min(len(p.asked), int(to.Sub(p.start)/p.apart)); n++ {
		d.asked++
		a := &p.asked[n]
		sent, answered := time.Duration(a.sent.Load()), time.Duration(a.answered.Load())
		d.late = max(d.late, sent-p.due(n))
		if answered == 0 || answered-p.due(n) > answerWithin {
			d.lost++
			d.bad = p.due(n) - begun
			due, wire = append(due, answerWithin), append(wire, answerWithin)
			continue
		}
		if a.wrong.Load() {
			d.wrong++
			d.bad = p.due(n) - begun
		}
		due, wire = append(due, answered-p.due(n)), append(wire, answered-sent)
	}
	d.p99, d.worst = percentile(due, 99), percentile(due, 100)
	d.wire99 = percentile(wire, 99)
	return d
}

func percentile(list []time.Duration, percent int) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[(len(list)-1)*percent/100]
}
