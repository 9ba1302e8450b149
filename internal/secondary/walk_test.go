package secondary

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

var walks = flag.Int("walks", 15, "how many random lives TestWalk plays")

// TestWalk plays random lives, in which primaries change, lie, hang and die, and looks after each step whether
//
//   - what is served was held, whole, by as many primaries as have to agree, save where it would have expired;
//   - what is served goes on being served until it expires, and it expires when nobody has confirmed it for that long;
//   - the history is no longer than configured;
//   - with all primaries honest and alike, that is what is served in the end.
func TestWalk(t *testing.T) {
	for seed := range uint64(*walks) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walk(t, seed) })
		})
	}
}

type walker struct {
	*world
	*rand.Rand
	need    int
	serial  uint32
	content map[string]content                // of each primary
	holders map[zone.Hash]map[string]struct{} // who ever held a root
	served  *zone.Version
}

type content struct {
	serial  uint32
	letters string
	newest  uint32 // that it ever had
	twice   bool   // the serial may have had another content before
}

func walk(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	need := 1 + random.IntN(3)
	cfg := policy(config.Agree{Kind: config.Count, N: need})
	cfg.History = 3
	cfg.Guard = config.Guard{Off: true}
	w := &walker{
		world: newWorld(t, cfg, "ns1", "ns2", "ns3"), Rand: random, need: need,
		serial: random.Uint32(), content: make(map[string]content), holders: make(map[zone.Hash]map[string]struct{}),
	}
	w.hook = func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if s, ok := e.(Swapped); ok && !strings.HasPrefix(s.Reason, "what was served would have expired") && len(w.holders[s.Version.Root()]) < need {
			t.Errorf("serial %d is served, and %d of %d primaries ever held it: %s", s.Version.Serial(), len(w.holders[s.Version.Root()]), need, s.Reason)
		}
	}
	for _, name := range w.names {
		w.give(name, w.serial, "a")
	}
	w.zone.Start()
	for range 80 {
		w.step()
		w.check()
	}
	if t.Failed() {
		return
	}
	w.serial += 2
	for _, name := range w.names {
		w.cut(name, false, false)
		w.behave(name, primarytest.Behaviour{})
		w.give(name, w.serial, "xyz")
	}
	w.advance(3 * time.Hour)
	if got, want := w.serving(), fmt.Sprintf("%d, in parity", w.serial); got != want {
		t.Errorf("in the end %s is served, want %s: %s", got, want, w.zone.Status().Reason)
	}
}

// give has a primary hold something, and remembers it.
func (w *walker) give(name string, serial uint32, letters string) {
	z := w.make(fmt.Sprint(serial), letters)
	before, ok := w.content[name]
	next := content{serial: serial, letters: letters, newest: before.newest}
	if !ok || zone.Serial(before.newest).Less(zone.Serial(serial)) {
		next.newest = serial
	} else {
		next.twice = true
	}
	if before.twice || next.twice {
		w.primaries[name].Remove(origin) // a serial had two contents: changes from it may lead to what nobody held
	}
	w.content[name] = next
	root := z.Version(w.t).Root()
	w.primaries[name].Set(z)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holders[root] == nil {
		w.holders[root] = make(map[string]struct{})
	}
	w.holders[root][name] = struct{}{}
}

func (w *walker) step() {
	name := w.names[w.IntN(len(w.names))]
	switch w.IntN(12) {
	case 0, 1: // an update on all, one after the other
		w.serial++
		letters := w.letters()
		for _, i := range w.Perm(len(w.names)) {
			w.give(w.names[i], w.serial, letters)
			w.notify(w.names[i])
			w.advance(time.Duration(w.IntN(3000)) * time.Millisecond)
		}
	case 2: // on one only
		w.serial++
		w.give(name, w.serial, w.letters())
	case 3: // another content under the same serial, or an older one
		w.give(name, w.serial-uint32(w.IntN(2)), w.letters())
	case 4:
		other := w.names[w.IntN(len(w.names))]
		w.give(name, w.content[other].serial, w.content[other].letters)
	case 5, 6:
		behaviours := []primarytest.Behaviour{
			{Silent: true}, {Garbage: true}, {Rcode: dns.RcodeRefused}, {Rcode: dns.RcodeServerFailure}, {NoEnd: true, Only: dns.TypeAXFR},
			{CutAt: 2, RecordsPerMessage: 1, Only: dns.TypeAXFR}, {SilentAfter: 2, RecordsPerMessage: 1, Only: dns.TypeAXFR},
			{Serial: w.serial + 1, Only: dns.TypeSOA}, {Delay: 20 * time.Second, RecordsPerMessage: 1, Only: dns.TypeAXFR},
		}
		w.behave(name, behaviours[w.IntN(len(behaviours))])
	case 7:
		w.cut(name, true, false)
	case 8:
		w.cut(name, false, true)
	case 9, 10:
		w.cut(name, false, false)
		w.behave(name, primarytest.Behaviour{})
	case 11:
		switch w.IntN(4) {
		case 0:
			w.restart(time.Duration(w.Int64N(int64(time.Hour))))
		case 1:
			old := w.zone
			w.zone = w.newZone(old)
			w.zone.Start()
			old.Stop()
		}
	}
	if w.IntN(2) == 0 {
		w.notify(name)
	}
	lengths := []time.Duration{100 * time.Millisecond, 5 * time.Second, time.Minute, 20 * time.Minute, 10 * time.Hour}
	w.advance(time.Duration(w.Int64N(int64(lengths[w.IntN(len(lengths))]))))
}

func (w *walker) letters() string { return "abcdefgh"[:1+w.IntN(8)] }

func (w *walker) check() {
	w.t.Helper()
	s, now := w.zone.Snapshot(), time.Now()
	if s.Version == nil && w.served != nil {
		w.t.Fatalf("serial %d is not served any more", w.served.Serial())
	}
	w.served = s.Version
	if s.Version == nil {
		return
	}
	if s.Expired != !s.ExpireAt.After(now) {
		w.t.Errorf("expired %t, with the expiry in %v", s.Expired, s.ExpireAt.Sub(now))
	}
	if n := len(w.zone.History()); n > w.config.History {
		w.t.Errorf("%d versions in the history, at most %d are wanted", n, w.config.History)
	}
	status := w.zone.Status()
	if next := status.NextCheck.Sub(now); !status.NextCheck.IsZero() && next > w.config.Refresh.Max {
		w.t.Errorf("the next check is in %v", next)
	}
}
