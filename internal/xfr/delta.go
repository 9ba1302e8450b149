package xfr

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// delta gathers the changes of all steps of an IXFR in the order in which they came, and makes one zone.Delta of them. What
// one step adds and a later one deletes is not in it, so that many steps cost no more than what they come to.
type delta struct {
	apex    zone.Name
	octets  []byte // key and RDATA of one change after the other
	list    []change
	deleted int
	added   int
}

// change is one record to delete or to add.
type change struct {
	at       int // in octets
	key, end int // lengths of the key, and of key and RDATA
	typ      uint16
	add      bool
	ttl      uint32
}

// changeOverhead stands for what a change costs beside key and RDATA, as zone.Builder counts it.
const changeOverhead = 8

func (d *delta) size() int64 { return int64(len(d.octets) + changeOverhead*len(d.list)) }

func (d *delta) free() { d.octets, d.list = nil, nil }

// add takes the next change. RDATA is in canonical form.
func (d *delta) add(add bool, rec record, data []byte) error {
	at := len(d.octets)
	key, ok := zone.AppendKey(d.octets, rec.owner, d.apex)
	if !ok {
		return fmt.Errorf("%s: %w %s", rec, zone.ErrOutOfZone, d.apex)
	}
	d.octets = append(key, data...)
	d.list = append(d.list, change{at: at, key: len(key) - at, end: len(d.octets) - at, typ: rec.typ, add: add, ttl: rec.ttl})
	if add {
		d.added++
	} else {
		d.deleted++
	}
	return nil
}

func (d *delta) key(c change) zone.Key { return d.octets[c.at : c.at+c.key : c.at+c.key] }
func (d *delta) data(c change) []byte  { return d.octets[c.at+c.key : c.at+c.end : c.at+c.end] }

func (d *delta) compare(a, b change) int {
	if c := bytes.Compare(d.key(a), d.key(b)); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.typ, b.typ), bytes.Compare(d.data(a), d.data(b)))
}

// net returns what all steps come to on base. A record can only be deleted when it is there, and added when it is not, in
// every step; whether the first change of a record fits base is left to zone.Apply, where that will see it.
func (d *delta) net(base *zone.Version) (zone.Delta, error) {
	slices.SortStableFunc(d.list, d.compare)
	var (
		out   zone.Delta
		owner zone.Name
		last  zone.Key
		had   = lookup{version: base}
	)
	for rest := d.list; len(rest) > 0; {
		n := 1
		for n < len(rest) && d.compare(rest[0], rest[n]) == 0 {
			n++
		}
		one := rest[:n]
		rest = rest[n:]
		if key := d.key(one[0]); owner == nil || !bytes.Equal(key, last) {
			owner, last = zone.AppendOwner(nil, key, d.apex), key
		}
		record := func(c change) zone.Record {
			return zone.Record{Owner: owner, Type: c.typ, TTL: c.ttl, Data: d.data(c)}
		}
		for i := 1; i < n; i++ {
			if one[i].add == one[i-1].add {
				return out, contradiction(one[i].add, record(one[i]))
			}
		}
		first, end := one[0], one[n-1]
		if !first.add {
			out.Deleted = append(out.Deleted, record(first))
		}
		if end.add {
			out.Added = append(out.Added, record(end))
		}
		if first.add && !end.add && had.holds(last, first.typ, d.data(first)) {
			return out, contradiction(true, record(first))
		}
	}
	return out, nil
}

func contradiction(add bool, r zone.Record) error {
	if add {
		return fmt.Errorf("%w: %s", zone.ErrPresent, r)
	}
	return fmt.Errorf("%w: %s", zone.ErrAbsent, r)
}

// A lookup says which records a version has. It is asked for them in the order of their owners, types and RDATA, so that an RRset is
// gone through once, however many of its records are asked for: a primary chooses both numbers.
type lookup struct {
	version *zone.Version
	key     zone.Key
	typ     uint16
	covered uint16 // of RRSIG
	at      zone.RDATAIter
	data    []byte // that at has come to, if more
	more    bool
	open    bool
}

// holds reports whether the version has a record, whatever its TTL.
func (l *lookup) holds(key zone.Key, typ uint16, data []byte) bool {
	covered := uint16(0)
	if typ == dns.TypeRRSIG && len(data) >= 2 {
		covered = binary.BigEndian.Uint16(data)
	}
	if !l.open || typ != l.typ || covered != l.covered || !bytes.Equal(key, l.key) {
		l.key, l.typ, l.covered, l.open = key, typ, covered, true
		l.at = l.rrset().Iter()
		l.data, l.more = l.at.Next()
	}
	for l.more && bytes.Compare(l.data, data) < 0 {
		l.data, l.more = l.at.Next()
	}
	return l.more && bytes.Equal(l.data, data)
}

// rrset returns the RRset to go through, an empty one if there is none. NSEC3 records, and their signatures, lie apart.
func (l *lookup) rrset() (set zone.RRset) {
	n := l.version.Find(l.key).Node
	if l.typ == dns.TypeNSEC3 || l.covered == dns.TypeNSEC3 {
		var exact bool
		if n, exact = l.version.FindNSEC3(l.key); !exact {
			return set
		}
	}
	if l.typ == dns.TypeRRSIG {
		set, _ = n.Signatures(l.covered)
	} else {
		set, _ = n.RRset(l.typ)
	}
	return set
}
