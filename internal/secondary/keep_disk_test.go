//go:build unix

package secondary

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDiskFails has updates wait for a disk that fails, while all else goes on, and be served when it is back. Those that
// others have taken the place of are never served.
func TestDiskFails(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.away(true)
		d.turn("8", "ab")
		d.want("7, held")
		if k := d.zone.Status().Kept; !k.Holds || k.Serial != 8 || !errors.Is(k.Err, syscall.ENOENT) || k.Since.IsZero() {
			t.Errorf("%+v", k)
		}
		if s := d.zone.Status(); !strings.Contains(s.Reason, "not served: ns1's copy with serial 8 is agreed on, and not on the disk") {
			t.Errorf("reason %q", s.Reason)
		}
		if told := d.told(); strings.Count(told, "8 not on the disk, served false") != 1 || !strings.Contains(told, "held: not served") {
			t.Error(told)
		}
		d.turn("9", "abc")
		d.advance(10 * time.Minute)
		d.want("7, held")
		if s := d.zone.Status(); s.Kept.Serial != 9 {
			t.Errorf("%+v", s.Kept)
		}
		d.away(false)
		d.advance(15 * time.Second)
		d.want("9, in parity")
		if k := d.zone.Status().Kept; k.Holds || k.Err != nil || !k.Written {
			t.Errorf("%+v", k)
		}
		if told := d.told(); !strings.Contains(told, "on the disk again") || strings.Contains(told, "swapped 7 for 8") {
			t.Error(told)
		}
		d.reboot(true, 0)
		d.want("9, in parity")
	})
}

// TestDiskFailsFirst has the disk fail before there is anything to serve.
func TestDiskFailsFirst(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.zone.Stop()
		d.away(true)
		d.zone = d.zoneWith(Options{})
		d.zone.Start()
		d.advance(time.Hour)
		d.want("not ready, held")
		d.away(false)
		d.advance(15 * time.Second)
		d.want("7, in parity")
	})
}

// TestBestEffort has a version served that could not be written, and written when it can be.
func TestBestEffort(t *testing.T) {
	cfg := policy(all)
	cfg.Store.BestEffort = true
	onDisk(t, cfg, func(d *disk) {
		d.away(true)
		d.turn("8", "ab")
		d.want("8, in parity")
		if k := d.zone.Status().Kept; k.Holds || k.Written || k.Err == nil {
			t.Errorf("%+v", k)
		}
		if told := d.told(); strings.Count(told, "8 not on the disk, served true") != 1 {
			t.Error(told)
		}
		d.away(false)
		d.advance(15 * time.Second)
		if k := d.zone.Status().Kept; !k.Written || k.Err != nil {
			t.Errorf("%+v", k)
		}
		if told := d.told(); !strings.Contains(told, "on the disk again") {
			t.Error(told)
		}
		d.reboot(true, 0)
		d.want("8, in parity")
	})
}

// TestWithdrawn has primaries go back while the disk fails: what they no longer hold is not served when it is back.
func TestWithdrawn(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.away(true)
		d.turn("8", "ab")
		d.want("7, held")
		d.turn("7", "a")
		d.want("7, in parity")
		d.away(false)
		d.advance(time.Minute)
		d.want("7, in parity")
		if k := d.zone.Status().Kept; k.Err != nil || k.Holds || !k.Written {
			t.Errorf("%+v", k)
		}
		if told := d.told(); strings.Contains(told, "swapped") {
			t.Error(told)
		}
		d.reboot(true, 0)
		d.want("7, in parity")
	})
}

// TestDiskStuck has a write not end for a while: the operator is told, and the zone goes on.
func TestDiskStuck(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		path := d.config.Store.Path
		if err := os.Rename(path, path+".aside"); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path) // the store waits for its lock
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		d.turn("8", "ab")
		d.want("7, settling") // it may be written any moment
		d.advance(6 * time.Second)
		d.want("7, held")
		if s := d.zone.Status(); !strings.Contains(s.Reason, "slow or stuck") {
			t.Errorf("reason %q", s.Reason)
		}
		if r := d.notify("ns1"); r != NotifyAccepted {
			t.Errorf("a NOTIFY meanwhile is %v", r)
		}
		d.advance(time.Second)
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
			t.Fatal(err)
		}
		d.advance(15 * time.Second)
		d.want("8, in parity")
	})
}
