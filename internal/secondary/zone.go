package secondary

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/verify"
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
	config   *config.Zone // not altered
	apex     zone.Name
	options  Options
	snapshot atomic.Pointer[Snapshot]
	history  atomic.Pointer[[]*zone.Version]
	ring     *tsig.Keyring
	notices  notices

	checker    *verify.Checker
	comparison *parity.Comparison
	versions   versions

	ctx    context.Context // of every transfer; ended by Stop
	cancel context.CancelFunc
	work   sync.WaitGroup // the zone's goroutine, and its jobs from entering a gate to their end

	mu      sync.Mutex // guards what follows; held for a few instructions, never while anything waits or is computed
	started bool
	stopped bool
	working bool // the zone's goroutine runs
	looked  bool // it has run
	timer   *time.Timer
	inbox   inbox

	turn sync.Mutex // guards life: the zone's goroutine has it for each step, and who wants to know something for a moment
	life life
}

// inbox holds what came in since the zone's goroutine looked last.
type inbox struct {
	look     bool // something is due: the timer fired
	answers  []answer
	notifies int      // how many,
	notices  []notice // and the last of each primary
	checks   []recheck
	orders   []*order
	written  *written // how a write ended
	keep     bool     // all is to be written again
}

func (in *inbox) empty() bool {
	return !in.look && len(in.answers) == 0 && in.notifies == 0 && len(in.checks) == 0 && len(in.orders) == 0 &&
		in.written == nil && !in.keep
}

// Options are what a zone gets from its surroundings.
type Options struct {
	// Client asks primaries: for each of them a copy of it with the primary's keys, TLS and sources. It is required.
	Client *xfr.Client
	// KeyFiles are the key files of the process; nil: the zone reads its own.
	KeyFiles *tsig.Files
	// Limiter is shared by all zones of the process. It is required.
	Limiter *Limiter
	// Events is told what happens, one event at a time and in order, by the zone's goroutine: it must not wait. It may be nil.
	Events func(Event)
	// Checks bound what the checks of all zones take of the machine; nil: the zone has bounds of its own.
	Checks *verify.Limits
	// Secret keys what contents are compared by. It is drawn at random, once for the process, and told to nobody.
	Secret [32]byte
	// Store is where versions outlive the process, one for all zones that name the same file; nil: nowhere. Nothing is served that
	// is not there.
	Store *store.DB
	// Kept is what the store had of the zone when the process started. Predecessor wins over it, and it over Restored.
	Kept *store.Loaded
	// Seed spreads the timers of zones: it should differ from zone to zone.
	Seed uint64
	// StartWithin is the time after the start within which a zone that serves already looks at its primaries first, at an instant that
	// Seed chooses; at least a second. Many zones that start together should have more.
	StartWithin time.Duration
	// Predecessor, if any, is the zone of the same name that this one takes over from, with all that is known of it.
	Predecessor *Zone
	// Restored, if any, is what a zone of the same name knew before the process ended, and Versions are those that it names
	// by their roots. What is missing of them is not known any more.
	Restored *State
	Versions []*zone.Version
}

// Snapshot is what answering a question needs to know of a zone. It never changes; the next one takes its place.
type Snapshot struct {
	Version *zone.Version // nil before the first
	Expired bool          // the version must not be served,
	// Abandoned: and no primary gives us the zone: none can be reached, save those that refuse.
	Abandoned bool
	State     parity.State
	ExpireAt  time.Time // zero before the first version
}

// New returns a zone, at rest. The configuration has been validated, and is not to be altered from now on.
func New(cfg *config.Zone, o Options) (*Zone, error) {
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
	if z.ring, err = keyring(z.config, o.KeyFiles); err != nil {
		return nil, fmt.Errorf("zone %s: %w", cfg.Origin, err)
	}
	if z.options.Store == nil {
		z.options.Store = store.Off()
	}
	z.checker, z.comparison = newTrust(z, o.Predecessor)
	z.ctx, z.cancel = context.WithCancel(context.Background())
	z.life.init(z)
	z.life.keep = keeper{db: z.options.Store, bestEffort: z.config.Store.BestEffort}
	switch {
	case o.Predecessor != nil:
		z.life.inherit(o.Predecessor)
	case o.Kept != nil:
		z.life.takeUp(o.Kept, time.Now())
	case o.Restored != nil:
		z.life.restore(o.Restored, o.Versions, time.Now())
	}
	z.options.Predecessor, z.options.Restored, z.options.Versions, z.options.Kept = nil, nil, nil, nil // they are not to live as long
	z.publish()
	return z, nil
}

func keyring(cfg *config.Zone, files *tsig.Files) (*tsig.Keyring, error) {
	if files == nil {
		files = new(tsig.Files)
	}
	var open []*tsig.File
	for _, path := range cfg.KeyFiles {
		open = append(open, files.Open(path))
	}
	return tsig.NewKeyring(cfg.Keys, open, cfg.AllowMD5)
}

// Keyring returns the keys that the zone's primaries may name.
func (z *Zone) Keyring() *tsig.Keyring { return z.ring }

// Start has the primaries asked when that is due: at once, if nothing is known of the zone. Starting twice is starting once.
func (z *Zone) Start() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.started || z.stopped {
		return
	}
	z.started = true
	if after := startAfter(z.Snapshot(), &z.options); after > 0 {
		z.wakeIn(after)
		return
	}
	z.inbox.look = true // ten thousand timers that fire at once are as many goroutines
	z.wake()
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

// Config returns what the zone was made with. It is not to be altered.
func (z *Zone) Config() *config.Zone { return z.config }

// Snapshot returns what is to be served now.
func (z *Zone) Snapshot() *Snapshot { return z.snapshot.Load() }

// wakeIn sets the timer. It is called with the lock held.
func (z *Zone) wakeIn(d time.Duration) {
	if z.timer == nil {
		z.timer = time.AfterFunc(d, z.wakeByTimer)
	} else {
		z.timer.Reset(d)
	}
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

// wake has the zone run unless it does. It is called with the lock held.
func (z *Zone) wake() {
	if !z.started || z.stopped || z.working {
		return
	}
	z.working = true
	z.work.Add(1)
	z.options.Limiter.runners.run(z)
}

// run is what the zone's goroutine does: it deals with what came in until there is nothing more.
func (z *Zone) run() {
	var wakeAt time.Time
	for {
		in, ok := z.take(wakeAt)
		if !ok {
			return
		}
		wakeAt = z.step(in)
	}
}

// step brings the zone forward, and then tells of it: whoever is told may ask for the status.
func (z *Zone) step(in inbox) (wakeAt time.Time) {
	z.turn.Lock()
	wakeAt = z.life.advance(in, time.Now())
	events, replies := z.life.told()
	z.turn.Unlock()
	for _, e := range events {
		z.options.Events(e)
	}
	for _, g := range replies {
		g.order.reply <- g.reply
	}
	return wakeAt
}

// take empties the inbox. If it is empty already, it sets the timer for the zone's rest, and says false.
func (z *Zone) take(wakeAt time.Time) (inbox, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.stopped || z.inbox.empty() {
		z.working = false
		if !z.stopped && !wakeAt.IsZero() {
			// An instant that has just passed is due; the floor keeps a mistake here from being a busy loop.
			z.wakeIn(max(time.Until(wakeAt), time.Millisecond))
		}
		return inbox{}, false
	}
	in := z.inbox
	z.inbox, z.looked = inbox{}, true
	return in, true
}
