package parity

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

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

func (k *walk) check(v *Verdict) (how way, err error) {
	holders := make(map[zone.Hash][]string)
	versions := make(map[zone.Hash]*zone.Version)
	counted := 0
	rejected := false
	for i, o := range k.obs {
		if v.Primaries[i].Counts != k.counts(o) {
			return 0, fmt.Errorf("%s counts: %v", o.Name, v.Primaries[i].Counts)
		}
		if !k.counts(o) {
			continue
		}
		counted++
		rejected = rejected || o.Rejected != ""
		if o.Version != nil && o.Rejected == "" {
			holders[k.root(o.Version)] = append(holders[k.root(o.Version)], o.Name)
			versions[k.root(o.Version)] = o.Version
		}
	}
	need := k.policy.Agree.Need(counted)
	was := k.served.Version
	a, approved := v.Approved()
	serving := was
	if approved {
		serving = a.Version()
		if how, err = k.checkApproved(v, a, holders[k.root(serving)], need); err != nil {
			return how, err
		}
	}
	if was != nil && serving == nil {
		return how, errors.New("stops serving")
	}
	operator := k.policy.Hold != "" || k.policy.Pin.Version != nil || k.policy.Approve != zone.Hash{}
	strict := k.policy.Compare.strict()

	// What is agreed on by enough, and newer, is never held back.
	for root, names := range holders {
		newer := was == nil || strict && was.Serial().Less(versions[root].Serial()) || !strict && k.wentOn(root)
		if len(names) < need || !newer || operator {
			continue
		}
		if !approved || was != nil && (strict && !was.Serial().Less(serving.Serial()) || k.root(serving) == k.root(was)) {
			return how, fmt.Errorf("%s has enough holders and is newer", k.names[versions[root].Root()])
		}
	}
	if was != nil && len(holders[k.root(was)]) >= need && !approved {
		return how, errors.New("what is served has its agreement, and is not approved")
	}

	switch {
	case (v.State == Held) != (k.policy.Hold != "" && k.policy.Pin.Version == nil) && !rejected:
		return how, errors.New("held by nobody, or not held although an operator wants it")
	case (v.State == Pinned) != (k.policy.Pin.Version != nil):
		return how, errors.New("pinned by nobody, or not pinned although an operator wants it")
	case operator || rejected:
	case v.State == Loading && serving != nil, v.State == InParity && serving == nil, v.State == Settling && serving == nil:
		return how, fmt.Errorf("state %s while %s is served", v.State, k.name(serving))
	case len(holders) == 1 && serving != nil && len(holders[k.root(serving)]) > 0 && v.State != InParity && how != byPreference:
		return how, fmt.Errorf("state %s while all hold what is served", v.State)
	case strict && len(holders) == 2 && v.State != Drift:
		var serials []zone.Serial
		for root := range holders {
			serials = append(serials, versions[root].Serial())
		}
		if serials[0] == serials[1] && (serving == nil || len(holders[k.root(serving)]) > 0) {
			return how, errors.New("same serial and different content is not told as drift")
		}
	}
	for i, p := range v.Primaries {
		o := k.obs[i]
		fresh := o.Reachable && !o.Refused && o.Err == nil && o.Version != nil &&
			(o.Rejected == "" || o.Guarded && k.policy.Pin.Version != nil) // what is pinned, no guard is against
		if want := fresh && serving != nil && k.root(o.Version) == k.root(serving); p.Confirms != want {
			return how, fmt.Errorf("%s confirms: %v", p.Name, p.Confirms)
		}
		if p.State == PrimaryAgreeing && serving != nil && !p.Confirms {
			return how, fmt.Errorf("%s is agreeing and does not confirm", p.Name)
		}
		if o.Guarded && o.Rejected != "" && (p.State == PrimaryLagging || p.State == PrimaryRegressed) && !k.knew(k.root(o.Version)) {
			return how, fmt.Errorf("%s is %s with what nobody had, rather than rejected", p.Name, p.State)
		}
		if p.Reason == "" || v.Reason == "" {
			return how, fmt.Errorf("%s is %s for no reason", p.Name, p.State)
		}
	}
	return how, errors.Join(k.checkTime(v), k.checkOrder(v, holders, versions, need))
}

// knew reports whether a content was served, or held and left, before.
func (k *walk) knew(root zone.Hash) bool {
	return slices.Contains(k.served.Agreed, root) || slices.ContainsFunc(k.obs, func(o Observation) bool {
		return slices.ContainsFunc(o.Past, func(s Sighting) bool { return s.Root == root })
	})
}

