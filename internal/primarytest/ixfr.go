package primarytest

import (
	"iter"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// messagesOf returns the messages of the answer to AXFR or IXFR. held are the zones of that name, newest last.
func messagesOf(held []*Zone, query *dns.Msg, b *Behaviour) iter.Seq[[]byte] {
	newest := held[len(held)-1]
	qtype := query.Question[0].Qtype
	if qtype == dns.TypeAXFR {
		return newest.stream(b, qtype)
	}
	records := b.Records
	if records == nil {
		if records = changesFor(held, query, b); records == nil {
			return newest.stream(b, qtype)
		}
	}
	return func(yield func([]byte) bool) {
		packRecords(b.shape(qtype), newest.origin, records, b.Endless, yield)
	}
}

// changesFor returns the records of an incremental answer (RFC 1995 section 4), nil where the whole zone is due.
func changesFor(held []*Zone, query *dns.Msg, b *Behaviour) []dns.RR {
	newest := held[len(held)-1]
	if len(query.Ns) != 1 || query.Ns[0].Header().Rrtype != dns.TypeSOA {
		return nil
	}
	have := zone.Serial(query.Ns[0].(*dns.SOA).Serial)
	if !have.Less(zone.Serial(newest.Serial())) {
		return []dns.RR{newest.soa}
	}
	from := -1
	for i, z := range held {
		if z.Serial() == uint32(have) {
			from = i
		}
	}
	if from < 0 || b.Whole {
		return nil
	}
	steps := held[from:]
	if b.Condensed {
		steps = []*Zone{held[from], newest}
	}
	records := []dns.RR{newest.soa}
	for i := 1; i < len(steps); i++ {
		step := Changes(steps[i-1], steps[i])
		if step == nil {
			return nil
		}
		records = append(records, step...)
	}
	return append(records, newest.soa)
}

// Changes returns the records of one step of IXFR, from one zone to another, without the SOA records around the answer; nil
// if one of the two has records that make no version.
func Changes(from, to *Zone) []dns.RR {
	a, err := from.version()
	if err != nil {
		return nil
	}
	b, err := to.version()
	if err != nil {
		return nil
	}
	d := zone.Diff(a, b)
	var records []dns.RR
	add := func(soa *dns.SOA, list []zone.Record) bool {
		records = append(records, soa)
		for _, r := range list {
			if r.Type == dns.TypeSOA {
				continue
			}
			rr, err := r.RR()
			if err != nil {
				return false
			}
			records = append(records, rr)
		}
		return true
	}
	if !add(from.soa, d.Deleted) || !add(to.soa, d.Added) {
		return nil
	}
	return records
}
