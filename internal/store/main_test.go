package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/concord-dns/concord/internal/zone"
)

func TestMain(m *testing.M) {
	if play := os.Getenv("STORE_TEST_CHILD"); play != "" { // see crash_test.go and disk_test.go
		os.Exit(child(play))
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db
}

func shut(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func fresh(t testing.TB) string { return filepath.Join(t.TempDir(), "concord.db") }

func soa(apex zone.Name, serial uint32) zone.Record {
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 0, 20)...)
	for _, n := range []uint32{serial, 3600, 600, 1209600, 300} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	return zone.Record{Owner: apex, Type: dns.TypeSOA, TTL: 3600, Data: data}
}

func build(t testing.TB, apex zone.Name, list ...zone.Record) *zone.Version {
	t.Helper()
	v, err := buildVersion(apex, list)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func buildVersion(apex zone.Name, list []zone.Record) (*zone.Version, error) {
	b := zone.NewBuilder(apex, nil)
	for _, r := range list {
		if err := b.Add(r); err != nil {
			return nil, err
		}
	}
	v, _, err := b.Build()
	return v, err
}

func name(t testing.TB, s string) zone.Name {
	t.Helper()
	n, err := zone.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func address(apex zone.Name, host int, b byte) zone.Record {
	label := fmt.Sprintf("host%05d", host)
	return zone.Record{Owner: append(append(zone.Name{byte(len(label))}, label...), apex...), Type: dns.TypeA, TTL: 300, Data: []byte{192, 0, 2, b}}
}

// small returns a version of a zone with so many hosts.
func small(t testing.TB, origin string, serial uint32, hosts int) *zone.Version {
	t.Helper()
	apex := name(t, origin)
	list := []zone.Record{soa(apex, serial)}
	for i := range hosts {
		list = append(list, address(apex, i, 1))
	}
	return build(t, apex, list...)
}

// after returns a version with the next serial, in which some of the changes to a tree of hosts came about.
func after(t testing.TB, v *zone.Version, host int, b byte) *zone.Version {
	t.Helper()
	w, err := nextVersion(v, host, b)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func nextVersion(v *zone.Version, host int, b byte) (*zone.Version, error) {
	apex := v.Apex()
	set, _ := v.ApexNode().RRset(dns.TypeSOA)
	old := zone.Record{Owner: apex, Type: dns.TypeSOA, TTL: set.TTL, Data: set.First()}
	fresh := old
	fresh.Data = slices.Clone(old.Data)
	binary.BigEndian.PutUint32(fresh.Data[len(fresh.Data)-20:], uint32(v.Serial())+1)
	d := zone.Delta{Deleted: []zone.Record{old}, Added: []zone.Record{fresh}}
	a := address(apex, host, b)
	key, _ := zone.AppendKey(nil, a.Owner, apex)
	if s, ok := v.Find(key).Node.RRset(dns.TypeA); ok {
		if slices.Equal(s.First(), a.Data) {
			a.Data = []byte{192, 0, 3, b}
		}
		d.Deleted = append(d.Deleted, zone.Record{Owner: a.Owner, Type: dns.TypeA, TTL: s.TTL, Data: s.First()})
	}
	d.Added = append(d.Added, a)
	return zone.Apply(v, d)
}

// record returns what a conductor would commit of a zone with these versions, oldest first, of which the last is served.
func recordOf(versions ...*zone.Version) Record {
	last := versions[len(versions)-1]
	s := State{Zone: last.Apex().String(), Served: last.Root(), Source: "ns1", Forget: 30 * 24 * time.Hour}
	now := time.Now()
	for _, v := range versions {
		s.History = append(s.History, Entry{v.Root()})
	}
	s.Timers = Timers{now.Add(14 * 24 * time.Hour), now.Add(time.Hour)}
	for _, p := range []string{"ns1", "ns2", "ns3"} {
		s.Primaries = append(s.Primaries, Primary{p, last.Root()})
	}
	return Record{State: s, Served: last, Others: versions[:len(versions)-1]}
}

func commit(t testing.TB, db *DB, versions ...*zone.Version) {
	t.Helper()
	d, err := db.Commit(t.Context(), recordOf(versions...))
	if err != nil {
		t.Fatal(err)
	}
	if !d.Written() || d.Version() != versions[len(versions)-1] {
		t.Fatalf("Commit gives %+v", d)
	}
}

// tld is a zone like that of a top-level domain with 1.1 million records: delegations, glue for 40 % of them, DS for 30 %.
var tld = sync.OnceValue(func() *zone.Version {
	const want = 1_100_000
	r := rand.New(rand.NewPCG(1, 1))
	apex := zone.Name("\x03tld\x00")
	names := make([]string, 0, want/2)
	for len(names) < cap(names) {
		names = append(names, fmt.Sprintf("%s%d", []string{"shop", "my", "the", "x", "web", "go"}[r.IntN(6)], r.IntN(1<<30)))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	b := zone.NewBuilder(apex, nil)
	add := func(owner zone.Name, typ uint16, data []byte) {
		if err := b.Add(zone.Record{Owner: owner, Type: typ, TTL: 86400, Data: data}); err != nil {
			panic(err)
		}
	}
	root := soa(apex, 1)
	add(root.Owner, root.Type, root.Data)
	for _, n := range names {
		if b.Records() >= want {
			break
		}
		owner := append(append(zone.Name{byte(len(n))}, n...), apex...)
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
