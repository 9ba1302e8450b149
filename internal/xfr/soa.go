package xfr

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// ParseSOA reads the answer to a SOA query, which is one message: the SOA record of the zone, from a server that is
// authoritative for it. An error is an *Error without an address.
func ParseSOA(q Question, msg []byte) (zone.SOA, error) {
	soa, err := parseSOA(q, msg)
	if err != nil {
		return zone.SOA{}, q.asError(err)
	}
	return soa, nil
}

func parseSOA(q Question, msg []byte) (soa zone.SOA, err error) {
	var r reader
	if err := r.open(q, msg, true); err != nil {
		return soa, err
	}
	found := 0
	for i := range r.sections[0] {
		rec, err := r.next()
		if err != nil {
			return soa, parseFault("answer record %d of %d: %w", i+1, r.sections[0], err)
		}
		if rec.typ != dns.TypeSOA || rec.class != dns.ClassINET || !q.Zone.Equal(rec.owner) {
			continue
		}
		data, err := zone.AppendRDATA(nil, rec.typ, msg, rec.data, rec.size)
		if err != nil {
			return soa, parseFault("answer record %d of %d: %w", i+1, r.sections[0], err)
		}
		if soa, err = zone.ParseSOA(slices.Clip(data), rec.ttl); err != nil {
			return soa, parseFault("answer record %d of %d: %w", i+1, r.sections[0], err)
		}
		found++
	}
	if err := r.close(); err != nil {
		return soa, err
	}
	switch {
	case found == 0:
		return soa, streamFault("no SOA record of the zone in the answer")
	case found > 1:
		return soa, streamFault("%d SOA records in the answer, want 1", found)
	case r.flags&flagAA == 0:
		// A cache may tell an old serial for long, and must not keep a zone from expiring.
		return soa, streamFault("the answer is not authoritative: AA is not set")
	}
	return soa, nil
}
