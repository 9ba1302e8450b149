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
	bucket Bucket
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
		if has("loaded") && s.timers.ExpireAt().IsZero() {
			s.timers.Begun(s.now, s.soa, 0)
		} else if has("confirmed") {
			s.timers.Fresh(s.now, s.soa, 0)
		}
		s.timers.End(s.now, Outcome{Loaded: has("loaded"), SOA: s.soa, Confirmed: has("confirmed"), Answered: has("answered")})
	case "begun":
		s.timers.Begun(s.now, s.soa, 0)
	case "fresh":
		s.timers.Fresh(s.now, s.soa, 0)
	case "notify": // notify [TIMES]
		times := 1
		if len(words) > 1 {
			times, _ = strconv.Atoi(words[1])
		}
		folded := 0
		for range times {
			if s.timers.Notify(s.now, &s.bucket) {
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
			expireAt      time.Time
			bucket        Bucket
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
				o := Outcome{Loaded: !confirmed.IsZero() || random.UintN(4) == 0, SOA: s, Confirmed: random.UintN(2) == 0, Answered: random.UintN(2) == 0}
				timers.End(now, o)
				if !running {
					break
				}
				if o.Loaded && (o.Confirmed || confirmed.IsZero()) {
					timers.Begun(now, s, 0)
					confirmed, expireAt = now, now.Add(timers.clamps.Expire.Apply(seconds(s.Expire)))
				}
				if owed && timers.Next(now).Sub(now) > notifyInterval {
					t.Fatalf("seed %d step %d: no check follows the NOTIFY", seed, step)
				}
				running, owed = false, false
			case 4:
				folded := timers.Notify(now, &bucket)
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
					timers.Fresh(now, s, 0)
					confirmed, expireAt = now, later(expireAt, now.Add(timers.clamps.Expire.Apply(seconds(s.Expire))))
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
			expired := !confirmed.IsZero() && !now.Before(expireAt)
			if timers.Expired(now) != expired || !timers.ExpireAt().Equal(expireAt) {
				t.Fatalf("seed %d step %d: expired %v at %v, want it at %v", seed, step, timers.Expired(now), now, expireAt)
			}
		}
	}
}
