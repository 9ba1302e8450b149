package secondary

import (
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

var all = config.Agree{Kind: config.All}

// live has a test in a bubble, with a zone whose primaries all hold the same.
func live(t *testing.T, cfg config.Zone, names []string, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg, names...)
		for _, name := range names {
			w.hold(name, "7", "a")
		}
		test(w)
	})
}

func TestStop(t *testing.T) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 15 * time.Millisecond, 25 * time.Millisecond, time.Second, 3 * time.Hour} {
		for _, what := range []primarytest.Behaviour{{}, {Silent: true}, {Only: dns.TypeAXFR, SilentAfter: 1, RecordsPerMessage: 1}} {
			live(t, policy(all), []string{"ns1", "ns2"}, func(w *world) {
				w.behave("ns2", what)
				w.zone.Start()
				time.Sleep(after)
				began := time.Now()
				w.zone.Stop()
				w.zone.Stop()
				if took := time.Since(began); took > 0 {
					t.Errorf("stopped after %v, with %+v: took %v", after, what, took)
				}
				events := w.told()
				served := w.zone.Snapshot()
				w.zone.Start()
				if w.notify("ns1") == NotifyRefused {
					t.Error("a NOTIFY after the end is refused")
				}
				w.advance(48 * time.Hour)
				if more := w.told(); more != "" {
					t.Errorf("after %q there was %q", events, more)
				}
				if w.zone.Snapshot() != served {
					t.Error("the snapshot changed after the end")
				}
			})
		}
	}
}

// TestStopWhileWaiting stops zones whose turn has not come.
func TestStopWhileWaiting(t *testing.T) {
	live(t, policy(all), []string{"ns1"}, func(w *world) {
		w.behave("ns1", primarytest.Behaviour{Silent: true})
		w.limiter.probes.resize(1)
		other := w.newZone(nil)
		w.zone.Start()
		synctest.Wait()
		other.Start()
		synctest.Wait()
		began := time.Now()
		other.Stop()
		w.zone.Stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}

// TestNoGoroutineAtRest looks for goroutines of the room. The process may have others: of the runtime, of tests that ended.
func TestNoGoroutineAtRest(t *testing.T) {
	live(t, policy(all), []string{"ns1", "ns2"}, func(w *world) {
		w.zone.Start()
		w.advance(time.Minute)
		synctest.Wait()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		own, others, _ := strings.Cut(string(stacks), "\n\n")
		if !strings.Contains(own, "TestNoGoroutineAtRest") {
			t.Fatalf("the first stack is not this test's:\n%s", own)
		}
		for stack := range strings.SplitSeq(others, "\n\n") {
			if strings.Contains(stack, "/internal/secondary.(*") {
				t.Errorf("at rest there is\n%s", stack)
			}
		}
		if w.serving() != "7, in parity" {
			t.Error(w.serving())
		}
	})
}

// TestSharedVersion has equal copies be one in memory.
func TestSharedVersion(t *testing.T) {
	live(t, policy(all), []string{"ns1", "ns2", "ns3"}, func(w *world) {
		w.zone.Start()
		w.advance(time.Minute)
		s := w.zone.Status()
		for _, p := range s.Primaries {
			if p.Version != s.Version {
				t.Errorf("%s has a copy of its own", p.Name)
			}
		}
	})
}

// TestAddresses has one primary answer at its second address, and then be newer there.
func TestAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, policy(all), "ns1", "ns2")
		// ns2's address becomes ns1's second one.
		first, second := w.config.Primaries[0].Addresses[0], w.config.Primaries[1].Addresses[0]
		w.config.Primaries = []config.Primary{{Name: "ns1", Addresses: []netip.AddrPort{first, second}}}
		w.zone = w.newZone(nil)
		w.cut("ns1", true, false)
		w.hold("ns2", "7", "a")
		w.zone.Start()
		w.advance(time.Second)
		if got := w.serving(); got != "7, in parity" {
			t.Fatal(got)
		}
		// The first address is back, with what it held long ago.
		w.cut("ns1", false, false)
		w.hold("ns1", "6", "")
		w.zone.Notify(Notice{From: first.Addr()})
		w.advance(time.Second)
		if got := w.serving(); got != "7, in parity" {
			t.Error(got)
		}
		if n := w.primaries["ns1"].Counts().Transfers; n != 0 {
			t.Errorf("%d transfers of the older copy", n)
		}
		w.hold("ns1", "8", "b")
		w.zone.Notify(Notice{From: first.Addr()})
		w.advance(time.Second)
		if got := w.serving(); got != "8, in parity" {
			t.Error(got)
		}
		// All of its addresses are down.
		w.cut("ns1", true, false)
		w.cut("ns2", true, false)
		w.zone.Notify(Notice{From: first.Addr()})
		w.advance(time.Second)
		if err := w.zone.Status().Primaries[0].Err; err == nil || !strings.Contains(err.Error(), "connection refused (1 more of its addresses failed)") {
			t.Error(err)
		}
	})
}

