package dnssec

import (
	"bytes"
	"slices"
	"sync"

	"github.com/concord-dns/concord/internal/zone"
)

// A worker looks at one name after the other. What it has beside the checker is scratch memory, and what it counts.
type worker struct {
	*checker
	tally tally

	owner, other    zone.Name
	key, prev       zone.Key
	sets, sigs      []zone.RRset
	types           []uint16
	insecure        bool // the name is a delegation without DS
	list, past      []candidate
	signed, scratch []byte
}

// batchSize is how many names a worker takes at once: few enough to share out the names of a small change.
const batchSize = 16

// batch is some names on their way to a worker.
type batch struct {
	items []item
	keys  []byte
}

func (b *batch) full() bool { return len(b.items) == batchSize }

func (b *batch) add(it item) {
	start := len(b.keys) // of room that suffices for all, so that nothing moves
	b.keys = append(b.keys, it.key...)
	it.key = b.keys[start:]
	b.items = append(b.items, it)
}

// share has workers look at the names that feed yields, and returns what they counted.
func (c *checker) share(feed func(yield func(item) bool)) tally {
	var (
		wg      sync.WaitGroup
		todo    = make(chan *batch, c.workers)
		free    = make(chan *batch, 2*c.workers+1)
		running = newPermits(c.workers)
		tallies = make([]tally, c.workers)
	)
	for range cap(free) {
		free <- &batch{make([]item, 0, batchSize), make([]byte, 0, batchSize*zone.MaxKey)}
	}
	for i := range c.workers {
		wg.Go(func() {
			w := &worker{checker: c, tally: newTally()}
			for b := range todo {
				running.enter()
				for i := range b.items {
					if !c.stopped.Load() {
						w.do(&b.items[i])
					}
				}
				running.leave()
				b.items, b.keys = b.items[:0], b.keys[:0]
				free <- b
			}
			tallies[i] = w.tally
		})
	}
	b := <-free
	feed(func(it item) bool {
		if b.add(it); b.full() {
			todo <- b
			b = <-free
			running.share(c)
		}
		return !c.stopped.Load()
	})
	todo <- b
	close(todo)
	wg.Wait()
	sum := newTally()
	for i := range tallies {
		sum.merge(&tallies[i])
	}
	return sum
}

// permits let as many workers run as there are processors for.
type permits struct {
	free chan struct{}
	all  int
}

func newPermits(n int) *permits {
	p := &permits{free: make(chan struct{}, n)}
	p.set(n)
	return p
}

func (p *permits) enter() { <-p.free }
func (p *permits) leave() { p.free <- struct{}{} }

// share lets others have the processors if it is time to, while no worker runs, and takes what nobody wants. One goroutine calls it.
func (p *permits) share(c *checker) {
	if c.turns == nil {
		return
	}
	if c.turns.Wanted() {
		for range p.all {
			p.enter()
		}
		p.all = 0
		p.set(max(1, c.yield()))
	} else if p.all < c.workers {
		p.set(c.turns.More(c.workers))
	}
}

// set makes so many permits, or as many as there can be.
func (p *permits) set(n int) {
	for n = min(n, cap(p.free)); p.all < n; p.all++ {
		p.leave()
	}
}

// runAll looks at every name.
func (c *checker) runAll() {
	c.all = true
	c.tally = c.share(c.walk)
	for i, chain := range c.chains {
		if c.tally.records[i] != c.tally.matched[i] && !c.stopped.Load() {
			c.extras(chain)
		}
	}
}

// walk yields every name.
func (c *checker) walk(yield func(item) bool) {
	var key, last, cut zone.Key
	inside := false // below cut
	for n := range c.v.Walk() {
		key = n.AppendKey(key[:0])
		it := item{kind: itemName, node: n, key: key, out: inside && bytes.HasPrefix(key, cut), trusted: c.trusts(key, false)}
		if !it.out {
			it.common = key.Common(last)
			last = append(last[:0], key...)
			if inside = n.Delegation() || n.DNAME(); inside {
				cut = append(cut[:0], key...)
			}
		}
		if !yield(it) {
			return
		}
	}
	for n := range c.v.WalkNSEC3() {
		key = n.AppendKey(key[:0])
		if !yield(item{kind: itemHashed, node: n, key: key, trusted: c.trusts(key, true)}) {
			return
		}
	}
}

// trusts reports whether the RRsets of a name are those of before.
func (c *checker) trusts(key zone.Key, hashed bool) bool {
	if c.before == nil {
		return false
	}
	names := c.change.names
	if hashed {
		names = c.change.hashed
	}
	_, changed := names[string(key)]
	return !changed
}

// extras finds the records of a chain that are of no name. The hashes of all names are needed for it, and it is gone through only when it
// is known that there is something to find.
func (c *checker) extras(of chain) {
	var hashes []zone.NSEC3Hash
	var hash zone.NSEC3Hash
	var owner, scratch []byte
	add := func(key zone.Key) {
		owner = zone.AppendOwner(owner[:0], key, c.apex)
		hash, scratch = of.hash(owner, scratch)
		hashes = append(hashes, hash)
	}
	c.walk(func(it item) bool {
		if it.kind == itemName && !it.out {
			for labels := it.common + 1; labels < it.key.Labels(); labels++ {
				add(it.key.First(labels))
			}
			add(it.key)
		}
		return !c.stopped.Load()
	})
	compare := func(a, b zone.NSEC3Hash) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(hashes, compare)
	w := worker{checker: c}
	var key zone.Key
	for n := range c.v.WalkNSEC3() {
		if _, ok := of.at(n); !ok {
			continue
		}
		key = n.AppendKey(key[:0])
		if len(key) == hashKey {
			if _, err := base32Hex.Decode(hash[:], key[:hashKey-1]); err == nil {
				if _, ok := slices.BinarySearchFunc(hashes, hash, compare); ok {
					continue
				}
			}
		}
		w.extra(key)
	}
}
