package parity

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// TestWalk has primaries change, fail and come back at random, serves what is
// approved, and checks after each step what must hold whatever happened.
func TestWalk(t *testing.T) {
	walks, steps := 60, 400
	if testing.Short() {
		walks = 10
	}
	w := newWorld(t)
	serials := []zone.Serial{0, 1, 2, 3, 4, 5, 6, 1 << 31, 1<<31 + 1, 1<<32 - 1}
	var versions []*zone.Version
	for _, serial := range serials {
		for _, content := range []string{"A", "B", "C2"} {
			versions = append(versions, w.version(content, serial))
		}
	}
	states := make(map[State]int)
	primaryStates := make(map[PrimaryState]int)
	swaps := 0
	for seed := range uint64(walks) {
		random := rand.New(rand.NewPCG(seed, 1))
		walk := newWalk(w, random)
		for step := range steps {
			walk.step(versions)
			v := Judge(walk.policy, walk.served, walk.obs, walk.now)
			if err := walk.check(&v); err != nil {
				t.Fatalf("seed %d step %d: %v\nagree %s, served %s\n%s", seed, step, err, walk.policy.Agree,
					walk.name(walk.served.Version), walk.show(&v, false))
			}
			states[v.State]++
			for _, p := range v.Primaries {
				primaryStates[p.State]++
			}
			if walk.serve(&v) {
				swaps++
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
	t.Logf("%d swaps, %v, %v", swaps, states, primaryStates)
}

type walk struct {
	world
	random *rand.Rand
}

func newWalk(w *world, random *rand.Rand) *walk {
	policies := []config.Agree{
		{Kind: config.All}, {Kind: config.Majority}, {Kind: config.Any}, {Kind: config.Count, N: 1}, {Kind: config.Count, N: 2},
	}
	k := &walk{world: *w, random: random}
	k.policy = Policy{Agree: policies[random.IntN(len(policies))], Settle: 30 * time.Second, Absent: time.Hour}
	if random.IntN(5) == 0 {
		k.policy.Absent = config.Never
	}
	for i := range 1 + random.IntN(4) {
		k.obs = append(k.obs, Observation{Name: fmt.Sprintf("ns%d", i+1)})
	}
	return k
}

func (k *walk) step(versions []*zone.Version) {
	o := &k.obs[k.random.IntN(len(k.obs))]
	switch k.random.IntN(12) {
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
			i := slices.IndexFunc(versions, func(v *zone.Version) bool { return v.Root() == root })
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

func (k *walk) name(v *zone.Version) string {
	if v == nil {
		return "nothing"
	}
	return k.names[v.Root()]
}

// counts says again, in other words than the package, whether a primary counts.
func (k *walk) counts(o Observation) bool {
	failing := o.Refused || o.Err != nil || !o.Reachable
	if !failing || o.FailingSince.IsZero() {
		return true
	}
	settled := !k.now.Before(o.FailingSince.Add(k.policy.Settle))
	if k.served.Version == nil {
		return !settled
	}
	if !k.served.First.IsZero() && !o.FailingSince.Add(k.policy.Settle).After(k.served.First) {
		return false
	}
	return k.policy.Absent == config.Never || k.now.Before(o.FailingSince.Add(k.policy.Absent))
}

func (k *walk) check(v *Verdict) error {
	holders := make(map[zone.Hash][]string)
	versions := make(map[zone.Hash]*zone.Version)
	counted := 0
	for i, o := range k.obs {
		if v.Primaries[i].Counts != k.counts(o) {
			return fmt.Errorf("%s counts: %v", o.Name, v.Primaries[i].Counts)
		}
		if !k.counts(o) {
			continue
		}
		counted++
		if o.Version != nil {
			holders[o.Version.Root()] = append(holders[o.Version.Root()], o.Name)
			versions[o.Version.Root()] = o.Version
		}
	}
	need := k.policy.Agree.Need(counted)
	was := k.served.Version
	a, approved := v.Approved()
	serving := was
	if approved {
		serving = a.Version()
		if err := k.checkApproved(a, holders[serving.Root()], need); err != nil {
			return err
		}
	}

	// What is agreed on by enough, and newer, is never held back.
	for root, names := range holders {
		if newer := was == nil || was.Serial().Less(versions[root].Serial()); len(names) >= need && newer {
			if !approved || was != nil && !was.Serial().Less(serving.Serial()) {
				return fmt.Errorf("%s has enough holders and is newer", k.names[root])
			}
		}
	}
	if was != nil && len(holders[was.Root()]) >= need && !approved {
		return errors.New("what is served has its agreement, and is not approved")
	}

	switch {
	case v.State == Loading && serving != nil, v.State == InParity && serving == nil, v.State == Settling && serving == nil:
		return fmt.Errorf("state %s while %s is served", v.State, k.name(serving))
	case len(holders) == 1 && serving != nil && len(holders[serving.Root()]) > 0 && v.State != InParity:
		return fmt.Errorf("state %s while all hold what is served", v.State)
	case len(holders) == 2 && v.State != Drift:
		var serials []zone.Serial
		for root := range holders {
			serials = append(serials, versions[root].Serial())
		}
		if serials[0] == serials[1] && (serving == nil || len(holders[serving.Root()]) > 0) {
			return errors.New("same serial and different content is not told as drift")
		}
	}
	for i, p := range v.Primaries {
		o := k.obs[i]
		fresh := o.Reachable && !o.Refused && o.Err == nil && o.Version != nil
		if want := fresh && serving != nil && o.Version.Root() == serving.Root(); p.Confirms != want {
			return fmt.Errorf("%s confirms: %v", p.Name, p.Confirms)
		}
		if p.State == PrimaryAgreeing && serving != nil && !p.Confirms {
			return fmt.Errorf("%s is agreeing and does not confirm", p.Name)
		}
		if p.Reason == "" {
			return fmt.Errorf("%s is %s for no reason", p.Name, p.State)
		}
	}
	return errors.Join(k.checkTime(v), k.checkOrder(v, holders, versions, need))
}

func (k *walk) checkApproved(a Approved, names []string, need int) error {
	was := k.served.Version
	switch {
	case len(names) < need || need < 1:
		return fmt.Errorf("approved %s with %d holders of %d", k.name(a.Version()), len(names), need)
	case slices.Contains(names, k.served.Source) && a.Source() != k.served.Source:
		return fmt.Errorf("left source %s, which agrees", k.served.Source)
	case !slices.Contains(names, k.served.Source) && a.Source() != names[0]:
		return fmt.Errorf("source is %s of %v", a.Source(), names)
	case was == nil || was.Root() == a.Version().Root() || was.Serial().Less(a.Version().Serial()) || len(names) >= 2:
		return nil
	case a.Version().Serial() == was.Serial() || !slices.Contains(k.served.Agreed, a.Version().Root()):
		return fmt.Errorf("went back from %s to %s on one primary's word", k.name(was), k.name(a.Version()))
	}
	return nil
}

// checkTime holds Judge to being a function, and to Again.
func (k *walk) checkTime(v *Verdict) error {
	if !v.Again.IsZero() && !v.Again.After(k.now) {
		return errors.New("Again is not in the future")
	}
	until := k.now.Add(1000 * time.Hour)
	if !v.Again.IsZero() {
		until = v.Again.Add(-1)
	}
	for _, at := range []time.Time{k.now, until, k.now.Add(time.Duration(k.random.Int64N(int64(until.Sub(k.now)) + 1)))} {
		if w := Judge(k.policy, k.served, k.obs, at); !reflect.DeepEqual(*v, w) {
			return fmt.Errorf("the verdict changes by itself, %v later, to\n%s", at.Sub(k.now), k.show(&w, false))
		}
	}
	return nil
}

// checkOrder holds Judge to not minding the order of the observations, but
// for choosing among contents whose serials do not.
func (k *walk) checkOrder(v *Verdict, holders map[zone.Hash][]string, versions map[zone.Hash]*zone.Version, need int) error {
	var enough []zone.Serial
	for root, names := range holders {
		if len(names) >= need {
			enough = append(enough, versions[root].Serial())
		}
	}
	for i, a := range enough {
		for _, b := range enough[i+1:] {
			if !a.Less(b) && !b.Less(a) || len(enough) > 2 {
				return nil
			}
		}
	}
	obs := slices.Clone(k.obs)
	k.random.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
	w := Judge(k.policy, k.served, obs, k.now)
	a, _ := v.Approved()
	b, _ := w.Approved()
	if v.State != w.State || !v.Again.Equal(w.Again) || k.name(a.Version()) != k.name(b.Version()) {
		return fmt.Errorf("in another order the verdict is\n%s", k.show(&w, false))
	}
	for _, p := range v.Primaries {
		i := slices.IndexFunc(w.Primaries, func(q PrimaryVerdict) bool { return q.Name == p.Name })
		if q := w.Primaries[i]; q.State != p.State || q.Counts != p.Counts || q.Confirms != p.Confirms {
			return fmt.Errorf("in another order the verdict is\n%s", k.show(&w, false))
		}
	}
	return nil
}