// TestNotifyFrom has NOTIFYs from wherever they may come.
func TestNotifyFrom(t *testing.T) {
	live(t, policy(all), []string{"ns1"}, func(w *world) {
		w.config.Primaries[0].NotifyFrom = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}
		w.zone = w.newZone(nil)
		defer w.zone.Stop()
		w.zone.Start()
		w.advance(time.Minute)
		for _, tt := range []struct {
			from string
			want NotifyResult
		}{
			{"192.0.2.1", NotifyAccepted},
			{"::ffff:192.0.2.1", NotifyAccepted},
			{"192.0.2.2", NotifyRefused},
			{"198.51.100.200", NotifyAccepted},
			{"198.51.101.1", NotifyRefused},
			{"2001:db8::9", NotifyAccepted},
			{"2001:db9::9", NotifyRefused},
		} {
			if got := w.zone.Notify(Notice{From: netip.MustParseAddr(tt.from)}); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.from, got, tt.want)
			}
			w.advance(time.Minute)
		}
		if got, want := w.zone.Status().Notifies, [notifyResults]uint64{4, 0, 3, 0}; got != want {
			t.Errorf("counted %v, want %v", got, want)
		}
	})
}

// TestNotifyStorm has a primary, or who pretends to be it, send 100,000 NOTIFYs within ten seconds.
func TestNotifyStorm(t *testing.T) {
	live(t, policy(all), []string{"ns1", "ns2"}, func(w *world) {
		w.zone.Start()
		w.advance(time.Minute)
		before := w.primaries["ns1"].Counts().Probes
		for range 100_000 {
			w.notify("ns1")
			time.Sleep(100 * time.Microsecond)
		}
		w.advance(time.Minute)
		if n := w.primaries["ns1"].Counts().Probes - before; n > 40 {
			t.Errorf("%d probes", n)
		}
		n := w.zone.Status().Notifies
		if n[NotifyAccepted]+n[NotifyFolded] != 100_000 {
			t.Errorf("counted %v", n)
		}
		w.hold("ns1", "8", "b")
		w.hold("ns2", "8", "b")
		w.notify("ns2")
		w.advance(time.Second)
		if got := w.serving(); got != "8, in parity" {
			t.Error(got)
		}
	})
}

// TestEventsSeeTheSnapshot has every event come after what it tells is so.
func TestEventsSeeTheSnapshot(t *testing.T) {
	live(t, policy(all), []string{"ns1", "ns2"}, func(w *world) {
		var mu sync.Mutex
		seen := 0
		w.hook = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e := e.(type) {
			case Swapped:
				seen++
				if w.zone.Snapshot().Version != e.Version || w.zone.Status().Version != e.Version {
					t.Error("told of a version that is not served yet")
				}
			case Expired:
				seen++
				if !w.zone.Snapshot().Expired {
					t.Error("told of an expiry that is not so yet")
				}
			case Revived:
				seen++
				if w.zone.Snapshot().Expired {
					t.Error("told of a revival that is not so yet")
				}
			}
		}
		w.zone.Start()
		w.advance(time.Minute)
		w.cut("ns1", true, false)
		w.cut("ns2", true, false)
		w.advance(48 * time.Hour)
		w.cut("ns2", false, false)
		w.advance(time.Hour)
		if seen != 3 {
			t.Errorf("%d events, want 3", seen)
		}
	})
}

