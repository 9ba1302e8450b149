package zone

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

var (
	// ErrAbsent is the error of a Delta that deletes a record which the version does not have.
	ErrAbsent = errors.New("deletes a record that is absent")
	// ErrPresent is the error of a Delta that adds a record which the version has already.
	ErrPresent = errors.New("adds a record that is present")
)

// Apply returns the version that the Delta makes of a, first deleting and then adding. It shares all pages with a that
// the Delta does not touch. A delete of what is absent and an add of what is present are errors (errors.Is ErrAbsent,
// ErrPresent): the Delta is not for this version then. The TTL of a deleted record is not compared. If
// the records of an RRset differ in TTL afterwards, they get the lowest.
func Apply(a *Version, d Delta) (*Version, error) {
	names, nsec3, err := newChanges(a.apex, d)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", a.apex, err)
	}
	newNames, newNSEC3 := a.names, a.nsec3
	if len(names.list) > 0 {
		if newNames, err = a.names.rewrite(names, nil); err != nil {
			return nil, fmt.Errorf("zone %s: %w", a.apex, err)
		}
	}
	if len(nsec3.list) > 0 {
		if newNSEC3, err = a.nsec3.rewrite(nsec3, nil); err != nil {
			return nil, fmt.Errorf("zone %s: %w", a.apex, err)
		}
	}
	v, err := newVersion(a.apex, newNames, newNSEC3)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", a.apex, err)
	}
	return v, nil
}

// changes are the edits of a Delta to one tree.
type changes struct {
	list []change
	at   int
}

type change struct {
	key Key
	add bool
	rec Record
}

func newChanges(apex Name, d Delta) (names, nsec3 *changes, err error) {
	names, nsec3 = new(changes), new(changes)
	take := func(r Record, add bool) error {
		key, ok := AppendKey(nil, r.Owner, apex)
		if !ok {
			return fmt.Errorf("%s %s: %w", r.Owner, dns.Type(r.Type), ErrOutOfZone)
		}
		c := names
		if inNSEC3(r.Type, r.Data) {
			c = nsec3
		}
		c.list = append(c.list, change{key, add, r})
		return nil
	}
	for _, r := range d.Deleted {
		if err := take(r, false); err != nil {
			return nil, nil, err
		}
	}
	for _, r := range d.Added {
		if err := take(r, true); err != nil {
			return nil, nil, err
		}
	}
	for _, c := range []*changes{names, nsec3} {
		// Stable, so that for each name the deletes stay before the adds.
		slices.SortStableFunc(c.list, func(a, b change) int { return bytes.Compare(a.key, b.key) })
	}
	return names, nsec3, nil
}

func (c *changes) next() (Key, bool) {
	if c.at == len(c.list) {
		return nil, false
	}
	return c.list[c.at].key, true
}

func (c *changes) packed(packed) {}

// apply changes the records of one name, which come sorted.
func (c *changes) apply(set *nameSet) error {
	key := c.list[c.at].key
	deleted := 0
	for ; c.more(key) && !c.list[c.at].add; c.at++ {
		r := c.list[c.at].rec
		i, found := set.find(r)
		if !found || set.recs[i].gone {
			return fmt.Errorf("%w: %s", ErrAbsent, r)
		}
		set.recs[i].gone = true
		deleted++
	}
	if deleted > 0 {
		set.recs = slices.DeleteFunc(set.recs, func(r setRecord) bool { return r.gone })
	}
	for ; c.more(key); c.at++ {
		r := c.list[c.at].rec
		if err := set.add(r.Type, r.TTL, r.Data); err != nil {
			return fmt.Errorf("%s: %w", r.Owner, err)
		}
	}
	if twice, duplicates := set.sort(); duplicates > 0 {
		return fmt.Errorf("%w: %s %s", ErrPresent, c.list[c.at-1].rec.Owner, dns.Type(twice))
	}
	return nil
}

func (c *changes) more(key Key) bool { return c.at < len(c.list) && bytes.Equal(c.list[c.at].key, key) }

// find returns where the record is in a sorted set.
func (s *nameSet) find(r Record) (int, bool) {
	return slices.BinarySearchFunc(s.recs, r, func(have setRecord, want Record) int {
		if have.typ != want.Type {
			return int(have.typ) - int(want.Type)
		}
		return bytes.Compare(s.data(have), want.Data)
	})
}
