package primarytest

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A Zone is what a primary serves. It does not change.
type Zone struct {
	origin  string // lower case
	soa     *dns.SOA
	records iter.Seq[dns.RR] // without the SOA
	cache   streams
	version func() (*zone.Version, error) // that a whole transfer gives; made once
}

// Make makes a zone of records in master-file form, relative to origin and with a TTL of 3600 where they have none; serial
// is that of a SOA record that it adds unless there is one.
//
//	Make(t, "example.org.", 7, "@ NS ns1", "www 60 A 192.0.2.1")
func Make(tb testing.TB, origin string, serial uint32, records ...string) *Zone {
	tb.Helper()
	origin = dns.Fqdn(origin)
	text := "$TTL 3600\n" + strings.Join(records, "\n") + "\n"
	parser := dns.NewZoneParser(strings.NewReader(text), origin, "")
	var list []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		list = append(list, rr)
	}
	if err := parser.Err(); err != nil {
		tb.Fatalf("primarytest: zone %s: %v", origin, err)
	}
	isSOA := func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }
	if !slices.ContainsFunc(list, isSOA) {
		soa, err := dns.NewRR(fmt.Sprintf("%s 3600 IN SOA ns1.%[1]s hostmaster.%[1]s %d 3600 600 86400 300", origin, serial))
		if err != nil {
			tb.Fatalf("primarytest: zone %s: %v", origin, err)
		}
		list = slices.Insert(list, 0, soa)
	}
	return OfRecords(tb, list...)
}

// OfRecords makes a zone of records, of which one is the SOA; they are sent as they are, in this order.
func OfRecords(tb testing.TB, records ...dns.RR) *Zone {
	tb.Helper()
	i := slices.IndexFunc(records, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
	if i < 0 {
		tb.Fatal("primarytest: a zone of records without a SOA record")
	}
	soa := dns.Copy(records[i]).(*dns.SOA)
	rest := slices.Delete(slices.Clone(records), i, i+1)
	z := &Zone{origin: dns.CanonicalName(soa.Hdr.Name), soa: soa, records: func(yield func(dns.RR) bool) {
		for _, rr := range rest {
			if !yield(dns.Copy(rr)) {
				return
			}
		}
	}}
	z.version = sync.OnceValues(z.build)
	return z
}

// OfVersion makes a zone of a version. The records are made when they are sent, so that a large version costs little.
func OfVersion(tb testing.TB, v *zone.Version) *Zone {
	tb.Helper()
	z := &Zone{origin: v.Apex().String(), version: func() (*zone.Version, error) { return v, nil }}
	z.records = func(yield func(dns.RR) bool) {
		for r := range v.All() {
			if r.Type == dns.TypeSOA {
				continue
			}
			if rr, err := r.RR(); err != nil {
				panic(fmt.Sprintf("primarytest: zone %s: %v", z.origin, err)) // the version accepted it
			} else if !yield(rr) {
				return
			}
		}
	}
	for r := range v.All() {
		rr, err := r.RR()
		if err != nil {
			tb.Fatalf("primarytest: zone %s: %v", z.origin, err)
		}
		z.soa = rr.(*dns.SOA)
		break
	}
	return z
}

// Origin returns the name of the zone in lower case.
func (z *Zone) Origin() string { return z.origin }

// Serial returns the serial of the SOA record.
func (z *Zone) Serial() uint32 { return z.soa.Serial }

// Apex returns the name of the zone.
func (z *Zone) Apex() zone.Name {
	n, err := zone.ParseName(z.origin)
	if err != nil {
		panic(fmt.Sprintf("primarytest: zone %s: %v", z.origin, err)) // miekg/dns accepted it
	}
	return n
}

// Version returns the version that a whole transfer of the zone gives.
func (z *Zone) Version(tb testing.TB) *zone.Version {
	tb.Helper()
	v, err := z.version()
	if err != nil {
		tb.Fatalf("primarytest: zone %s: %v", z.origin, err)
	}
	return v
}

func (z *Zone) build() (*zone.Version, error) {
	b := zone.NewBuilder(z.Apex(), nil)
	add := func(rr dns.RR) error {
		r, err := zone.FromRR(rr)
		if err != nil {
			return err
		}
		return b.Add(r)
	}
	if err := add(dns.Copy(z.soa)); err != nil {
		return nil, err
	}
	for rr := range z.records {
		if err := add(rr); err != nil {
			return nil, err
		}
	}
	v, _, err := b.Build()
	return v, err
}
