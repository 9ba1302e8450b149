package primarytest

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// Queries that come one behind the other are answered as the test wants it, on as many connections as it wants.
func TestPipelined(t *testing.T) {
	p := New(t, Make(t, "example.org.", 7, hosts...))
	next := func(ids []uint16, i int) uint16 { return ids[(i+1)%len(ids)] }
	for _, test := range []struct {
		pipelined Pipelined
		want      []uint16 // ids of the answers
		closed    bool     // after them
	}{
		{Pipelined{Gather: 3}, []uint16{1, 2, 3, 4}, false},
		{Pipelined{Gather: 3, Backwards: true}, []uint16{3, 2, 1, 4}, false},
		{Pipelined{Gather: 3, Answer: 1}, []uint16{1, 4}, false},
		{Pipelined{Gather: 3, Answer: 2, Close: true}, []uint16{1, 2}, true},
		{Pipelined{Gather: 3, ID: next}, []uint16{2, 3, 1, 4}, false},
		{Pipelined{Gather: 3, Connections: 1, Backwards: true}, []uint16{1, 2, 3, 4}, false}, // this is not the first
	} {
		p.Behave(Behaviour{Pipelined: test.pipelined})
		c := connect(t, p)
		conn := &dns.Conn{Conn: c}
		asked := uint16(4)
		if test.closed {
			asked = 3
		}
		for id := range asked {
			q := query("example.org.", dns.TypeSOA)
			q.Id = 1 + id
			if err := conn.WriteMsg(q); err != nil {
				t.Fatal(err)
			}
		}
		var ids []uint16
		for range test.want {
			m, err := readMessage(c)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.Id)
		}
		if !slices.Equal(ids, test.want) {
			t.Errorf("%+v: answers %v, want %v", test.pipelined, ids, test.want)
		}
		if test.closed {
			if m, err := readMessage(c); err == nil {
				t.Errorf("%+v: %v after the last", test.pipelined, m)
			}
		}
	}
}
