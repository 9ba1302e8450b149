package parity

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

func comparison(t testing.TB, kind config.Compare, ignore ...config.RecordName) *Comparison {
	t.Helper()
	apex, err := zone.ParseName("example.org.")
	if err != nil {
		t.Fatal(err)
	}
	return NewComparison(&config.Zone{Compare: kind, Ignore: ignore}, apex, [32]byte{7})
}

const rrsigText = "3600 RRSIG %s 13 2 3600 20300101000000 20200101000000 %d example.org. c2lnbmF0dXJl"

// TestContent has pairs of zones, and what comparisons find the same.
func TestContent(t *testing.T) {
	base := []string{
		"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300",
		"example.org. 3600 NS ns.example.org.",
		"www.example.org. 3600 A 192.0.2.1",
		"sub.example.org. 3600 NS ns.example.net.",
		"a.b.example.org. 3600 TXT one two",
	}
	sig := func(owner, covers string) string { return owner + " " + fmt.Sprintf(rrsigText, covers, 1) }
	for _, tt := range []struct {
		name    string
		without string   // a line of base
		with    []string // lines beside it
		same    string   // for each of strict, content, multisigner: y or n
	}{
		{"all", "", nil, "yyy"},
		{"SOA", base[0], []string{"example.org. 60 SOA a.example.net. b.example.net. 99 1 1 1 1"}, "nyy"},
		{"apex NS", base[1], []string{"example.org. 60 NS ns.example.net."}, "nyy"},
		{"NS of a delegation", base[3], []string{"sub.example.org. 3600 NS ns2.example.net."}, "nnn"},
		{"ZONEMD", "", []string{"example.org. 3600 ZONEMD 7 1 1 " +
			"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"}, "nyy"},
		{"data", base[2], []string{"www.example.org. 3600 A 192.0.2.2"}, "nnn"},
		{"TTL", base[2], []string{"www.example.org. 3601 A 192.0.2.1"}, "nnn"},
		{"signature of the SOA", "", []string{sig("example.org.", "SOA")}, "nyy"},
		{"signature of an A", "", []string{sig("www.example.org.", "A")}, "nny"},
		{"NSEC", "", []string{"www.example.org. 300 NSEC example.org. A RRSIG NSEC"}, "nny"},
		{"DNSKEY", "", []string{"example.org. 3600 DNSKEY 256 3 13 c2lnbmF0dXJl"}, "nny"},
		{"CDS", "", []string{"example.org. 3600 CDS 1 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}, "nny"},
		{"DS", "", []string{"sub.example.org. 3600 DS 1 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}, "nnn"},
		{"one string for two", base[4], []string{"a.b.example.org. 3600 TXT onetwo"}, "nnn"},
		{"other labels", base[4], []string{"a.b.example.org. 3600 TXT \"one\" \"two\"", "b.a.example.org. 3600 TXT x"}, "nnn"},
	} {
		var text []string
		for _, l := range base {
			if l != tt.without {
				text = append(text, l)
			}
		}
		a, b := build(t, base), build(t, append(text, tt.with...))
		for kind, want := range tt.same {
			c := comparison(t, config.Compare(kind))
			x, y := c.Content(a), c.Content(b)
			if (x.Root == y.Root) != (want == 'y') {
				t.Errorf("%s, compare %s: same %v", tt.name, c.Kind(), x.Root == y.Root)
			}
			if d := c.differ(a, b); (d.Compared() == 0) != (want == 'y') {
				t.Errorf("%s, compare %s: %s", tt.name, c.Kind(), d)
			}
			if kind > 0 && (x.Aside == 0 || x.Root == a.Root()) {
				t.Errorf("%s, compare %s: %+v", tt.name, c.Kind(), x)
			}
		}
	}
}

func TestIgnore(t *testing.T) {
	a := build(t, []string{
		"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300",
		"example.org. 3600 NS ns.example.org.",
		"example.org. 3600 TXT a",
		"x.dyn.example.org. 60 A 192.0.2.1",
		"y.x.dyn.example.org. 60 AAAA 2001:db8::1",
		"dyn.example.org. 60 A 192.0.2.3",
		"x.dyn.example.org. " + fmt.Sprintf(rrsigText, "A", 1),
		"dynx.example.org. 60 A 192.0.2.3",
	})
	for _, tt := range []struct {
		name string
		typ  uint16
		want int
	}{
		{"example.org.", dns.TypeTXT, 1},
		{"example.org.", 0, 3},
		{"dyn.example.org.", dns.TypeA, 1},
		{"*.dyn.example.org.", dns.TypeA, 2}, // with its signature
		{"*.dyn.example.org.", dns.TypeRRSIG, 1},
		{"*.dyn.example.org.", 0, 3},
		{"*.example.org.", 0, 5},
		{"*.example.org.", dns.TypeSOA, 0},
		{"*.org.", 0, 8},
		{"dynx.example.net.", 0, 0},
		{"*.example.net.", 0, 0},
	} {
		c := comparison(t, config.CompareStrict, config.RecordName{Name: tt.name, Type: tt.typ})
		if n := c.Content(a).Ignored; n != tt.want {
			t.Errorf("ignore %s %d: %d records, want %d", tt.name, tt.typ, n, tt.want)
		}
	}
}

// TestContentPaths: whatever way of differences leads to a version, its
// content is the same as from the start.
func TestContentPaths(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	comparisons := []*Comparison{
		nil, comparison(t, config.CompareStrict), comparison(t, config.CompareContent), comparison(t, config.CompareMultisigner),
		comparison(t, config.CompareStrict, config.RecordName{Name: "*.h.example.org."}),
		comparison(t, config.CompareContent, config.RecordName{Name: "*.example.org.", Type: dns.TypeAAAA}),
	}
	record := func() string {
		owner := fmt.Sprintf("%c.%c.example.org.", 'a'+random.IntN(12), 'a'+random.IntN(12))
		switch random.IntN(5) {
		case 0:
			return fmt.Sprintf("%s 60 AAAA 2001:db8::%d", owner, random.IntN(3))
		case 1:
			return owner + " " + fmt.Sprintf(rrsigText, "A", random.IntN(2))
		case 2:
			return fmt.Sprintf("%032d.example.org. 60 NSEC3 1 0 0 - 00000000000000000000000000000000 A", random.IntN(50))
		}
		return fmt.Sprintf("%s 60 A 192.0.2.%d", owner, random.IntN(4))
	}
	var versions []*zone.Version
	lines := make(map[string]bool)
	for i := range 60 {
		for range random.IntN(40) {
			lines[record()] = true
		}
		for l := range lines {
			if random.IntN(20) == 0 {
				delete(lines, l)
			}
		}
		text := []string{
			fmt.Sprintf("example.org. 60 SOA ns.example.org. host.example.org. %d 1 1 1 1", i/2),
			fmt.Sprintf("example.org. 60 NS ns%d.example.org.", i%3),
			"example.org. 60 NSEC3PARAM 1 0 0 -",
		}
		for l := range lines {
			text = append(text, l)
		}
		versions = append(versions, build(t, text))
	}
	for n, c := range comparisons {
		known := Known{versions[0], c.Content(versions[0])}
		for range 300 {
			v := versions[random.IntN(len(versions))]
			got, want := c.Content(v, known), c.Content(v)
			if got != want {
				t.Fatalf("comparison %d: %+v by difference, %+v from the start", n, got, want)
			}
			known = Known{v, got}
		}
		// Those of another comparison, and none, are no help.
		other := comparison(t, config.CompareContent)
		if got := c.Content(versions[3], Known{}, Known{versions[1], other.Content(versions[1])}); got != c.Content(versions[3]) {
			t.Errorf("comparison %d: takes the content of another", n)
		}
	}
}

// BenchmarkVerdict is what a change costs where three primaries hold a zone of
// a million records and each has one of them changed: content and verdict.
func BenchmarkVerdict(b *testing.B) {
	const names = 1_000_000
	apex, _ := zone.ParseName("example.org.")
	builder := zone.NewBuilder(apex, nil)
	add := func(text string) zone.Record {
		rr, err := dns.NewRR(text)
		if err != nil {
			b.Fatal(err)
		}
		r, err := zone.FromRR(rr)
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	soa := func(serial int) zone.Record {
		return add(fmt.Sprintf("example.org. 3600 SOA ns.example.org. host.example.org. %d 7200 900 1209600 300", serial))
	}
	records := []zone.Record{soa(1), add("example.org. 3600 NS ns.example.org.")}
	a := add("x.example.org. 3600 A 192.0.2.1")
	for i := range names {
		owner := []byte(fmt.Sprintf("\x08%08d\x07example\x03org\x00", i))
		records = append(records, zone.Record{Owner: owner, Type: a.Type, TTL: a.TTL, Data: a.Data})
	}
	for _, r := range records {
		if err := builder.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	base, _, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	changed := add(fmt.Sprintf("%08d.example.org. 3600 A 192.0.2.1", names/2))
	next, err := zone.Apply(base, zone.Delta{
		Deleted: []zone.Record{soa(1), changed}, Added: []zone.Record{soa(2), add(fmt.Sprintf("%08d.example.org. 3600 A 192.0.2.9", names/2))},
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []config.Compare{config.CompareStrict, config.CompareContent, config.CompareMultisigner} {
		c := comparison(b, kind)
		before := c.Content(base)
		b.Run(kind.String()+"/first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Content(base)
			}
		})
		b.Run(kind.String()+"/change", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				served := Served{Version: base, Content: before, Source: "ns1", Since: epoch}
				var obs []Observation
				for i := range 3 {
					o := Observation{Name: fmt.Sprint("ns", i+1), Reachable: true}
					o.See(base, before, "", epoch)
					o.See(next, c.Content(next, Known{base, before}), "", epoch.Add(1))
					obs = append(obs, o)
				}
				v := Judge(Policy{Compare: c}, served, obs, epoch.Add(2))
				if a, ok := v.Approved(); !ok || a.Version() != next {
					b.Fatal(v.Reason)
				}
			}
		})
	}
}
