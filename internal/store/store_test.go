package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

func mustLoad(t testing.TB, db *DB, name string) Loaded {
	t.Helper()
	l, err := db.Load(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func names(t testing.TB, db *DB) []string {
	t.Helper()
	list, err := db.Zones(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// mustServe checks that the store has a whole zone whose served version is v.
func mustServe(t testing.TB, db *DB, v *zone.Version) Loaded {
	t.Helper()
	l := mustLoad(t, db, v.Apex().String())
	if len(l.Damage) > 0 || l.Refetch || l.Served == nil || l.Served.Root() != v.Root() {
		t.Fatalf("loaded %v, damage %v, refetch %v; want serial %d", l.Served, l.Damage, l.Refetch, v.Serial())
	}
	return l
}

func TestRestart(t *testing.T) {
	path := fresh(t)
	db := open(t, path)
	if !db.Report().Created {
		t.Error("a new store is not reported")
	}
	var history []*zone.Version
	v := small(t, "example.org.", 1, 300)
	for i := range 20 {
		history = append(history, v)
		if len(history) > 16 {
			history = history[1:]
		}
		commit(t, db, history...)
		v = after(t, v, i*7, byte(i))
	}
	last := history[len(history)-1]
	r := recordOf(history...)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	r.State.First, r.State.Since, r.State.Timers = now, now.Add(time.Hour), Timers{now.Add(2 * time.Hour), now.Add(3 * time.Hour)}
	r.State.Pin, r.State.Detail = &Pin{history[3].Root()}, json.RawMessage(`{"Mine":1}`)
	if _, err := db.Commit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	shut(t, db)

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; want 0600", info.Mode(), err)
	}
	db = open(t, path)
	l := mustServe(t, db, last)
	if len(l.Versions) != 16 {
		t.Errorf("%d versions of the history, want 16", len(l.Versions))
	}
	for _, v := range history {
		if w := l.Versions[v.Root()]; w == nil || w.Records() != v.Records() || w.Serial() != v.Serial() {
			t.Errorf("version %d is %v", v.Serial(), w)
		}
	}
	got := l.State
	got.SavedAt = time.Time{}
	want := r.State
	if !reflect.DeepEqual(got, want) {
		t.Errorf("state\n%+v\nwant\n%+v", got, want)
	}
	if got := names(t, db); !reflect.DeepEqual(got, []string{"example.org."}) {
		t.Errorf("zones %v", got)
	}
	if l := mustLoad(t, db, "example.net."); l.Found {
		t.Error("a zone is found that was never there")
	}
}

func TestSharing(t *testing.T) {
	db := open(t, fresh(t))
	a := small(t, "a.example.", 1, 1000)
	commit(t, db, a)
	before := db.Stats()
	commit(t, db, small(t, "b.example.", 1, 1000)) // keys are below the apex: the pages are the same
	if s := db.Stats(); s.Pages > before.Pages+1 {
		t.Errorf("a zone with the same records adds %d nodes, want its root", s.Pages-before.Pages)
	}
	before = db.Stats()
	b := after(t, a, 500, 9)
	commit(t, db, a, b)
	if s := db.Stats(); s.Pages > before.Pages+8 || s.Written-before.Written > 256<<10 {
		t.Errorf("a change of one record adds %d nodes and writes %d octets", s.Pages-before.Pages, s.Written-before.Written)
	}
	mustServe(t, db, b)
}

// TestCollect changes zones until rounds of the collection are over, and finds all that is referred to whole.
func TestCollect(t *testing.T) {
	path := fresh(t)
	db := open(t, path)
	var zones [3][]*zone.Version
	for z := range zones {
		zones[z] = []*zone.Version{small(t, fmt.Sprintf("z%d.example.", z), 1, 2000)}
		commit(t, db, zones[z]...)
	}
	for i := 0; i < 3000 && (i < 300 || db.Stats().Collected == 0); i++ {
		z := i % 3
		h := zones[z]
		v := after(t, h[len(h)-1], i*37%2000, byte(i))
		if i%5 == 0 { // back to content that was there
			v = h[0]
		}
		if h = append(h, v); len(h) > 4 {
			h = h[1:]
		}
		zones[z] = h
		commit(t, db, h...)
	}
	s := db.Stats()
	if s.Collected == 0 {
		t.Error("nothing was collected")
	}
	for range 2 {
		for _, h := range zones {
			l := mustServe(t, db, h[len(h)-1])
			for _, v := range h {
				if l.Versions[v.Root()] == nil {
					t.Errorf("version %d is gone", v.Serial())
				}
			}
		}
		shut(t, db)
		db = open(t, path)
	}
}

// TestLoadMeanwhile loads while versions come and are collected: what is loaded is whole, always.
func TestLoadMeanwhile(t *testing.T) {
	db := open(t, fresh(t))
	h := []*zone.Version{small(t, "example.org.", 1, 3000)}
	commit(t, db, h...)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				l, err := db.Load(context.Background(), "example.org.")
				if err != nil || len(l.Damage) > 0 || l.Served == nil {
					t.Errorf("error %v, damage %v", err, l.Damage)
					return
				}
			}
		})
	}
	for i := range 150 {
		v := after(t, h[len(h)-1], i*37%3000, byte(i))
		if h = append(h, v); len(h) > 3 {
			h = h[1:]
		}
		commit(t, db, h...)
	}
	close(stop)
	wg.Wait()
	mustServe(t, db, h[len(h)-1])
}

