package refresh

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func defaults() Clamps {
	z := config.Defaults()
	return Clamps{Refresh: z.Refresh, Retry: z.Retry, Expire: z.Expire}
}

func soa(refresh, retry, expire uint32) zone.SOA {
	return zone.SOA{Refresh: refresh, Retry: retry, Expire: expire}
}

// TestWait holds the wait after a check against the bounds that clamps and
// jitter leave: three quarters of it to all of it.
func TestWait(t *testing.T) {
	const hour = 3600
	ok := func(soa zone.SOA) Outcome { return Outcome{Loaded: true, Answered: true, Confirmed: true, SOA: soa} }
	for _, tt := range []struct {
		name string
		o    Outcome
		want time.Duration
	}{
		{"refresh", ok(soa(2*hour, 900, 14*24*hour)), 2 * time.Hour},
		{"none answered", Outcome{Loaded: true, SOA: soa(2*hour, 900, 14*24*hour)}, 2 * time.Hour},
		{"none confirmed", Outcome{Loaded: true, Answered: true, SOA: soa(2*hour, 900, 14*24*hour)}, 15 * time.Minute},
		{"refresh of 0", ok(soa(0, 0, 14*24*hour)), 30 * time.Second},
		{"retry of 0", Outcome{Loaded: true, Answered: true, SOA: soa(2*hour, 0, 14*24*hour)}, 10 * time.Second},
		{"refresh of 136 years", ok(soa(1<<32-1, 900, 1<<32-1)), 24 * time.Hour},
		{"retry of 136 years", Outcome{Loaded: true, Answered: true, SOA: soa(2*hour, 1<<32-1, 14*24*hour)}, time.Hour},
		{"retry longer than refresh", Outcome{Loaded: true, Answered: true, SOA: soa(60, 1800, 14*24*hour)}, time.Minute},
		{"refresh longer than expire", ok(soa(24*hour, 900, 2*hour)), time.Hour},
		{"nothing loaded", Outcome{}, 250 * time.Millisecond},
		{"nothing loaded, all answered", Outcome{Answered: true}, 250 * time.Millisecond},
	} {
		wait := func(seed uint64) time.Duration {
			timers := New(defaults(), seed)
			timers.settled = true
			timers.Start(epoch)
			timers.Begin(epoch)
			timers.End(epoch, tt.o)
			return timers.next.Sub(epoch)
		}
		spread(t, tt.name, wait, tt.want*3/4, tt.want)
	}
}

// spread holds the waits of many seeds against their bounds, which they must
// come close to.
func spread(t *testing.T, name string, wait func(seed uint64) time.Duration, from, to time.Duration) {
	t.Helper()
	least, most := time.Duration(1<<62), time.Duration(0)
	for seed := range uint64(500) {
		w := wait(seed)
		least, most = min(least, w), max(most, w)
	}
	near := (to - from) / 12
	if most > to || most < to-near || least < from || least > from+near {
		t.Errorf("%s: waits from %v to %v, want %v to %v", name, least, most, from, to)
	}
}

// TestFirstRefresh has zones that were loaded together part.
func TestFirstRefresh(t *testing.T) {
	wait := func(seed uint64) time.Duration {
		timers := New(defaults(), seed)
		timers.Start(epoch)
		timers.Begin(epoch)
		timers.End(epoch, Outcome{Loaded: true, Answered: true, Confirmed: true, SOA: soa(7200, 900, 1209600)})
		return timers.next.Sub(epoch)
	}
	spread(t, "the first refresh", wait, 30*time.Minute, 2*time.Hour)
}

func TestRetry(t *testing.T) {
	for _, tt := range []struct {
		soa      zone.SOA
		failures int
		want     time.Duration
	}{
		{soa(7200, 900, 1209600), 0, 15 * time.Minute},
		{soa(7200, 900, 1209600), 1, 15 * time.Minute},
		{soa(7200, 900, 1209600), 2, 30 * time.Minute},
		{soa(7200, 900, 1209600), 3, time.Hour}, // the longest retry of the operator
		{soa(7200, 900, 1209600), 1 << 30, time.Hour},
		{soa(2400, 900, 1209600), 3, 40 * time.Minute}, // the refresh
		{soa(60, 900, 1209600), 5, time.Minute},
		{soa(0, 0, 0), 1, 10 * time.Second},
		{soa(0, 0, 0), 9, 30 * time.Second},
	} {
		name := fmt.Sprintf("%d failures with %+v", tt.failures, tt.soa)
		spread(t, name, func(seed uint64) time.Duration {
			return New(defaults(), seed).Retry(epoch, tt.soa, tt.failures).Sub(epoch)
		}, tt.want*3/4, tt.want)
	}
}

