package secondary

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

var (
	simZones = flag.Int("sim.zones", 10_000, "how many zones TestSimulation has; a tenth with -short, or the race detector")
	simDays  = flag.Int("sim.days", 7, "and for how many days of virtual time")
)

// raced says that the race detector watches.
var raced bool

// TestSimulation has ten thousand zones with the same timers live for a week of virtual time with two primaries:
//
//	hour 0    all are loaded at once
//	day 1     one primary hangs for six hours
//	day 3     the process is restarted with what it knew, ten minutes after it ended
//	day 4     both primaries refuse connections for two hours
//
// What has to be asked is spread over time whatever happens. With -v it prints the questions of each hour, and how many there
// were in the busiest second of it.
func TestSimulation(t *testing.T) {
	zones := *simZones
	if testing.Short() || raced {
		zones /= 10
	}
	synctest.Test(t, func(t *testing.T) { newSimulation(t, zones).run(*simDays) })
}

const (
	simRefresh = 4 * time.Hour
	simRetry   = time.Hour
)

type simulation struct {
	t       *testing.T
	begin   time.Time
	before  uint64 // bytes of heap
	limiter *Limiter
	conns   xfr.Conns
	zones   []*Zone
	configs []config.Zone
	kept    []State
	held    [][]*zone.Version
	servers [2]simServer
}

// simServer is a primary that has every zone, with two records.
type simServer struct {
	addr netip.AddrPort

	mu       sync.Mutex // guards what follows
	hangs    bool
	refuses  bool
	seconds  []uint32 // questions in each second
	open     int
	mostOpen int
}

func newSimulation(t *testing.T, zones int) *simulation {
	s := &simulation{t: t, begin: time.Now(), limiter: NewLimiter(0)}
	for i := range s.servers {
		s.servers[i].addr = netip.MustParseAddrPort(fmt.Sprintf("192.0.2.%d:53", i+1))
	}
	for i := range zones {
		cfg := config.Defaults()
		cfg.Origin = fmt.Sprintf("zone%d.example.", i)
		for k := range s.servers {
			cfg.Primaries = append(cfg.Primaries, config.Primary{
				Name: fmt.Sprintf("ns%d", k+1), Addresses: []netip.AddrPort{s.servers[k].addr},
			})
		}
		s.configs = append(s.configs, cfg)
	}
	t.Cleanup(s.conns.Close)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	s.before = m.HeapAlloc
	return s
}

func (s *simulation) run(days int) {
	s.start()
	s.until(time.Minute)
	s.serving("loaded")
	s.memory()
	day := 24 * time.Hour
	for d := range days {
		at := time.Duration(d) * day
		switch d {
		case 1:
			s.until(at)
			s.servers[0].set(true, false)
			s.until(at + 6*time.Hour)
			s.servers[0].set(false, false)
		case 3:
			s.until(at)
			s.restart(10 * time.Minute)
		case 4:
			s.until(at)
			s.servers[0].set(false, true)
			s.servers[1].set(false, true)
			s.until(at + 2*time.Hour)
			s.servers[0].set(false, false)
			s.servers[1].set(false, false)
		}
		s.until(at + day)
		s.serving(fmt.Sprintf("after day %d", d))
	}
	for _, z := range s.zones {
		z.Stop()
	}
	s.check(days)
}

// start has all zones run, with what is kept of them.
func (s *simulation) start() {
	s.zones = nil
	for i, cfg := range s.configs {
		o := Options{Client: &xfr.Client{Dial: s.dial, Conns: &s.conns}, Limiter: s.limiter, Seed: uint64(i)*7919 + uint64(len(s.kept))}
		if s.kept != nil {
			o.Restored, o.Versions = &s.kept[i], s.held[i]
		}
		z, err := New(&cfg, o)
		if err != nil {
			s.t.Fatal(err)
		}
		s.zones = append(s.zones, z)
	}
	for _, z := range s.zones {
		z.Start()
	}
}

