package dnssec

import (
	"encoding/binary"
	"maps"

	"github.com/concord-dns/concord/internal/zone"
)

// A tally adds up what a State keeps of signatures. Unchanged RRsets need not be looked at to keep it right: what an RRset adds
// follows from its signatures and the keys, and where it does not, odd has it.
type tally struct {
	until expiries
	// lacking counts the RRsets without a good signature of an algorithm, by its place in a mask.
	lacking [len(algorithms)]int
	rrsets  int // that are as they should be
	// odd are the RRsets whose standing is not what was expected: a signature that is not valid or does not verify beside one
	// that does. There are hardly ever any.
	odd map[string]standing
	// inception is the latest of signatures that were counted, and stays when they go.
	inception int64
	// records and matched count, for each chain, the NSEC3 records and the names that have one.
	records, matched [maxChains]int
	// verified counts the signatures that were verified in one call.
	verified int
}

// maxOdd bounds what is kept. A zone with more is at fault.
const maxOdd = 1024

func newTally() tally { return tally{until: newExpiries()} }

func (t *tally) add(all mask, s standing) {
	t.rrsets++
	t.until.add(s.until, 1)
	t.lack(all&^s.good, 1)
}

func (t *tally) remove(all mask, s standing) {
	t.rrsets--
	t.until.remove(s.until)
	t.lack(all&^s.good, -1)
}

func (t *tally) lack(m mask, n int) {
	for i := range t.lacking {
		if m>>i&1 != 0 {
			t.lacking[i] += n
		}
	}
}

func (t *tally) setOdd(at *place, typ uint16, s standing) {
	if t.odd == nil {
		t.odd = map[string]standing{}
	}
	if len(t.odd) <= maxOdd {
		t.odd[oddKey(at, typ)] = s
	}
}

func oddKey(at *place, typ uint16) string {
	if at.nsec3 {
		typ = 0 // nothing else in that tree is signed
	}
	var buf [zone.MaxKey + 2]byte
	return string(binary.BigEndian.AppendUint16(append(buf[:0], at.key...), typ))
}

func (t *tally) merge(u *tally) {
	t.until.merge(&u.until)
	for i, n := range u.lacking {
		t.lacking[i] += n
	}
	t.rrsets += u.rrsets
	t.verified += u.verified
	t.inception = max(t.inception, u.inception)
	if t.odd == nil {
		t.odd = u.odd
	} else {
		maps.Copy(t.odd, u.odd)
	}
	for i := range t.records {
		t.records[i] += u.records[i]
		t.matched[i] += u.matched[i]
	}
}

// clone returns a copy that can be changed, without the counts of one call.
func (t *tally) clone() tally {
	return tally{until: t.until.clone(), lacking: t.lacking, rrsets: t.rrsets, odd: maps.Clone(t.odd), inception: t.inception}
}
