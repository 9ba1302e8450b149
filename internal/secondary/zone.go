package secondary

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// A Zone is one zone that is kept in step with its primaries. Its methods may be called by any number of goroutines.
//
//	       Start             timer, NOTIFY, answer
//	new ----------> at rest ----------------------> at work
//	                   ^                              |
//	                   +------ nothing left to do ----+
//
//	Stop, from any of them, waits for what runs: stopped.
type Zone struct {
	config   config.Zone
	apex     zone.Name
	options  Options
	snapshot atomic.Pointer[Snapshot]
	status   atomic.Pointer[Status]
	refused  atomic.Uint64 // NOTIFYs that nobody here may send

	ctx    context.Context // of every transfer; ended by Stop
	cancel context.CancelFunc
	work   sync.WaitGroup // the zone's goroutine, and its jobs from entering a gate to their end

	mu      sync.Mutex // guards what follows; held for a few instructions, never while anything waits or is computed
	started bool
	stopped bool
	working bool // the zone's goroutine runs
	timer   *time.Timer
	inbox   inbox

	life life // belongs to the zone's goroutine
}

// inbox holds what came in since the zone's goroutine looked last.
type inbox struct {
	look     bool // something is due: the timer fired
	answers  []answer
	notifies int
	from     []netip.Addr // the addresses that NOTIFYs came from, within bounds
}

func (in *inbox) empty() bool { return !in.look && len(in.answers) == 0 && in.notifies == 0 }

// Options are what a zone gets from its surroundings.
type Options struct {
	// Client asks primaries. It is required.
	Client *xfr.Client
	// Limiter is shared by all zones of the process. It is required.
	Limiter *Limiter
	// Events is told what happens, one event at a time and in order, by the zone's goroutine: it must not wait. It may be nil.
	Events func(Event)
	// Seed spreads the timers of zones: it should differ from zone to zone.
	Seed uint64
	// Predecessor, if any, is the zone of the same name that this one takes over from, with all that is known of it.
	Predecessor *Zone
}

// Snapshot is what answering a question needs to know of a zone. It never changes; the next one takes its place.
type Snapshot struct {
	Version  *zone.Version // nil before the first
	Expired  bool          // the version must not be served
	State    parity.State
	ExpireAt time.Time // zero before the first version
}

// New returns a zone, at rest. The configuration has been validated.
func New(cfg config.Zone, o Options) (*Zone, error) {
	if o.Client == nil || o.Limiter == nil {
		return nil, errors.New("secondary: Options.Client and Options.Limiter are required")
	}
	apex, err := zone.ParseName(cfg.Origin)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", cfg.Origin, err)
	}
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	z := &Zone{config: cfg, apex: apex, options: o}
	z.ctx, z.cancel = context.WithCancel(context.Background())
	z.life.init(z)
	if o.Predecessor != nil {
		z.life.inherit(o.Predecessor)
	}
	z.publish(time.Now())
	return z, nil
}

// Start has the primaries asked for the first time. Starting twice is starting once.
func (z *Zone) Start() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.started || z.stopped {
		return
	}
	z.started = true
	z.timer = time.AfterFunc(0, z.wakeByTimer)
}

// Stop ends whatever the zone has under way and waits for it. What was served last stays in the snapshot. Stopping twice is
// stopping once.
func (z *Zone) Stop() {
	z.mu.Lock()
	z.stopped = true
	if z.timer != nil {
		z.timer.Stop()
	}
	z.mu.Unlock()
	z.cancel()
	for _, p := range z.life.primaries {
		p.abandon(&z.options.Limiter.probes)
		p.abandon(&z.options.Limiter.transfers)
	}
	z.work.Wait()
}

// Config returns what the zone was made with.
func (z *Zone) Config() config.Zone { return z.config }

// Snapshot returns what is to be served now.
func (z *Zone) Snapshot() *Snapshot { return z.snapshot.Load() }

// NotifyResult says what became of a NOTIFY.
type NotifyResult uint8

const (
	NotifyAccepted NotifyResult = iota // the primaries will be asked
	NotifyFolded                       // they were to be asked already
	NotifyRefused                      // not from a primary of this zone
)

// String returns the result in one word.
func (r NotifyResult) String() string {
	switch r {
	case NotifyAccepted:
		return "accepted"
	case NotifyFolded:
		return "folded"
	case NotifyRefused:
		return "refused"
	}
	return fmt.Sprintf("NotifyResult(%d)", uint8(r))
}

// Notify says that a NOTIFY came from an address. It returns at once; the zone's own goroutine does what it asks for. Whether
// the message told a serial does not matter: it could be anybody's invention, and the primaries are asked anyway.
func (z *Zone) Notify(from netip.Addr) NotifyResult {
	from = from.Unmap()
	if z.primaryAt(from) < 0 {
		z.refused.Add(1)
		return NotifyRefused
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.inbox.notifies++
	if len(z.inbox.from) < config.MaxPrimaries && !slices.Contains(z.inbox.from, from) {
		z.inbox.from = append(z.inbox.from, from)
	}
	if z.inbox.notifies > 1 {
		return NotifyFolded
	}
	z.wake()
	return NotifyAccepted
}

// primaryAt returns the index of the primary that may send a NOTIFY from an address, or -1.
func (z *Zone) primaryAt(from netip.Addr) int {
	for i := range z.config.Primaries {
		p := &z.config.Primaries[i]
		for _, addr := range p.Addresses {
			if addr.Addr().Unmap().WithZone("") == from.WithZone("") {
				return i
			}
		}
		for _, prefix := range p.NotifyFrom {
			if prefix.Contains(from.WithZone("")) {
				return i
			}
		}
	}
	return -1
}

func (z *Zone) wakeByTimer() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.inbox.look = true
	z.wake()
}

// deliver hands over what a primary answered.
func (z *Zone) deliver(a answer) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.inbox.answers = append(z.inbox.answers, a)
	z.wake()
}

// wake starts the zone's goroutine unless it runs. It is called with the lock held.
func (z *Zone) wake() {
	if !z.started || z.stopped || z.working {
		return
	}
	z.working = true
	z.work.Go(z.run)
}

// run is the zone's goroutine: it deals with what came in until there is nothing more.
func (z *Zone) run() {
	var wakeAt time.Time
	for {
		in, ok := z.take(wakeAt)
		if !ok {
			return
		}
		wakeAt = z.life.advance(in, time.Now())
	}
}

// take empties the inbox. If it is empty already, it sets the timer for the zone's rest, and says false.
func (z *Zone) take(wakeAt time.Time) (inbox, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.stopped || z.inbox.empty() {
		z.working = false
		if !z.stopped && !wakeAt.IsZero() {
			// An instant that has just passed is due; the floor keeps a mistake here from being a busy loop.
			z.timer.Reset(max(time.Until(wakeAt), time.Millisecond))
		}
		return inbox{}, false
	}
	in := z.inbox
	z.inbox = inbox{}
	return in, true
}
