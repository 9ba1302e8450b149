package refresh

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/scripttest"
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
	for _, tt := range []struct {
		name string
		o    Outcome
		want time.Duration
	}{
		{"refresh", Outcome{Loaded: true, Confirmed: true, AllAnswered: true, SOA: soa(2*hour, 900, 14*24*hour)}, 2 * time.Hour},
		{"one did not answer", Outcome{Loaded: true, Confirmed: true, SOA: soa(2*hour, 900, 14*24*hour)}, 15 * time.Minute},
		{"none confirmed", Outcome{Loaded: true, AllAnswered: true, SOA: soa(2*hour, 900, 14*24*hour)}, 15 * time.Minute},
		{"refresh of 0", Outcome{Loaded: true, Confirmed: true, AllAnswered: true, SOA: soa(0, 0, 14*24*hour)}, 30 * time.Second},
		{"retry of 0", Outcome{Loaded: true, SOA: soa(2*hour, 0, 14*24*hour)}, 10 * time.Second},
		{"refresh of 136 years", Outcome{Loaded: true, Confirmed: true, AllAnswered: true, SOA: soa(1<<32-1, 900, 1<<32-1)}, 24 * time.Hour},
		{"retry of 136 years", Outcome{Loaded: true, SOA: soa(2*hour, 1<<32-1, 14*24*hour)}, time.Hour},
		{"retry longer than refresh", Outcome{Loaded: true, SOA: soa(60, 1800, 14*24*hour)}, time.Minute},
		{"refresh longer than expire", Outcome{Loaded: true, Confirmed: true, AllAnswered: true, SOA: soa(24*hour, 900, 2*hour)}, time.Hour},
		{"nothing loaded", Outcome{}, 250 * time.Millisecond},
		{"nothing loaded, all answered", Outcome{AllAnswered: true}, 250 * time.Millisecond},
	} {
		least, most := time.Duration(1<<62), time.Duration(0)
		for seed := range uint64(500) {
			timers := New(defaults(), seed)
			timers.Start(epoch)
			timers.Begin(epoch)
			timers.End(epoch, tt.o)
			wait := timers.next.Sub(epoch)
			least, most = min(least, wait), max(most, wait)
		}
		if most > tt.want || most < tt.want*98/100 || least < tt.want*3/4 || least > tt.want*77/100 {
			t.Errorf("%s: waits from %v to %v, want three quarters of %v to all of it", tt.name, least, most, tt.want)
		}
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
			timers.End(now, Outcome{Loaded: true, Confirmed: true, AllAnswered: true, SOA: soa(3600, 600, 864000)})
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
	checks, accepted := 0, 0
	var ends time.Time
	for ms := range 60_000 {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		if !ends.IsZero() && !now.Before(ends) {
			timers.End(now, Outcome{Loaded: true, Confirmed: true, AllAnswered: true, SOA: soa(86400, 3600, 864000)})
			ends = time.Time{}
		}
		if ms%10 == 0 && !timers.Notify(now) {
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

func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txt", func(*testing.T) scripttest.Command {
		s := &script{timers: New(defaults(), 1), now: epoch, soa: soa(7200, 900, 1209600)}
		return s.command
	})
}

// script is what the commands of a script act on. Jitter is told apart from
// the timers by naming the instants as the share of the wait that is left.
type script struct {
	timers *Timers
	now    time.Time
	soa    zone.SOA
}

func (s *script) command(words []string) (string, error) {
	switch words[0] {
	case "soa": // soa REFRESH RETRY EXPIRE
		var n [3]uint32
		for i := range n {
			d, err := config.ParseDuration(words[1+i])
			if err != nil {
				return "", err
			}
			n[i] = uint32(d / time.Second)
		}
		s.soa = soa(n[0], n[1], n[2])
		return "", nil
	case "start":
		s.timers.Start(s.now)
	case "begin":
		if !s.timers.Begin(s.now) {
			return "no check may begin", nil
		}
	case "end": // end [loaded] [confirmed] [answered]
		has := func(word string) bool { return slices.Contains(words, word) }
		s.timers.End(s.now, Outcome{Loaded: has("loaded"), SOA: s.soa, Confirmed: has("confirmed"), AllAnswered: has("answered")})
	case "fresh":
		s.timers.Fresh(s.now, s.soa)
	case "notify": // notify [TIMES]
		times := 1
		if len(words) > 1 {
			times, _ = strconv.Atoi(words[1])
		}
		folded := 0
		for range times {
			if s.timers.Notify(s.now) {
				folded++
			}
		}
		return fmt.Sprintf("%d accepted, %d folded\n", times-folded, folded) + s.show(), nil
	case "at": // at DURATION from now
		d, err := config.ParseDuration(words[1])
		if err != nil {
			return "", err
		}
		s.timers.At(s.now, s.now.Add(d))
	case "advance": // advance DURATION, or: advance next
		if words[1] == "next" {
			next := s.timers.Next(s.now)
			if next.IsZero() {
				return "", errors.New("nothing is to come")
			}
			s.now = next
			break
		}
		d, err := config.ParseDuration(words[1])
		if err != nil {
			return "", err
		}
		s.now = s.now.Add(d)
	default:
		return "", scripttest.ErrUnknown
	}
	return s.show(), nil
}