func (s *simulation) restart(after time.Duration) {
	for _, z := range s.zones {
		state, versions := z.State()
		s.kept, s.held = append(s.kept, state), append(s.held, versions)
		z.Stop()
	}
	time.Sleep(after)
	s.start()
}

// until lets time pass, up to an instant since the begin.
func (s *simulation) until(at time.Duration) {
	time.Sleep(time.Until(s.begin.Add(at)))
	synctest.Wait()
}

// serving says that all zones have to be served.
func (s *simulation) serving(when string) {
	s.t.Helper()
	for _, z := range s.zones {
		if now := z.Snapshot(); now.Version == nil || now.Expired {
			s.t.Fatalf("%s: %s is not served: %+v", when, z.Config().Origin, z.Status())
		}
	}
}

// memory prints what zones at rest take, their two records included, and the test's own part of them.
func (s *simulation) memory() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.t.Logf("%d bytes of heap a zone at rest, altogether", (m.HeapAlloc-s.before)/uint64(len(s.zones)))
}

// check prints what each primary was asked, and holds it against what is meant by spread.
func (s *simulation) check(days int) {
	// If all were asked as evenly as can be, and as often as they may, each second had so many.
	even := float64(len(s.configs)) / (simRefresh * 3 / 4).Seconds()
	most := uint32(12 + 16*even)
	for i := range s.servers {
		v := &s.servers[i]
		v.mu.Lock()
		seconds, mostOpen := v.seconds, v.mostOpen
		v.mu.Unlock()
		total := uint32(0)
		var table strings.Builder
		for hour := range days * 24 {
			in := seconds[min(hour*3600, len(seconds)):min((hour+1)*3600, len(seconds))]
			var sum, peak uint32
			for _, n := range in {
				sum, peak = sum+n, max(peak, n)
			}
			total += sum
			if hour%24 == 0 {
				fmt.Fprintf(&table, "\nday %d:", hour/24)
			}
			fmt.Fprintf(&table, " %d/%d", sum, peak)
			if hour > 0 && peak > most {
				s.t.Errorf("hour %d: ns%d was asked %d questions in one second, want at most %d", hour, i+1, peak, most)
			}
		}
		// Each zone asks each primary at least once a refresh, and at most once a retry beside.
		if least, bound := float64(days)*24*3600/simRefresh.Seconds()*0.8, float64(days)*24*3600/simRetry.Seconds(); float64(total) < least*float64(len(s.configs)) ||
			float64(total) > bound*float64(len(s.configs)) {
			s.t.Errorf("ns%d was asked %d questions", i+1, total)
		}
		s.t.Logf("ns%d: %d questions, %.2f a second were even; at most %d connections at once; in each hour, and in its busiest second:%s",
			i+1, total, even, mostOpen, table.String())
		if mostOpen > config.DefaultTransfers*(probesPerTransfer+1)+4 {
			s.t.Errorf("ns%d had %d connections at once", i+1, mostOpen)
		}
	}
}

func (v *simServer) set(hangs, refuses bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hangs, v.refuses = hangs, refuses
}

func (v *simServer) down() (hangs, refuses bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hangs, v.refuses
}

// asked counts one question, or an attempt at one.
func (v *simServer) asked(since time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	second := int(time.Since(since) / time.Second)
	if short := second + 1 - len(v.seconds); short > 0 {
		v.seconds = slices.Grow(v.seconds, short)[:second+1]
	}
	v.seconds[second]++
}

// questions returns how many there were from a second on.
func (v *simServer) questions(from int) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, in := range v.seconds[from:] {
		n += int(in)
	}
	return n
}

func (s *simulation) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	v := &s.servers[0]
	if v.addr.String() != addr {
		v = &s.servers[1]
	}
	hangs, refuses := v.down()
	switch {
	case hangs:
		v.asked(s.begin)
		<-ctx.Done()
		return nil, ctx.Err()
	case refuses:
		v.asked(s.begin)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open++
	v.mostOpen = max(v.mostOpen, v.open)
	return &simConn{simulation: s, server: v, closed: make(chan struct{}), news: make(chan struct{}, 1)}, nil
}
