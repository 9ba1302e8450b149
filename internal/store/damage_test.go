package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/concord-dns/concord/internal/zone"
)

// stored returns the octets of a store with the versions of some zones.
func stored(t testing.TB, zones ...[]*zone.Version) []byte {
	t.Helper()
	path := fresh(t)
	db := open(t, path)
	for _, h := range zones {
		for i := range h {
			commit(t, db, h[:i+1]...)
		}
	}
	shut(t, db)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func line(t testing.TB, origin string, hosts, versions int) []*zone.Version {
	h := []*zone.Version{small(t, origin, 1, hosts)}
	for i := range versions - 1 {
		h = append(h, after(t, h[i], i*31%hosts, byte(i+2)))
	}
	return h
}

// openDamaged opens a store of some octets. Whatever is wrong with them: no panic, and what is served is one of the versions
// of the history, whole.
func openDamaged(t testing.TB, b []byte, history []*zone.Version) (served *zone.Version, refused error) {
	t.Helper()
	path := fresh(t)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(context.Background(), Options{Path: path})
	if err != nil {
		if !errors.Is(err, ErrForeign) && !errors.Is(err, ErrFormat) {
			t.Fatalf("error %v", err)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, b) {
			t.Fatal("a file that was refused was changed")
		}
		return nil, err
	}
	defer shut(t, db)
	if aside := db.Report().SetAside; aside != "" {
		if now, _ := os.ReadFile(aside); !bytes.Equal(now, b) {
			t.Fatal("a file that was set aside was changed")
		}
	}
	l := mustLoad(t, db, history[0].Apex().String())
	for _, v := range l.Versions {
		if !slices.ContainsFunc(history, func(w *zone.Version) bool { return w.Root() == v.Root() }) {
			t.Fatalf("version %d was never committed", v.Serial())
		}
	}
	last := history[len(history)-1]
	if (l.Served == nil || l.Served.Root() != last.Root()) && !l.Refetch && l.Found && l.State.Served == last.Root() {
		t.Fatal("nothing says that the zone is to be fetched again")
	}
	// The zone is fetched again, and all is well.
	next := after(t, last, 5, 77)
	commit(t, db, last, next)
	mustServe(t, db, next)
	shut(t, db)
	db = open(t, path)
	mustServe(t, db, next)
	return l.Served, nil
}

// TestFlips flips bits in every page of the file.
func TestFlips(t *testing.T) {
	history := line(t, "example.org.", 400, 4)
	b := stored(t, history)
	r := rand.New(rand.NewPCG(21, 21))
	older, same, refused := 0, 0, 0
	runs := 600
	if testing.Short() {
		runs = 60
	}
	used := 200 * 1024
	for i := range runs {
		hurt := bytes.Clone(b)
		for range 1 + r.IntN(3) {
			at := r.IntN(min(used, len(hurt)))
			if i%2 == 0 { // in the header and elements of a page
				at = at&^4095 + r.IntN(200)
			}
			hurt[at] ^= 1 << r.IntN(8)
		}
		switch v, err := openDamaged(t, hurt, history); {
		case err != nil:
			refused++
		case v != nil && v.Root() == history[3].Root():
			same++
		default:
			older++
		}
	}
	t.Logf("%d served the last version, %d an older one or none, %d were refused", same, older, refused)
	if older == 0 || same == 0 || refused > runs/20 {
		t.Error("the test tests nothing, or too much is refused")
	}
}

// TestBucketLost damages the names of buckets, which leaves the structure of the file whole.
func TestBucketLost(t *testing.T) {
	history := line(t, "example.org.", 400, 2)
	b := stored(t, history)
	for _, name := range []string{"pages", "zones"} {
		hurt := bytes.ReplaceAll(b, []byte(name), []byte(name[:4]+"x"))
		if _, err := openDamaged(t, hurt, history); err != nil {
			t.Errorf("without the bucket of %s: %v", name, err)
		}
	}
}

// TestTruncated cuts the file at every page, and within.
func TestTruncated(t *testing.T) {
	history := line(t, "example.org.", 100, 3)
	b := stored(t, history)
	for size := 0; size < min(len(b), 160<<10); size += 1361 {
		_, _ = openDamaged(t, b[:size], history)
	}
}

// TestGarbage overwrites whole pages of the file.
func TestGarbage(t *testing.T) {
	history := line(t, "example.org.", 100, 3)
	b := stored(t, history)
	r := rand.New(rand.NewPCG(22, 22))
	for at := 0; at < min(len(b), 160<<10); at += 4096 {
		hurt := bytes.Clone(b)
		for i := range 4096 {
			hurt[at+i] = byte(r.UintN(256))
		}
		_, _ = openDamaged(t, hurt, history)
		copy(hurt[at:at+4096], b[(at+3*4096)%(128<<10):]) // a page in another's place
		_, _ = openDamaged(t, hurt, history)
	}
}

// TestDamagedPage damages one page of each class within the store and leaves bbolt's structure as it is: the error names it, and
// the next older whole version is served.
func TestDamagedPage(t *testing.T) {
	history := line(t, "example.org.", 2000, 3)
	last, before := history[2], history[1]
	path := fresh(t)
	db := open(t, path)
	commit(t, db, history...)
	shut(t, db)
	old := map[zone.Hash]bool{}
	for h := range before.Nodes(nil) {
		old[h] = true
	}
	fresh := 0
	for h, text := range last.Nodes(func(h zone.Hash) bool { return old[h] }) {
		fresh++
		kind := text[0]
		for _, damage := range []string{"flipped", "gone", "cut"} {
			t.Run(fmt.Sprintf("%x %s", kind, damage), func(t *testing.T) {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				path := t.TempDir() + "/concord.db"
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				harm(t, path, h, damage)
				db := open(t, path)
				l := mustLoad(t, db, "example.org.")
				if !l.Refetch || l.Served == nil || l.Served.Root() != before.Root() || len(l.Damage) == 0 || !strings.Contains(l.Damage[0].Error(), h.String()) ||
					!strings.Contains(l.Damage[0].Error(), "example.org.") {
					t.Fatalf("refetch %v, served %v, damage %v; want version %d and page %s named", l.Refetch, l.Served, l.Damage, before.Serial(), h)
				}
				// Fetched again it is the same version, whose damaged page is written anew.
				commit(t, db, before, last)
				shut(t, db)
				mustServe(t, open(t, path), last)
			})
		}
	}
	if fresh < 4 {
		t.Errorf("%d pages tried", fresh)
	}
}

// harm damages the page with a hash.
func harm(t *testing.T, path string, h zone.Hash, how string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketPages)
		for c, k, v := first(b); k != nil; k, v = c.Next() {
			if zone.Hash(v[:pageHash]) != h {
				continue
			}
			v = bytes.Clone(v)
			switch how {
			case "gone":
				return b.Delete(k)
			case "cut":
				return b.Put(k, v[:len(v)-1])
			}
			v[len(v)/2+16] ^= 4
			return b.Put(k, v)
		}
		return errors.New("no such page")
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedRecord: one zone's record is damaged, and the others are not.
func TestDamagedRecord(t *testing.T) {
	a, b := small(t, "a.example.", 1, 3), small(t, "b.example.", 1, 3)
	path := fresh(t)
	db := open(t, path)
	commit(t, db, a)
	commit(t, db, b)
	shut(t, db)
	raw, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Update(func(tx *bolt.Tx) error {
		z := tx.Bucket(bucketZones)
		v := bytes.Clone(z.Get([]byte("a.example.")))
		v[len(v)-9] ^= 1
		return z.Put([]byte("a.example."), v)
	})
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	if d := db.Report().Damage; len(d) != 1 || !strings.Contains(d[0].Error(), "a.example.") {
		t.Errorf("damage %v", d)
	}
	if l := mustLoad(t, db, "a.example."); !l.Found || !l.Refetch || l.Served != nil || len(l.Damage) == 0 {
		t.Errorf("loaded %+v", l)
	}
	mustServe(t, db, b)
	commit(t, db, a)
	mustServe(t, db, a)
}

func FuzzRecord(f *testing.F) {
	v := small(f, "example.org.", 1, 3)
	value, err := encodeRecord(7, []zone.Hash{v.Root()}, recordOf(v).State)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value, false)
	f.Add(value[recordHeader:], true)
	f.Add([]byte{recordFormat + 1}, false)
	f.Add([]byte(`{"Zone":"example.org.","Later":[1,2,{"a":null}]}`), true)
	f.Add([]byte(`{"Zone":"example.org.","Served":"00"}`), true)
	f.Fuzz(func(t *testing.T, b []byte, text bool) {
		r := record{json: b}
		if !text {
			var err error
			if r, err = decodeRecord(b); err != nil {
				return
			}
		}
		s, err := r.state("example.org.")
		if err != nil {
			return
		}
		s.roots()
		again, err := encodeRecord(1, r.roots, s)
		if err != nil {
			return // a time that JSON reads and does not write
		}
		back, err := decodeRecord(again)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := back.state("example.org."); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzFile(f *testing.F) {
	history := line(f, "example.org.", 20, 2)
	b := stored(f, history)
	b = b[:min(len(b), 64<<10)]
	f.Add(0, []byte{})
	f.Add(4096*3, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, at int, change []byte) {
		hurt := bytes.Clone(b)
		for i, c := range change {
			if at := at + i; at >= 0 && at < len(hurt) {
				hurt[at] ^= c
			}
		}
		_, _ = openDamaged(t, hurt, history)
	})
}
