package secondary

import (
	"fmt"
	"strings"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/zone"
)

// Roots of contents mean nothing in another process where not all of a version is compared, for they have its key in them. What a
// primary held before is kept by the root of a version that has the same content, then: one that was served, or the last copy of
// some primary. They are in the store, and their contents are made again for other reasons, so that this costs nothing. What has no
// such version is left out.

// versionsOf returns what finds the root of a version by that of its content; zero: there is none.
func (l *life) versionsOf() func(zone.Hash) zone.Hash {
	known := make(map[zone.Hash]zone.Hash)
	for _, p := range l.primaries {
		if v := p.seen.Version; v != nil {
			known[p.seen.Content.Root] = v.Root()
		}
	}
	for i := range l.history {
		known[l.history[i].content.Root] = l.history[i].version.Root()
	}
	return func(content zone.Hash) zone.Hash { return known[content] }
}

// translate returns a line of contents with other roots, and the step that leads to its end. Where one has none, the steps to it and
// from it become one, which goes forward only if both do.
func translate(past []parity.Sighting, last parity.Step, to func(zone.Hash) zone.Hash) ([]parity.Sighting, parity.Step) {
	var line []parity.Sighting
	gap := parity.Forward
	join := func(step parity.Step) parity.Step {
		if gap == parity.Forward || step == parity.Back {
			return step
		}
		return gap
	}
	for _, s := range past {
		s.Step = join(s.Step)
		if s.Root = to(s.Root); s.Root == (zone.Hash{}) {
			gap = s.Step
			continue
		}
		line, gap = append(line, s), parity.Forward
	}
	return line, join(last)
}

// restorePast takes over what a primary held before, as far as it is known by roots that mean something here.
func (l *life) restorePast(p *primary, s *State, o *PrimaryState, byRoot map[zone.Hash]*zone.Version, contents func(*zone.Version) parity.Content) {
	switch {
	case l.live != nil || p.seen.Version == nil:
	case s.Whole && whole(l.zone.config):
		p.seen.Past, p.seen.Step = o.Past, o.Step
	case !s.Whole && !whole(l.zone.config) && s.Compared == compared(l.zone.config):
		p.seen.Past, p.seen.Step = translate(o.Past, o.Step, func(root zone.Hash) zone.Hash {
			if v := byRoot[root]; v != nil {
				return contents(v).Root
			}
			return zone.Hash{}
		})
	}
}

// compared says in text what is compared of a version.
func compared(c *config.Zone) string {
	var b strings.Builder
	b.WriteString(c.Compare.String())
	for _, i := range c.Ignore {
		fmt.Fprintf(&b, " ignore %s %d", i.Name, i.Type)
	}
	return b.String()
}
