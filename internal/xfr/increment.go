package xfr

import (
	"iter"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// An Increment is the answer to an IXFR whose client holds a version that we still have (RFC 1995). It is always the
// difference between the two ends (RFC 1995 section 5): that is never more than the steps between them one by one, and a
// version that came and went in between is nobody's concern.
type Increment struct{ from, to *zone.Version }

// NewIncrement returns the Increment from the version with that serial to the newest. The history has the newest version
// last. ok is false where the whole zone is the better answer, or the only true one:
//
//   - no version of the history has the serial, or the newest is not after it (RFC 1982);
//   - several versions have it, with different records: which one the client holds is not known;
//   - the difference has as many records as the zone.
func NewIncrement(history []*zone.Version, serial zone.Serial) (inc Increment, ok bool) {
	if len(history) == 0 {
		return Increment{}, false
	}
	to := history[len(history)-1]
	if !serial.Less(to.Serial()) {
		return Increment{}, false
	}
	var from *zone.Version
	for _, v := range history {
		switch {
		case v.Serial() != serial:
		case from != nil && from.Root() != v.Root():
			return Increment{}, false
		default:
			from = v
		}
	}
	if from == nil {
		return Increment{}, false
	}
	records := 0
	for c := range zone.Changes(from, to) {
		if records += c.Before.Count + c.After.Count; records >= to.Records() {
			return Increment{}, false
		}
	}
	return Increment{from, to}, true
}

// Records yields the answer as RFC 1995 section 4 has it: the newest SOA record, the old one with what is deleted, the
// newest with what is added, and the newest again. The Data of a record is a view into a version; its owner name is valid
// until the next step.
func (inc Increment) Records() iter.Seq[zone.Record] {
	return func(yield func(zone.Record) bool) {
		before, after := soaRecord(inc.from), soaRecord(inc.to)
		if !yield(after) || !yield(before) {
			return
		}
		for r := range inc.records(true) {
			if !yield(r) {
				return
			}
		}
		if !yield(after) {
			return
		}
		for r := range inc.records(false) {
			if !yield(r) {
				return
			}
		}
		yield(after)
	}
}

// records yields what is deleted, or what is added, without the SOA record. The difference is walked twice rather than
// kept, so that a large one takes no memory for as long as its client takes to read it.
func (inc Increment) records(deleted bool) iter.Seq[zone.Record] {
	return func(yield func(zone.Record) bool) {
		var owner []byte
		for c := range zone.Changes(inc.from, inc.to) {
			if c.Type == dns.TypeSOA {
				continue
			}
			set, data := c.After, c.Added()
			if deleted {
				set, data = c.Before, c.Deleted()
			}
			owner = zone.AppendOwner(owner[:0], c.Owner, inc.to.Apex())
			for rdata := range data {
				if !yield(zone.Record{Owner: owner, Type: c.Type, TTL: set.TTL, Data: rdata}) {
					return
				}
			}
		}
	}
}

func soaRecord(v *zone.Version) zone.Record {
	set, _ := v.ApexNode().RRset(dns.TypeSOA)
	return zone.Record{Owner: v.Apex(), Type: dns.TypeSOA, TTL: set.TTL, Data: set.First()}
}