// wentOn reports whether a holder of the content had what is served just
// before it, agreed on since, with a lower serial of its own.
func (k *walk) wentOn(root zone.Hash) bool {
	return slices.ContainsFunc(k.obs, func(o Observation) bool {
		if o.Version == nil || k.root(o.Version) != root || len(o.Past) == 0 || !k.counts(o) || o.Rejected != "" {
			return false
		}
		last := o.Past[len(o.Past)-1]
		return last.Root == k.root(k.served.Version) && o.Step == Forward && o.Since.After(k.served.Since)
	})
}

// checkApproved finds out why something may be approved.
func (k *walk) checkApproved(v *Verdict, a Approved, names []string, need int) (way, error) {
	was, root := k.served.Version, k.root(a.Version())
	if a.Content().Root != root {
		return 0, errors.New("approved with a content that is not its own")
	}
	if pin := k.policy.Pin.Version; pin != nil {
		if pin != a.Version() {
			return byOperator, errors.New("approved another than what is pinned")
		}
		return byOperator, nil
	}
	if i := slices.IndexFunc(k.obs, func(o Observation) bool {
		return o.Version != nil && o.Version.Root() == a.Version().Root() && o.Rejected != ""
	}); i >= 0 && !slices.ContainsFunc(k.obs, func(o Observation) bool {
		return slices.ContainsFunc(o.Recent, func(r Known) bool { return r.Version.Root() == a.Version().Root() }) ||
			o.Version != nil && o.Rejected == "" && k.root(o.Version) == root
	}) && (was == nil || was.Root() != a.Version().Root()) {
		return 0, errors.New("approved what was rejected")
	}
	switch {
	case k.policy.Approve == a.Version().Root() && slices.ContainsFunc(k.obs, func(o Observation) bool { return o.Version != nil && o.Version.Root() == k.policy.Approve }):
		return byOperator, nil
	case len(names) >= need && need > 0:
		return byAgreement, k.checkAgreed(v, a, names)
	case k.policy.Hold != "":
		return 0, errors.New("approved in a hold")
	}
	held := 0
	for _, o := range k.obs {
		here := o.Version != nil && k.root(o.Version) == root && o.Rejected == ""
		if k.counts(o) && (here || slices.ContainsFunc(o.Past, func(s Sighting) bool { return s.Root == root && !s.Rejected })) {
			held++
		}
	}
	if since := v.DriftSince; k.policy.Drift.Prefer == a.Source() && !since.IsZero() && !k.now.Before(since.Add(k.policy.Drift.After)) {
		return byPreference, nil
	}
	if held >= need {
		return byPassage, nil
	}
	if e := k.served.ExpireAt; !e.IsZero() && !k.now.Before(e) {
		return byExpiry, nil
	}
	return 0, fmt.Errorf("approved %s with %d holders of %d, and %d that held it", k.name(a.Version()), len(names), need, held)
}

func (k *walk) checkAgreed(v *Verdict, a Approved, names []string) error {
	was, root := k.served.Version, k.root(a.Version())
	strict := k.policy.Compare.strict()
	same := was != nil && root == k.root(was)
	if !v.DriftSince.IsZero() && k.policy.Drift.Prefer == a.Source() {
		return nil
	}
	if e := k.served.ExpireAt; !e.IsZero() && !k.now.Before(e) {
		return nil
	}
	switch {
	case slices.Contains(names, k.served.Source) && a.Source() != k.served.Source:
		return fmt.Errorf("left source %s, which agrees", k.served.Source)
	case !slices.Contains(names, k.served.Source) && a.Source() != names[0] && a.Source() != k.served.Source && (strict || !same):
		return fmt.Errorf("source is %s of %v", a.Source(), names)
	case was == nil || same || strict && was.Serial().Less(a.Version().Serial()) || len(names) >= 2:
		return nil
	case strict && (a.Version().Serial() == was.Serial() || !slices.Contains(k.served.Agreed, root)):
		return fmt.Errorf("went back from %s to %s on one primary's word", k.name(was), k.name(a.Version()))
	case strict:
		return nil
	}
	// One alone, with a line of its own: it held what is served, or nobody does.
	i := slices.IndexFunc(k.obs, func(o Observation) bool { return o.Name == names[0] })
	o := k.obs[i]
	line := slices.ContainsFunc(o.Past, func(s Sighting) bool {
		return s.Root == k.root(was) || slices.Contains(k.served.Agreed, s.Root)
	})
	nobody := !slices.ContainsFunc(k.obs, func(o Observation) bool { return o.Version != nil && k.root(o.Version) == k.root(was) })
	if !line && !nobody {
		return fmt.Errorf("went from %s to %s on the word of a stranger", k.name(was), k.name(a.Version()))
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
	if !k.policy.Compare.strict() || k.policy.Approve != (zone.Hash{}) || k.recent {
		return nil // there the Corefile's order decides more often
	}
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
