package concord

import (
	"cmp"
	crand "crypto/rand"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/xfr"
)

// process holds what runs in this process. Instances come and go with each reload of the Corefile; what two of them want
// alike is one zone that runs on, with its timers and all that it knows.
var process = newRegistry()

// A registry owns the zones that run, for as long as an instance holds them.
type registry struct {
	limiter  *secondary.Limiter
	notifier notifier
	memory   collection
	keyFiles tsig.Files     // zones that name the same file share it
	checks   *verify.Limits // what the checks of all zones take of the machine
	secret   [32]byte       // what contents are compared by, so that no primary can make two that seem alike; told to nobody

	mu      sync.Mutex            // guards what follows; not taken by queries. Zones are stopped outside of it.
	conns   *xfr.Conns            // of all zones, for as long as there is one; nil while there is none
	zones   []*running            // oldest first
	origins map[string][]*running // the same, by origin
	reloads *instance             // the instance that is being replaced, during a reload
	stores  map[string]*database  // those that are open, by their paths
}

func newRegistry() *registry {
	r := &registry{limiter: secondary.NewLimiter(0), checks: verify.NewLimits(0, 0), origins: make(map[string][]*running)}
	_, _ = crand.Read(r.secret[:]) // never fails
	return r
}

// running is a zone that runs, and who holds it.
type running struct {
	zone    *secondary.Zone // nil until it is made, with the registry's lock held
	config  *config.Zone    // its first holder's
	base    *database       // where it is kept; nil: nowhere
	holders []*block        // guarded by the registry's lock
	// label names the zone in metrics and log: its origin, save for a second zone of the same origin.
	label    atomic.Pointer[string]
	log      logbook
	refused  refusals
	failures failureCounts
	notice   notice // guarded by the notifier's lock
}

// An instance is one Caddy instance: one reading of the Corefile.
//
//	setup --start--> serving --restarting--> being replaced --stop--> ended
//	                    ^                          |
//	                    +------- restartFailed ----+
type instance struct {
	process *registry
	blocks  []*block
	parent  *instance   // which this one is to replace, during a reload
	pace    pacing      // of what is done for it in the goroutine that reads the Corefile
	started atomic.Bool // every entry has its zone
	telling *time.Timer // until targets of the transfer plugin are told of the start; nil: there is nothing to tell
}

func (in *instance) add(b *block) {
	b.instance = in
	in.blocks = append(in.blocks, b)
}

// start has all zones run: those that run already, with the very same configuration, run on. It is called once every block is
// set up and every chain is made, before the first query.
func (in *instance) start() error {
	err := in.hold()
	if err != nil { // nobody else lets go of what was opened
		in.process.release(func(b *block) bool { return b.instance == in })
	}
	return err
}

// hold gets a zone for every entry.
func (in *instance) hold() error {
	r := in.process
	kept, err := r.findKept(in)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	in.parent = r.reloads
	transfers := 0
	views := make(map[string][]*config.Zone) // what each origin is configured as, in the Corefile's order
	zones := 0
	for e := range in.entries() {
		zones++
		if same := views[e.config.Origin]; !slices.ContainsFunc(same, e.config.Equal) {
			views[e.config.Origin] = append(same, &e.config.Zone)
		}
		transfers = max(transfers, e.config.Limit.Transfers)
	}
	r.limiter.Resize(transfers)
	var makings []making
	for _, b := range in.blocks {
		b.connect()
		for _, e := range b.order {
			in.pace.step()
			same := views[e.config.Origin]
			run, options := r.hold(b, &e.config.Zone, kept.of(&e.config.Zone), len(same) > 1)
			if options != nil {
				options.StartWithin = time.Duration(zones) * startEach
				makings = append(makings, making{run, options})
			}
			e.running = run
			run.setLabel(slices.IndexFunc(same, e.config.Equal))
		}
	}
	if err := r.makeAll(makings, &in.pace); err != nil {
		return err
	}
	for e := range in.entries() {
		in.pace.step()
		e.running.zone.Start()
	}
	in.tellStart()
	in.started.Store(true)
	return nil
}