func TestCommitTogether(t *testing.T) {
	db := open(t, fresh(t))
	const n = 200
	var wg sync.WaitGroup
	for i := range n {
		v := small(t, fmt.Sprintf("z%d.example.", i), 1, 3)
		wg.Go(func() { commit(t, db, v) })
	}
	wg.Wait()
	if c := db.Stats().Commits; c > n/2 {
		t.Errorf("%d transactions for %d commits at once", c, n)
	}
	if len(names(t, db)) != n {
		t.Errorf("%d zones, want %d", len(names(t, db)), n)
	}
}

func TestCommitRefused(t *testing.T) {
	db := open(t, fresh(t))
	v := small(t, "example.org.", 1, 3)
	r := recordOf(v)
	r.Served = after(t, v, 1, 1)
	if d, err := db.Commit(t.Context(), r); err == nil || d.Version() != nil {
		t.Error("a record of another version is taken")
	}
	bad := recordOf(v)
	bad.State.Timers.Expire = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) // JSON has no such year
	if _, err := db.Commit(t.Context(), bad); err == nil {
		t.Error("a state that cannot be written is taken")
	}
	commit(t, db, v)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := db.Commit(ctx, recordOf(v)); err != nil && (!errors.Is(err, context.Canceled) || d.Version() != nil) {
		t.Errorf("%v, %v", d, err)
	}
	shut(t, db)
	if _, err := db.Commit(t.Context(), recordOf(v)); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	shut(t, db)
}

func TestSave(t *testing.T) {
	path := fresh(t)
	db := open(t, path)
	v := small(t, "example.org.", 1, 3)
	commit(t, db, v)
	s := recordOf(v).State
	s.Source = "saved"
	db.Save(s)
	if err := db.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := mustServe(t, db, v); l.State.Source != "saved" {
		t.Errorf("source %q", l.State.Source)
	}
	s.Source = "saved at the end"
	db.Save(s)
	shut(t, db)
	db = open(t, path)
	if l := mustServe(t, db, v); l.State.Source != "saved at the end" {
		t.Errorf("source %q", l.State.Source)
	}
	// What was saved before a commit does not come after it.
	db.Save(s)
	w := after(t, v, 1, 9)
	commit(t, db, v, w)
	if err := db.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustServe(t, db, w)
}

// TestSaveDelay: what Save left is written without a commit.
func TestSaveDelay(t *testing.T) {
	path := fresh(t)
	synctest.Test(t, func(t *testing.T) {
		db := open(t, path)
		v := small(t, "example.org.", 1, 3)
		commit(t, db, v)
		s := recordOf(v).State
		s.Source = "saved"
		before := db.Stats().Commits
		db.Save(s)
		time.Sleep(defaultSaveDelay / 2)
		synctest.Wait()
		if n := db.Stats().Commits; n != before {
			t.Errorf("%d commits before the delay has passed", n-before)
		}
		time.Sleep(defaultSaveDelay)
		synctest.Wait()
		if n := db.Stats().Commits; n != before+1 {
			t.Errorf("%d commits after the delay, want 1", n-before)
		}
		shut(t, db)
	})
}

// TestSaveMany: what Save left of very many zones is written in parts, and does not go along with a commit that others wait for.
func TestSaveMany(t *testing.T) {
	path := fresh(t)
	synctest.Test(t, func(t *testing.T) {
		db := open(t, path)
		const zones = 2*mostLazy + 1
		name := func(i int) string { return fmt.Sprintf("%d.example.", i) }
		for i := range zones {
			db.Save(State{Zone: name(i), Source: "saved"})
		}
		v := small(t, "example.org.", 1, 3)
		commit(t, db, v)
		if mustLoad(t, db, name(0)).Found {
			t.Error("a state went along with a commit")
		}
		before := db.Stats().Commits
		time.Sleep(2 * defaultSaveDelay)
		synctest.Wait()
		if n := db.Stats().Commits; n != before+3 {
			t.Errorf("%d commits for %d states, want 3", n-before, zones)
		}
		for i := range zones {
			if l := mustLoad(t, db, name(i)); !l.Found || l.State.Source != "saved" {
				t.Fatalf("%s: not written", name(i))
			}
		}
		shut(t, db)
	})
}

