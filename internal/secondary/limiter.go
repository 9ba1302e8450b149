package secondary

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/concord-dns/concord/internal/config"
)

// A Limiter bounds what all zones of the process do at once: how many transfers run, and how many primaries are asked for
// their SOA. It is fair: primaries take turns, so that a zone waits for its own primaries and not for somebody else's, and
// a primary that does not answer gets few of the places. Whoever waits costs no goroutine.
//
// It owns the goroutines that do the work, each for as long as one job runs, and those in which zones deal with what comes of it; a
// zone waits for its own when it stops.
type Limiter struct {
	probes, transfers gate
	runners           runners
	outages           outages
	trim              trimmer
	pace              pacer
}

// probesPerTransfer is how many SOA probes may run for each transfer that may: they share connections, and hold no memory.
const probesPerTransfer = 8

// NewLimiter returns a Limiter for so many transfers at once (0: [config.DefaultTransfers]).
func NewLimiter(transfers int) *Limiter {
	l := &Limiter{}
	l.Resize(transfers)
	return l
}

// Resize changes how many transfers may run at once. Those that run are left alone.
func (l *Limiter) Resize(transfers int) {
	if transfers <= 0 {
		transfers = config.DefaultTransfers
	}
	l.probes.resize(transfers * probesPerTransfer)
	l.transfers.resize(transfers)
}

// job is one piece of work at one gate. It is part of what it works for, so that a queue of thousands allocates nothing.
type job struct {
	key    netip.AddrPort // the primary's first address: whoever shares it shares the primary
	most   int            // the most of this primary's at once; 0 leaves it to the gate
	urgent bool           // goes before most others of the same primary: a NOTIFY asked for it
	run    func() bool    // says whether the primary answered

	at         atomic.Pointer[gate] // whose queue it waits in, nil while in none: set under that gate's lock, read under any
	next, prev *job
	in         *queue
}

// gate lets a number of jobs run at once.
type gate struct {
	mu      sync.Mutex // guards all below and the links of the jobs; nothing waits under it
	limit   int
	running int
	lanes   map[netip.AddrPort]*lane
	turn    []*lane                 // those with a queue, in the order in which they are served
	known   map[netip.AddrPort]bool // whether the primary answered last time
}

// lane is what one primary has to do with a gate.
type lane struct {
	key     netip.AddrPort
	urgent  queue
	routine queue
	row     int // urgent jobs since the last of routine
	running int
	inTurn  bool
}

// urgentRow is how many urgent jobs go before one of routine: a flood of NOTIFYs must not let zones expire.
const urgentRow = 8

// queue is a list of jobs that wait.
type queue struct{ first, last *job }

func (g *gate) resize(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
	if g.lanes == nil {
		g.lanes, g.known = make(map[netip.AddrPort]*lane), make(map[netip.AddrPort]bool)
	}
	g.start()
}

// enter runs j in a goroutine of its own once there is a place.
func (g *gate) enter(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lane(j.key)
	j.at.Store(g)
	if j.urgent {
		l.urgent.push(j)
	} else {
		l.routine.push(j)
	}
	if !l.inTurn {
		l.inTurn = true
		g.turn = append(g.turn, l)
	}
	g.start()
}

// leave takes j out of the queue and says whether it was in it: if so it will not run. It may be about to enter another gate,
// whose lock guards its links then.
func (g *gate) leave(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if j.at.Load() != g {
		return false
	}
	j.leave()
	return true
}

// claim takes a place for j at once, without queueing, if there is one that nobody waits for. Release gives it back.
func (g *gate) claim(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.start() // lanes without a queue leave the turn
	if l := g.lane(j.key); g.running < g.limit && l.next() == nil && l.running < g.most(l, j) {
		l.running++
		g.running++
		return true
	}
	g.forget(g.lane(j.key))
	return false
}

// release ends what claim began, or a job.
func (g *gate) release(key netip.AddrPort, answered bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lane(key)
	g.running--
	l.running--
	g.known[key] = answered
	g.forget(l)
	g.start()
}

func (g *gate) lane(key netip.AddrPort) *lane {
	l := g.lanes[key]
	if l == nil {
		l = &lane{key: key}
		g.lanes[key] = l
	}
	return l
}

// answers reports whether a primary is known to answer.
func (g *gate) answers(key netip.AddrPort) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known[key]
}

// start runs what there is a place for. It is called with the lock held.
func (g *gate) start() {
	for skipped := 0; g.running < g.limit && skipped < len(g.turn); {
		l := g.turn[0]
		g.turn = g.turn[1:]
		j := l.next()
		if j == nil {
			l.inTurn = false
			g.forget(l)
			continue
		}
		g.turn = append(g.turn, l)
		if l.running >= g.most(l, j) {
			skipped++
			continue
		}
		skipped = 0
		if l.row++; !j.urgent {
			l.row = 0
		}
		j.leave()
		l.running++
		g.running++
		go g.work(j)
	}
}

// most is how many places the primary of l may have now. One alone may have all; beside others it may have half, and an
// eighth while it does not answer, so that primaries which are down leave room for those which are not.
func (g *gate) most(l *lane, j *job) int {
	n := g.limit
	answered, asked := g.known[l.key]
	switch {
	case asked && !answered:
		n = max(1, n/8)
	case len(g.lanes) > 1:
		n = max(1, n/2)
	}
	if j.most > 0 {
		n = min(n, j.most)
	}
	return n
}

func (g *gate) work(j *job) {
	key := j.key
	g.release(key, j.run()) // once it has delivered its answer, j may be in use again
}

// forget drops a lane that nobody uses.
func (g *gate) forget(l *lane) {
	if l.next() == nil && l.running == 0 && !l.inTurn {
		delete(g.lanes, l.key)
	}
}

// next returns the job that is next, nil if none waits.
func (l *lane) next() *job {
	if l.routine.first == nil || l.urgent.first != nil && l.row < urgentRow {
		return l.urgent.first
	}
	return l.routine.first
}

func (q *queue) push(j *job) {
	j.in, j.prev, j.next = q, q.last, nil
	if q.last == nil {
		q.first = j
	} else {
		q.last.next = j
	}
	q.last = j
}

// leave takes a job out of the queue that it is in.
func (j *job) leave() {
	q := j.in
	if j.prev == nil {
		q.first = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		q.last = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.in, j.next, j.prev = nil, nil, nil
	j.at.Store(nil)
}
