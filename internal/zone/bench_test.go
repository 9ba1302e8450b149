package zone

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// tld returns the records of a zone like that of a top-level domain, sorted: delegations with two NS each, glue for 40 % of
// them, DS for 30 %. It is made once.
var tld = sync.OnceValue(func() []Record {
	const want = 1_000_000
	r := rand.New(rand.NewPCG(1, 1))
	apex := Name("\x03tld\x00")
	names := make([]string, 0, want/2)
	for len(names) < cap(names) {
		names = append(names, fmt.Sprintf("%s%d", []string{"shop", "my", "the", "x", "web", "go"}[r.IntN(6)], r.IntN(1<<30)))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	soa := make([]byte, 0, 64)
	soa = append(soa, "\x03ns1\x03tld\x00\x01h\x03tld\x00"...)
	for _, n := range []uint32{1, 3600, 600, 1209600, 300} {
		soa = binary.BigEndian.AppendUint32(soa, n)
	}
	list := make([]Record, 0, want)
	list = append(list, Record{apex, dns.TypeSOA, 3600, soa})
	for _, n := range names {
		if len(list) >= want {
			break
		}
		owner := append(append(Name{byte(len(n))}, n...), apex...)
		glue := r.IntN(10) < 4
		for i := range 2 {
			ns := append([]byte{3, 'n', 's', byte('1' + i)}, owner...)
			if !glue {
				host := fmt.Sprintf("hoster%d", r.IntN(500))
				ns = append(append([]byte{3, 'n', 's', byte('1' + i), byte(len(host))}, host...), "\x03net\x00"...)
			}
			list = append(list, Record{owner, dns.TypeNS, 86400, ns})
		}
		if r.IntN(10) < 3 {
			ds := make([]byte, 36)
			for i := range ds {
				ds[i] = byte(r.UintN(256))
			}
			list = append(list, Record{owner, dns.TypeDS, 86400, ds})
		}
		if glue {
			for i := range 2 {
				host := append(Name{3, 'n', 's', byte('1' + i)}, owner...)
				list = append(list, Record{host, dns.TypeA, 86400, []byte{192, byte(r.UintN(256)), 2, byte(i)}})
			}
		}
	}
	return list[:min(len(list), want)]
})

var tldVersion = sync.OnceValue(func() *Version {
	b := NewBuilder(Name("\x03tld\x00"), nil)
	for _, r := range tld() {
		if err := b.Add(r); err != nil {
			panic(err)
		}
	}
	v, _, err := b.Build()
	if err != nil {
		panic(err)
	}
	return v
})

func build(b *testing.B, list []Record, pool *Pool) *Version {
	builder := NewBuilder(Name("\x03tld\x00"), pool)
	for _, r := range list {
		if err := builder.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	v, _, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func BenchmarkBuildSorted(b *testing.B) {
	list := tld()
	b.ReportAllocs()
	for b.Loop() {
		v := build(b, list, nil)
		b.ReportMetric(float64(v.Bytes())/float64(v.Records()), "bytes/record")
		b.ReportMetric(float64(v.names.sum.pages), "pages")
	}
}

func BenchmarkBuildInterned(b *testing.B) {
	list := tld()
	pool := NewPool(tldVersion())
	b.ReportAllocs()
	for b.Loop() {
		build(b, list, pool)
	}
}

func BenchmarkBuildShuffled(b *testing.B) {
	list := slices.Clone(tld())
	r := rand.New(rand.NewPCG(2, 2))
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	b.ReportAllocs()
	for b.Loop() {
		build(b, list, nil)
	}
}

func benchmarkFind(b *testing.B, change func(r *rand.Rand, k Key) Key) {
	v := tldVersion()
	r := rand.New(rand.NewPCG(3, 3))
	list := tld()
	// The keys lie in one block in the order of their use: a query's key is warm when it comes to Find.
	var block []byte
	ends := make([]int, 1<<18)
	for i := range ends {
		key, _ := AppendKey(nil, list[r.IntN(len(list))].Owner, v.apex)
		block = append(block, change(r, key)...)
		ends[i] = len(block)
	}
	b.ReportAllocs()
	i, start := 0, 0
	for b.Loop() {
		v.Find(block[start:ends[i]])
		start = ends[i]
		if i++; i == len(ends) {
			i, start = 0, 0
		}
	}
}

func BenchmarkFindExact(b *testing.B) {
	benchmarkFind(b, func(_ *rand.Rand, k Key) Key { return k })
}

func BenchmarkFindBelow(b *testing.B) {
	benchmarkFind(b, func(_ *rand.Rand, k Key) Key { return append(k.First(1), "www\x00"...) })
}

func BenchmarkFindAbsent(b *testing.B) {
	benchmarkFind(b, func(r *rand.Rand, k Key) Key { k[r.IntN(len(k)-1)] = '~'; return k })
}

// changed returns the tld version with n records changed, in names all over the zone.
func changed(b *testing.B, n int) (*Version, Delta) {
	v := tldVersion()
	r := rand.New(rand.NewPCG(4, 4))
	list := tld()
	var d Delta
	seen := map[int]bool{}
	for len(d.Deleted) < n {
		i := r.IntN(len(list))
		if rec := list[i]; rec.Type == dns.TypeA && !seen[i] {
			seen[i] = true
			d.Deleted = append(d.Deleted, rec)
			rec.Data = []byte{10, 9, 8, 7}
			d.Added = append(d.Added, rec)
		}
	}
	w, err := Apply(v, d)
	if err != nil {
		b.Fatal(err)
	}
	return w, d
}

func BenchmarkDiff10(b *testing.B) {
	w, _ := changed(b, 10)
	v := tldVersion()
	b.ReportAllocs()
	for b.Loop() {
		if d := Diff(v, w); len(d.Added) != 10 {
			b.Fatal(len(d.Added))
		}
	}
}

func BenchmarkApply10(b *testing.B) {
	_, d := changed(b, 10)
	v := tldVersion()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply(v, d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewPool(b *testing.B) {
	v := tldVersion()
	b.ReportAllocs()
	for b.Loop() {
		NewPool(v)
	}
}

func BenchmarkWalkAll(b *testing.B) {
	v := tldVersion()
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range v.All() {
			n++
		}
		if n != v.Records() {
			b.Fatal(n)
		}
	}
}
