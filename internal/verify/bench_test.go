package verify

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// tld returns a zone like that of a top-level domain, of 1,000,000 records: delegations with two NS each, glue for 40 % of them, DS
// for 30 %. It is made once.
var tld = sync.OnceValue(func() *zone.Version {
	const want = 1_000_000
	r := rand.New(rand.NewPCG(1, 1))
	apex := zone.Name("\x03tld\x00")
	names := make([]string, 0, want/2)
	for len(names) < cap(names) {
		names = append(names, fmt.Sprintf("%s%d", []string{"shop", "my", "the", "x", "web", "go"}[r.IntN(6)], r.IntN(1<<30)))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	b := zone.NewBuilder(apex, nil)
	n := 0
	add := func(owner zone.Name, typ uint16, data []byte) {
		n++
		if err := b.Add(zone.Record{Owner: owner, Type: typ, TTL: 86400, Data: data}); err != nil {
			panic(err)
		}
	}
	soa := []byte("\x03ns1\x03net\x00\x01h\x03net\x00")
	for _, v := range []uint32{1, 3600, 600, 1209600, 300} {
		soa = binary.BigEndian.AppendUint32(soa, v)
	}
	add(apex, dns.TypeSOA, soa)
	add(apex, dns.TypeNS, []byte("\x03ns1\x03net\x00"))
	for _, name := range names {
		if n >= want {
			break
		}
		owner := append(append(zone.Name{byte(len(name))}, name...), apex...)
		glue := r.IntN(10) < 4
		for i := range 2 {
			ns := append([]byte{3, 'n', 's', byte('1' + i)}, owner...)
			if !glue {
				host := fmt.Sprintf("hoster%d", r.IntN(500))
				ns = append(append([]byte{3, 'n', 's', byte('1' + i), byte(len(host))}, host...), "\x03net\x00"...)
			}
			add(owner, dns.TypeNS, ns)
		}
		if r.IntN(10) < 3 {
			ds := make([]byte, 36)
			for i := range ds {
				ds[i] = byte(r.UintN(256))
			}
			add(owner, dns.TypeDS, ds)
		}
		if glue {
			for i := range 2 {
				add(append(zone.Name{3, 'n', 's', byte('1' + i)}, owner...), dns.TypeA, []byte{192, byte(r.UintN(256)), 2, byte(i)})
			}
		}
	}
	v, _, err := b.Build()
	if err != nil {
		panic(err)
	}
	return v
})

// oneChanged is tld with one record changed, and the SOA.
func oneChanged(b *testing.B) *zone.Version {
	v := tld()
	var d zone.Delta
	n := 0
	for r := range v.All() {
		if n++; n == 1 || n == 500_000 {
			r.Owner = slices.Clone(r.Owner)
			d.Deleted = append(d.Deleted, r)
			r.Data = slices.Clone(r.Data)
			r.Data[len(r.Data)-len(r.Data)/2-1] ^= 1
			if n == 1 {
				r.Data = slices.Clone(d.Deleted[0].Data)
				r.Data[len(r.Data)-17]++ // the serial
			}
			d.Added = append(d.Added, r)
		}
	}
	next, err := zone.Apply(v, d)
	if err != nil {
		b.Fatal(err)
	}
	return next
}

func BenchmarkZONEMD(b *testing.B) {
	v := tld()
	for name, h := range map[string]func() hash.Hash{"sha384": sha512.New384, "sha512": sha512.New} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := digest(b.Context(), v, h()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirst is the structure of a whole zone.
func BenchmarkFirst(b *testing.B) {
	v := tld()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := surveyWhole(b.Context(), v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNext is structure and guard for three primaries that have sent the same copy, with one record changed.
func BenchmarkNext(b *testing.B) {
	served, v := tld(), oneChanged(b)
	warm := New(settings("tld.", nil), nil)
	if r := warm.Check(b.Context(), Subject{Candidate: served}); r.Reason() != "" {
		b.Fatal(r.Reason())
	}
	b.ReportAllocs()
	for b.Loop() {
		c := New(settings("tld.", nil), nil)
		c.known.list = append(c.known.list, warm.known.list[0])
		for range 3 {
			if _, ok := c.Check(b.Context(), Subject{Candidate: v, Served: served}).Verified(); !ok {
				b.Fatal("not verified")
			}
		}
	}
}

// BenchmarkMaster is what a command gets to read.
func BenchmarkMaster(b *testing.B) {
	v := tld()
	var n counter
	b.ReportAllocs()
	for b.Loop() {
		if err := writeMaster(&n, v); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(n) / int64(b.N))
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
