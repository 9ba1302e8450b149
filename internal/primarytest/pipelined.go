package primarytest

import (
	"net"
	"slices"

	"github.com/miekg/dns"
)

// Pipelined is how a primary answers queries that come over one connection before the first of them is answered (RFC 7766
// section 6.2.1.1). The zero Pipelined answers one after the other, as they came.
type Pipelined struct {
	// Gather: the first so many queries of a connection are read before any is answered. The others are as all below has it
	// for these.
	Gather int
	// Connections: only the first so many connections gather; 0: all.
	Connections int

	// Backwards: the last is answered first.
	Backwards bool
	// Answer: no more than so many are answered; 0: all.
	Answer int
	// Close: the connection is closed when they are answered, else it goes on; those without an answer never get one.
	Close bool
	// ID returns the id of the answer to the i-th of the queries with these ids; nil: its own.
	ID func(ids []uint16, i int) uint16
}

// received is one query as it came.
type received struct {
	query  *dns.Msg
	octets []byte
}

func receiveQuery(c net.Conn) (received, error) {
	octets, err := readOctets(c)
	if err != nil {
		return received{}, err
	}
	query := new(dns.Msg)
	return received{query, octets}, query.Unpack(octets)
}

// gather answers the first queries of the n-th connection, and returns false if that is the end of it.
func (p *Primary) gather(c net.Conn, n int) bool {
	b := p.behaviour.Load().Pipelined
	if b.Gather == 0 || b.Connections > 0 && n > b.Connections {
		return true
	}
	var queries []received
	var ids []uint16
	for range b.Gather {
		r, err := receiveQuery(c)
		if err != nil {
			return false
		}
		queries, ids = append(queries, r), append(ids, r.query.Id)
	}
	order := make([]int, b.Gather)
	for i := range order {
		order[i] = i
	}
	if b.Backwards {
		slices.Reverse(order)
	}
	if b.Answer > 0 {
		order = order[:b.Answer]
	}
	for _, i := range order {
		w := &writer{Primary: p, conn: c, query: queries[i].query, behaviour: &Behaviour{}}
		if b.ID != nil {
			id := b.ID(ids, i)
			w.id = &id
		}
		if p.answer(w, queries[i].query, queries[i].octets); w.failed {
			return false
		}
	}
	return !b.Close
}