// TestExpiryInstant looks a moment before and after it, with no primary and with one that hangs.
func TestExpiryInstant(t *testing.T) {
	for _, hang := range []bool{false, true} {
		live(t, policy(all), []string{"ns1"}, func(w *world) {
			w.zone.Start()
			w.advance(time.Minute)
			w.cut("ns1", !hang, hang)
			at := w.zone.Snapshot().ExpireAt
			time.Sleep(time.Until(at) - time.Millisecond)
			synctest.Wait()
			if w.zone.Snapshot().Expired {
				t.Error("expired before its time")
			}
			w.advance(time.Millisecond)
			if !w.zone.Snapshot().Expired {
				t.Error("not expired at its time")
			}
		})
	}
}

// TestPredecessor has a zone take over with other primaries, and another agreement.
func TestPredecessor(t *testing.T) {
	live(t, policy(all), []string{"ns1", "ns2", "ns3"}, func(w *world) {
		w.config.Primaries = w.config.Primaries[:2]
		w.zone.Stop()
		w.zone = w.newZone(nil)
		w.zone.Start()
		w.advance(time.Minute)
		w.hold("ns1", "8", "ab")
		w.hold("ns2", "8", "ab")
		w.advance(2 * time.Hour)
		before := w.zone.Status()

		w.config.Primaries = []config.Primary{w.config.Primaries[1], {Name: "ns3", Addresses: []netip.AddrPort{w.primaries["ns3"].Addr()}}}
		w.config.Agree = config.Agree{Kind: config.Any}
		w.config.History = 1
		old := w.zone
		w.zone = w.newZone(old)
		now := w.zone.Status()
		if now.Version != before.Version || now.Swaps != before.Swaps || !now.ExpireAt.Equal(before.ExpireAt) || !now.LastSwap.Equal(before.LastSwap) {
			t.Errorf("got  %+v\nwant %+v", now, before)
		}
		if now.State != parity.InParity {
			t.Errorf("the state is %s", now.State)
		}
		if got := now.Primaries[0]; got.Version != before.Version || got.Name != "ns2" {
			t.Errorf("what was known of ns2 is lost: %+v", got)
		}
		if got := now.Primaries[1]; got.Version != nil || got.Told {
			t.Errorf("ns3 is new, and known: %+v", got)
		}
		if n := len(w.zone.life.history); n != 1 {
			t.Errorf("%d versions in the history, want 1", n)
		}
		transfers := w.primaries["ns2"].Counts().Transfers
		w.zone.Start()
		old.Stop()
		w.advance(time.Minute)
		if n := w.primaries["ns2"].Counts().Transfers - transfers; n != 0 {
			t.Errorf("%d transfers of what is there", n)
		}
		if got := w.serving(); got != "8, in parity" {
			t.Error(got)
		}
		w.zone.Stop()
	})
}

func TestNewRefuses(t *testing.T) {
	cfg := policy(all)
	cfg.Origin = "example.org."
	if _, err := New(&cfg, Options{}); err == nil {
		t.Error("no client, no limiter, no error")
	}
	cfg.Origin = strings.Repeat("a.", 200)
	if _, err := New(&cfg, Options{Client: &xfr.Client{}, Limiter: NewLimiter(1)}); err == nil {
		t.Error("no name, no error")
	}
}

// TestPanic has a mistake of ours in what reads a transfer be one failed transfer.
func TestPanic(t *testing.T) {
	live(t, policy(config.Agree{Kind: config.Any}), []string{"ns1", "ns2"}, func(w *world) {
		w.behave("ns2", primarytest.Behaviour{Only: dns.TypeAXFR})
		pool := func() *zone.Pool { panic("on purpose") }
		p := w.zone.life.primaries[1]
		p.ask.pool = pool
		var err error
		func() {
			defer caught(&err)
			p.ask.pool()
		}()
		if err == nil || !strings.Contains(err.Error(), "on purpose") || !strings.Contains(err.Error(), "TestPanic") {
			t.Error(err)
		}
	})
}

func TestNotifyResultString(t *testing.T) {
	for r, want := range map[NotifyResult]string{NotifyAccepted: "accepted", NotifyFolded: "folded", NotifyRefused: "refused", NotifyUnsigned: "unsigned", 9: "NotifyResult(9)"} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
