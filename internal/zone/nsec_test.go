package zone

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// RFC 5155 appendix A.
func TestNSEC3Hash(t *testing.T) {
	const salt, iterations = "aabbccdd", 12
	v := mustZone(t, "example.", dnskey, param(salt, iterations), nsec3("example.", salt, iterations, "00"))
	if v.Denial() != ByNSEC3 {
		t.Fatalf("denial %d", v.Denial())
	}
	for name, want := range map[string]string{
		"example.":       "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
		"a.example.":     "35mthgpgcu1qg68fab165klnsnk3dpvl",
		"ai.example.":    "gjeqe526plbf1g8mklp59enfd789njgi",
		"ns1.example.":   "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
		"ns2.example.":   "q04jkcevqvmu85r014c7dkba38o0ji5r",
		"w.example.":     "k8udemvp1j2f7eg6jebps17vp3n8i58h",
		"*.w.example.":   "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
		"x.w.example.":   "b4um86eghhds6nea196smvmlo4ors995",
		"y.w.example.":   "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
		"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
		"xx.example.":    "t644ebqk9bibcna874givr6joj62mlhv",
		"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.": "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
	} {
		key, _ := AppendKey(nil, mustName(t, name), v.Apex())
		hash := v.NSEC3Hash(key)
		if got := hash.appendKey(nil); string(got) != want+"\x00" {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestDenial(t *testing.T) {
	apex := func(iterations int) string { return nsec3("example.", "ab", iterations, "00") }
	for _, c := range []struct {
		what    string
		records []string
		want    Denial
		param   string // the beginning of the NSEC3PARAM RDATA in use
		err     string
	}{
		{what: "unsigned"},
		{what: "NSEC without keys", records: []string{nsec}},
		{what: "NSEC", records: []string{dnskey, nsec}, want: ByNSEC},
		{what: "keys only", records: []string{dnskey}},
		{what: "NSEC3", records: []string{dnskey, param("ab", 1), apex(1)}, want: ByNSEC3, param: "01000001"},
		{what: "both: NSEC3PARAM decides", records: []string{dnskey, nsec, param("ab", 1), apex(1)}, want: ByNSEC3, param: "01000001"},
		{what: "both, and no NSEC3PARAM", records: []string{dnskey, nsec, apex(1)}, want: ByNSEC},
		{what: "both, and the chain of NSEC3PARAM without the apex", records: []string{dnskey, nsec, param("ab", 2), apex(1)}, want: ByNSEC},
		{what: "NSEC3PARAM without chain", records: []string{dnskey, param("ab", 1)}},
		{what: "NSEC3PARAM of another chain", records: []string{dnskey, param("ab", 1), nsec3("example.", "ac", 1, "00")}},
		{what: "NSEC3PARAM with flags", records: []string{dnskey, strings.Replace(param("ab", 1), "1 0 1", "1 1 1", 1), apex(1)}},
		{what: "unknown algorithm", records: []string{dnskey, strings.Replace(param("ab", 1), "1 0 1", "2 0 1", 1), apex(1)}},
		{
			what:    "a roll: the fewest iterations, salt or not",
			records: []string{dnskey, param("ab", 10), apex(10), param("-", 1), nsec3("example.", "-", 1, "00")},
			want:    ByNSEC3, param: "0100000100",
		},
		{
			what:    "a roll that has begun: the chain that is there",
			records: []string{dnskey, param("ab", 10), apex(10), param("ab", 0)},
			want:    ByNSEC3, param: "0100000a",
		},
		{what: "as many iterations as may be", records: []string{dnskey, param("ab", 150), apex(150)}, want: ByNSEC3, param: "01000096"},
		{what: "more", records: []string{dnskey, param("ab", 151), apex(151)}, err: "NSEC3PARAM with 151 iterations, and no more than 150"},
		{
			what:    "more beside fewer",
			records: []string{dnskey, param("ab", 500), apex(500), param("ab", 5), apex(5)}, want: ByNSEC3, param: "01000005",
		},
		{what: "more beside NSEC", records: []string{dnskey, nsec, param("ab", 500), apex(500)}, want: ByNSEC},
		{what: "more, and no NSEC3", records: []string{dnskey, param("ab", 500)}},
	} {
		b := NewBuilder(mustName(t, "example."), nil)
		for _, s := range append([]string{"example. 3600 IN SOA ns h 1 2 3 4 5"}, c.records...) {
			if err := b.Add(mustRecord(t, s)); err != nil {
				t.Fatal(err)
			}
		}
		v, _, err := b.Build()
		if err != nil || c.err != "" {
			if c.err == "" || err == nil || !strings.HasPrefix(err.Error(), "zone example.: "+c.err) {
				t.Errorf("%s: error %v, want %q", c.what, err, c.err)
			}
			continue
		}
		if got := hex.EncodeToString(v.chain.param); v.Denial() != c.want || !strings.HasPrefix(got, c.param) || (got == "") != (c.param == "") {
			t.Errorf("%s: denial %d by %q, want %d by %q", c.what, v.Denial(), got, c.want, c.param)
		}
	}
}

// What Apply makes obeys the same bound.
func TestApplyIterations(t *testing.T) {
	v := mustZone(t, "example.", dnskey, param("ab", 1), nsec3("example.", "ab", 1, "00"))
	d := Delta{
		Deleted: []Record{mustRecord(t, param("ab", 1))},
		Added:   []Record{mustRecord(t, param("ab", 151)), mustRecord(t, nsec3("example.", "ab", 151, "00"))},
	}
	if _, err := Apply(v, d); err == nil || !strings.Contains(err.Error(), "zone example.: NSEC3PARAM with 151 iterations") {
		t.Errorf("error %v", err)
	}
}

// Any number of chains may lie in one tree. A hash is covered by the last of its chain before it.
func TestCoverNSEC3(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, others := range []int{0, 1, 4} {
		list := []string{dnskey, param("ab", 1)}
		var chain []string
		add := func(salt string, name string) {
			rr := nsec3(name, salt, 1, "00")
			list = append(list, rr)
			if salt == "ab" {
				chain = append(chain, strings.Fields(rr)[0])
			}
		}
		add("ab", "example.")
		for i := range 300 {
			name := fmt.Sprintf("n%d.example.", i)
			add("ab", name)
			for other := range others {
				add(fmt.Sprintf("0%d", other), name)
			}
		}
		v := mustZone(t, "example.", list...)
		slices.Sort(chain)
		for range 2000 {
			var hash NSEC3Hash
			for i := range hash {
				hash[i] = byte(r.Uint32())
			}
			owner := strings.TrimSuffix(string(hash.appendKey(nil)), "\x00") + ".example."
			at, exact := slices.BinarySearch(chain, owner)
			want := chain[(at+len(chain)-1)%len(chain)]
			n, set := v.CoverNSEC3(&hash)
			if exact || ownerOf(v, n) != want || set.Type != dns.TypeNSEC3 {
				t.Fatalf("%d other chains: %s is covered by %s, want %s", others, owner, ownerOf(v, n), want)
			}
			if m, _ := v.MatchNSEC3(&hash); !m.IsZero() {
				t.Fatalf("%s matches %s", owner, ownerOf(v, m))
			}
		}
		for _, name := range []string{"example.", "n7.example.", "n299.example."} {
			key, _ := AppendKey(nil, mustName(t, name), v.Apex())
			hash := v.NSEC3Hash(key)
			if n, _ := v.MatchNSEC3(&hash); n.IsZero() {
				t.Errorf("%s has no match", name)
			}
			if n, _ := v.CoverNSEC3(&hash); !n.IsZero() {
				t.Errorf("%s is covered by %s", name, ownerOf(v, n))
			}
		}
	}
}

// NSEC3 records that a broken zone may have, of which no harm comes.
func TestOddNSEC3(t *testing.T) {
	odd := func(owner string) string { return owner + " 300 IN NSEC3 1 0 1 AB 00000000000000000000000000000000 A" }
	list := []string{dnskey, param("ab", 1), nsec3("example.", "ab", 1, "00"), odd("example."), odd("x.example."), odd("a.b.c.example.")}
	for i := range 1000 { // no end of others between
		list = append(list, nsec3(fmt.Sprintf("n%d.example.", i), "cd", 1, "00"))
	}
	v := mustZone(t, "example.", list...)
	for b := range 256 {
		hash := NSEC3Hash{byte(b)}
		v.CoverNSEC3(&hash)
		v.MatchNSEC3(&hash)
	}
}

func TestCoverNSEC(t *testing.T) {
	list := []string{dnskey, nsec}
	for i := range 400 {
		list = append(list, fmt.Sprintf("h%03d.example. 300 IN A 192.0.2.1", i))
		if i%7 != 3 { // 3, 10, ... 101 and so on are holes
			list = append(list, fmt.Sprintf("h%03d.example. 300 IN NSEC example. A RRSIG NSEC", i))
		}
	}
	// A cut with more below it than a page has room for.
	list = append(list, "h100x.example. 300 IN NS ns.example.", "h100x.example. 300 IN NSEC example. NS RRSIG NSEC")
	for i := range 500 {
		list = append(list, fmt.Sprintf("g%d.h100x.example. 300 IN A 192.0.2.1", i), fmt.Sprintf("g%d.h100x.example. 300 IN NSEC example. A", i))
	}
	list = append(list, "h200x.example. 300 IN DNAME example.", "h200x.example. 300 IN NSEC example. DNAME RRSIG NSEC")
	for i := range 500 {
		list = append(list, fmt.Sprintf("g%d.h200x.example. 300 IN A 192.0.2.1", i))
	}
	v := mustZone(t, "example.", list...)
	for name, want := range map[string]string{
		"a.example.":             "example.",
		"h000a.example.":         "h000.example.",
		"h003a.example.":         "h002.example.",
		"a.h003.example.":        "h002.example.",
		"h100y.example.":         "h100x.example.",
		"h200y.example.":         "h200x.example.",
		"h399a.example.":         "h399.example.",
		"z.example.":             "h399.example.",
		"\\000.h005.example.":    "h005.example.",
		"nothing.h100.example.":  "h100.example.",
		"no.thing.h101.example.": "h100x.example.",
	} {
		key, _ := AppendKey(nil, mustName(t, name), v.Apex())
		n, set := v.CoverNSEC(v.Find(key).Pred)
		if got := ownerOf(v, n); got != want || set.Type != dns.TypeNSEC {
			t.Errorf("%s is covered by %q, want %q", name, got, want)
		}
	}
	if n, set := v.CoverNSEC(Node{}); !n.IsZero() || set.Count != 0 {
		t.Errorf("before the apex comes %s", ownerOf(v, n))
	}
	unsigned := mustZone(t, "example.", "b.example. 300 IN A 192.0.2.1")
	if n, _ := unsigned.CoverNSEC(unsigned.Find(Key("c\x00")).Pred); !n.IsZero() {
		t.Errorf("%s covers a name in an unsigned zone", ownerOf(unsigned, n))
	}
}

// From the last name back to the first one comes past all.
func TestBefore(t *testing.T) {
	for _, size := range []int{1, 7, 100, 5000, 100000} {
		var recs []Record
		recs = append(recs, mustRecord(t, "example. 3600 IN SOA ns h 1 2 3 4 5"))
		for i := range size - 1 {
			recs = append(recs, Record{Owner: mustName(t, fmt.Sprintf("n%d.example.", i)), Type: dns.TypeA, TTL: 1, Data: []byte{1, 2, 3, 4}})
		}
		v := mustBuild(t, mustName(t, "example."), nil, recs...)
		all := slices.Collect(v.Walk())
		p := v.names.last()
		n := Node{p, p.count() - 1}
		for _, want := range slices.Backward(all) {
			if !bytes.Equal(n.AppendKey(nil), want.AppendKey(nil)) {
				t.Fatalf("%d names: %s, want %s", size, ownerOf(v, n), ownerOf(v, want))
			}
			n = v.names.before(n)
		}
		if !n.IsZero() {
			t.Errorf("%d names: before the first comes %s", size, ownerOf(v, n))
		}
	}
}

func TestDenialAllocations(t *testing.T) {
	v := mustZone(t, "example.", dnskey, nsec, param("ab", 10), nsec3("example.", "ab", 10, "00"), "a.b.example. 300 IN NS ns.example.", "g.a.b.example. 300 IN A 192.0.2.1")
	key, _ := AppendKey(nil, mustName(t, "some.name.example."), v.Apex())
	pred := v.Find(Key("c\x00")).Pred
	if got := testing.AllocsPerRun(100, func() {
		hash := v.NSEC3Hash(key)
		v.MatchNSEC3(&hash)
		v.CoverNSEC3(&hash)
		v.CoverNSEC(pred)
	}); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

const (
	dnskey = "example. 300 IN DNSKEY 256 3 13 AAEC"
	nsec   = "example. 300 IN NSEC example. SOA RRSIG NSEC DNSKEY"
)

func param(salt string, iterations int) string {
	return fmt.Sprintf("example. 0 IN NSEC3PARAM 1 0 %d %s", iterations, salt)
}

// nsec3 is the NSEC3 record of a name in the zone example.
func nsec3(name, salt string, iterations int, next string) string {
	wire, _ := ParseName(name)
	extra, _ := hex.DecodeString(strings.Trim(salt, "-"))
	sum := sha1.Sum(append(wire, extra...))
	for range iterations {
		sum = sha1.Sum(append(sum[:], extra...))
	}
	return fmt.Sprintf("%s.example. 300 IN NSEC3 1 0 %d %s %s A RRSIG", base32Hex.EncodeToString(sum[:]), iterations, salt, strings.Repeat(next, 16))
}

func ownerOf(v *Version, n Node) string {
	if n.IsZero() {
		return ""
	}
	return Name(AppendOwner(nil, n.AppendKey(nil), v.Apex())).String()
}

func BenchmarkNSEC3Hash(b *testing.B) {
	for _, iterations := range []int{0, 10, 150} {
		b.Run(fmt.Sprint(iterations), func(b *testing.B) {
			v := mustZone(b, "example.", dnskey, param("aabbccdd", iterations), nsec3("example.", "aabbccdd", iterations, "00"))
			key, _ := AppendKey(nil, mustName(b, "some.name.example."), v.Apex())
			for b.Loop() {
				v.NSEC3Hash(key)
			}
		})
	}
}
