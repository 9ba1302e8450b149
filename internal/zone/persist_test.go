package zone

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// nodeMap is a store for tests.
type nodeMap map[Hash][]byte

var errGone = errors.New("it is missing")

func (m nodeMap) get(h Hash) ([]byte, error) {
	b, ok := m[h]
	if !ok {
		return nil, errGone
	}
	return b, nil
}

// keep stores what the map does not have of a version, and returns how many nodes that were.
func (m nodeMap) keep(v *Version) (fresh int) {
	for h, text := range v.Nodes(func(h Hash) bool { _, ok := m[h]; return ok }) {
		m[h] = bytes.Clone(text)
		fresh++
	}
	return fresh
}

func TestLoad(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	for round := range 25 {
		v := randomVersion(t, r, 1+r.IntN(400))
		m := nodeMap{}
		m.keep(v)
		for h, text := range m {
			if sha256.Sum256(text) != h {
				t.Fatalf("node %s has the hash %x", h, sha256.Sum256(text))
			}
		}
		pool := NewPool()
		for _, p := range []*Pool{nil, pool, pool} {
			w, err := Load(v.Root(), m.get, p)
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			same(t, v, w)
		}
		// Another version costs its difference, in writing and in reading.
		w := changedSOA(t, v)
		if n := m.keep(w); n > 12 {
			t.Errorf("a version with another serial has %d nodes of its own", n)
		}
		reads := 0
		x, err := Load(w.Root(), func(h Hash) ([]byte, error) { reads++; return m.get(h) }, pool)
		if err != nil {
			t.Fatal(err)
		}
		same(t, w, x)
		if reads > 400 { // a branch is read again with all its pages
			t.Errorf("%d nodes read to load a version with another serial", reads)
		}
		if n := m.keep(v); n != 0 {
			t.Errorf("%d nodes are new of a version that is there", n)
		}
		reach(t, m, v, w)
	}
}

// reach checks that Links leads from the roots to every node, and to no other.
func reach(t *testing.T, m nodeMap, roots ...*Version) {
	t.Helper()
	seen := map[Hash]bool{}
	var walk func(h Hash, leaf bool)
	walk = func(h Hash, leaf bool) {
		if seen[h] {
			return
		}
		seen[h] = true
		if m[h] == nil {
			t.Fatalf("a link leads to %s, which is no node", h)
		}
		if leaf != (m[h][0] == pageKind) {
			t.Fatalf("node %s is a page or not: %v", h, leaf)
		}
		for below, leaf := range Links(m[h]) {
			walk(below, leaf)
		}
	}
	for _, v := range roots {
		walk(v.Root(), false)
	}
	if len(seen) != len(m) {
		t.Errorf("links lead to %d nodes of %d", len(seen), len(m))
	}
}

// same checks that two versions are alike in all that readers see.
func same(t testing.TB, v, w *Version) {
	t.Helper()
	check(t, w)
	if v.Root() != w.Root() || v.names.sum != w.names.sum || v.nsec3.sum != w.nsec3.sum || v.Serial() != w.Serial() ||
		v.Signed() != w.Signed() || v.Denial() != w.Denial() || !bytes.Equal(v.apex, w.apex) {
		t.Fatalf("loaded %+v, want %+v", w, v)
	}
	for range Changes(v, w) {
		t.Fatal("versions with one root differ")
	}
	if !slices.EqualFunc(records(v), records(w), func(a, b Record) bool { return a.String() == b.String() }) {
		t.Fatal("records differ")
	}
}