// entries are the zones of all blocks.
func (in *instance) entries() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, b := range in.blocks {
			for _, e := range b.order {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// startEach is the time that each of the zones that start together adds to that within which those that serve look at their primaries
// first: ten thousand do so in ten seconds, which leaves the processors to questions.
const startEach = time.Millisecond

// hold returns the zone that runs with this configuration for one more block, and with what it is still to be made; nil: it runs. It is
// called with the lock held.
func (r *registry) hold(b *block, cfg *config.Zone, k *keeping, views bool) (*running, *secondary.Options) {
	var same *secondary.Zone
	for _, run := range slices.Backward(r.origins[cfg.Origin]) {
		if run.config.Equal(cfg) {
			if run.base == k.base {
				run.holders = append(run.holders, b)
				return run, nil
			}
			same = cmp.Or(same, run.zone) // it is kept elsewhere, as others say
		}
	}
	run := &running{config: cfg, base: k.base, holders: []*block{b}}
	run.setLabel(0)
	if r.conns == nil {
		r.conns = new(xfr.Conns)
	}
	o := &secondary.Options{
		Client:   &xfr.Client{Time: cfg.Limit.Time, Idle: cfg.Limit.Idle, Conns: r.conns},
		KeyFiles: &r.keyFiles,
		Limiter:  r.limiter,
		Checks:   r.checks,
		Secret:   r.secret,
		Events:   func(e secondary.Event) { r.event(run, e) },
		Seed:     rand.Uint64(),
	}
	if o.Predecessor = same; same == nil && !views {
		o.Predecessor = r.predecessor(cfg)
	}
	if k.base != nil {
		o.Store, o.Kept = k.base.db, k.loaded
		k.loaded = nil // it is not to live as long
	}
	r.zones = append(r.zones, run)
	r.origins[cfg.Origin] = append(r.origins[cfg.Origin], run)
	return run, o
}

// predecessor returns the zone that one takes over from: the same zone of the instance before, which runs until this one
// has started. There is none where it could be another's content: when there were or are two zones of the name (a view each),
// or when no primary stayed, and what the old ones sent is not what the new ones are to be held against.
func (r *registry) predecessor(cfg *config.Zone) *secondary.Zone {
	candidates := r.origins[cfg.Origin]
	if len(candidates) != 1 {
		return nil
	}
	for _, old := range candidates[0].config.Primaries {
		for _, p := range cfg.Primaries {
			if p.Name == old.Name && slices.Equal(p.Addresses, old.Addresses) {
				return candidates[0].zone
			}
		}
	}
	return nil
}

// restarting says that another instance is about to start in place of this one.
func (in *instance) restarting() error {
	in.process.mu.Lock()
	defer in.process.mu.Unlock()
	in.process.reloads = in
	in.process.memory.putOff()
	return nil
}

// restartFailed says that it did not come about: what it held already is let go. Nobody else tells it.
func (in *instance) restartFailed() error {
	defer in.process.memory.resume()
	in.process.release(func(b *block) bool { return b.instance != in && b.instance.parent == in })
	return nil
}

// stop lets go of all zones. Those that no other instance holds end.
func (in *instance) stop() error {
	defer in.process.memory.resume()
	if in.telling != nil {
		in.telling.Stop()
	}
	in.process.release(func(b *block) bool { return b.instance == in })
	for _, b := range in.blocks {
		b.streams.stop()
	}
	// The instance that replaced this one asks it for nothing any more, and each would keep the one before it.
	in.process.mu.Lock()
	defer in.process.mu.Unlock()
	for _, run := range in.process.zones {
		for _, b := range run.holders {
			if b.instance.parent == in {
				b.instance.parent = nil
			}
		}
	}
	return nil
}

// release lets go of what some blocks hold, and ends the zones that nobody holds any more.
func (r *registry) release(of func(*block) bool) {
	r.mu.Lock()
	r.reloads = nil
	var ended []*running
	r.zones = slices.DeleteFunc(r.zones, func(run *running) bool {
		run.holders = slices.DeleteFunc(run.holders, of)
		if len(run.holders) > 0 {
			return false
		}
		ended = append(ended, run)
		if left := slices.DeleteFunc(r.origins[run.config.Origin], func(o *running) bool { return o == run }); len(left) > 0 {
			r.origins[run.config.Origin] = left
		} else {
			delete(r.origins, run.config.Origin)
		}
		return true
	})
	var pace pacing
	pace.begin(len(r.zones) > 0)
	var conns *xfr.Conns
	if len(r.zones) == 0 {
		conns, r.conns = r.conns, nil
		r.memory.end()
	}
	r.mu.Unlock()
	for _, run := range ended {
		pace.step()
		run.zone.Stop()
		r.notifier.forget(run)
	}
	r.keepLast(ended)
	r.closeStores()
	if conns != nil {
		conns.Close()
	}
	if len(ended) > 0 {
		r.notifier.wait()
	}
}

// event is told what happens to a zone, in that zone's goroutine.
func (r *registry) event(run *running, e secondary.Event) {
	label := *run.label.Load()
	run.log.event(label, e)
	run.log.keyFiles(label, run.zone.Keyring())
	run.countEvent(e)
	if _, ok := e.(secondary.Swapped); ok {
		r.notifier.swapped(r, run)
	}
}

// kept returns how many idle connections to primaries are kept.
func (r *registry) kept() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		return 0
	}
	return r.conns.Kept()
}

// running returns the zones that run: of those with the same label, the newest.
func (r *registry) running() []*running {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := make(map[string]bool, len(r.zones))
	zones := make([]*running, 0, len(r.zones))
	for _, run := range slices.Backward(r.zones) {
		if label := *run.label.Load(); !seen[label] {
			seen[label] = true
			zones = append(zones, run)
		}
	}
	return zones
}

func (run *running) setLabel(before int) {
	label := run.config.Origin
	if before > 0 {
		label = fmt.Sprintf("%s#%d", label, before+1)
	}
	run.label.Store(&label)
}
