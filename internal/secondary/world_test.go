package secondary

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/xfr"
)

// A world is a zone with its primaries in a synctest bubble. Each primary answers after a time of its own, so that
// things happen one after the other and always in the same order.
type world struct {
	t         *testing.T
	begin     time.Time
	config    config.Zone
	names     []string
	primaries map[string]*primarytest.Primary
	limiter   *Limiter
	conns     xfr.Conns
	zone      *Zone
	store     *store.DB // nil: none
	process   byte      // which it is: each has a secret of its own

	mu     sync.Mutex      // guards what follows
	down   map[string]bool // the connection is refused
	black  map[string]bool // nothing ever comes back
	events []string
	hook   func(Event)
	open   map[net.Conn]string // connections, by whom they are to
}

const origin = "example.org."

func newWorld(t *testing.T, cfg config.Zone, names ...string) *world {
	w := &world{
		t: t, begin: time.Now(), names: names, limiter: NewLimiter(0),
		primaries: make(map[string]*primarytest.Primary), down: make(map[string]bool), black: make(map[string]bool),
		open: make(map[net.Conn]string),
	}
	cfg.Origin = origin
	for i, name := range names {
		p := primarytest.Pipe(t, fmt.Sprintf("192.0.2.%d:53", i+1))
		w.primaries[name] = p
		w.behave(name, primarytest.Behaviour{})
		cfg.Primaries = append(cfg.Primaries, config.Primary{Name: name, Addresses: []netip.AddrPort{p.Addr()}})
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	w.config = cfg
	w.zone = w.newZone(nil)
	t.Cleanup(w.conns.Close)
	t.Cleanup(func() { w.zone.Stop() })
	return w
}

func (w *world) newZone(predecessor *Zone) *Zone {
	return w.zoneWith(Options{Predecessor: predecessor})
}

func (w *world) zoneWith(o Options) *Zone {
	o.Client = &xfr.Client{Dial: w.dial, Conns: &w.conns, Time: w.config.Limit.Time, Idle: w.config.Limit.Idle}
	o.Limiter, o.Events, o.Seed, o.Store, o.Secret = w.limiter, w.event, 1, w.store, [32]byte{w.process}
	cfg := w.config // which tests alter for the next
	z, err := New(&cfg, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return z
}

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	for name, p := range w.primaries {
		if p.Addr().String() != addr {
			continue
		}
		w.mu.Lock()
		down, black := w.down[name], w.black[name]
		w.mu.Unlock()
		if black {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if down {
			time.Sleep(w.delay(name))
			return primarytest.Dialer()(ctx, network, addr)
		}
		c, err := primarytest.Dialer(p)(ctx, network, addr)
		if err == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.open[c] = name
		}
		return c, err
	}
	return nil, fmt.Errorf("nobody has the address %s", addr)
}

func (w *world) behave(name string, b primarytest.Behaviour) {
	if b.Delay == 0 {
		b.Delay = w.delay(name)
	}
	w.primaries[name].Behave(b)
}

// cut has connections to a primary refused, or never come about. Those that are there end.
func (w *world) cut(name string, down, black bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[name], w.black[name] = down, black
	for c, to := range w.open {
		if to == name && (down || black) {
			_ = c.Close()
			delete(w.open, c)
		}
	}
}

func (w *world) notify(name string) NotifyResult {
	return w.zone.Notify(Notice{From: w.primaries[name].Addr().Addr()})
}

func (w *world) delay(name string) time.Duration {
	delays := []time.Duration{10 * time.Millisecond, 13 * time.Millisecond, 17 * time.Millisecond}
	return delays[slices.Index(w.names, name)]
}

// sign has the zone name keys of a primary.
func (w *world) sign(name string, keys []string) {
	p := &w.config.Primaries[slices.Index(w.names, name)]
	p.Keys = nil
	for _, k := range keys {
		k += "."
		p.Keys = append(p.Keys, k)
		if !slices.ContainsFunc(w.config.Keys, func(o config.Key) bool { return o.Name == k }) {
			w.config.Keys = append(w.config.Keys, config.Key{
				Name: k, Algorithm: config.HMACSHA256, Secret: config.NewSecret([]byte("the secret of " + k)),
			})
		}
	}
	w.zone = w.newZone(nil)
}

// wants has a primary take what is signed with one of the keys, and nothing else.
func (w *world) wants(name string, keys []string) {
	var all []primarytest.Key
	for _, k := range keys {
		k += "."
		secret := base64.StdEncoding.EncodeToString([]byte("the secret of " + k))
		all = append(all, primarytest.Key{Name: k, Algorithm: dns.HmacSHA256, Secret: secret})
	}
	w.primaries[name].UseKeys(all...)
}

// restart ends the zone and has another one go on with what was kept of it, as text.
func (w *world) restart(after time.Duration) {
	state, versions := w.zone.State()
	w.zone.Stop()
	text, err := json.Marshal(state)
	if err != nil {
		w.t.Fatal(err)
	}
	w.advance(after)
	w.process++
	var kept State
	if err := json.Unmarshal(text, &kept); err != nil {
		w.t.Fatal(err)
	}
	w.zone = w.zoneWith(Options{Restored: &kept, Versions: versions})
	w.zone.Start()
	synctest.Wait()
}

// hold has a primary hold a serial and, of what there is to tell versions apart, some letters: a record for each.
func (w *world) hold(name, serial, letters string) { w.primaries[name].Set(w.make(serial, letters)) }

func (w *world) make(serial, letters string) *primarytest.Zone {
	records := []string{
		fmt.Sprintf("@ SOA ns hostmaster %s 3600 600 86400 300", serial), "@ NS ns", "ns A 192.0.2.53",
	}
	for _, c := range letters {
		switch c {
		case '!': // no NS at the apex
			records = slices.Delete(records, 1, 2)
		case '#': // a digest of something else
			records = append(records, fmt.Sprintf("@ ZONEMD %s 1 1 %s", serial, strings.Repeat("00", 48)))
		case '?': // a digest of a scheme that nobody knows
			records = append(records, fmt.Sprintf("@ ZONEMD %s 241 1 %s", serial, strings.Repeat("00", 48)))
		case '%': // other name servers
			records[1] = "@ NS other.example.net."
		default:
			records = append(records, fmt.Sprintf("%c A 192.0.2.53", c))
		}
	}
	return primarytest.Make(w.t, origin, 0, records...)
}

func (w *world) advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) event(e Event) {
	if w.hook != nil {
		w.hook(e)
	}
	if f, ok := e.(Failed); ok && f.Repeated {
		return // as the log does
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf("%s: %s", time.Since(w.begin).Round(time.Millisecond), describe(e)))
}

