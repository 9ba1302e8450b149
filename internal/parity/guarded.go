package parity

import "slices"

// uphold rejects again those of the indulged copies that a guard is for:
// one that would be served, and one that was not left behind. It reports
// whether there were any; then the verdict has to be made anew. A copy is
// never indulged twice, so that there are no more rounds than primaries.
func (j *judge) uphold(all, obs []Observation) bool {
	var served, others []int
	for i := range all {
		if obs[i].Rejected == "" || all[i].Rejected != "" {
			continue
		}
		p := &j.primaries[i]
		switch g := p.group; {
		case j.policy.Pin.Version != nil && p.root == j.root:
			// It is served because an operator wants that, guard or not.
		case j.approved.version != nil && p.root == contentRoot(j.approved.version, &j.approved.content):
			served = append(served, i)
		case g != nil && (!g.old || g.clashed || g.diverged):
			others = append(others, i)
		}
	}
	if len(served) > 0 {
		others = nil // they were held against what is not to be served
	}
	for _, i := range append(served, others...) {
		all[i].Rejected = obs[i].Rejected
	}
	return len(served)+len(others) > 0
}

// indulge returns the observations with what only a guard rejected taken for
// good. While nothing is served, nothing can be behind it.
func indulge(obs []Observation, served *Served) []Observation {
	guarded := func(o Observation) bool { return o.Guarded && o.Rejected != "" }
	if served.Version == nil || !slices.ContainsFunc(obs, guarded) {
		return obs
	}
	all := slices.Clone(obs)
	for i := range all {
		if guarded(all[i]) {
			all[i].Rejected = ""
		}
	}
	return all
}
