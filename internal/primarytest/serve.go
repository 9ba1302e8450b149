package primarytest

import (
	"encoding/binary"
	"io"
	"iter"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// converse answers the queries of the n-th connection until either side ends it.
func (p *Primary) converse(c net.Conn, n int) {
	if !p.gather(c, n) {
		return
	}
	for before := (*dns.Msg)(nil); ; {
		r, err := receiveQuery(c)
		if err != nil {
			return
		}
		w := &writer{Primary: p, conn: c, query: r.query, before: before, behaviour: &Behaviour{}}
		before = r.query
		p.answer(w, r.query, r.octets)
		if w.failed || w.behaviour.CloseAfterAnswer {
			return
		}
	}
}

// receive answers SOA queries over UDP. Queries of other types get an empty answer with the TC bit.
func (p *Primary) receive() {
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, from, err := p.packets.ReadFrom(buf)
		if err != nil {
			return
		}
		query := new(dns.Msg)
		if query.Unpack(buf[:n]) != nil || len(query.Question) != 1 {
			continue
		}
		b := p.behaviour.Load().of(query.Question[0].Qtype)
		if query.Question[0].Qtype == dns.TypeSOA {
			p.count(func(c *Counts) { c.Datagrams++ })
		}
		if b.Silent {
			continue
		}
		reply := p.reply(b, query)
		reply.Truncated = query.Question[0].Qtype != dns.TypeSOA
		if msg, err := reply.Pack(); err == nil {
			_, _ = p.packets.WriteTo(b.tamper(1, msg), from)
		}
	}
}

// answer answers one query of a connection.
func (p *Primary) answer(w *writer, query *dns.Msg, octets []byte) {
	if len(query.Question) != 1 {
		reply := new(dns.Msg)
		w.msg(reply.SetRcodeFormatError(query))
		return
	}
	q := query.Question[0]
	b := p.behaviour.Load().of(q.Qtype)
	w.behaviour = b
	if b.Seen != nil {
		b.Seen(octets)
	}
	switch q.Qtype {
	case dns.TypeSOA:
		p.count(func(c *Counts) { c.Probes++ })
	case dns.TypeAXFR:
		p.count(func(c *Counts) { c.Transfers++ })
	case dns.TypeIXFR:
		p.count(func(c *Counts) { c.Increments++ })
	}
	held := p.held(q.Name)
	transfer := q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR
	switch {
	case b.Silent:
		w.silence()
	case b.NoEDNS && query.IsEdns0() != nil:
		w.rcode(dns.RcodeFormatError)
	case !w.admit(octets):
	case !transfer || len(held) == 0 || b.Rcode != 0:
		w.msg(p.reply(b, query))
	default:
		if !w.stream(messagesOf(held, query, b)) {
			return
		}
		p.count(func(c *Counts) { c.Completed++ })
		if b.NoEnd {
			w.close()
		}
	}
}

// stream writes messages, of which the last one may be signed in a way of its own.
func (w *writer) stream(msgs iter.Seq[[]byte]) bool {
	if w.behaviour.Reversed {
		msgs = reversed(msgs)
	}
	var held []byte
	for msg := range msgs {
		if held != nil && !w.write(held, false) {
			return false
		}
		held = append(held[:0], msg...)
		binary.BigEndian.PutUint16(held, w.query.Id)
	}
	if held == nil {
		w.rcode(dns.RcodeSuccess)
		return !w.failed
	}
	return w.write(held, true)
}

func reversed(msgs iter.Seq[[]byte]) iter.Seq[[]byte] {
	var all [][]byte
	for msg := range msgs {
		all = append(all, slices.Clone(msg))
	}
	slices.Reverse(all)
	return slices.Values(all)
}

// reply makes the answer to a query that takes one message.
func (p *Primary) reply(b *Behaviour, query *dns.Msg) *dns.Msg {
	q := query.Question[0]
	held := p.held(q.Name)
	reply := new(dns.Msg)
	reply.SetReply(query)
	b.tell(query, reply)
	switch {
	case b.Rcode != 0:
		reply.Rcode = b.Rcode
	case len(held) == 0 && (q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR):
		reply.Rcode = dns.RcodeNotAuth
	case len(held) == 0:
		reply.Rcode = dns.RcodeRefused
	case q.Qtype == dns.TypeSOA:
		soa := dns.Copy(held[len(held)-1].soa).(*dns.SOA)
		if b.Serial != 0 {
			soa.Serial = b.Serial
		}
		reply.Authoritative = true
		reply.Answer = []dns.RR{soa}
	default:
		reply.Rcode = dns.RcodeNotImplemented
	}
	return reply
}

