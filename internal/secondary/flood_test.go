package secondary

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/xfr"
)

// TestEndless has a primary send valid records without an end, for a zone of four, by AXFR and by IXFR in all its forms. What a
// transfer may bring bounds the memory, time and again.
func TestEndless(t *testing.T) {
	const most = 64 << 20
	for name, b := range map[string]primarytest.Behaviour{
		"AXFR":      {Endless: 3_000_000, Whole: true},
		"increment": {Endless: 3_000_000, Only: dns.TypeIXFR},
	} {
		live(t, policy(config.Agree{Kind: config.All}), []string{"ns1", "ns2"}, func(w *world) {
			w.zone.Start()
			w.advance(time.Minute)
			heap := func() uint64 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			runtime.GC()
			before, peak := heap(), atomic.Uint64{}
			b.Edit = func(n int, msg []byte) []byte {
				if n%50 == 0 {
					peak.Store(max(peak.Load(), heap()))
				}
				return msg
			}
			for i := range 4 {
				for _, n := range w.names {
					w.hold(n, fmt.Sprint(8+i), "ab")
				}
				w.behave("ns2", b)
				w.notify("ns2")
				w.advance(time.Minute)
			}
			w.zone.Stop()
			if grown := int64(peak.Load()) - int64(before); grown > most {
				t.Errorf("%s: the heap grew by %d MiB", name, grown>>20)
			} else {
				t.Logf("%s: the heap grew by %d MiB", name, grown>>20)
			}
			if told := w.told(); !strings.Contains(told, "limit") && name == "AXFR" {
				t.Errorf("%s: no word of the limit in\n%s", name, told)
			}
		})
	}
}

// TestOutage has two hundred zones of a primary that hangs: one after the other tries it, and none waits for the others.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(t, 200)
		s.start()
		s.until(time.Minute)
		s.servers[0].set(true, false)
		s.until(12 * time.Hour)
		tried := s.servers[0].questions(60)
		words := 0
		for _, z := range s.zones {
			p := z.Status().Primaries[0]
			switch {
			case p.Phase != "dial" || p.Failures < 5:
				t.Fatalf("%s: %d failures, %s: %v", z.Config().Origin, p.Failures, p.Phase, p.Err)
			case strings.Contains(p.Err.Error(), "found for another zone"):
				words++
			}
			if !strings.Contains(p.Err.Error(), z.Config().Origin) {
				t.Errorf("the error does not name the zone: %v", p.Err)
			}
		}
		// A NOTIFY is no matter of another zone's word.
		before := s.servers[0].questions(60)
		s.zones[7].Notify(Notice{From: s.servers[0].addr.Addr()})
		s.until(12*time.Hour + time.Second)
		if s.servers[0].questions(60) == before {
			t.Error("a NOTIFY does not have it tried")
		}
		s.servers[0].set(false, false)
		s.until(14 * time.Hour)
		for _, z := range s.zones {
			if p := z.Status().Primaries[0]; p.Err != nil {
				t.Errorf("two hours after it: %v", p.Err)
			}
			z.Stop()
		}
		t.Logf("tried %d times in 12 hours, %d zones with another's word", tried, words)
	})
}

// TestFloodOfOne has one primary's NOTIFYs flood a zone while another's comes: that one is not kept waiting.
func TestFloodOfOne(t *testing.T) {
	live(t, policy(config.Agree{Kind: config.Any}), []string{"ns1", "ns2"}, func(w *world) {
		w.zone.Start()
		w.advance(time.Minute)
		for range 10_000 {
			w.notify("ns1")
			time.Sleep(time.Millisecond)
		}
		w.hold("ns2", "8", "b")
		began := time.Now()
		w.notify("ns2")
		for w.zone.Snapshot().Version.Serial() != 8 && time.Since(began) < time.Minute {
			w.notify("ns1")
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("it took %v of virtual time", took)
		}
	})
}

// TestNotifyKeys has NOTIFYs of primaries with keys, without, and of two at one address.
func TestNotifyKeys(t *testing.T) {
	cfg := policy(config.Agree{Kind: config.Any})
	cfg.Origin = origin
	secret := config.NewSecret([]byte("secret"))
	for _, name := range []string{"a.", "b.", "c."} {
		cfg.Keys = append(cfg.Keys, config.Key{Name: name, Algorithm: config.HMACSHA256, Secret: secret})
	}
	at := func(s string) []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(s)} }
	cfg.Primaries = []config.Primary{
		{Name: "ns1", Addresses: at("192.0.2.1:53"), Keys: []string{"a.", "b."}},
		{Name: "ns2", Addresses: at("192.0.2.1:5353"), Keys: []string{"c."}},
		{Name: "ns3", Addresses: at("192.0.2.3:53")},
		{Name: "ns4", Addresses: at("192.0.2.4:53"), Keys: []string{"a."}, NotifyFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26")}},
	}
	z, err := New(&cfg, Options{Client: &xfr.Client{}, Limiter: NewLimiter(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer z.Stop()
	for _, tt := range []struct {
		from, key string
		primary   int
		want      NotifyResult
	}{
		{"192.0.2.1", "a.", 0, NotifyAccepted},
		{"192.0.2.1", "B", 0, NotifyAccepted},
		{"192.0.2.1", "c.", 1, NotifyAccepted},
		{"192.0.2.1", "", -1, NotifyUnsigned},
		{"192.0.2.1", "d.", -1, NotifyUnsigned},
		{"192.0.2.3", "", 2, NotifyAccepted},
		{"192.0.2.3", "a.", 2, NotifyAccepted},
		{"192.0.2.70", "a.", 3, NotifyAccepted},
		{"192.0.2.70", "", -1, NotifyUnsigned},
		{"192.0.2.5", "a.", -1, NotifyRefused},
	} {
		i, got := z.sender(&Notice{From: netip.MustParseAddr(tt.from), Key: tt.key})
		if i != tt.primary || got != tt.want {
			t.Errorf("from %s with key %q: %d, %v; want %d, %v", tt.from, tt.key, i, got, tt.primary, tt.want)
		}
		if got.Refused() != (tt.primary < 0) {
			t.Errorf("%v: refused is %v", got, got.Refused())
		}
	}
}