// TestExpire holds what a primary tells of its own copy's expiry (RFC 7314)
// against the SOA's.
func TestExpire(t *testing.T) {
	const hour = time.Hour
	for _, tt := range []struct {
		name        string
		begun       time.Duration // what the source told
		after, told time.Duration // a confirmation, and what that told
		want        time.Duration // from the begin
	}{
		{"nothing told", 0, 0, 0, 24 * hour},
		{"less", 10 * hour, 0, 0, 10 * hour},
		{"more", 1000 * hour, 0, 0, 24 * hour},
		{"next to nothing: the operator's least", time.Second, 0, 0, hour},
		{"confirmed", 10 * hour, hour, 0, 25 * hour},
		{"confirmed by one that expires soon", 0, hour, 2 * hour, 24 * hour},
		{"confirmed by one that was confirmed itself", 10 * hour, hour, 20 * hour, 21 * hour},
	} {
		timers := New(defaults(), 1)
		timers.Begun(epoch, soa(3600, 600, 86400), tt.begun)
		if tt.after > 0 {
			timers.Fresh(epoch.Add(tt.after), soa(3600, 600, 86400), tt.told)
		}
		if got := timers.ExpireAt().Sub(epoch); got != tt.want {
			t.Errorf("%s: expires after %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRestore(t *testing.T) {
	for _, tt := range []struct {
		name, next, expire, wantNext, wantExpire string
		within                                   time.Duration
	}{
		{"as it was", "30m", "20h", "30m", "20h", 0},
		{"due meanwhile", "-10m", "20h", "0s", "20h", catchUp},
		{"expired meanwhile", "-10h", "-1h", "0s", "-1h", 0},
		{"the clock was wrong", "900h", "9000h", "24h", "1440h", 0},
	} {
		at := func(s string) time.Time {
			d, err := time.ParseDuration(s)
			if err != nil {
				t.Fatal(err)
			}
			return epoch.Add(d)
		}
		timers := New(defaults(), 1)
		timers.Restore(epoch, at(tt.next), at(tt.expire))
		timers.Start(epoch)
		if got := timers.NextCheck(); got.Before(at(tt.wantNext)) || got.After(at(tt.wantNext).Add(tt.within)) {
			t.Errorf("%s: next check at %v, want %v", tt.name, got.Sub(epoch), tt.wantNext)
		}
		if got := timers.ExpireAt(); !got.Equal(at(tt.wantExpire)) {
			t.Errorf("%s: expires at %v, want %v", tt.name, got.Sub(epoch), tt.wantExpire)
		}
	}
}

// TestFloodOfOne has a NOTIFY of one primary begin a check at once, however
// many come in the name of another.
func TestFloodOfOne(t *testing.T) {
	var flooded, other Bucket
	timers := New(defaults(), 1)
	timers.Start(epoch)
	now := epoch
	check := func() {
		timers.Begin(now)
		timers.End(now, Outcome{Loaded: true, Answered: true, Confirmed: true, SOA: soa(7200, 900, 1209600)})
	}
	check()
	for range 100 {
		timers.Notify(now, &flooded)
		if timers.Due(now) {
			check()
		}
	}
	if timers.Due(now) {
		t.Fatal("the flood is not bounded")
	}
	if folded := timers.Notify(now, &other); folded || !timers.Due(now) {
		t.Error("the other primary's NOTIFY waits")
	}
	timers.Begin(now)
	timers.Notify(now, &flooded)
	timers.Notify(now, &other)
	timers.End(now, Outcome{Loaded: true, Answered: true, Confirmed: true, SOA: soa(7200, 900, 1209600)})
	if !timers.Due(now) {
		t.Error("the other primary's NOTIFY waits during a check")
	}
}

func TestBackoff(t *testing.T) {
	timers := New(defaults(), 7)
	timers.Start(epoch)
	now := epoch
	var waits []time.Duration
	for range 10 {
		timers.Begin(now)
		timers.End(now, Outcome{})
		next := timers.Next(now)
		waits = append(waits, next.Sub(now))
		now = next
	}
	want := 250 * time.Millisecond
	for i, wait := range waits {
		if wait > want || wait < want*3/4 {
			t.Errorf("wait %d is %v, want between three quarters of %v and all of it", i, wait, want)
		}
		want = min(2*want, 30*time.Second)
	}
}

func TestSeed(t *testing.T) {
	walk := func(seed uint64) []time.Time {
		timers := New(defaults(), seed)
		timers.Start(epoch)
		now, instants := epoch, []time.Time(nil)
		for range 100 {
			timers.Begin(now)
			timers.End(now, Outcome{Loaded: true, Confirmed: true, Answered: true, SOA: soa(3600, 600, 864000)})
			now = timers.Next(now)
			instants = append(instants, now)
		}
		return instants
	}
	if !slices.Equal(walk(1), walk(1)) {
		t.Error("the same seed gives other instants")
	}
	if slices.Equal(walk(1), walk(2)) {
		t.Error("two seeds give the same instants")
	}
}

// TestFlood sends NOTIFY every 10 ms for a minute, to a zone whose checks take
// 3 ms.
func TestFlood(t *testing.T) {
	timers := New(defaults(), 1)
	timers.Start(epoch)
	var bucket Bucket
	checks, accepted := 0, 0
	var ends time.Time
	for ms := range 60_000 {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		if !ends.IsZero() && !now.Before(ends) {
			timers.End(now, Outcome{Loaded: true, Confirmed: true, Answered: true, SOA: soa(86400, 3600, 864000)})
			ends = time.Time{}
		}
		if ms%10 == 0 && !timers.Notify(now, &bucket) {
			accepted++
		}
		if timers.Due(now) && timers.Begin(now) {
			checks++
			ends = now.Add(3 * time.Millisecond)
		}
	}
	if want := 1 + notifyBurst + 120; checks > want || checks < want-2 || accepted > checks {
		t.Errorf("%d checks of %d accepted NOTIFYs, want about %d", checks, accepted, want)
	}
}
