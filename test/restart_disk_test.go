package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mount makes a small file system of its own, of some octets. Where that is not allowed, the test is skipped: internal/store fills
// a disk by a limit on the size of files instead.
func mount(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// TestDiskFull fills the disk of the store to the last octet:
//
//	first, second  serial 5 -> 6 -> 7 -> 8     CoreDNS  5 ........ held ........ 8
//	                                           disk        full          freed
//
// What is served goes on, a restart included; the update is held, with its reason, and served by itself once there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := mount(t, "8m")
	k := keep(t, 5, "store "+filepath.Join(dir, "concord.db"))
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	serial := uint32(5)
	for served := uint32(5); serial < 200; { // what room the file has itself is used first
		serial++
		k.set(serial)
		settled := false
		for range 100 {
			if k.IsState("held") == nil {
				settled = true
				break
			}
			if k.Serves("example.org", serial) == nil {
				served = serial
				break
			}
			<-time.After(20 * time.Millisecond)
		}
		if settled {
			serial = served
			break
		}
	}
	t.Logf("full with serial %d", serial)
	k.WaitState("held")
	t.Log(k.WaitLog(0, "[ERROR]", "example.org.", "concord.db", "no space left on device", "make room"))
	for range 3 {
		k.set(serial + 2)
		if err := k.Serves("example.org", serial); err != nil {
			t.Error(err)
		}
	}
	k.Stop()
	k.Restart()
	if err := k.Serves("example.org", serial); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	k.WaitServes("example.org", serial+2)
	k.WaitState("in_parity")
}

// fill writes a file until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// TestDiskReadOnly has the store's file system become one that can only be read, and be so from the start: what is there is served, and
// no update, until it can be written.
func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	dir := mount(t, "16m")
	k := keep(t, 5, "store "+filepath.Join(dir, "concord.db"))
	remount := func(how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	k.Stop()
	remount("ro")
	k.Restart()
	if err := k.Serves("example.org", 5); err != nil {
		t.Fatal(err)
	}
	t.Log(k.WaitLog(0, "[ERROR]", "concord.db", "can only be read"))
	k.set(6)
	k.WaitState("held")
	if err := k.Serves("example.org", 5); err != nil {
		t.Error(err)
	}
	remount("rw")
	k.WaitServes("example.org", 6)
}
