package zone

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// TestSift holds a Sift against Walk: what it yields and what it counts is all that there is, however large and wherever it is.
func TestSift(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		v := sieved(t, r)
		for _, s := range []Sift{
			{},
			{Plain: TypesOf(dns.TypeA)},
			{Plain: TypesOf(dns.TypeA, dns.TypeTXT, dns.TypeCAA), Counted: TypesOf(dns.TypeA, dns.TypeCAA)},
			{Plain: TypesOf(dns.TypeA, dns.TypeTXT), Counted: TypesOf(dns.TypeTXT), Except: Key("org\x00")},
			{Plain: TypesOf(dns.TypeA, dns.TypeTXT), Counted: TypesOf(dns.TypeA), Except: Key("org\x00example\x00")},
		} {
			var want, got []string
			names, records := 0, 0
			for n := range v.Walk() {
				key := n.AppendKey(nil)
				plain, counted := len(s.Except) == 0 || !n.Below(s.Except), 0
				for it := n.RRsets(); ; {
					set, ok := it.Next()
					if !ok {
						break
					}
					plain = plain && s.Plain.has(uint(set.Type))
					if s.Counted.has(uint(set.Type)) {
						counted += set.Count
					}
				}
				if !plain {
					want = append(want, string(key))
					continue
				}
				names++
				records += counted
			}
			pauses := 0
			for n := range s.Walk(v) {
				if n.IsZero() {
					pauses++
					continue
				}
				got = append(got, string(n.AppendKey(nil)))
			}
			if !slices.Equal(got, want) || s.Names != names || s.Records != records {
				t.Fatalf("seed %d: %d names, %d plain with %d records; want %d, %d, %d", seed, len(got), s.Names, s.Records, len(want), names, records)
			}
			if v.Names() > 100*siftPause && pauses == 0 {
				t.Errorf("no pause in %d names", v.Names())
			}
			for range s.Walk(v) { // it can be left
				break
			}
		}
	}
}

// sieved makes a zone of names with types of one and two octets, TTLs and sizes of all lengths, and several records.
func sieved(t *testing.T, r *rand.Rand) *Version {
	t.Helper()
	apex := Name("\x07example\x03org\x00")
	b := NewBuilder(apex, nil)
	add := func(owner Name, typ uint16, ttl uint32, data []byte) {
		if err := b.Add(Record{Owner: owner, Type: typ, TTL: ttl, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	add(apex, dns.TypeSOA, 60, append([]byte("\x00\x00"), make([]byte, 20)...))
	hosts := 50
	if r.IntN(10) == 0 {
		hosts = 40_000
	}
	for i := range hosts {
		text := fmt.Sprintf("h%d.example.org.", i)
		if r.IntN(8) == 0 {
			text = fmt.Sprintf("h%d.example.org.example.org.", i)
		}
		owner, err := ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		ttl := []uint32{0, 60, 3600, 86400 * 300}[r.IntN(4)]
		for range 1 + r.IntN(3) {
			switch r.IntN(5) {
			case 0, 1:
				add(owner, dns.TypeA, ttl, []byte{192, 0, 2, byte(r.UintN(256))})
			case 2:
				add(owner, dns.TypeTXT, ttl, append([]byte{200}, make([]byte, 200)...))
			case 3:
				add(owner, dns.TypeCAA, ttl, []byte{0, 5, 'i', 's', 's', 'u', 'e', byte('a' + r.UintN(20))})
			default:
				add(owner, 65280, ttl, []byte{byte(r.UintN(256))}) // private use: far from those that a set may have
			}
		}
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
