package secondary

import (
	"fmt"
	"slices"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/zone"
)

// ServedName is what Report calls the version that is served.
const ServedName = "served"

// Report tells how two versions of the zone differ, as its comparison looks at them. Each is "served", the name of a primary for its
// last copy, or the root, or the first digits of it, of a copy or of a version in the history. It does not keep the zone from going on.
func (z *Zone) Report(here, there string, limits parity.Limits) (*parity.Report, error) {
	a, err := z.side(here)
	if err != nil {
		return nil, err
	}
	b, err := z.side(there)
	if err != nil {
		return nil, err
	}
	return z.comparison.Report(a, b, limits), nil
}

// side is one side of a report.
func (z *Zone) side(name string) (parity.Side, error) {
	z.turn.Lock()
	defer z.turn.Unlock()
	v, err := z.life.version(name)
	if err != nil {
		return parity.Side{}, fmt.Errorf("zone %s: report: %w", z.config.Origin, err)
	}
	return parity.Side{Name: name, Version: v}, nil
}

// version returns the version that goes by a name.
func (l *life) version(name string) (*zone.Version, error) {
	if name == ServedName {
		if l.served() == nil {
			return nil, fmt.Errorf("nothing is served yet; name a primary or a version")
		}
		return l.served(), nil
	}
	all := slices.Clone(l.versions)
	for _, p := range l.primaries {
		v := p.seen.Version
		switch {
		case p.config.Name == name && v == nil:
			return nil, fmt.Errorf("primary %s has not sent the zone yet", name)
		case p.config.Name == name:
			return v, nil
		case v != nil:
			all = append(all, v)
		}
	}
	v, err := named(name, all, "that is held")
	if err != nil {
		return nil, fmt.Errorf("%w; or name %q or a primary", err, ServedName)
	}
	return v, nil
}