// tell answers the EDNS options of a query.
func (b *Behaviour) tell(query, reply *dns.Msg) {
	asked := query.IsEdns0()
	if asked == nil {
		return
	}
	reply.SetEdns0(1232, false)
	opt := reply.IsEdns0()
	for _, o := range asked.Option {
		switch {
		case o.Option() == dns.EDNS0TCPKEEPALIVE && b.Keepalive != 0:
			value := binary.BigEndian.AppendUint16(nil, uint16(max(0, b.Keepalive)/(100*time.Millisecond)))
			opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE, Data: value})
		case o.Option() == dns.EDNS0EXPIRE && b.Expire > 0:
			opt.Option = append(opt.Option, &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Expire: b.Expire})
		}
	}
}

// A writer sends the messages of one answer as the behaviour wants them.
type writer struct {
	*Primary
	conn      net.Conn
	query     *dns.Msg
	before    *dns.Msg // the query before on this connection, if any
	id        *uint16  // of the answer; nil: that of the query
	signer    *signer  // nil: nothing is signed
	behaviour *Behaviour
	n         int    // of the last message
	buf       []byte // length and message
	failed    bool   // the connection is of no more use
}

func (w *writer) msg(m *dns.Msg) {
	m.Compress = true
	msg, err := m.Pack()
	if err != nil {
		w.close()
		return
	}
	w.write(msg, true)
}

func (w *writer) rcode(rcode int) { w.msg(new(dns.Msg).SetRcode(w.query, rcode)) }

// write sends a message. It returns false when there is no use in sending more.
func (w *writer) write(msg []byte, last bool) bool {
	w.n++
	b := w.behaviour
	switch {
	case b.SilentAfter > 0 && w.n > b.SilentAfter:
		w.silence()
		return false
	case w.n == b.ResetAt:
		if tcp, ok := w.conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // Close sends RST
		}
		w.close()
		return false
	case w.n == b.CloseAt:
		w.close()
		return false
	}
	if b.LateID && w.before != nil {
		binary.BigEndian.PutUint16(msg, w.before.Id)
	}
	if w.id != nil {
		binary.BigEndian.PutUint16(msg, *w.id)
	}
	msg = b.tamper(w.n, msg)
	if w.signer != nil {
		msg = w.signer.sign(w.n, msg, last)
	}
	w.buf = binary.BigEndian.AppendUint16(w.buf[:0], uint16(len(msg)))
	w.buf = append(w.buf, msg...)
	if !w.pause(b.Delay) {
		return false
	}
	if w.n == b.CutAt {
		w.send(w.buf[:len(w.buf)/2])
		w.close()
		return false
	}
	if b.Drip == 0 {
		return w.send(w.buf)
	}
	for i := range w.buf {
		if !w.pause(b.Drip) || !w.send(w.buf[i:i+1]) {
			return false
		}
	}
	return true
}

func (w *writer) send(octets []byte) bool {
	if _, err := w.conn.Write(octets); err != nil {
		w.failed = true
	}
	return !w.failed
}

func (w *writer) close() {
	_ = w.conn.Close()
	w.failed = true
}

// silence reads and ignores what comes until either side ends the connection.
func (w *writer) silence() {
	_, _ = io.Copy(io.Discard, w.conn)
	w.failed = true
}

// pause waits. It returns false when the primary stopped meanwhile.
func (w *writer) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ended:
		w.failed = true
		return false
	}
}

// readOctets reads one message and its length.
func readOctets(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	octets := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, octets)
	return octets, err
}

// readMessage is readOctets and dns.Msg.Unpack.
func readMessage(r io.Reader) (*dns.Msg, error) {
	octets, err := readOctets(r)
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	return m, m.Unpack(octets)
}
