package zone

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// canonicalCompare is RFC 4034 section 6.1 word by word: names are sorted by their labels, the rightmost first; each label
// is a string of octets, upper case taken as lower; a name or an octet that is not there sorts first.
func canonicalCompare(a, b Name) int {
	split := func(n Name) (labels [][]byte) {
		for len(n) > 1 {
			var l []byte
			for _, c := range n[1 : 1+n[0]] {
				if c >= 'A' && c <= 'Z' {
					c += 32
				}
				l = append(l, c)
			}
			labels = append(labels, l)
			n = n[1+n[0]:]
		}
		slices.Reverse(labels)
		return labels
	}
	return slices.CompareFunc(split(a), split(b), bytes.Compare)
}

func mustKey(tb testing.TB, s, apex string) Key {
	tb.Helper()
	k, ok := AppendKey(nil, mustName(tb, s), mustName(tb, apex))
	if !ok {
		tb.Fatalf("%s is not in %s", s, apex)
	}
	return k
}

// The example of RFC 4034 section 6.1.
func TestKeyOrderRFC4034(t *testing.T) {
	names := []string{
		"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
		`\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	for _, apex := range []string{"example.", "EXAMPLE.", "."} {
		for i := range len(names) - 1 {
			a, b := mustKey(t, names[i], apex), mustKey(t, names[i+1], apex)
			if bytes.Compare(a, b) >= 0 {
				t.Errorf("in %s: the key of %s is not before that of %s", apex, names[i], names[i+1])
			}
		}
	}
}

func TestKeyOrderRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	apexes := []Name{{0}, mustName(t, "Example.org."), mustName(t, `\000\001.x.`)}
	for range 50000 {
		apex := apexes[r.IntN(len(apexes))]
		a, b := randomName(r, apex), randomName(r, apex)
		if r.IntN(4) == 0 && len(a) < 200 { // an ancestor, or a label one octet longer
			b = append(Name{1, byte(r.IntN(256))}, a...)
		}
		ka, okA := AppendKey(nil, a, randomCase(r, apex))
		kb, okB := AppendKey(nil, b, randomCase(r, apex))
		if !okA || !okB {
			t.Fatalf("%s or %s is not in %s", a, b, apex)
		}
		if got, want := bytes.Compare(ka, kb), canonicalCompare(a, b); got != want {
			t.Fatalf("keys of %s and %s compare as %d, want %d", a, b, got, want)
		}
		if len(ka) > MaxKey || len(kb) > MaxKey {
			t.Fatalf("a key is longer than MaxKey")
		}
	}
}

// Every pair of octet values, alone and before another octet.
func TestKeyOrderOctets(t *testing.T) {
	apex := mustName(t, "example.")
	for a := range 256 {
		for b := range 256 {
			for _, s := range []string{"", "\x00", "x"} {
				n := append(append(Name{byte(1 + len(s)), byte(a)}, s...), apex...)
				m := append(Name{1, byte(b)}, apex...)
				kn, _ := AppendKey(nil, n, apex)
				km, _ := AppendKey(nil, m, apex)
				if got, want := bytes.Compare(kn, km), canonicalCompare(n, m); got != want {
					t.Fatalf("keys of %s and %s compare as %d, want %d", n, m, got, want)
				}
			}
		}
	}
}

func TestKeyOutOfZone(t *testing.T) {
	for _, tc := range []struct{ n, apex string }{
		{"example.net.", "example.org."},
		{"org.", "example.org."},
		{".", "example.org."},
		{"wwwexample.org.", "example.org."},
		{`www\007example.org.`, "example.org."},
		{`a\.org.`, "org."},
		{`a\.b.`, "a.b."},
		{"x.a.b.", `a\.b.`},
	} {
		dst := []byte("dst")
		if k, ok := AppendKey(dst, mustName(t, tc.n), mustName(t, tc.apex)); ok || string(k) != "dst" {
			t.Errorf("%s has key %q in %s", tc.n, k, tc.apex)
		}
		if k, ok := AppendKeyString(dst, tc.n, mustName(t, tc.apex)); ok || string(k) != "dst" {
			t.Errorf("%s, as a string, has key %q in %s", tc.n, k, tc.apex)
		}
	}
}

// A name that is not well formed is refused or has some key, but nothing panics.
func TestKeyMalformed(t *testing.T) {
	apex := mustName(t, "b.")
	for _, n := range []Name{{}, {0}, {1}, {9, 'a', 0}, {0, 1, 'b', 0}, {1, 'a', 0, 1, 'b', 0}, {63, 1, 'b', 0}} {
		if k, ok := AppendKey(nil, n, apex); ok {
			t.Errorf("%x has key %x", []byte(n), []byte(k))
		}
		_, _, _ = n.String(), n.Labels(), n.InZone(apex)
	}
}

func TestKeyString(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 63)+".", 3)
	for _, tc := range []struct {
		qname, apex, key string
		ok               bool
	}{
		{"example.org.", "example.org.", "", true},
		{"EXAMPLE.org.", "example.ORG.", "", true},
		{"www.example.org.", "example.org.", "www\x00", true},
		{"WWW.a.Example.org.", "example.org.", "a\x00www\x00", true},
		{"www.example.org", "example.org.", "www\x00", true},
		{`\119w\w.example.org.`, "example.org.", "www\x00", true},
		{`w\000\001.example.org.`, "example.org.", "w\x01\x01\x01\x02\x00", true},
		{"w\x00\x01.example.org.", "example.org.", "w\x01\x01\x01\x02\x00", true},
		{`w\.w.example.org.`, "example.org.", "w.w\x00", true},
		{`www.\101xample.org.`, "example.org.", "www\x00", true},
		{"www.", ".", "www\x00", true},
		{".", ".", "", true},
		{long + strings.Repeat("a", 61) + ".", ".", "", true},
		{long + strings.Repeat("a", 62) + ".", ".", "", false},
		{strings.Repeat("a", 64) + ".example.org.", "example.org.", "", false},
		{".", "org.", "", false},
		{"", "org.", "", false},
		{"", ".", "", false},
		{"..", ".", "", false},
		{".org.", "org.", "", false},
		{"a..org.", "org.", "", false},
		{"a.org..", "org.", "", false},
		{`a\`, ".", "", false},
		{`a\2.`, ".", "", false},
		{`a\999.`, ".", "", false},
		{`a.org\.`, "org.", "", false},
	} {
		key, ok := AppendKeyString([]byte("dst"), tc.qname, mustName(t, tc.apex))
		if ok != tc.ok || tc.key != "" && string(key) != "dst"+tc.key || !ok && string(key) != "dst" {
			t.Errorf("%q in %s: key %q, %v, want %q, %v", tc.qname, tc.apex, key, ok, tc.key, tc.ok)
		}
	}
}

// The key of a question's name is that of its wire form; and a key gives its owner name back.
func TestKeyRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 50000 {
		apex := Name{0}
		if r.IntN(3) > 0 {
			apex = randomName(r, apex)
		}
		n := randomName(r, apex)
		k, ok := AppendKey(nil, n, randomCase(r, apex))
		if !ok {
			t.Fatalf("%s is not in %s", n, apex)
		}
		if s, ok := AppendKeyString(nil, randomCase(r, n).String(), apex); !ok || !bytes.Equal(s, k) {
			t.Fatalf("%s has key %x, as a string %x", n, k, s)
		}
		if back := Name(AppendOwner(nil, k, apex)); !back.Equal(n) {
			t.Fatalf("%s has become %s", n, back)
		}
		if Key(k).Labels() != n.Labels()-apex.Labels() {
			t.Fatalf("the key of %s has %d labels below %s", n, Key(k).Labels(), apex)
		}
	}
}

func TestKeyParts(t *testing.T) {
	k := mustKey(t, `c.\000.a.example.`, "example.")
	for labels, want := range []string{"example.", "a.example.", `\000.a.example.`, `c.\000.a.example.`} {
		part := k.First(labels)
		if !bytes.Equal(part, mustKey(t, want, "example.")) || part.Labels() != labels {
			t.Errorf("First(%d) = %x, want the key of %s", labels, part, want)
		}
		if labels > 0 && !bytes.Equal(part.Parent(), k.First(labels-1)) {
			t.Errorf("the parent of %s is %x", want, part.Parent())
		}
	}
	if !bytes.Equal(k.First(9), k) || len(k.First(-1)) != 0 || len(Key{}.Parent()) != 0 {
		t.Error("First or Parent beyond the ends")
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"example.", "a.example.", 0},
		{"a.example.", "A.example.", 1},
		{"ab.example.", "a.example.", 0},
		{"b.a.example.", "c.a.example.", 1},
		{"b.a.example.", "b.example.", 0},
		{"c.b.a.example.", "b.a.example.", 2},
		{`a\000.example.`, `a\001.example.`, 0},
	} {
		a, b := mustKey(t, tc.a, "example."), mustKey(t, tc.b, "example.")
		if a.Common(b) != tc.want || b.Common(a) != tc.want {
			t.Errorf("%s and %s have %d labels in common, want %d", tc.a, tc.b, a.Common(b), tc.want)
		}
	}
}

func TestKeyAllocations(t *testing.T) {
	buf := make([]byte, 0, MaxKey)
	apex, n, odd := mustName(t, "example.org."), mustName(t, "www.Example.org."), mustName(t, `\000.example.org.`)
	for label, f := range map[string]func(){
		"AppendKey":                     func() { AppendKey(buf, n, apex) },
		"AppendKey, escaped":            func() { AppendKey(buf, odd, apex) },
		"AppendKeyString":               func() { AppendKeyString(buf, "www.Example.org.", apex) },
		"AppendKeyString, escaped":      func() { AppendKeyString(buf, `w\.w\000.example.org.`, apex) },
		"AppendKeyString, not in there": func() { AppendKeyString(buf, "www.example.net.", apex) },
		"AppendKeyString, malformed":    func() { AppendKeyString(buf, "www..example.org.", apex) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", label, n)
		}
	}
}

func BenchmarkAppendKey(b *testing.B) {
	apex := mustName(b, "example.org.")
	buf := make([]byte, 0, MaxKey)
	for _, s := range []string{"name1234.example.org.", "ns1.name1234.example.org."} {
		n := mustName(b, s)
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				AppendKey(buf, n, apex)
			}
		})
	}
}

func BenchmarkAppendKeyString(b *testing.B) {
	apex := mustName(b, "example.org.")
	buf := make([]byte, 0, MaxKey)
	for _, s := range []string{"www.example.org.", "ns1.name1234.example.org.", "wWw.eXaMple.oRg.", `w\.w.example.org.`} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				AppendKeyString(buf, s, apex)
			}
		})
	}
}
