package primarytest

import (
	"encoding/binary"
	"fmt"
	"iter"
	"sync"

	"github.com/miekg/dns"
)

// stream yields the messages of a transfer of z, with the id 0 and in a buffer that the next step uses again. The first
// transfer of a plain shape keeps what it packs for those after it.
func (z *Zone) stream(b *Behaviour, qtype uint16) iter.Seq[[]byte] {
	s := b.shape(qtype)
	if b.EndSerial != 0 || b.NoEnd || b.Endless != 0 {
		return func(yield func([]byte) bool) { z.pack(s, b, yield) }
	}
	return func(yield func([]byte) bool) {
		var buf []byte
		for _, msg := range z.cache.get(z, s) {
			buf = append(buf[:0], msg...)
			if !yield(buf) {
				return
			}
		}
	}
}

// shape is how records are cut into messages.
type shape struct {
	qtype            uint16
	perMessage, size int
	noQuestion       bool
}

func (b *Behaviour) shape(qtype uint16) shape {
	return shape{qtype: qtype, perMessage: b.RecordsPerMessage, size: b.MessageSize, noQuestion: b.NoQuestion}
}

// streams keeps packed transfers: benchmarks ask for the same large zone many times.
type streams struct {
	mu     sync.Mutex // guards packed, and is held while packing: the second to ask waits for the first
	packed map[shape][][]byte
}

func (c *streams) get(z *Zone, s shape) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if msgs, ok := c.packed[s]; ok {
		return msgs
	}
	var msgs [][]byte
	z.pack(s, &Behaviour{}, func(msg []byte) bool {
		msgs = append(msgs, append([]byte(nil), msg...))
		return true
	})
	if c.packed == nil {
		c.packed = make(map[shape][][]byte)
	}
	c.packed[s] = msgs
	return msgs
}

const (
	maxMessage  = 65535
	defaultSize = 16384 // the size from which no more names can be pointed at, and what Knot sends
)

// packer fills messages with records.
type packer struct {
	shape
	origin string
	yield  func([]byte) bool
	buf    []byte
	off    int
	count  int
	sent   int
	names  map[string]int // for compression
	ended  bool           // yield wants no more
}

// pack makes the messages of a transfer.
func (z *Zone) pack(s shape, b *Behaviour, yield func([]byte) bool) {
	p := newPacker(s, z.origin, yield)
	p.add(dns.Copy(z.soa)) // packing writes to a record, and connections share it
	for rr := range z.records {
		if p.add(rr); p.ended {
			return
		}
	}
	for i := range b.Endless {
		if p.addEndless(i); p.ended {
			return
		}
	}
	if !b.NoEnd {
		end := dns.Copy(z.soa).(*dns.SOA)
		if b.EndSerial != 0 {
			end.Serial = b.EndSerial
		}
		p.add(end)
	}
	p.end()
}

// packRecords makes the messages of an answer that has just these records, and so many more before the last of them.
func packRecords(s shape, origin string, records []dns.RR, endless int, yield func([]byte) bool) {
	p := newPacker(s, origin, yield)
	for i, rr := range records {
		if i == len(records)-1 && i > 0 {
			for n := 0; n < endless && !p.ended; n++ {
				p.addEndless(n)
			}
		}
		if p.ended {
			return
		}
		if p.add(dns.Copy(rr)); p.ended {
			return
		}
	}
	p.end()
}

func newPacker(s shape, origin string, yield func([]byte) bool) *packer {
	if s.size == 0 {
		s.size = defaultSize
	}
	p := &packer{shape: s, origin: origin, yield: yield, buf: make([]byte, maxMessage)}
	p.begin()
	return p
}

// end hands on what is left.
func (p *packer) end() {
	if p.count > 0 && !p.ended {
		p.flush()
	}
}

// begin starts a message.
func (p *packer) begin() {
	q := new(dns.Msg)
	q.Response, q.Authoritative = true, true
	if p.sent == 0 || !p.noQuestion {
		q.Question = []dns.Question{{Name: p.origin, Qtype: p.qtype, Qclass: dns.ClassINET}}
	}
	head, err := q.Pack()
	if err != nil {
		panic(fmt.Sprintf("primarytest: zone %s: %v", p.origin, err))
	}
	p.off, p.count = copy(p.buf, head), 0
	p.names = make(map[string]int)
	if len(q.Question) > 0 {
		const headerSize = 12
		if _, err := dns.PackDomainName(p.origin, p.buf, headerSize, p.names, true); err != nil {
			panic(fmt.Sprintf("primarytest: zone %s: %v", p.origin, err))
		}
	}
}

// add puts a record into the message, or into the next when it is full.
func (p *packer) add(rr dns.RR) {
	if p.perMessage > 0 && p.count >= p.perMessage {
		p.flush()
	}
	if p.ended {
		return
	}
	end, err := dns.PackRR(rr, p.buf, p.off, p.names, true)
	if p.count > 0 && (err != nil || end > p.size) {
		if p.flush(); p.ended {
			return
		}
		end, err = dns.PackRR(rr, p.buf, p.off, p.names, true)
	}
	if err != nil {
		panic(fmt.Sprintf("primarytest: zone %s: %v: %v", p.origin, rr, err))
	}
	p.off = end
	p.count++
}

// addEndless adds the A record of a name of its own. It is made by hand, since there may be millions.
func (p *packer) addEndless(i int) {
	const size = 32 // label, pointer to the question or to the first record, fixed fields, address
	if p.count > 0 && (p.off+size > p.size || p.perMessage > 0 && p.count >= p.perMessage) {
		if p.flush(); p.ended {
			return
		}
	}
	b := p.buf[:p.off]
	b = append(b, 15)
	b = fmt.Appendf(b, "endless%08d", i)
	if at, ok := p.names[p.origin]; ok {
		b = binary.BigEndian.AppendUint16(b, 0xC000|uint16(at))
	} else if end, err := dns.PackDomainName(p.origin, p.buf, len(b), nil, false); err == nil {
		b = p.buf[:end]
	}
	b = append(b, 0, byte(dns.TypeA), 0, byte(dns.ClassINET), 0, 0, 0, 60, 0, 4, 192, 0, 2, 1)
	p.off = len(b)
	p.count++
}

// flush hands the message on and starts the next.
func (p *packer) flush() {
	binary.BigEndian.PutUint16(p.buf[6:], uint16(p.count))
	p.ended = !p.yield(p.buf[:p.off])
	p.sent++
	p.begin()
}
