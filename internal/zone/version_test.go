package zone

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

func mustRecord(t testing.TB, s string) Record {
	t.Helper()
	rr, err := dns.NewRR(s)
	if err != nil {
		t.Fatalf("record %q: %v", s, err)
	}
	r, err := FromRR(rr)
	if err != nil {
		t.Fatalf("record %q: %v", s, err)
	}
	return r
}

func mustBuild(t testing.TB, apex Name, pool *Pool, records ...Record) *Version {
	t.Helper()
	b := NewBuilder(apex, pool)
	for _, r := range records {
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustZone(t testing.TB, apex string, records ...string) *Version {
	t.Helper()
	list := []Record{mustRecord(t, fmt.Sprintf("%s 3600 IN SOA ns1.%[1]s hostmaster.%[1]s 1 3600 600 86400 300", apex))}
	for _, s := range records {
		list = append(list, mustRecord(t, s))
	}
	return mustBuild(t, mustName(t, apex), nil, list...)
}

// records returns all records of v, cloned.
func records(v *Version) []Record {
	var list []Record
	for r := range v.All() {
		r.Owner = bytes.Clone(r.Owner)
		list = append(list, r)
	}
	return list
}

// check holds the tree against its own rules: order, sums, hashes, floors and caps.
func check(t testing.TB, v *Version) {
	t.Helper()
	for _, tr := range []tree{v.names, v.nsec3} {
		if tr.below == nil {
			continue
		}
		var last Key
		begun := false
		var sum func(c child) summary
		sum = func(c child) summary {
			if c.below == nil {
				var s summary
				s.pages, s.bytes = 1, uint64(len(c.page))
				if n := c.page.count(); n == 0 || n > maxPageNames {
					t.Fatalf("page of %d names", n)
				}
				for i := range c.page.count() {
					key := c.page.appendKey(nil, i)
					if begun && bytes.Compare(last, key) >= 0 {
						t.Fatalf("key %q is not after %q", key, last)
					}
					last, begun = key, true
					s.names++
					s.records += uint32(Node{c.page, i}.records())
				}
				s.wildcards = c.sum.wildcards
				if !bytes.Equal(c.first, c.page.first()) {
					t.Fatalf("first key %q of a child whose page begins with %q", c.first, c.page.first())
				}
				return s
			}
			var s summary
			if len(c.below.kids) > maxBranchKids {
				t.Fatalf("branch of %d children", len(c.below.kids))
			}
			for _, k := range c.below.kids {
				s.add(sum(k))
			}
			if again, _ := branchHash(c.below.level, c.below.kids, nil); again != c.hash {
				t.Fatalf("branch has the hash %s, its children make %s", c.hash, again)
			}
			return s
		}
		if got := sum(tr.child); got != tr.sum {
			t.Fatalf("tree says it holds %+v and holds %+v", tr.sum, got)
		}
	}
}

// randomLabel favours few distinct labels, wildcards and odd octets, so that names collide and nest.
func randomLabel(r *rand.Rand) []byte {
	switch r.IntN(12) {
	case 0:
		return []byte("*")
	case 1:
		return []byte{byte(r.UintN(256))}
	case 2:
		return []byte{0, byte(r.UintN(3))}
	default:
		return []byte{byte('a' + r.IntN(5))}
	}
}

func randomOwner(r *rand.Rand, apex Name, depth int) Name {
	var n Name
	for range r.IntN(depth + 1) {
		l := randomLabel(r)
		n = append(append(n, byte(len(l))), l...)
	}
	return append(n, apex...)
}

func randomRecord(r *rand.Rand, apex Name) Record {
	rec := Record{Owner: randomOwner(r, apex, 4), TTL: 300}
	if len(rec.Owner) > len(apex) && r.IntN(3) == 0 {
		// Many names, so that there are many pages.
		rec.Owner = append(Name(fmt.Sprintf("\x06h%05d", r.IntN(30000))), rec.Owner...)
	}
	atApex := len(rec.Owner) == len(apex)
	switch n := r.IntN(20); {
	case n == 0 && !atApex:
		rec.Type, rec.Data = dns.TypeNS, append([]byte{1, byte('a' + r.IntN(3))}, apex...)
	case n == 1:
		rec.Type, rec.Data = dns.TypeDNAME, append([]byte{1, 'd'}, apex...)
	case n == 2:
		rec.Type, rec.Data = 65280, bytes.Repeat([]byte{byte(r.UintN(256))}, r.IntN(400))
	case n == 3:
		rec.Owner = append(append(Name{32}, fmt.Sprintf("%032x", r.IntN(1<<30))...), apex...)
		rec.Type, rec.Data = dns.TypeNSEC3, append([]byte{1, 0, 0, 1, 0, 20}, bytes.Repeat([]byte{byte(r.UintN(256))}, 20)...)
	default:
		rec.Type, rec.Data = dns.TypeA, []byte{10, byte(r.UintN(3)), byte(r.UintN(8)), byte(r.UintN(256))}
	}
	return rec
}

func randomRecords(t testing.TB, r *rand.Rand, apex Name, n int) []Record {
	soa := mustRecord(t, apex.String()+" 3600 IN SOA a. b. 1 3600 600 86400 300")
	list := []Record{soa}
	for range n {
		list = append(list, randomRecord(r, apex))
	}
	return list
}

func compareRecords(a, b Record) int {
	return cmp.Or(bytes.Compare(a.Owner, b.Owner), cmp.Compare(a.Type, b.Type), bytes.Compare(a.Data, b.Data))
}

// TestRootOfAnyOrder: the same records give the same root in any order and with duplicates, with the whole tree well-formed.
func TestRootOfAnyOrder(t *testing.T) {
	apex := mustName(t, "example.org.")
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := randomRecords(t, r, apex, 1<<r.IntN(14))
		v := mustBuild(t, apex, nil, list...)
		check(t, v)
		sorted := records(v)
		if w := mustBuild(t, apex, nil, sorted...); w.Root() != v.Root() {
			t.Fatalf("seed %d: records in canonical order give another root", seed)
		}
		pool := NewPool(v)
		known := len(pool.pages) + len(pool.branches)
		for range 3 {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			again := append(slices.Clone(list), list[:r.IntN(len(list))]...)
			w := mustBuild(t, apex, nil, again...)
			check(t, w)
			if w.Root() != v.Root() {
				t.Fatalf("seed %d: another order gives another root", seed)
			}
		}
		if w := mustBuild(t, apex, pool, sorted...); w.Root() != v.Root() || len(pool.pages)+len(pool.branches) != known || w.names.below != v.names.below {
			t.Fatalf("seed %d: pages were not shared", seed)
		}
		slices.SortFunc(sorted, compareRecords)
		want := slices.Clone(list)
		for i := range want {
			want[i].Owner = lowerName(want[i].Owner)
		}
		slices.SortFunc(want, compareRecords)
		want = slices.CompactFunc(want, func(a, b Record) bool { return compareRecords(a, b) == 0 })
		if len(sorted) != len(want) || v.Records() != len(want) {
			t.Fatalf("seed %d: %d records went in, %d are there, and %d are counted", seed, len(want), len(sorted), v.Records())
		}
	}
}

// TestApplyDiff: Apply(a, Diff(a, b)) is b, for versions that differ a little and a lot.
func TestApplyDiff(t *testing.T) {
	apex := mustName(t, "example.org.")
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		list := randomRecords(t, r, apex, 1<<r.IntN(14))
		a := mustBuild(t, apex, nil, list...)
		other := slices.Clone(list)
		for range 1 << r.IntN(8) {
			switch i := 1 + r.IntN(len(other)); {
			case i == len(other) || r.IntN(2) == 0:
				other = append(other, randomRecord(r, apex))
			case r.IntN(3) == 0: // a run of records
				other = slices.Delete(other, i, min(len(other), i+r.IntN(1+len(other)/4)))
			default:
				other[i] = randomRecord(r, apex)
			}
		}
		other[0] = mustRecord(t, apex.String()+" 3600 IN SOA a. b. 2 3600 600 86400 300")
		if r.IntN(4) == 0 {
			for i := range other {
				if other[i].Type == dns.TypeA {
					other[i].TTL = 60
				}
			}
		}
		b := mustBuild(t, apex, nil, other...)
		d := Diff(a, b)
		got, err := Apply(a, d)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		check(t, got)
		if got.Root() != b.Root() {
			t.Fatalf("seed %d: Apply(a, Diff(a, b)) is not b: it has %d records, b %d", seed, got.Records(), b.Records())
		}
		// What differs is what a plain comparison of sets finds.
		in := func(v *Version) map[string]bool {
			m := map[string]bool{}
			for _, r := range records(v) {
				m[fmt.Sprintf("%s %d %d %x", r.Owner, r.Type, r.TTL, r.Data)] = true
			}
			return m
		}
		inA, inB := in(a), in(b)
		deleted, added := 0, 0
		for k := range inA {
			if !inB[k] {
				deleted++
			}
		}
		for k := range inB {
			if !inA[k] {
				added++
			}
		}
		if len(d.Deleted) != deleted || len(d.Added) != added {
			t.Fatalf("seed %d: Diff deletes %d and adds %d, want %d and %d", seed, len(d.Deleted), len(d.Added), deleted, added)
		}
	}
}