func (s *script) show() string {
	parts := []string{[]string{"stopped", "waiting", "checking", "checking, once more"}[s.timers.state]}
	if s.timers.Due(s.now) {
		parts = append(parts, "due")
	} else if next := s.timers.Next(s.now); !next.IsZero() {
		parts = append(parts, "next in "+round(next.Sub(s.now)))
	}
	switch at := s.timers.ExpireAt(); {
	case s.timers.Expired(s.now):
		parts = append(parts, "expired")
	case !at.IsZero():
		parts = append(parts, "expires in "+round(at.Sub(s.now)))
	}
	return strings.Join(parts, "; ")
}

func round(d time.Duration) string { return config.FormatDuration(d.Round(time.Millisecond)) }

// TestWalk calls the timers at random and checks what must hold whatever
// happens.
func TestWalk(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 2))
		timers, now := New(defaults(), seed), epoch
		var (
			running, owed bool // a check; one more after it
			confirmed     time.Time
			expire        time.Duration
		)
		timers.Start(now)
		for step := range 2000 {
			s := soa(random.Uint32N(1<<random.UintN(32)+1), random.Uint32N(1<<random.UintN(32)+1), random.Uint32N(1<<random.UintN(32)+1))
			switch random.UintN(7) {
			case 0:
				if next := timers.Next(now); next.After(now) {
					now = next
				}
			case 1:
				now = now.Add(time.Duration(random.Int64N(int64(time.Hour))))
			case 2:
				if got := timers.Begin(now); got == running {
					t.Fatalf("seed %d step %d: Begin is %v while a check runs: %v", seed, step, got, running)
				}
				running = true
			case 3:
				o := Outcome{Loaded: !confirmed.IsZero() || random.UintN(4) == 0, SOA: s, Confirmed: random.UintN(2) == 0, AllAnswered: random.UintN(2) == 0}
				timers.End(now, o)
				if !running {
					break
				}
				if o.Loaded && (o.Confirmed || confirmed.IsZero()) {
					confirmed, expire = now, timers.clamps.Expire.Apply(seconds(s.Expire))
				}
				if owed && timers.Next(now).Sub(now) > notifyInterval {
					t.Fatalf("seed %d step %d: no check follows the NOTIFY", seed, step)
				}
				running, owed = false, false
			case 4:
				folded := timers.Notify(now)
				if running && folded != owed {
					t.Fatalf("seed %d step %d: NOTIFY folded %v while one more check is owed: %v", seed, step, folded, owed)
				}
				owed = running
				if !running && timers.Next(now).Sub(now) > notifyInterval {
					t.Fatalf("seed %d step %d: no check follows the NOTIFY", seed, step)
				}
			case 5:
				at := now.Add(time.Duration(random.Int64N(int64(time.Hour))))
				timers.At(now, at)
				if !running && timers.next.After(at) {
					t.Fatalf("seed %d step %d: the check comes after the one asked for", seed, step)
				}
			case 6:
				if !confirmed.IsZero() {
					timers.Fresh(now, s)
					confirmed, expire = now, timers.clamps.Expire.Apply(seconds(s.Expire))
				}
			}

			if running && timers.Due(now) {
				t.Fatalf("seed %d step %d: a check is due while one runs", seed, step)
			}
			if !running && timers.Next(now).IsZero() {
				t.Fatalf("seed %d step %d: nothing is to come", seed, step)
			}
			if next := timers.Next(now); running && !next.IsZero() && !next.After(now) {
				t.Fatalf("seed %d step %d: wakes at once during a check", seed, step)
			}
			if !running && timers.next.After(now.Add(24*time.Hour)) {
				t.Fatalf("seed %d step %d: no check for more than the longest refresh", seed, step)
			}
			if !running && confirmed.IsZero() && timers.next.After(now.Add(lastBackoff)) {
				t.Fatalf("seed %d step %d: nothing is loaded and the next check is in %v", seed, step, timers.next.Sub(now))
			}
			expired := !confirmed.IsZero() && !now.Before(confirmed.Add(expire))
			if timers.Expired(now) != expired || !confirmed.IsZero() && !timers.ExpireAt().Equal(confirmed.Add(expire)) {
				t.Fatalf("seed %d step %d: expired %v at %v, confirmed at %v for %v", seed, step, timers.Expired(now), now, confirmed, expire)
			}
		}
	}
}