// told returns the events since it was called last.
func (w *world) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := strings.Join(w.events, "\n")
	w.events = nil
	return s
}

func describe(e Event) string {
	switch e := e.(type) {
	case Swapped:
		before := "nothing"
		if e.Before != nil {
			before = fmt.Sprint(e.Before.Serial())
		}
		return fmt.Sprintf("swapped %s for %d of %s: %s", before, e.Version.Serial(), e.Source, e.Reason)
	case StateChanged:
		return fmt.Sprintf("state %s -> %s: %s", e.Before, e.State, e.Reason)
	case PrimaryChanged:
		return fmt.Sprintf("%s %s -> %s", e.Primary, e.Before, e.State)
	case Transferred:
		how := ""
		if e.Steps > 0 {
			how = fmt.Sprintf(", by changes: %d steps, %d deleted, %d added", e.Steps, e.Deleted, e.Added)
		}
		if e.Instead != nil {
			how = fmt.Sprintf(", not by changes: %v", e.Instead)
		}
		if e.Key != "" {
			how += ", signed with " + e.Key
		}
		return fmt.Sprintf("%s sent %d, %d records%s", e.Primary, e.Serial, e.Records, how)
	case AXFRInstead:
		return fmt.Sprintf("%s is asked for the whole zone until %s, %d in a row", e.Primary, e.Until.UTC().Format("15:04:05"), e.Failures)
	case Failed:
		return fmt.Sprintf("%s failed (%s, %s, %d in a row)", e.Primary, e.Kind, e.Phase, e.Failures)
	case Recovered:
		return fmt.Sprintf("%s recovered after %d failures", e.Primary, e.Failures)
	case Notified:
		return fmt.Sprintf("NOTIFY from %s, %s", e.From, e.Primary)
	case Expired:
		return fmt.Sprintf("expired, serial %d", e.Serial)
	case Rejected:
		return fmt.Sprintf("%s's %d is rejected by %s: %s", e.Primary, e.Serial, e.Check, e.Reason)
	case Warned:
		return fmt.Sprintf("%s's %d: %s", e.Primary, e.Serial, e.Finding)
	case Noticed:
		return fmt.Sprintf("noticed: %s, gone %t", e.Finding, e.Gone)
	case Held:
		return "held: " + e.Reason
	case Released:
		return fmt.Sprintf("released to %s", e.State)
	case DeadlineNear:
		return fmt.Sprintf("deadline %s: %s", e.At.UTC().Format("15:04:05"), e.What)
	case Regressed:
		return fmt.Sprintf("%s went back from %d to %d, new %t", e.Primary, e.From, e.Serial, e.New)
	case SerialBreak:
		return "serial break: " + e.Text
	case KeepFailed:
		return fmt.Sprintf("serial not kept: %v", e.Err)
	case Restored:
		return fmt.Sprintf("restored %t %d, expired %t, clock back %v, damage %v", e.HasVersion, e.Serial, e.Expired, e.ClockBack, e.Damage)
	case StoreFailed:
		return fmt.Sprintf("%d not on the disk, served %t", e.Serial, e.Served)
	case WordUnwritten:
		return "not on the disk: " + e.Decision.String()
	case StoreRecovered:
		return "on the disk again"
	case Decided:
		return "decided: " + e.Decision.String()
	case Revived:
		return fmt.Sprintf("revived, serial %d", e.Serial)
	}
	return fmt.Sprintf("unknown event %T", e)
}

// serving says what the data plane sees.
func (w *world) serving() string {
	s := w.zone.Snapshot()
	switch {
	case s.Version == nil:
		return fmt.Sprintf("not ready, %s", s.State)
	case s.Expired:
		return fmt.Sprintf("expired %d, %s", s.Version.Serial(), s.State)
	}
	return fmt.Sprintf("%d, %s", s.Version.Serial(), s.State)
}

func policy(agree config.Agree) config.Zone {
	cfg := config.Defaults()
	cfg.Agree = agree
	return cfg
}
