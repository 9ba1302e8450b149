package parity

import (
	"fmt"
	"slices"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// A lack is a key that stands against serving a copy of one of several signers
// (RFC 8901): a resolver may have the DNSKEY RRset of one and the signatures
// of another, and finds the zone bogus if the one lacks the keys of the other.
//
// A copy is held against what is served: it lacks what is complete there. What
// neither has is a Finding, and holding the copy would mend nothing. So no step
// of a roll that is done in the order of RFC 8901 section 6 is held, and a
// provider that is added or is about to be removed holds nothing.
type lack struct {
	copy    *primary // whose copy it is
	without string   // who lacks the key
	by      string   // who signs with it
	key     string
}

func (l *lack) String() string {
	serial := l.copy.Version.Serial()
	if l.by == l.copy.Name {
		return fmt.Sprintf("serial %d of %s is not served: it is signed with %s, which the DNSKEY RRset of %s lacks, and whoever has that would find "+
			"it bogus; have %s add the key, or approve the copy", serial, l.by, l.key, l.without, l.without)
	}
	return fmt.Sprintf("serial %d of %s is not served: its DNSKEY RRset lacks %s, which %s signs with, and whoever has it would find the answers of %s "+
		"bogus; have %s add the key, take %s out of the configuration if it is to go, or approve the copy",
		serial, l.without, l.key, l.by, l.by, l.without, l.by)
}

// lacking returns what a copy of a primary lacks and what is served does not;
// nil: nothing. Only a provider that answers is held against it: what another
// had last it may have mended.
func (j *judge) lacking(p *primary, v *zone.Version) *lack {
	was := j.served.Version
	if was == nil || j.policy.Compare.Kind() != config.CompareMultisigner || v.Root() == was.Root() || v.Root() == j.served.origin() {
		return nil
	}
	before, after := j.sideOf("", was), j.sideOf(p.Name, v)
	for i := range j.primaries {
		o := &j.primaries[i]
		if o.Name == p.Name || !o.counts || o.failing || o.Version == nil {
			continue
		}
		other := j.sideOf(o.Name, o.Version)
		switch {
		case other.validates(before) && !other.validates(after):
			return &lack{p, o.Name, p.Name, after.signer()}
		case before.validates(other) && !after.validates(other):
			return &lack{p, p.Name, o.Name, other.signer()}
		}
	}
	return nil
}

// signer names the key that a side signs with, the first of them.
func (s *side) signer() string {
	switch {
	case len(s.signs) > 0:
		return "key " + s.signs[0].String()
	case len(s.unknown) > 0:
		return "key " + s.unknown[0]
	}
	return "no key"
}

// sideOf reads the apex of a version, once in a verdict.
func (j *judge) sideOf(name string, v *zone.Version) *side {
	i := slices.IndexFunc(j.sides, func(s *side) bool { return s.version == v })
	if i < 0 {
		s := &side{name: name, version: v}
		s.read()
		i, j.sides = len(j.sides), append(j.sides, s)
	}
	return j.sides[i]
}

// complete reports whether some holder's copy of a content lacks nothing.
func (j *judge) complete(g *group) bool {
	return slices.ContainsFunc(g.holders, func(i int) bool { p := &j.primaries[i]; return j.lacking(p, p.Version) == nil })
}

// choice returns the newest content that fits and of which some copy lacks no
// key. What it has to leave out for that is noted.
func (j *judge) choice(fits func(*group) bool) *group {
	if g := j.newest(fits); g == nil || j.complete(g) {
		return g
	} else if first := &j.primaries[g.holders[0]]; j.lack == nil {
		j.lack = j.lacking(first, first.Version)
	}
	return j.newest(func(g *group) bool { return fits(g) && j.complete(g) })
}

// unkeyed reports whether a copy lacks a key, and had settle to get it: of two
// providers that change together, one is seen to first.
func (j *judge) unkeyed() bool {
	return j.lack != nil && j.passed(j.lack.copy.Came.Add(j.policy.Settle))
}
