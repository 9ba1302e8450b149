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
// last copy, or the root, or the first digits of it, of a copy or of a version in the history. It waits for nothing.
func (z *Zone) Report(here, there string, limits parity.Limits) (*parity.Report, error) {
	s := z.status.Load()
	var sides [2]parity.Side
	for i, name := range [...]string{here, there} {
		v, err := s.version(name)
		if err != nil {
			return nil, fmt.Errorf("zone %s: report: %w", z.config.Origin, err)
		}
		sides[i] = parity.Side{Name: name, Version: v}
	}
	return z.comparison.Report(sides[0], sides[1], limits), nil
}

// version returns the version that goes by a name.
func (s *Status) version(name string) (*zone.Version, error) {
	if name == ServedName {
		if s.Version == nil {
			return nil, fmt.Errorf("nothing is served yet; name a primary or a version")
		}
		return s.Version, nil
	}
	all := slices.Clone(s.history)
	for i := range s.Primaries {
		p := &s.Primaries[i]
		switch {
		case p.Name == name && p.Version == nil:
			return nil, fmt.Errorf("primary %s has not sent the zone yet", name)
		case p.Name == name:
			return p.Version, nil
		case p.Version != nil:
			all = append(all, p.Version)
		}
	}
	v, err := named(name, all, "that is held")
	if err != nil {
		return nil, fmt.Errorf("%w; or name %q or a primary", err, ServedName)
	}
	return v, nil
}
