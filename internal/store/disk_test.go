//go:build linux || darwin

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

func init() { plays["full"], plays["readonly"] = childFull, childReadOnly }

// TestFull has a child whose files may not grow: what a full disk is to the store.
func TestFull(t *testing.T) {
	path := fresh(t)
	out, err := childCommand(t.Context(), "full", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "recovered") {
		t.Fatalf("%v\n%s", err, out)
	}
	db := open(t, path)
	apex, _ := zone.ParseName("example.org.")
	if l := mustLoad(t, db, apex.String()); l.Served == nil || l.Served.Serial() != 3 || len(l.Damage) > 0 {
		t.Errorf("loaded %v, damage %v", l.Served, l.Damage)
	}
}

func childFull(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	db, err := Open(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	apex, _ := zone.ParseName("example.org.")
	one, err := buildVersion(apex, []zone.Record{soa(apex, 1)})
	if err != nil {
		return err
	}
	if _, err := db.Commit(ctx, recordOf(one)); err != nil {
		return err
	}
	list := []zone.Record{soa(apex, 2)}
	for i := range 100_000 {
		list = append(list, address(apex, i, byte(i)))
	}
	big, err := buildVersion(apex, list)
	if err != nil {
		return err
	}
	list[0] = soa(apex, 3)
	bigger, err := buildVersion(apex, list)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	least := limit
	least.Cur = uint64(info.Size())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &least); err != nil {
		return err
	}
	for range 3 {
		d, err := db.Commit(ctx, recordOf(one, big))
		if err == nil || d.Version() != nil {
			return errors.New("a commit beyond the limit succeeds")
		}
		e, ok := errors.AsType[*DiskError](err)
		if !ok || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "taken up again") || e.Path != path {
			return fmt.Errorf("the error says too little: %w", err)
		}
		if h := db.Health(); h.Err == nil || h.Since.IsZero() {
			return errors.New("the store says that it is well")
		}
		if l, err := db.Load(ctx, "example.org."); err != nil || l.Served == nil || l.Served.Serial() != 1 || len(l.Damage) > 0 {
			return fmt.Errorf("what is there cannot be read: %w %v", err, l.Damage)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if _, err := db.Commit(ctx, recordOf(one, big, bigger)); err != nil {
		return fmt.Errorf("the disk is back, but: %w", err)
	}
	if h := db.Health(); h.Err != nil {
		return h.Err
	}
	fmt.Println("recovered")
	return db.Close(ctx)
}

// TestRemoved: the file is removed, or replaced, while it is open. The next commit makes a new one, with all that is in memory.
func TestRemoved(t *testing.T) {
	for _, how := range []string{"removed", "renamed"} {
		t.Run(how, func(t *testing.T) {
			path := fresh(t)
			db := open(t, path)
			v := small(t, "example.org.", 1, 300)
			commit(t, db, v)
			var err error
			if how == "removed" {
				err = os.Remove(path)
			} else {
				other := filepath.Join(t.TempDir(), "other.db")
				o := open(t, other)
				shut(t, o)
				err = os.Rename(other, path)
			}
			if err != nil {
				t.Fatal(err)
			}
			w := after(t, v, 1, 9)
			commit(t, db, v, w)
			shut(t, db)
			db = open(t, path)
			if l := mustServe(t, db, w); l.Versions[v.Root()] == nil {
				t.Error("the history is lost, though it was in memory")
			}
		})
	}
}

// TestCutWhileOpen cuts the file short under the store: what bbolt has mapped is not there any more, and reading it a fault.
func TestCutWhileOpen(t *testing.T) {
	for _, size := range []int64{8 << 10, 20 << 10, 60 << 10} {
		path := fresh(t)
		db := open(t, path)
		v := small(t, "example.org.", 1, 2000)
		commit(t, db, v)
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if l, err := db.Load(t.Context(), "example.org."); err == nil && l.Served != nil {
			t.Errorf("cut to %d octets, and read whole", size)
		}
		w := after(t, v, 1, 9)
		eventually(t, db, recordOf(v, w))
		mustServe(t, db, w)
		if size == 8<<10 && db.Report().SetAside == "" {
			t.Error("nothing says that the file was set aside")
		}
		shut(t, db)
		mustServe(t, open(t, path), w)
	}
}

// TestGone: the directory goes, and comes back.
func TestGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "concord.db")
	db := open(t, path)
	v := small(t, "example.org.", 1, 300)
	commit(t, db, v)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	w := after(t, v, 1, 9)
	for range 3 {
		if _, err := db.Commit(t.Context(), recordOf(v, w)); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("error %v, want one with the path", err)
		}
	}
	if h := db.Health(); h.Err == nil {
		t.Error("the store says that it is well")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, db, recordOf(v, w))
	mustServe(t, db, w)
	if h := db.Health(); h.Err != nil {
		t.Error(h.Err)
	}
}

