package parity

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// TestWalk has primaries change, fail, fail checks and come back at random,
// and an operator interfere, under every comparison; it serves what is
// approved, and checks after each step what must hold whatever happened.
func TestWalk(t *testing.T) {
	walks, steps := 60, 400
	if testing.Short() {
		walks = 12
	}
	kinds := []config.Compare{config.CompareStrict, config.CompareContent, config.CompareMultisigner}
	w := newWorld(t)
	serials := []zone.Serial{0, 1, 2, 3, 4, 5, 6, 1 << 31, 1<<31 + 1, 1<<32 - 1}
	var versions []*zone.Version
	for _, serial := range serials {
		for _, content := range []string{"A", "B", "C2", "D", "E"} {
			versions = append(versions, w.version(content, serial))
		}
	}
	states := make(map[State]int)
	primaryStates := make(map[PrimaryState]int)
	ways := make(map[way]int)
	swaps := 0
	for seed := range uint64(walks) {
		random := rand.New(rand.NewPCG(seed, 1))
		walk := newWalk(w, random, kinds[seed%3])
		for step := range steps {
			walk.step(versions)
			v := Judge(walk.policy, walk.served, walk.obs, walk.now)
			how, err := walk.check(&v)
			if err != nil {
				t.Fatalf("seed %d step %d: %v\nagree %s, compare %s, served %s\n%s", seed, step, err, walk.policy.Agree,
					walk.policy.Compare.Kind(), walk.name(walk.served.Version), walk.show(&v, false))
			}
			ways[how]++
			states[v.State]++
			for _, p := range v.Primaries {
				primaryStates[p.State]++
			}
			walk.served.DriftSince = v.DriftSince
			if walk.serve(&v) {
				swaps++
				if err := walk.settled(); err != nil {
					t.Fatalf("seed %d step %d: %v\n%s", seed, step, err, walk.dump())
				}
			}
			if v.Confirmed() {
				walk.fresh()
			}
		}
	}
	for _, s := range AllStates() {
		if states[s] == 0 {
			t.Errorf("no walk came through %s", s)
		}
	}
	for _, s := range AllPrimaryStates() {
		if primaryStates[s] == 0 {
			t.Errorf("no walk came through %s", s)
		}
	}
	for how := range byExpiry + 1 {
		if ways[how] == 0 {
			t.Errorf("nothing was approved in way %d", how)
		}
	}
	t.Logf("%d swaps, %v, %v, %v", swaps, states, primaryStates, ways)
}

type walk struct {
	world
	random *rand.Rand
	roots  map[zone.Hash]zone.Hash // of contents, by those of versions
}

func newWalk(w *world, random *rand.Rand, kind config.Compare) *walk {
	policies := []config.Agree{
		{Kind: config.All}, {Kind: config.Majority}, {Kind: config.Any}, {Kind: config.Count, N: 1}, {Kind: config.Count, N: 2},
	}
	k := &walk{world: *w, random: random, roots: make(map[zone.Hash]zone.Hash)}
	k.policy = Policy{Agree: policies[random.IntN(len(policies))], Settle: 30 * time.Second, Absent: time.Hour}
	if random.IntN(5) == 0 {
		k.policy.Absent = config.Never
	}
	k.compare(kind)
	k.expire, k.recent = 20*time.Minute, random.IntN(4) > 0
	k.policy.Notice = 5 * time.Minute
	if random.IntN(2) == 0 {
		k.policy.Drift = config.Drift{Prefer: "ns1", After: 10 * time.Minute}
	}
	for i := range 1 + random.IntN(4) {
		k.obs = append(k.obs, Observation{Name: fmt.Sprintf("ns%d", i+1)})
	}
	return k
}