// TestFind holds Find against a plain search through all names.
func TestFind(t *testing.T) {
	for _, zone := range []string{"example.org.", "."} {
		apex := mustName(t, zone)
		for seed := range uint64(120) {
			r := rand.New(rand.NewPCG(seed, 3))
			v := mustBuild(t, apex, nil, randomRecords(t, r, apex, 1<<r.IntN(12))...)
			m := newModel(v)
			for range 400 {
				key, _ := AppendKey(nil, randomOwner(r, apex, 5), apex)
				if r.IntN(3) == 0 {
					key = append(bytes.Clone(m.keys[r.IntN(len(m.keys))]), key...)
				}
				if len(key) > 200 {
					continue
				}
				m.hold(t, v, key, seed)
			}
			for _, key := range m.keys {
				m.hold(t, v, key, seed)
			}
		}
	}
}

// model is a version as a plain list.
type model struct {
	keys  []Key
	nodes []Node
}

func newModel(v *Version) *model {
	m := &model{}
	for n := range v.Walk() {
		m.keys = append(m.keys, n.AppendKey(nil))
		m.nodes = append(m.nodes, n)
	}
	return m
}

func (m *model) get(key Key) Node {
	i, ok := slices.BinarySearchFunc(m.keys, key, func(a, b Key) int { return bytes.Compare(a, b) })
	if !ok {
		return Node{}
	}
	return m.nodes[i]
}

