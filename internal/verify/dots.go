package verify

import "github.com/concord-dns/concord/internal/zone"

// dots counts names in RDATA that are, in a copy, what is served with the zone's name appended: mx.example.net. has become
// mx.example.net.example.org. That shows final dots that were lost on names that lead out of the zone, too, which nothing but
// the difference tells from other names. It is a guard and no rule of structure, since a zone for the names of others may mean it:
// a CDN's has www.customer.example.cdn.example.
type dots struct {
	appended int
	changed  int // names that are in the copy and not in the same RRset as it is served
	gone     map[string]bool
	key      zone.Key
}

// change looks at one RRset that is in both. Names that only have another preference, port or TTL are not changed.
func (d *dots) change(c zone.Change, apex zone.Name) {
	if _, ok := nameAt(c.Type); !ok || c.Before.Count == 0 || c.After.Count == 0 || len(apex) == 1 {
		return
	}
	root := zone.Name{0}
	if d.gone == nil {
		d.gone = make(map[string]bool)
	}
	clear(d.gone)
	each := func(s zone.RRset, f func(zone.Name)) {
		for data := range s.All() {
			first, second := namesIn(c.Type, data)
			f(first)
			if second != nil {
				f(second)
			}
		}
	}
	each(c.Before, func(n zone.Name) {
		d.key, _ = zone.AppendKey(d.key[:0], n, root)
		d.gone[string(d.key)] = true
	})
	each(c.After, func(n zone.Name) {
		if d.key, _ = zone.AppendKey(d.key[:0], n, root); d.gone[string(d.key)] {
			return
		}
		d.changed++
		// The key of what stands before the zone's name is that of the same labels as an absolute name.
		var in bool
		if d.key, in = zone.AppendKey(d.key[:0], n, apex); in && len(d.key) > 0 && d.gone[string(d.key)] {
			d.appended++
		}
	})
}

// lost reports whether it is more than a coincidence: three names, and more than half of those that have changed.
func (d *dots) lost() bool {
	return d.appended >= fewDoubled && 2*d.appended > d.changed
}
