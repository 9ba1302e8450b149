package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const soaText = "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 7 3600 600 86400 300"

// TestWalkOrder is the example of RFC 4034 section 6.1.
func TestWalkOrder(t *testing.T) {
	apex := mustName(t, "example.")
	names := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	b := NewBuilder(apex, nil)
	if err := b.Add(mustRecord(t, strings.Replace(soaText, "example.org.", "example.", 1))); err != nil {
		t.Fatal(err)
	}
	for _, n := range slices.Backward(names) {
		if err := b.Add(mustRecord(t, n+" 300 IN A 192.0.2.1")); err != nil {
			t.Fatal(err)
		}
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for n := range v.Walk() {
		got = append(got, Name(AppendOwner(nil, n.AppendKey(nil), apex)).String())
	}
	want := make([]string, len(names))
	for i, n := range names {
		want[i] = strings.ToLower(n)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Walk yields %q, want %q", got, want)
	}
}

func TestBuilderErrors(t *testing.T) {
	apex := mustName(t, "example.org.")
	a := mustRecord(t, "www.example.org. 300 IN A 192.0.2.1")
	for _, tc := range []struct {
		name    string
		records []Record
		want    error
	}{
		{"no SOA", []Record{a}, ErrNoSOA},
		{"no record", nil, ErrNoSOA},
		{"two SOAs", []Record{mustRecord(t, soaText), mustRecord(t, strings.Replace(soaText, " 7 ", " 8 ", 1))}, ErrNoSOA},
		{"SOA below the apex", []Record{a, mustRecord(t, "www."+soaText)}, ErrNoSOA},
		{"outside", []Record{mustRecord(t, "www.example.net. 300 IN A 192.0.2.1")}, ErrOutOfZone},
		{"parent", []Record{mustRecord(t, "org. 300 IN A 192.0.2.1")}, ErrOutOfZone},
		{"alike but outside", []Record{mustRecord(t, "wwwexample.org. 300 IN A 192.0.2.1")}, ErrOutOfZone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := NewBuilder(apex, nil)
			var err error
			for _, r := range tc.records {
				err = errors.Join(err, b.Add(r))
			}
			if err == nil {
				_, _, err = b.Build()
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestUnequalTTLs(t *testing.T) {
	apex := mustName(t, "example.org.")
	b := NewBuilder(apex, nil)
	for _, s := range []string{soaText,
		"a.example.org. 300 IN A 192.0.2.1", "a.example.org. 60 IN A 192.0.2.2", "a.example.org. 900 IN A 192.0.2.2",
		"b.example.org. 300 IN A 192.0.2.1", "b.example.org. 300 IN A 192.0.2.1",
	} {
		if err := b.Add(mustRecord(t, s)); err != nil {
			t.Fatal(err)
		}
	}
	v, report, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if want := (BuildReport{Duplicates: 2, UnequalTTLs: 1}); report != want {
		t.Errorf("report %+v, want %+v", report, want)
	}
	key, _ := AppendKey(nil, mustName(t, "a.example.org."), apex)
	if s, ok := v.Find(key).Node.RRset(dns.TypeA); !ok || s.TTL != 60 || s.Count != 2 {
		t.Errorf("RRset %+v, want 2 records with TTL 60", s)
	}
}

// TestSignatureTTLs: RRSIGs keep the TTL of what they cover (RFC 4034 section 3).
func TestSignatureTTLs(t *testing.T) {
	v := mustZone(t, "example.org.",
		"www.example.org. 300 IN RRSIG A 13 3 300 20300101000000 20250101000000 1 example.org. AAAA",
		"www.example.org. 60 IN RRSIG AAAA 13 3 60 20300101000000 20250101000000 1 example.org. AAAA",
		"www.example.org. 60 IN RRSIG AAAA 8 3 60 20300101000000 20250101000000 2 example.org. AAAA",
	)
	key, _ := AppendKey(nil, mustName(t, "www.example.org."), v.Apex())
	n := v.Find(key).Node
	for _, tc := range []struct {
		covered uint16
		ttl     uint32
		count   int
	}{{dns.TypeA, 300, 1}, {dns.TypeAAAA, 60, 2}, {dns.TypeMX, 0, 0}} {
		if s, ok := n.Signatures(tc.covered); s.TTL != tc.ttl || s.Count != tc.count || ok != (tc.count > 0) {
			t.Errorf("signatures over %s: TTL %d, %d records; want TTL %d, %d records", dns.Type(tc.covered), s.TTL, s.Count, tc.ttl, tc.count)
		}
	}
}

func TestRRsetBound(t *testing.T) {
	apex := mustName(t, "example.org.")
	b := NewBuilder(apex, nil)
	rec := Record{Owner: mustName(t, "www.example.org."), Type: dns.TypeA, TTL: 1}
	for i := range MaxRRsetRecords + 1 {
		rec.Data = binary.BigEndian.AppendUint32(nil, uint32(i))
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "A RRset of 65536 records") {
		t.Errorf("error %v, want one about the size of the RRset", err)
	}
}

// TestNameBound: one owner name cannot grow without bound, while duplicates cost nothing in the end.
func TestNameBound(t *testing.T) {
	apex := mustName(t, "example.org.")
	rec := Record{Owner: mustName(t, "www.example.org."), Type: dns.TypeTXT, TTL: 1}
	text := func(i int) []byte {
		data := bytes.Repeat([]byte{255}, 256*16)
		binary.BigEndian.PutUint32(data[1:], uint32(i))
		return data
	}
	b := NewBuilder(apex, nil)
	var err error
	for i := 0; err == nil && i < 3*MaxNameBytes/4096; i++ {
		rec.Data = text(i)
		err = b.Add(rec)
	}
	if err == nil || !strings.Contains(err.Error(), "at one owner name") {
		t.Errorf("error %v, want one about the bound of a name", err)
	}

	b = NewBuilder(apex, nil)
	if err := b.Add(mustRecord(t, soaText)); err != nil {
		t.Fatal(err)
	}
	for i := range 5 * MaxNameBytes / 4096 {
		rec.Data = text(i % 2)
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	v, _, err := b.Build()
	if err != nil || v.Records() != 3 {
		t.Errorf("%v; want three records after dropping duplicates", err)
	}
}

// TestHostileOrder builds from orders and names that a primary could choose to make work; a quadratic step would show as
// minutes.
func TestHostileOrder(t *testing.T) {
	apex := mustName(t, "example.org.")
	soa := mustRecord(t, soaText)
	const n = 100_000
	descending := []Record{soa}
	for i := range n {
		owner := append(Name(fmt.Sprintf("\x08%08d", n-i)), apex...)
		descending = append(descending, Record{owner, dns.TypeA, 1, []byte{1, 2, 3, 4}})
	}
	alternating := []Record{soa}
	for i := range n {
		owner := append(Name(fmt.Sprintf("\x08%08d", i%2*n+i)), apex...)
		alternating = append(alternating, Record{owner, dns.TypeA, 1, []byte{1, 2, 3, 4}})
	}
	var never, always []Record // names whose hashes never, or always, end a page
	for i := 0; len(never) < n/4 || len(always) < n/4; i++ {
		owner := append(Name(fmt.Sprintf("\x08%08d", i)), apex...)
		key, _ := AppendKey(nil, owner, apex)
		rec := Record{owner, dns.TypeA, 1, []byte{1, 2, 3, 4}}
		if keyHash(key)&pageMask == 0 {
			always = append(always, rec)
		} else if len(never) < n/4 {
			never = append(never, rec)
		}
	}
	deep := []Record{soa}
	for i := range 2000 {
		owner := bytes.Repeat([]byte{1, 'a'}, 118)
		owner = append(append(owner, fmt.Sprintf("\x04%04d", i)...), apex...)
		deep = append(deep, Record{owner, dns.TypeNS, 1, []byte{0}})
	}
	for name, list := range map[string][]Record{
		"descending": descending, "alternating": alternating, "no page ends": append(never, soa), "all pages end": append(always, soa), "deep": deep,
	} {
		v := mustBuild(t, apex, nil, list...)
		check(t, v)
		if v.Records() != len(list) {
			t.Errorf("%s: %d records of %d", name, v.Records(), len(list))
		}
		if pages := int(v.names.sum.pages); pages > v.Names()/minPageNames+2 || pages < v.Names()/maxPageNames {
			t.Errorf("%s: %d pages for %d names", name, pages, v.Names())
		}
	}
}

func TestApplyErrors(t *testing.T) {
	v := mustZone(t, "example.org.", "a.example.org. 300 IN A 192.0.2.1")
	for _, tc := range []struct {
		name  string
		delta Delta
		want  error
	}{
		{"absent name", Delta{Deleted: []Record{mustRecord(t, "b.example.org. 300 IN A 192.0.2.1")}}, ErrAbsent},
		{"absent record", Delta{Deleted: []Record{mustRecord(t, "a.example.org. 300 IN A 192.0.2.2")}}, ErrAbsent},
		{"twice", Delta{Deleted: []Record{mustRecord(t, "a.example.org. 300 IN A 192.0.2.1"), mustRecord(t, "a.example.org. 300 IN A 192.0.2.1")}}, ErrAbsent},
		{"present", Delta{Added: []Record{mustRecord(t, "a.example.org. 300 IN A 192.0.2.1")}}, ErrPresent},
		{"added twice", Delta{Added: []Record{mustRecord(t, "c.example.org. 300 IN A 192.0.2.1"), mustRecord(t, "c.example.org. 300 IN A 192.0.2.1")}}, ErrPresent},
		{"outside", Delta{Added: []Record{mustRecord(t, "a.example.net. 300 IN A 192.0.2.1")}}, ErrOutOfZone},
		{"second SOA", Delta{Added: []Record{mustRecord(t, soaText)}}, ErrNoSOA},
		{"no SOA left", Delta{Deleted: []Record{{v.Apex(), dns.TypeSOA, 0, v.Find(nil).soaData()}}}, ErrNoSOA},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := v.Root()
			if _, err := Apply(v, tc.delta); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if v.Root() != root || v.Records() != 2 {
				t.Error("the version was changed")
			}
		})
	}
	same, err := Apply(v, Delta{})
	if err != nil || same.Root() != v.Root() {
		t.Errorf("an empty delta gives %v, %v", same, err)
	}
}

func (m Match) soaData() []byte {
	s, _ := m.Node.RRset(dns.TypeSOA)
	return s.First()
}

func TestFindAllocates(t *testing.T) {
	v := tldVersion()
	for _, name := range []string{"tld.", "nx.tld.", "www.shop1.tld.", "~.tld."} {
		key, _ := AppendKey(nil, mustName(t, name), v.Apex())
		if n := testing.AllocsPerRun(100, func() { v.Find(key) }); n != 0 {
			t.Errorf("Find(%s) allocates %v times", name, n)
		}
	}
}

// TestPageMemory: pages stay near the octets of their records, with nothing per name or record beside them.
func TestPageMemory(t *testing.T) {
	list := tld()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := mustBuild(t, Name("\x03tld\x00"), nil, list...)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perRecord := float64(after.HeapAlloc-before.HeapAlloc) / float64(v.Records())
	objects := float64(after.HeapObjects-before.HeapObjects) / float64(v.Names())
	if perRecord > 45 || objects > 0.1 {
		t.Errorf("%.1f octets of heap a record, %.3f objects a name; want at most 45 and 0.1", perRecord, objects)
	}
	runtime.KeepAlive(v)
}