func (k *walk) step(versions []*zone.Version) {
	k.now = k.now.Add(time.Millisecond) // a clock does not stand still between two things that happen
	o := &k.obs[k.random.IntN(len(k.obs))]
	switch k.random.IntN(13) {
	case 12: // what no operator or check lets through, or no longer
		k.interfere(o, versions)
	case 0, 1: // something new
		k.see(o, versions[k.random.IntN(len(versions))])
	case 2, 3: // the next serial
		if o.Version != nil {
			next := o.Version.Serial() + 1
			i := slices.IndexFunc(versions, func(v *zone.Version) bool { return v.Serial() == next })
			if i >= 0 {
				k.see(o, versions[i+k.random.IntN(3)/2])
			}
		}
	case 4, 5, 6: // what another holds
		if p := &k.obs[k.random.IntN(len(k.obs))]; p.Version != nil {
			k.see(o, p.Version)
		}
	case 7: // back to what it held
		if len(o.Past) > 0 {
			root := o.Past[k.random.IntN(len(o.Past))].Root
			i := slices.IndexFunc(versions, func(v *zone.Version) bool { return k.root(v) == root })
			k.see(o, versions[i])
		}
	case 8:
		k.fail(o, k.random.IntN(3) == 0, errors.New("fault"))
	case 9:
		if o.Version == nil {
			k.fail(o, false, nil)
		} else {
			k.see(o, o.Version)
		}
	case 10:
		k.now = k.now.Add(time.Duration(k.random.IntN(40)) * time.Second)
	case 11:
		k.now = k.now.Add(time.Duration(k.random.IntN(40)) * time.Minute)
	}
}

func (k *walk) interfere(o *Observation, versions []*zone.Version) {
	v := versions[k.random.IntN(len(versions))]
	k.policy.Hold, k.policy.Pin, k.policy.Approve = "", Pin{}, zone.Hash{}
	switch k.random.IntN(8) {
	case 0:
		k.policy.Hold = "alice: why not"
	case 1:
		if was := k.served.Version; was != nil {
			k.policy.Pin = Pin{Version: was, Content: k.served.Content, Source: k.served.Source, Why: "bob: why not"}
		}
	case 2:
		if o.Version != nil {
			k.policy.Approve = o.Version.Root()
		}
	case 3, 4, 5:
		k.seeRejected(o, v, "guard shrink: too small")
		o.Guarded = k.random.IntN(2) == 0
	}
}

func (k *walk) root(v *zone.Version) zone.Hash {
	root, ok := k.roots[v.Root()]
	if !ok {
		root = k.policy.Compare.Content(v).Root
		k.roots[v.Root()] = root
	}
	return root
}

func (k *walk) name(v *zone.Version) string {
	if v == nil {
		return "nothing"
	}
	return k.names[v.Root()]
}

// settled checks that what is served now is not left again by itself: each
// change takes something new.
func (k *walk) settled() error {
	v := Judge(k.policy, k.served, k.obs, k.now)
	a, ok := v.Approved()
	if !ok || k.root(a.Version()) == k.root(k.served.Version) {
		return nil
	}
	after := k.served
	after.Version, after.Content, after.Source, after.Since = a.Version(), a.Content(), a.Source(), a.Since()
	after.Agreed = append(slices.Clone(after.Agreed), k.root(k.served.Version))
	after.DriftSince = v.DriftSince
	w := Judge(k.policy, after, k.obs, k.now)
	b, ok := w.Approved()
	if !ok || k.root(b.Version()) != k.root(k.served.Version) {
		return nil
	}
	// Once is the operator's preference, twice is nobody's.
	then := k.served
	then.Agreed, then.DriftSince, then.Since = append(slices.Clone(after.Agreed), k.root(a.Version())), w.DriftSince, b.Since()
	x := Judge(k.policy, then, k.obs, k.now)
	if c, ok := x.Approved(); ok && k.root(c.Version()) == k.root(a.Version()) {
		return fmt.Errorf("goes to and fro between %s and %s\n%s\n%s", k.name(a.Version()), k.name(b.Version()), k.show(&v, false), k.show(&w, false))
	}
	return nil
}

// dump writes down all that a verdict is made of.
func (k *walk) dump() string {
	text := fmt.Sprintf("agree %s now %s since %s served %s %s\n", k.policy.Agree, k.now.Format(time.TimeOnly), k.served.Since.Format(time.TimeOnly), k.name(k.served.Version), k.served.Source)
	named := func(root zone.Hash) string {
		for _, v := range k.versions {
			if k.root(v) == root {
				return k.name(v)[:1]
			}
		}
		return "?"
	}
	for _, r := range k.served.Agreed {
		text += named(r) + " "
	}
	for _, o := range k.obs {
		text += "\n" + o.Name + ": "
		for _, s := range o.Past {
			text += fmt.Sprintf("%s %d@%s ", named(s.Root), s.Serial, s.Seen.Format(time.TimeOnly))
		}
		text += fmt.Sprintf("%s@%s rejected %q err %v", k.name(o.Version), o.Since.Format(time.TimeOnly), o.Rejected, o.Err)
	}
	return text
}