func TestForget(t *testing.T) {
	db := open(t, fresh(t))
	a, b := small(t, "a.example.", 1, 3), small(t, "b.example.", 1, 3)
	commit(t, db, a)
	commit(t, db, b)
	day := 24 * time.Hour
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		after   time.Duration
		known   []string
		dropped []string
	}{
		{0, []string{"a.example.", "b.example."}, nil},
		{day, []string{"a.example."}, nil},
		{20 * day, []string{"a.example."}, nil},
		{21 * day, []string{"a.example.", "b.example."}, nil}, // it came back
		{40 * day, []string{"a.example."}, nil},
		{69 * day, []string{"a.example."}, nil},
		{70 * day, []string{"a.example."}, []string{"b.example."}},
		{80 * day, []string{"a.example."}, nil},
	} {
		dropped, err := db.Forget(t.Context(), now.Add(step.after), step.known)
		if err != nil || !reflect.DeepEqual(dropped, step.dropped) {
			t.Fatalf("after %v: dropped %v, error %v; want %v", step.after, dropped, err, step.dropped)
		}
	}
	mustServe(t, db, a)
	if mustLoad(t, db, "b.example.").Found {
		t.Error("a zone that was dropped is found")
	}
}

func TestRebase(t *testing.T) {
	saved := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := State{SavedAt: saved, Timers: Timers{Expire: saved.Add(time.Hour)}}
	for _, tc := range []struct {
		now    time.Time
		jump   time.Duration
		expire time.Time
	}{
		{saved.Add(time.Minute), 0, saved.Add(time.Hour)},
		{saved.Add(-time.Second), 0, saved.Add(time.Hour)},
		{saved.Add(1000 * time.Hour), 0, saved.Add(time.Hour)},
		{saved.Add(-1000 * time.Hour), 1000 * time.Hour, saved.Add(-999 * time.Hour)},
	} {
		got, jump := s.Rebase(tc.now)
		if jump != tc.jump || !got.Timers.Expire.Equal(tc.expire) || !got.Timers.Refresh.IsZero() {
			t.Errorf("at %v: jump %v, expire %v; want %v, %v", tc.now, jump, got.Timers.Expire, tc.jump, tc.expire)
		}
	}
}

func TestOff(t *testing.T) {
	db := Off()
	v := small(t, "example.org.", 1, 3)
	d, err := db.Commit(t.Context(), recordOf(v))
	if err != nil || d.Version() != v || d.Written() {
		t.Errorf("%+v, %v", d, err)
	}
	db.Save(State{})
	_, ferr := db.Forget(t.Context(), time.Now(), nil)
	l, lerr := db.Load(t.Context(), "example.org.")
	names, zerr := db.Zones(t.Context())
	if err := errors.Join(db.Flush(t.Context()), ferr, lerr, zerr, db.Close(t.Context())); err != nil || l.Found || db.Health().Err != nil || names != nil {
		t.Errorf("%v %v", err, l)
	}
}

// TestOlderRecord reads a state that has more in it than is kept now, as earlier versions wrote it.
func TestOlderRecord(t *testing.T) {
	v := small(t, "example.org.", 7, 10)
	text := fmt.Appendf(nil, `{"Zone":"example.org.","Served":%[1]q,"History":[{"Root":%[1]q,"Serial":7,"Own":9,"Records":12,"At":"2026-11-20T12:00:00Z","Source":"ns1"}],`+
		`"Timers":{"Confirmed":"2026-11-20T12:00:00Z","Expire":"2026-11-21T12:00:00Z"},`+
		`"Primaries":[{"Name":"ns1","Addresses":["192.0.2.1:53"],"Serial":7,"Told":true,"Root":%[1]q,"Past":[{"Root":%[1]q,"Serial":7}],"IXFR":{"Refused":true}}],`+
		`"Holds":[{"Kind":"operator"}],"Pin":{"Root":%[1]q,"By":"me"},"Decisions":[{"Kind":"pin"}],"Serials":{"Own":7},"Detail":{"Mine":1}}`, v.Root())
	got, err := record{json: text}.state("example.org.")
	if err != nil {
		t.Fatal(err)
	}
	want := State{
		Zone: "example.org.", Served: v.Root(), History: []Entry{{v.Root()}}, Primaries: []Primary{{"ns1", v.Root()}}, Pin: &Pin{v.Root()},
		Timers: Timers{Expire: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, Detail: json.RawMessage(`{"Mine":1}`),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("state\n%+v\nwant\n%+v", got, want)
	}
}
