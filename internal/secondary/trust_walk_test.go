package secondary

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// TestTrustWalk plays random lives under every comparison, in which primaries hold what fails checks, go back and part, and
// operators have their say, and looks after each step whether
//
//   - what is served passed its checks, or an operator meant it;
//   - what is served was held by as many primaries as have to agree, save where a word or the expiry says otherwise;
//   - what is pinned is served, and nothing new while the zone is held;
//   - a line of serials of our own goes forward;
//   - once all primaries are alike and nobody says otherwise, that is what is served.
func TestTrustWalk(t *testing.T) {
	lives := 3 * *walks
	if testing.Short() || raced {
		lives = *walks
	}
	for seed := range uint64(lives) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { trustWalk(t, seed) })
		})
	}
}

type trustWalker struct {
	*world
	*rand.Rand
	need    int
	serials map[string]uint32

	mu      sync.Mutex                     // guards what follows
	holders map[string]map[string]struct{} // who ever held a content
	content map[zone.Hash]string           // of each version
	meant   map[string]struct{}            // contents that an operator approved
	held    bool                           // by an operator
	before  *zone.Version
}

const leastRecords = 5

func trustWalk(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	cfg := policy(config.Agree{Kind: config.Count, N: 1 + random.IntN(3)})
	cfg.History = 4
	cfg.Compare = config.Compare(seed % 3)
	cfg.SerialKeep = cfg.Compare == config.CompareContent && random.IntN(2) == 0
	cfg.Guard = config.Guard{MinRecords: leastRecords}
	if random.IntN(3) == 0 {
		cfg.Drift = config.Drift{Prefer: "ns2", After: time.Hour}
	}
	w := &trustWalker{
		world: newWorld(t, cfg, "ns1", "ns2", "ns3"), Rand: random, need: cfg.Agree.N,
		serials: make(map[string]uint32), holders: make(map[string]map[string]struct{}),
		content: make(map[zone.Hash]string), meant: make(map[string]struct{}),
	}
	w.hook = w.look
	for _, name := range w.names {
		w.serials[name] = 100
		if cfg.Compare != config.CompareStrict {
			w.serials[name] = random.Uint32()
		}
		w.give(name, "ab")
	}
	w.zone.Start()
	for range 60 {
		w.step()
		w.check()
	}
	if t.Failed() {
		return
	}
	for _, end := range []func() error{
		func() error { _, err := w.zone.Release(t.Context(), Word{"anna", "the end"}); return err },
		func() error { _, err := w.zone.Unpin(t.Context(), Word{"anna", "the end"}); return err },
	} {
		_ = end() // there may be nothing to end
	}
	for _, name := range w.names {
		w.serials[name] += 1000 // none that it has had: under one of those nobody would look
	}
	w.alike("wxyz")
	w.advance(3 * time.Hour)
	s := w.zone.Status()
	if s.State != parity.InParity || contentOf(s.Version) != contentOf(w.make("1", "wxyz").Version(t)) {
		t.Errorf("in the end serial %d is served, %s: %s", s.Version.Serial(), s.State, s.Reason)
	}
}

// alike has all primaries hold the same, and answer.
func (w *trustWalker) alike(letters string) {
	if w.config.Compare == config.CompareStrict {
		next := uint32(0)
		for _, s := range w.serials {
			next = max(next, s)
		}
		for _, name := range w.names {
			w.serials[name] = next
		}
	}
	for _, name := range w.names {
		w.serials[name]++
		w.cut(name, false, false)
		w.behave(name, primarytest.Behaviour{})
		w.give(name, letters)
	}
}

// contentOf tells the contents of this test apart: its names.
func contentOf(v *zone.Version) string {
	var b strings.Builder
	for node := range v.Walk() {
		fmt.Fprintf(&b, "%x ", node.AppendKey(nil))
	}
	return b.String()
}

func (w *trustWalker) give(name, letters string) {
	z := w.make(fmt.Sprint(w.serials[name]), letters)
	v := z.Version(w.t)
	content := contentOf(v)
	w.primaries[name].Remove(origin) // what one serial has may have had another before
	w.primaries[name].Set(z)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holders[content] == nil {
		w.holders[content] = make(map[string]struct{})
	}
	w.holders[content][name] = struct{}{}
	w.content[v.Root()] = content
}

