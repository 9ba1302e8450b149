package verify

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// FuzzCheck makes two versions of whatever a primary may send, and has the checks that look into RDATA read both: none panics, what
// comes of the difference is what a look at the whole finds, and what is verified has no failure.
func FuzzCheck(f *testing.F) {
	f.Add([]byte{0, 2, 5, 3, 'w', 'w', 'w', 3, 't', 'l', 'd', 0}, []byte{1, 1, 4, 192, 0, 2, 1})
	f.Add([]byte{0, 6, 9, 0, 0, 0, 1, 1, 1, 1, 2, 3}, []byte{0, 6, 9, 0, 0, 0, 1, 2, 1, 1, 2, 3, 0, 6, 9, 0, 0, 0, 1, 2, 1, 1, 2, 4})
	f.Add([]byte{2, 5, 11, 0, 1, 1, 'a', 3, 't', 'l', 'd', 0, 0, 1, 0}, []byte{2, 3, 5, 3, 't', 'l', 'd', 0, 3, 3, 1, 0})
	f.Add([]byte{4, 4, 12, 0, 1, 3, 't', 'l', 'd', 3, 't', 'l', 'd', 0}, []byte{3, 7, 3, 1, 2, 3})
	apex := zone.Name("\x03tld\x00")
	owners := []zone.Name{
		apex, zone.Name("\x03www\x03tld\x00"), zone.Name("\x01a\x03www\x03tld\x00"), zone.Name("\x01*\x03tld\x00"), zone.Name("\x03tld\x03tld\x00"),
	}
	types := []uint16{
		dns.TypeA, dns.TypeCNAME, dns.TypeNS, dns.TypeDNAME, dns.TypeMX, dns.TypeHTTPS, dns.TypeZONEMD, dns.TypeSOA, dns.TypeSRV, dns.TypeNSEC3, dns.TypeRRSIG,
	}
	soa := []byte("\x01a\x03tld\x00\x01h\x03tld\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01")
	build := func(data ...[]byte) *zone.Version {
		b := zone.NewBuilder(apex, nil)
		if b.Add(zone.Record{Owner: apex, Type: dns.TypeSOA, TTL: 300, Data: soa}) != nil {
			return nil
		}
		for _, in := range data {
			for len(in) > 3 {
				owner, typ := owners[int(in[0])%len(owners)], types[int(in[1])%len(types)]
				size := min(int(in[2]), len(in)-3)
				rdata, err := zone.AppendRDATA(nil, typ, in[3:3+size], 0, size)
				in = in[3+size:]
				if err == nil && b.Add(zone.Record{Owner: owner, Type: typ, TTL: 300, Data: rdata}) != nil {
					return nil
				}
			}
		}
		v, _, err := b.Build()
		if err != nil {
			return nil
		}
		return v
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		from, to := build(one), build(one, two)
		if from == nil || to == nil {
			return
		}
		before, err := surveyWhole(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		next, err := surveyNext(t.Context(), from, before, to)
		if err != nil {
			t.Fatal(err)
		}
		compareSurveys(t, "fuzz", to, next)
		c := New(settings("tld.", func(z *config.Zone) { z.Verify.ZONEMD = config.ZONEMDRequired }), nil)
		r := c.Check(t.Context(), Subject{Candidate: to, Served: from})
		if _, ok := r.Verified(); r.Err() != nil || ok != (r.Reason() == "") {
			t.Errorf("%t, %q, %v", ok, r.Reason(), r.Err())
		}
	})
}
