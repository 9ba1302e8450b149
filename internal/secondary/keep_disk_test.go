//go:build unix

package secondary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
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

// TestWordOnDisk has an operator's word acknowledged once it is on the disk: a restart at once after finds it.
func TestWordOnDisk(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		free := d.stick()
		said := d.say(func(ctx context.Context) (Decision, error) { return d.zone.Hold(ctx, Word{"anna", "a move"}) })
		d.advance(2 * time.Second)
		if said.done.Load() {
			t.Errorf("%v before it was on the disk", said)
		}
		if s := d.zone.Status(); s.Hold == nil {
			t.Error("and the word is not in force")
		}
		free()
		for !said.done.Load() {
			d.advance(100 * time.Millisecond)
		}
		if said.err != nil || said.Unwritten != "" {
			t.Errorf("%v", said)
		}
		d.reboot(true, 0)
		if s := d.zone.Status(); s.Hold == nil || s.Hold.By != "anna" || s.Hold.Why != "a move" {
			t.Errorf("after the restart: %+v", s.Hold)
		}
	})
}

// TestWordOnFailingDisk has a word be in force although it cannot be written, the reply say so, and the disk have it when it is back.
func TestWordOnFailingDisk(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		d.away(true)
		said := d.say(func(ctx context.Context) (Decision, error) { return d.zone.Hold(ctx, Word{"anna", "a move"}) })
		if !said.done.Load() || said.err != nil || !strings.Contains(said.Unwritten, "no such file or directory") || !strings.Contains(said.String(), "a restart would lose it") {
			t.Errorf("%v", said)
		}
		d.want("7, held")
		if told := d.told(); strings.Count(told, "not on the disk: hold by anna") != 1 {
			t.Error(told)
		}
		said = d.say(func(ctx context.Context) (Decision, error) { return d.zone.Release(ctx, Word{"bert", "done"}) }) // and it is known now
		if !said.done.Load() || said.err != nil || said.Unwritten == "" {
			t.Errorf("%v", said)
		}
		d.away(false)
		d.advance(15 * time.Second)
		if told := d.told(); !strings.Contains(told, "on the disk again") {
			t.Error(told)
		}
		d.reboot(true, 0)
		if s := d.zone.Status(); s.Hold != nil || len(s.Decisions) != 2 || s.Decisions[1].Unwritten != "" {
			t.Errorf("after the restart: %+v", s.Decisions)
		}
	})
}

// TestWordOnStuckDisk has a word answered when a write takes too long, and written all the same.
func TestWordOnStuckDisk(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		free := d.stick()
		said := d.say(func(ctx context.Context) (Decision, error) { return d.zone.Hold(ctx, Word{"anna", "a move"}) })
		gone := d.say(func(ctx context.Context) (Decision, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return d.zone.Refresh(ctx, "", Word{"bert", "a look"})
		})
		d.advance(6 * time.Second)
		if !said.done.Load() || said.err != nil || !strings.Contains(said.Unwritten, "slow or stuck") {
			t.Errorf("%v", said)
		}
		if !gone.done.Load() || !errors.Is(gone.err, context.DeadlineExceeded) || !strings.Contains(gone.err.Error(), "it is in force") {
			t.Errorf("%v", gone)
		}
		if k := d.zone.Status().Kept; k.Err == nil {
			t.Errorf("%+v", k)
		}
		free()
		d.advance(15 * time.Second)
		if k := d.zone.Status().Kept; k.Err != nil {
			t.Errorf("%+v", k)
		}
		d.reboot(true, 0)
		if s := d.zone.Status(); s.Hold == nil {
			t.Errorf("after the restart: %+v", s.Decisions)
		}
	})
}

// An utterance is a word of an operator, and what is said to it.
type utterance struct {
	Decision
	err  error
	done atomic.Bool
}

func (u *utterance) String() string {
	return fmt.Sprintf("done %t, error %v, %v", u.done.Load(), u.err, &u.Decision)
}

// say has an operator say something, who waits for the reply.
func (d *disk) say(word func(context.Context) (Decision, error)) *utterance {
	u := new(utterance)
	go func() {
		u.Decision, u.err = word(d.t.Context())
		u.done.Store(true)
	}()
	synctest.Wait()
	return u
}

// stick has writes not end until the function that it returns is called.
func (d *disk) stick() (free func()) {
	d.t.Helper()
	path := d.config.Store.Path
	if err := os.Rename(path, path+".aside"); err != nil {
		d.t.Fatal(err)
	}
	f, err := os.Create(path) // the store waits for its lock
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		d.t.Fatal(err)
	}
	return func() {
		d.t.Helper()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
			d.t.Fatal(err)
		}
	}
}

// TestDiskStuck has a write not end for a while: the operator is told, and the zone goes on.
func TestDiskStuck(t *testing.T) {
	onDisk(t, policy(all), func(d *disk) {
		free := d.stick()
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
		free()
		d.advance(15 * time.Second)
		d.want("8, in parity")
	})
}