// eventually commits until it succeeds: after a failure the file is let alone for a moment.
func eventually(t *testing.T, db *DB, r Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if _, err := db.Commit(ctx, r); err == nil {
			return
		}
		if err := ctx.Err(); err == nil {
			_ = exec.CommandContext(ctx, "true").Run()
		}
	}
	t.Fatal("the store does not recover")
}

// TestReadOnly has a child, without the rights of root, that may not write the file: it can be read, and commits say why
// they fail.
func TestReadOnly(t *testing.T) {
	path := fresh(t)
	db := open(t, path)
	v := small(t, "example.org.", 1, 300)
	commit(t, db, v)
	shut(t, db)
	if os.Getuid() == 0 {
		if err := errors.Join(os.Chown(path, nobody, nobody), os.Chmod(filepath.Dir(path), 0o777), os.Chmod(filepath.Dir(filepath.Dir(path)), 0o777)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if out, err := childCommand(t.Context(), "readonly", path).CombinedOutput(); err != nil || !strings.Contains(string(out), "recovered") {
		t.Fatalf("%v\n%s", err, out)
	}
}

const nobody = 65534

func childReadOnly(path string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	ctx := context.Background()
	db, err := Open(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	l, err := db.Load(ctx, "example.org.")
	if err != nil || l.Served == nil || len(l.Damage) > 0 {
		return fmt.Errorf("what is there cannot be read: %w %v", err, l.Damage)
	}
	if db.Report().ReadOnly == nil || db.Health().Err == nil {
		return errors.New("nothing says that the file cannot be written")
	}
	r := recordOf(l.Served)
	if _, err := db.Commit(ctx, r); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "user") {
		return fmt.Errorf("the error says too little: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	if _, err := db.Commit(ctx, r); err != nil {
		return err
	}
	if err := db.Health().Err; err != nil {
		return err
	}
	fmt.Println("recovered")
	return db.Close(ctx)
}

func TestBestEffort(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Options{Path: filepath.Join(dir, "concord.db"), BestEffort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, db)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	v := small(t, "example.org.", 1, 3)
	d, err := db.Commit(t.Context(), recordOf(v))
	if err == nil || d.Version() != v || d.Written() {
		t.Errorf("%+v, %v; want the version, not written, and an error", d, err)
	}
}

// TestStuck: while the disk does not answer, callers go when their contexts end, and what they wanted is not written.
func TestStuck(t *testing.T) {
	db := open(t, fresh(t))
	v := small(t, "example.org.", 1, 3)
	commit(t, db, v)
	db.disk.RLock() // what a stuck disk is to the writer: it waits for it
	if err := os.Remove(db.Path()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	w := after(t, v, 1, 9)
	d, err := db.Commit(ctx, recordOf(v, w))
	if d.Version() != nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "slow or stuck") {
		t.Errorf("%v, %v", d, err)
	}
	if h := db.Health(); h.Waiting == 0 || h.Slow == 0 {
		t.Errorf("health %+v, want one that waits", h)
	}
	db.disk.RUnlock()
	commit(t, db, v, w)
	mustServe(t, db, w)
}