// look looks at each swap.
func (w *trustWalker) look(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := e.(type) {
	case Decided:
		switch e.Decision.Kind {
		case DecisionHold:
			w.held = true
		case DecisionRelease:
			w.held = false
		case DecisionApprove:
			w.meant[w.content[e.Decision.Root]] = struct{}{}
		}
	case Swapped:
		says := func(what string) bool { return strings.HasPrefix(e.Reason, what) }
		content := contentOf(e.Version)
		_, meant := w.meant[content]
		meant = meant || strings.Contains(e.Reason, "is pinned: ")
		again := w.config.Compare != config.CompareStrict && e.Before != nil && contentOf(e.Before) == content // another copy of it
		alone := meant || says("what was served would have expired") || strings.Contains(e.Reason, "is preferred, since")
		if n := len(w.holders[content]); n < w.need && !alone {
			w.t.Errorf("serial %d of %s is served, and %d of %d primaries ever held it: %s", e.Version.Serial(), e.Source, n, w.need, e.Reason)
		}
		_, signed := e.Version.ApexNode().RRset(dns.TypeZONEMD)
		_, ns := e.Version.ApexNode().RRset(dns.TypeNS)
		if signed || !ns || e.Version.Records() < leastRecords && e.Before != nil && !meant {
			w.t.Errorf("serial %d of %s is served, and should not have passed: digest %t, NS %t, %d records: %s",
				e.Version.Serial(), e.Source, signed, ns, e.Version.Records(), e.Reason)
		}
		if w.held && !meant && !again {
			w.t.Errorf("serial %d of %s is served while the zone is held: %s", e.Version.Serial(), e.Source, e.Reason)
		}
		if e.Before != nil && w.config.SerialKeep && !e.Before.Serial().Less(e.Version.Serial()) {
			w.t.Errorf("serial %d after %d: %s", e.Version.Serial(), e.Before.Serial(), e.Reason)
		}
	}
}

func (w *trustWalker) step() {
	name := w.names[w.IntN(len(w.names))]
	switch w.IntN(14) {
	case 0, 1, 2:
		w.alike(w.letters())
		w.notify(name)
		w.advance(time.Duration(w.IntN(60)) * time.Second)
	case 3: // on all, one after the other
		letters := w.letters()
		for _, i := range w.Perm(len(w.names)) {
			w.serials[w.names[i]]++
			w.give(w.names[i], letters)
			w.notify(w.names[i])
			w.advance(time.Duration(w.IntN(3000)) * time.Millisecond)
		}
	case 4, 5:
		w.serials[name] += uint32(1 + w.IntN(3))
		w.give(name, w.letters())
	case 6: // back
		w.serials[name] -= uint32(w.IntN(5))
		w.give(name, w.letters())
	case 7:
		w.cut(name, true, false)
	case 8:
		w.cut(name, false, false)
	case 9, 10, 11:
		w.say(name)
	case 12:
		w.restart(time.Duration(w.Int64N(int64(time.Hour))))
	case 13:
		old := w.zone
		w.zone = w.newZone(old)
		w.zone.Start()
		old.Stop()
	}
	if w.IntN(3) > 0 {
		w.notify(name)
	}
	w.advance([]time.Duration{time.Second, time.Minute, time.Hour, 12 * time.Hour}[w.IntN(4)])
}

// letters are what there is in a zone, sometimes with what fails a check.
func (w *trustWalker) letters() string {
	s := "abcdefgh"[:1+w.IntN(8)]
	switch w.IntN(8) {
	case 0:
		s += "!"
	case 1:
		s += "#"
	}
	return s
}

// say has an operator say something.
func (w *trustWalker) say(primary string) {
	s, word, ctx := w.zone.Status(), Word{"anna", "a walk"}, w.t.Context()
	var root string
	for i := range s.Primaries {
		if p := &s.Primaries[i]; p.Name == primary && p.Version != nil {
			root = p.Version.Root().String()
		}
	}
	switch w.IntN(8) {
	case 0, 1:
		_, _ = w.zone.Approve(ctx, root, word)
	case 2:
		_, _ = w.zone.Reject(ctx, root, word)
	case 3:
		_, _ = w.zone.Hold(ctx, word)
	case 4:
		_, _ = w.zone.Release(ctx, word)
	case 5:
		if h := w.zone.History(); len(h) > 0 {
			_, _ = w.zone.Pin(ctx, h[w.IntN(len(h))].Root().String(), word)
		}
	case 6:
		_, _ = w.zone.Unpin(ctx, word)
	case 7:
		_, _ = w.zone.Retransfer(ctx, "", word)
	}
}

func (w *trustWalker) check() {
	w.t.Helper()
	s := w.zone.Status()
	if s.Version == nil && w.before != nil {
		w.t.Fatalf("serial %d is not served any more", w.before.Serial())
	}
	if w.before = s.Version; s.Version == nil {
		return
	}
	if p := s.Pin; p != nil && s.Version.Root() != p.Root && s.Origin != p.Root {
		w.t.Errorf("serial %d is served, and serial %d is pinned", s.Version.Serial(), p.Serial)
	}
	if s.Expired != !s.ExpireAt.After(time.Now()) {
		w.t.Errorf("expired %t, with the expiry in %v", s.Expired, time.Until(s.ExpireAt))
	}
	if h := w.zone.History(); len(h) > w.config.History || h[len(h)-1] != s.Version {
		w.t.Errorf("%d versions in the history, and the last is not what is served", len(h))
	}
}
