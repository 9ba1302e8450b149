package answer

import "github.com/concord-dns/concord/internal/zone"

// enter goes to the zone in which an alias's target is to be looked up, and returns the target's key there. It reports false if
// that is no zone of ours. What the answer has from other zones by then is their aliases; everything else in it is of the
// zone where the chain ends.
//
// NSD goes on in any zone that it has unless confine-to-zone is set; BIND and Knot never do. The bounds on the chain hold
// across zones.
func (r *Result) enter(target zone.Name) (key zone.Key, ok bool) {
	if ask := r.question.Elsewhere; ask != nil {
		if v := ask(target); v != nil && v != r.version {
			r.use(v)
		}
	}
	return zone.AppendKey(r.key[:0], target, r.version.Apex())
}
