package secondary

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/zone"
)

// disk is a world with a store.
type disk struct {
	*world
	dir string
}

// onDisk has a test in a bubble, with a zone in a store whose primaries all hold serial 7, and that serves it.
func onDisk(t *testing.T, cfg config.Zone, test func(*disk)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		cfg.Store = config.Store{Path: filepath.Join(dir, "concord.db"), BestEffort: cfg.Store.BestEffort}
		w := newWorld(t, cfg, "ns1", "ns2")
		d := &disk{w, dir}
		t.Cleanup(func() { // if it has come to that, the disk may fail
			w.zone.Stop()
			_ = d.store.Close(context.Background())
		})
		d.open()
		w.zone = w.zoneWith(Options{})
		w.hold("ns1", "7", "a")
		w.hold("ns2", "7", "a")
		w.zone.Start()
		w.advance(time.Minute)
		d.want("7, in parity")
		if k := w.zone.Status().Kept; !k.Written || k.Err != nil {
			t.Fatalf("it is not on the disk: %+v", k)
		}
		w.told()
		test(d)
	})
}

func (d *disk) open() {
	d.t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: d.config.Store.Path, LockWait: 30 * time.Second})
	if err != nil {
		d.t.Fatal(err)
	}
	d.store = db
}

func (d *disk) shut() {
	d.t.Helper()
	if err := d.store.Close(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

// reboot ends the process, with or without the time to save its last state, and has another begin, which has not started its zone.
func (d *disk) reboot(crash bool, after time.Duration) {
	d.t.Helper()
	d.zone.Stop()
	if !crash {
		d.zone.Keep()
	}
	d.shut()
	d.told()
	d.advance(after)
	d.process++
	d.open()
	d.zone = d.zoneWith(Options{Kept: d.load()})
}

func (d *disk) load() *store.Loaded {
	d.t.Helper()
	l, err := d.store.Load(context.Background(), origin)
	if err != nil || len(l.Damage) > 0 {
		d.t.Fatal(err, l.Damage)
	}
	return &l
}

// away has the disk fail, or be back.
func (d *disk) away(gone bool) {
	d.t.Helper()
	from, to := d.dir, d.dir+".away"
	if !gone {
		from, to = to, from
	}
	if err := os.Rename(from, to); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) want(serving string) {
	d.t.Helper()
	if got := d.serving(); got != serving {
		d.t.Fatalf("serving %q, want %q; %s", got, serving, d.zone.Status().Reason)
	}
}

// turn has both primaries change, and tell.
func (d *disk) turn(serial, letters string) {
	d.hold("ns1", serial, letters)
	d.hold("ns2", serial, letters)
	d.notify("ns1")
	d.advance(time.Second)
}

func (d *disk) transfers() (n int) {
	for _, p := range d.primaries {
		n += p.Counts().Transfers
	}
	return n
}

func (d *disk) cutAll(down bool) {
	d.cut("ns1", down, false)
	d.cut("ns2", down, false)
}

// serials are those of the history.
func serials(z *Zone) (list []zone.Serial) {
	for _, v := range z.History() {
		list = append(list, v.Serial())
	}
	return list
}

// TestKeep has the process end, with notice and without: all is as it was before any primary is asked, and when all are dead.
func TestKeep(t *testing.T) {
	for _, crash := range []bool{false, true} {
		onDisk(t, policy(all), func(d *disk) {
			d.turn("8", "ab")
			d.advance(time.Minute) // it is saved soon after the round
			d.want("8, in parity")
			before := d.zone.Status()
			d.cutAll(true)
			d.reboot(crash, 10*time.Minute)
			d.want("8, in parity")
			after := d.zone.Status()
			if !after.ExpireAt.Equal(before.ExpireAt) || !after.LastSwap.Equal(before.LastSwap) {
				t.Errorf("timers were %v %v, are %v %v", before.ExpireAt, before.LastSwap, after.ExpireAt, after.LastSwap)
			}
			if got := serials(d.zone); len(got) != 2 || got[0] != 7 || got[1] != 8 {
				t.Errorf("history %v", got)
			}
			if after.Swaps != before.Swaps || after.Primaries[1].Version == nil || !after.Primaries[1].LastSuccess.Equal(before.Primaries[1].LastSuccess) {
				t.Errorf("was %+v, is %+v", before.Primaries[1], after.Primaries[1])
			}
			n := d.transfers()
			d.zone.Start()
			d.advance(time.Second)
			if next := d.zone.Status().NextCheck; !next.Equal(before.NextCheck) {
				t.Errorf("the next check is at %v, was to be at %v", next, before.NextCheck)
			}
			d.advance(time.Until(after.ExpireAt) - time.Second)
			if got := d.serving(); !strings.HasPrefix(got, "8, ") {
				t.Errorf("shortly before it expires: %s", got)
			}
			d.advance(2 * time.Second)
			if got := d.serving(); !strings.HasPrefix(got, "expired 8") {
				t.Errorf("after it: %s", got)
			}

			// What expired on the disk is not served before a primary has confirmed it, and is not transferred for that.
			d.reboot(crash, 48*time.Hour)
			if s := d.zone.Snapshot(); !s.Expired || s.Version == nil || s.Version.Serial() != 8 {
				t.Errorf("%+v", s)
			}
			d.cutAll(false)
			d.zone.Start()
			d.advance(time.Minute)
			d.want("8, in parity")
			if got := d.transfers(); got != n {
				t.Errorf("%d transfers", got-n)
			}
			if told := d.told(); !strings.Contains(told, "restored true 8, expired true") || !strings.Contains(told, "revived") {
				t.Error(told)
			}
		})
	}
}

// TestKeepWords has what operators said outlive the process.
func TestKeepWords(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.turn("8", "ab")
		word := Word{By: "noc", Why: "a test"}
		root := d.zone.History()[0].Root().String()
		if _, err := d.zone.Pin(d.t.Context(), root, word); err != nil {
			t.Fatal(err)
		}
		d.advance(time.Minute)
		d.want("7, pinned")
		d.reboot(false, time.Minute)
		d.want("7, pinned")
		d.zone.Start()
		d.advance(2 * time.Hour)
		d.want("7, pinned")
		if _, err := d.zone.Unpin(d.t.Context(), word); err != nil {
			t.Fatal(err)
		}
		d.advance(2 * time.Hour)
		d.want("8, in parity")
		if got := d.zone.Status().Decisions; len(got) != 2 {
			t.Errorf("decisions: %v", got)
		}
		// A decision is worth a write of its own.
		if _, err := d.zone.Hold(d.t.Context(), word); err != nil {
			t.Fatal(err)
		}
		d.advance(5 * time.Second)
		d.reboot(true, time.Minute)
		d.want("8, held")
	})
}