func (m *model) exists(key Key) bool {
	return slices.ContainsFunc(m.keys, func(k Key) bool { return bytes.HasPrefix(k, key) })
}

func (m *model) hold(t *testing.T, v *Version, key Key, seed uint64) {
	t.Helper()
	got := v.Find(key)
	want := Match{Node: m.get(key), Exists: m.exists(key)}
	want.Encloser = key.Labels()
	for !m.exists(key.First(want.Encloser)) {
		want.Encloser--
	}
	if want.Node.IsZero() {
		for i, k := range m.keys {
			if bytes.Compare(k, key) < 0 {
				want.Pred = m.nodes[i]
			}
		}
	}
	for labels := range key.Labels() + 1 {
		n := m.get(key.First(labels))
		_, ns := n.RRset(dns.TypeNS)
		_, dname := n.RRset(dns.TypeDNAME)
		if ns && labels > 0 || dname && labels < key.Labels() {
			want.Cut, want.CutLabels = n, labels
			break
		}
	}
	if !want.Exists && want.Cut.IsZero() {
		wild := append(bytes.Clone(key.First(want.Encloser)), "*\x00"...)
		want.Wildcard, want.WildcardExists = m.get(wild), m.exists(wild)
	}
	same := func(a, b Node) bool {
		return a.IsZero() == b.IsZero() && (a.IsZero() || bytes.Equal(a.AppendKey(nil), b.AppendKey(nil)))
	}
	if !same(got.Node, want.Node) || !same(got.Pred, want.Pred) || !same(got.Cut, want.Cut) || !same(got.Wildcard, want.Wildcard) ||
		got.Exists != want.Exists || got.Encloser != want.Encloser || got.CutLabels != want.CutLabels || got.WildcardExists != want.WildcardExists {
		t.Fatalf("seed %d: Find(%q)\n got %s\nwant %s", seed, key, describe(got), describe(want))
	}
}

func describe(m Match) string {
	key := func(n Node) string {
		if n.IsZero() {
			return "none"
		}
		return fmt.Sprintf("%q", n.AppendKey(nil))
	}
	return fmt.Sprintf("node %s exists %v encloser %d pred %s cut %s at %d wildcard %s exists %v",
		key(m.Node), m.Exists, m.Encloser, key(m.Pred), key(m.Cut), m.CutLabels, key(m.Wildcard), m.WildcardExists)
}
