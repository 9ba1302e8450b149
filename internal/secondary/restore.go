package secondary

import (
	"slices"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/zone"
)

// contents returns what tells the content of versions that a zone knew: as that zone knew it, or found out anew, from one version to
// the next. The first costs a pass over the zone where not all of it is compared.
func (l *life) contents(served zone.Hash, byRoot map[zone.Hash]*zone.Version) func(*zone.Version) parity.Content {
	known := make(map[zone.Hash]parity.Content, len(byRoot))
	if l.live != nil {
		for i := range l.live.history {
			known[l.live.history[i].version.Root()] = l.live.history[i].content
		}
		for _, p := range l.live.primaries {
			if v := p.seen.Version; v != nil {
				known[v.Root()] = p.seen.Content
			}
		}
	}
	var near []parity.Known
	content := func(v *zone.Version) parity.Content {
		c, ok := known[v.Root()]
		if !ok {
			c = l.zone.comparison.Content(v, near...)
			known[v.Root()] = c
		}
		if len(near) == 0 {
			near = []parity.Known{{Version: v, Content: c}}
		}
		return c
	}
	if v := byRoot[served]; v != nil {
		content(v)
	}
	return content
}

// restoreSeen takes over what was known of the copies of a primary. They are checked again before one of them is served, and one that
// was rejected stays so until then.
func (l *life) restoreSeen(p *primary, v *zone.Version, o *PrimaryState, contents func(*zone.Version) parity.Content) {
	p.check, p.checkFailures, p.regressions = o.Check, slices.Clone(o.CheckFailures), o.Regressions
	if l.live != nil {
		i := slices.IndexFunc(l.live.primaries, func(before *primary) bool { return before.config.Name == p.config.Name })
		p.seen, p.toldRejected = l.live.primaries[i].seen, l.live.primaries[i].toldRejected
		return
	}
	if v == nil {
		return
	}
	p.seen.Version, p.seen.Content, p.seen.Since, p.seen.Rejected, p.seen.Guarded = v, contents(v), o.Since, o.Rejected, o.Guarded
	if o.Rejected == "" {
		p.seen.Recent = []parity.Known{{Version: v, Content: p.seen.Content}}
	} else if o.Check != "" {
		p.toldRejected = []toldRejection{{v.Root(), o.Check}}
	}
}

// restoreWords takes over what operators have said.
func (l *life) restoreWords(s *State, byRoot map[zone.Hash]*zone.Version, contents func(*zone.Version) parity.Content) {
	w := &l.words
	w.hold, w.approval, w.rejected, w.log = s.Hold, s.Approval, slices.Clone(s.Rejections), slices.Clone(s.Decisions)
	if s.Pin == nil {
		return
	}
	if v := byRoot[s.Pin.Root]; v != nil { // else there is nothing to pin any more
		w.pin = s.Pin
		w.pinning = pin{version: v, content: contents(v), source: s.Source}
		w.pinned = &checked{version: v, content: w.pinning.content}
	}
}