// TestKeepDrift has copies that are not served outlive the process with it.
func TestKeepDrift(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.hold("ns2", "9", "x")
		d.hold("ns1", "8", "y")
		d.notify("ns1")
		d.advance(3 * time.Hour)
		before := d.zone.Status()
		d.want("7, drift")
		d.cutAll(true)
		d.reboot(true, time.Minute)
		d.want("7, drift")
		after := d.zone.Status()
		if before.Reason != after.Reason || after.Primaries[0].Version == nil || after.Primaries[0].Version.Serial() != 8 {
			t.Errorf("was %q, is %q", before.Reason, after.Reason)
		}
	})
}

// TestKeepElsewhere has zones that take over from another begin to be kept, in another store, and no longer.
func TestKeepElsewhere(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		n := d.transfers()
		first := d.store
		succeed := func() {
			old := d.zone
			d.zone = d.newZone(old)
			d.zone.Start()
			old.Stop()
			d.zone.Keep()
			d.advance(time.Minute)
			d.want("7, in parity")
		}
		d.config.Store = config.Store{Off: true}
		d.store = nil
		succeed()
		if k := d.zone.Status().Kept; k.Written || k.Path != "" {
			t.Errorf("%+v", k)
		}
		d.config.Store = config.Store{Path: filepath.Join(d.dir, "other.db")}
		d.open()
		succeed()
		if k := d.zone.Status().Kept; !k.Written || filepath.Base(k.Path) != "other.db" {
			t.Errorf("%+v", k)
		}
		d.reboot(true, 0)
		d.want("7, in parity")
		d.zone.Start()
		d.advance(time.Minute)
		if d.transfers() != n {
			t.Error("it was transferred again")
		}
		if err := first.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestKeepDamage has what was served be damaged on the disk: the version before is served, and the zone is fetched again, whole.
func TestKeepDamage(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.turn("8", "ab")
		d.advance(time.Minute)
		d.zone.Stop()
		l := d.load()
		damaged := l.State.Served
		delete(l.Versions, damaged)
		for root, v := range l.Versions {
			if v.Serial() == 7 {
				l.Served = l.Versions[root]
			}
		}
		l.Refetch, l.Damage = true, []error{errors.New("page x is damaged")}
		d.told()
		n := d.transfers()
		d.zone = d.zoneWith(Options{Kept: l})
		if s := d.zone.Snapshot(); s.Version == nil || s.Version.Serial() != 7 {
			t.Errorf("%+v", s)
		}
		d.zone.Start()
		d.advance(time.Minute)
		d.want("8, in parity")
		if d.transfers() != n+2 {
			t.Errorf("%d transfers", d.transfers()-n)
		}
		if told := d.told(); !strings.Contains(told, "damage [page x is damaged]") {
			t.Error(told)
		}
	})
}

// TestKeepClock has the clock have gone back when the process starts again: what was left of the timers is left.
func TestKeepClock(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.zone.Stop()
		l := d.load()
		left := d.zone.Status().ExpireAt.Sub(l.State.SavedAt)
		ahead := 365 * 24 * time.Hour
		kept, _ := d.zone.State()
		shiftState(&kept, ahead)
		moved, err := kept.kept(&d.config)
		if err != nil {
			t.Fatal(err)
		}
		moved.SavedAt = l.State.SavedAt.Add(ahead)
		l.State = moved
		d.zone = d.zoneWith(Options{Kept: l})
		now := time.Now()
		got := d.zone.Status().ExpireAt.Sub(now)
		if got != left {
			t.Errorf("%v are left, want %v", got, left)
		}
		if at := d.zone.Status().Primaries[0].LastSuccess; at.After(now) {
			t.Errorf("a primary answered at %v", at)
		}
		d.zone.Start()
		d.advance(time.Second)
		if told := d.told(); !strings.Contains(told, "clock back 87") {
			t.Error(told)
		}
		d.want("7, in parity")
	})
}

// TestKeepOthers has all primaries be others than those that the store knows of.
func TestKeepOthers(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.zone.Stop()
		for i := range d.config.Primaries {
			d.config.Primaries[i].Name += "b"
		}
		d.zone = d.zoneWith(Options{Kept: d.load()})
		d.want("not ready, loading")
	})
}
