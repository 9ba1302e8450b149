package secondary

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// simConn is a connection without a goroutine at its other end: each answer is made when the question is written, and comes two
// milliseconds later.
type simConn struct {
	*simulation
	server *simServer
	once   sync.Once
	closed chan struct{}
	news   chan struct{} // there is more to read, or another deadline

	mu       sync.Mutex // guards what follows
	answers  []byte
	due      time.Time // of the last
	dead     bool      // it was read while the server hung
	deadline time.Time
}

func (c *simConn) Write(framed []byte) (int, error) {
	if _, refuses := c.server.down(); refuses {
		return 0, io.ErrClosedPipe
	}
	c.server.asked(c.begin)
	c.mu.Lock()
	c.answers, c.due = append(c.answers, simAnswer(framed[2:])...), time.Now().Add(2*time.Millisecond)
	c.mu.Unlock()
	c.tell()
	return len(framed), nil
}

func (c *simConn) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (c *simConn) Read(p []byte) (int, error) {
	for {
		n, at := c.take(p)
		switch {
		case n > 0:
			return n, nil
		case !time.Now().Before(at):
			return 0, os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
		case <-c.news:
		case <-c.closed:
			timer.Stop()
			return 0, net.ErrClosed
		}
		timer.Stop()
	}
}

// take reads what has come, or says when to look again: at the deadline at the latest.
func (c *simConn) take(p []byte) (int, time.Time) {
	hangs, _ := c.server.down()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = c.dead || hangs
	if c.dead || len(c.answers) == 0 || !time.Now().Before(c.deadline) {
		return 0, c.deadline
	}
	if time.Now().Before(c.due) {
		return 0, c.due
	}
	n := copy(p, c.answers)
	c.answers = c.answers[n:]
	return n, c.deadline
}

func (c *simConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.open--
	})
	return nil
}

func (c *simConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	c.tell()
	return nil
}

func (c *simConn) LocalAddr() net.Addr              { return nil }
func (c *simConn) RemoteAddr() net.Addr             { return nil }
func (c *simConn) SetDeadline(time.Time) error      { return nil }
func (c *simConn) SetWriteDeadline(time.Time) error { return nil }

// simAnswer makes the answer to a question for the SOA record or the zone, with its length before it.
func simAnswer(query []byte) []byte {
	const header = 12
	end := header
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	qtype := binary.BigEndian.Uint16(query[end+1:])
	msg := append(make([]byte, 2, 512), query[:end+5]...)
	count := uint16(0)
	record := func(typ uint16, data []byte) {
		msg = append(msg, 0xC0, header) // the zone's name
		msg = binary.BigEndian.AppendUint16(msg, typ)
		msg = binary.BigEndian.AppendUint16(msg, dns.ClassINET)
		msg = binary.BigEndian.AppendUint32(msg, 3600)
		msg = binary.BigEndian.AppendUint16(msg, uint16(len(data)))
		msg = append(msg, data...)
		count++
	}
	soa := []byte{2, 'n', 's', 0xC0, header, 1, 'h', 0xC0, header}
	for _, n := range []uint32{7, uint32(simRefresh.Seconds()), uint32(simRetry.Seconds()), 14 * 86400, 300} {
		soa = binary.BigEndian.AppendUint32(soa, n)
	}
	record(dns.TypeSOA, soa)
	if qtype == dns.TypeAXFR {
		record(dns.TypeNS, []byte{2, 'n', 's', 0xC0, header})
		record(dns.TypeSOA, soa)
	}
	head := msg[2:]
	binary.BigEndian.PutUint16(head[2:], 1<<15|1<<10) // QR and AA
	binary.BigEndian.PutUint16(head[6:], count)
	binary.BigEndian.PutUint32(head[8:], 0)
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	return msg
}
