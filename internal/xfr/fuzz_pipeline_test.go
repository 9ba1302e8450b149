package xfr

import (
	"encoding/binary"
	"slices"
	"testing"
)

// FuzzPipeline sorts what would come over a connection on which eight questions are under way: the reader's with the id 0, six
// that wait with the ids 1 to 6, one that has yet to ask with the id 7, and two that nobody waits for with the ids 8 and 9.
func FuzzPipeline(f *testing.F) {
	answer := func(id uint16) []byte {
		msg := make([]byte, headerSize)
		binary.BigEndian.PutUint16(msg, id)
		return msg
	}
	for _, ids := range [][]uint16{
		{0}, {6, 5, 4, 3, 2, 1, 0}, {8, 1, 9, 2, 0}, {8, 8}, {1, 1}, {7}, {1000}, {1, 2, 3, 4, 5, 6, 8, 9, 1000},
	} {
		var msgs [][]byte
		for _, id := range ids {
			msgs = append(msgs, answer(id))
		}
		f.Add(join(msgs...))
	}
	f.Add(join([]byte{0, 1}, answer(0)))
	f.Add(join(nil, answer(0)))
	f.Add(join(append(answer(3), make([]byte, 1000)...), answer(0)))
	f.Fuzz(func(t *testing.T, octets []byte) {
		p := &peer{}
		l := newLink(p)
		l.lost = []uint16{8, 9}
		var all []*waiter
		for id := range uint16(8) {
			w := &waiter{id: id, asked: id < 7, woken: make(chan struct{}, 1)}
			all = append(all, w)
			l.waiting = append(l.waiting, w)
		}
		l.reader = all[0]
		under := len(l.waiting) + len(l.lost)
		for _, msg := range split(octets) {
			ours, err := l.sort(all[0], msg)
			now := len(l.waiting) + len(l.lost)
			switch {
			case ours && err != nil:
				t.Fatalf("ours, and yet %v", err)
			case now > under || err != nil && now != under:
				t.Fatalf("%d under way after %d", now, under)
			case ours && (len(l.waiting) > 1 || len(l.lost) > 0) && binary.BigEndian.Uint16(msg) != 0:
				t.Fatalf("%x is not the reader's", msg)
			case !ours && err == nil && now != under-1:
				t.Fatalf("%x is nobody's", msg)
			}
			under = now
			for i, w := range all {
				left := !slices.Contains(l.waiting, w)
				if left != (w.answer != nil) || left != (len(w.woken) > 0) || left && (!w.asked || binary.BigEndian.Uint16(w.answer) != uint16(i)) {
					t.Fatalf("question %d has %x, woken %d, left %v", i, w.answer, len(w.woken), left)
				}
			}
			if ours || err != nil {
				return
			}
			clear(msg) // what others have been given is theirs
		}
	})
}
