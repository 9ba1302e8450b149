package dnssec

import (
	"cmp"
	"math"
	"slices"
)

// expiries counts when signatures expire, so that the earliest is known although signatures come and go. It keeps the earliest
// instants only: signers spread them, and a zone may have as many as it has signatures. When all that it kept are gone, the zone
// has to be gone through again (known says so); that many signatures were replaced by then, so that it is paid for.
type expiries struct {
	list []instant // in order
	// horizon is the first instant of which nothing is kept.
	horizon int64
}

type instant struct {
	at    int64 // Unix time
	count int
}

const maxInstants = 1024

func newExpiries() expiries { return expiries{horizon: math.MaxInt64} }

func (e *expiries) add(at int64, count int) {
	if at >= e.horizon {
		return
	}
	i, found := e.find(at)
	if found {
		e.list[i].count += count
		return
	}
	e.list = slices.Insert(e.list, i, instant{at, count})
	if len(e.list) > maxInstants {
		e.horizon = e.list[maxInstants].at
		e.list = e.list[:maxInstants]
	}
}

func (e *expiries) remove(at int64) {
	if at >= e.horizon {
		return
	}
	if i, found := e.find(at); found {
		if e.list[i].count--; e.list[i].count == 0 {
			e.list = slices.Delete(e.list, i, i+1)
		}
	}
}

func (e *expiries) find(at int64) (int, bool) {
	return slices.BinarySearchFunc(e.list, at, func(i instant, at int64) int { return cmp.Compare(i.at, at) })
}

// merge adds what another has counted.
func (e *expiries) merge(f *expiries) {
	e.horizon = min(e.horizon, f.horizon)
	i, _ := e.find(e.horizon)
	e.list = e.list[:i]
	for _, at := range f.list {
		e.add(at.at, at.count)
	}
}

// known reports whether the earliest is known, if there is any.
func (e *expiries) known() bool { return len(e.list) > 0 || e.horizon == math.MaxInt64 }

// earliest returns the earliest instant; ok is false when there is none.
func (e *expiries) earliest() (at int64, ok bool) {
	if len(e.list) == 0 {
		return 0, false
	}
	return e.list[0].at, true
}

func (e *expiries) clone() expiries { return expiries{slices.Clone(e.list), e.horizon} }