func changedSOA(t testing.TB, v *Version) *Version {
	t.Helper()
	soa, _ := v.node.RRset(dns.TypeSOA)
	data := bytes.Clone(soa.First())
	binary.BigEndian.PutUint32(data[len(data)-20:], uint32(v.Serial())+1)
	w, err := Apply(v, Delta{Deleted: []Record{{v.apex, dns.TypeSOA, soa.TTL, soa.First()}}, Added: []Record{{v.apex, dns.TypeSOA, soa.TTL, data}}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// randomVersion has nested names, cuts, DNAMEs, wildcards, RRSIGs and NSEC3 records.
func randomVersion(t testing.TB, r *rand.Rand, names int) *Version {
	t.Helper()
	apex := mustName(t, "example.org.")
	list := []Record{mustRecord(t, soaText), mustRecord(t, "example.org. 60 IN NS ns.example.net.")}
	for range names {
		var owner Name
		for range 1 + r.IntN(3) {
			label := randomLabel(r)
			owner = append(append(Name{byte(len(label))}, label...), owner...)
		}
		owner = append(owner, apex...)
		ttl := uint32(r.IntN(1 << 20))
		switch r.IntN(8) {
		case 0:
			list = append(list, Record{owner, dns.TypeNS, ttl, []byte{1, byte('a' + r.IntN(9)), 0}})
		case 1:
			list = append(list, Record{owner, dns.TypeDNAME, ttl, []byte{1, byte('a' + r.IntN(9)), 0}})
		case 2:
			hash := base32Hex.EncodeToString(fmt.Appendf(nil, "%020d", r.IntN(1000)))
			owner = append(append(Name{32}, hash...), apex...)
			list = append(list, Record{owner, dns.TypeNSEC3, ttl, []byte{1, 0, 0, 0, 0, 1, byte(r.IntN(9)), 0, 1, 0x40}})
		case 3:
			for i := range 3 {
				sig := append(make([]byte, 18), 0, 1, byte(i))
				sig[1] = []byte{1, 2, 50}[r.IntN(3)]
				list = append(list, Record{owner, dns.TypeRRSIG, ttl, sig})
			}
		case 4:
			list = append(list, Record{owner, dns.TypeTXT, ttl, append([]byte{200}, bytes.Repeat([]byte{byte(r.IntN(256))}, 200)...)})
		default:
			list = append(list, Record{owner, dns.TypeA, ttl, []byte{192, 0, 2, byte(r.IntN(256))}})
		}
	}
	return mustBuild(t, apex, nil, list...)
}

// TestLoadDamaged: whatever is wrong with a node, the error names it.
func TestLoadDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	v := randomVersion(t, r, 1000)
	m := nodeMap{}
	m.keep(v)
	for h, text := range m {
		for _, damage := range []struct {
			name string
			text []byte
		}{
			{"gone", nil},
			{"empty", []byte{}},
			{"cut short", text[:len(text)-1]},
			{"flipped", flip(text, r.IntN(8*len(text)))},
			{"longer", append(bytes.Clone(text), 0)},
		} {
			hurt := maps.Clone(m)
			if hurt[h] = damage.text; damage.text == nil {
				delete(hurt, h)
			}
			w, err := Load(v.Root(), hurt.get, nil)
			e, ok := errors.AsType[*NodeError](err)
			if w != nil || !ok || e.Hash != h {
				t.Fatalf("node %s %s: version %v, error %v", h, damage.name, w, err)
			}
		}
	}
}

func flip(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// replace puts other octets in the place of a node, with right hashes from there up to a new root, which it returns.
func (m nodeMap) replace(root, old Hash, text []byte) (Hash, nodeMap) {
	out := maps.Clone(m)
	var up func(h Hash) Hash
	up = func(h Hash) Hash {
		b := bytes.Clone(m[h])
		if h == old {
			b = text
		} else {
			for below, leaf := range Links(m[h]) {
				if now := below; !leaf || below == old {
					now = up(below)
					b = bytes.ReplaceAll(b, below[:], now[:])
				}
			}
		}
		now := Hash(sha256.Sum256(b))
		out[now] = b
		return now
	}
	return up(root), out
}

// TestLoadHostile puts damage into nodes and mends the hashes above it: what is accepted all the same is what a Builder
// makes of its records.
func TestLoadHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	v := randomVersion(t, r, 600)
	m := nodeMap{}
	m.keep(v)
	hashes := slices.SortedFunc(maps.Keys(m), func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	accepted, refused := 0, 0
	for range 3_000 {
		h := hashes[r.IntN(len(hashes))]
		text := bytes.Clone(m[h])
		for range 1 + r.IntN(2) {
			switch r.IntN(4) {
			case 0:
				text[r.IntN(len(text))] = byte(r.UintN(256))
			case 1:
				text = slices.Delete(text, len(text)-1, len(text))
			default:
				text = flip(text, r.IntN(8*len(text)))
			}
		}
		if tryHostile(t, m, v.Root(), h, text) {
			accepted++
		} else {
			refused++
		}
	}
	if accepted == 0 || refused == 0 {
		t.Errorf("%d accepted, %d refused: the test tests nothing", accepted, refused)
	}
}

func tryHostile(t testing.TB, m nodeMap, root, h Hash, text []byte) bool {
	t.Helper()
	bad, nodes := m.replace(root, h, text)
	w, err := Load(bad, nodes.get, nil)
	if err != nil {
		if _, ok := errors.AsType[*NodeError](err); !ok {
			t.Fatalf("error %v names no node", err)
		}
		return false
	}
	b := NewBuilder(w.apex, nil)
	for rec := range w.All() {
		if err := b.Add(rec); err != nil {
			t.Fatalf("a record of an accepted version: %v", err)
		}
	}
	again, report, err := b.Build()
	if err != nil || report != (BuildReport{}) {
		t.Fatalf("an accepted version does not build: %v %+v", err, report)
	}
	same(t, again, w)
	return true
}

// FuzzLoad has a page of its octets in a version whose hashes are right.
func FuzzLoad(f *testing.F) {
	r := rand.New(rand.NewPCG(14, 14))
	m := nodeMap{}
	base := randomVersion(f, r, 150)
	m.keep(base)
	var pages []Hash
	for h, text := range m {
		if text[0] == pageKind {
			pages = append(pages, h)
		}
	}
	slices.SortFunc(pages, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	for i, h := range pages {
		f.Add(uint8(i), m[h])
	}
	f.Add(uint8(0), []byte{})
	f.Add(uint8(0), []byte{pageKind, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, at uint8, text []byte) {
		tryHostile(t, m, base.Root(), pages[int(at)%len(pages)], text)
		for range Links(text) {
			t.Log("a link")
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	v := tldVersion()
	m := nodeMap{}
	m.keep(v)
	b.ReportAllocs()
	for _, tc := range []struct {
		name string
		pool func() *Pool
	}{{"alone", func() *Pool { return nil }}, {"pool", func() *Pool { return NewPool() }}} {
		b.Run(tc.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Load(v.Root(), m.get, tc.pool()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNodesOfChange(b *testing.B) {
	v := tldVersion()
	w, _ := changed(b, 1)
	m := nodeMap{}
	m.keep(v)
	for b.Loop() {
		n := 0
		for range w.Nodes(func(h Hash) bool { _, ok := m[h]; return ok }) {
			n++
		}
		b.ReportMetric(float64(n), "nodes")
	}
}
