package secondary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/zone"
)

// A check that cannot be done is a failure that is tried again, and nothing is transferred again for it.
func TestCheckNotDone(t *testing.T) {
	program := filepath.Join(t.TempDir(), "check")
	cfg := policy(config.Agree{Kind: config.All})
	cfg.Verify.Command = []string{program}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg, "ns1")
		w.hold("ns1", "7", "a")
		w.zone.Start()
		w.advance(time.Second)
		s := w.zone.Status()
		p := &s.Primaries[0]
		if s.Version != nil || p.Phase != kindCheck || p.Rejected != "" || p.State == parity.PrimaryRejected {
			t.Fatalf("phase %q, rejected %q, state %s, err %v, version %v", p.Phase, p.Rejected, p.State, p.Err, s.Version)
		}
		transfers := w.primaries["ns1"].Counts().Transfers
		// It is there, and not for this zone.
		write(t, program, "#!/bin/sh\necho not this one >&2\nexit 1\n")
		w.advance(time.Minute)
		if p := &w.zone.Status().Primaries[0]; p.Check != "command" || !strings.Contains(p.Rejected, "not this one") {
			t.Fatalf("rejected %q by %q, err %v", p.Rejected, p.Check, p.Err)
		}
		write(t, program, "#!/bin/sh\nexit 0\n")
		w.advance(time.Minute)
		if got := w.serving(); got != "7, in parity" {
			t.Fatalf("%s is served: %s", got, w.zone.Status().Reason)
		}
		if n := w.primaries["ns1"].Counts().Transfers; n != transfers {
			t.Errorf("%d transfers, want the %d before the program was there", n, transfers)
		}
		if c := w.zone.Status().Primaries[0].CheckFailures; len(c) != 1 || c[0] != (CheckCount{"command", 1}) {
			t.Errorf("check failures %v", c)
		}
	})
}

// write replaces a program.
func write(t *testing.T, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// A program that hangs holds up neither the others nor Stop.
func TestStopWhileChecking(t *testing.T) {
	program := filepath.Join(t.TempDir(), "check")
	write(t, program, "#!/bin/sh\nexec sleep 600\n")
	cfg := policy(config.Agree{Kind: config.All})
	cfg.Verify.Command = []string{program}
	w := newWorld(t, cfg, "ns1", "ns2")
	w.hold("ns1", "7", "a")
	w.hold("ns2", "7", "a")
	asked := make(chan struct{}, 10)
	w.zone.options.Events = func(e Event) {
		if _, ok := e.(PrimaryChanged); ok {
			asked <- struct{}{}
		}
	}
	w.zone.Start()
	for w.primaries["ns1"].Counts().Transfers == 0 || w.primaries["ns2"].Counts().Transfers == 0 {
		select {
		case <-asked:
		case <-time.After(time.Millisecond):
		}
	}
	w.zone.Stop()
	if _, err := w.zone.Hold(t.Context(), Word{"anna", "why"}); !errors.Is(err, errStopped) {
		t.Errorf("hold of a stopped zone: %v", err)
	}
}

func TestWord(t *testing.T) {
	for _, test := range []struct {
		w    Word
		want string
	}{
		{Word{"anna", "the move"}, ""},
		{Word{" anna ", "\tthe move "}, ""},
		{Word{"", "the move"}, "say who wants it"},
		{Word{"anna", " "}, "say why"},
		{Word{strings.Repeat("a", longestBy+1), "the move"}, "who wants it takes 101 octets"},
		{Word{"anna", strings.Repeat("a", longestWhy+1)}, "the reason takes 501 octets"},
		{Word{"anna", "the\nmove"}, "write who wants it and why in one line"},
		{Word{"an\x1b[2Jna", "the move"}, "write who wants it and why in one line"},
		{Word{"anna", "the \xffmove"}, "write who wants it and why in one line"},
	} {
		if got := test.w.check(); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%q: %q, want %q", test.w, got, test.want)
		}
	}
}

// Operators speak from anywhere at any time, and each word is decided once and kept, the newest of them.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, policy(config.Agree{Kind: config.All}), "ns1", "ns2")
		w.hold("ns1", "7", "a")
		w.hold("ns2", "7", "a")
		word := Word{"anna", "a test"}
		if _, err := w.zone.Hold(t.Context(), word); !errors.Is(err, errNotStarted) {
			t.Errorf("before the start: %v", err)
		}
		w.zone.Start()
		w.advance(time.Second)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var all sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for i := range 20 {
			all.Go(func() {
				for k := range 20 {
					var err error
					switch (i + k) % 4 {
					case 0:
						_, err = w.zone.Hold(t.Context(), word)
					case 1:
						_, err = w.zone.Release(t.Context(), word)
					case 2:
						_, err = w.zone.Refresh(t.Context(), "", word)
					case 3:
						_, err = w.zone.Unpin(t.Context(), word)
					}
					if err == nil {
						mu.Lock()
						taken++
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		decided := 0
		s := w.zone.Status()
		for _, d := range s.Decisions {
			if d.By != "anna" || d.Why != "a test" || d.At.IsZero() || d.Result == "" {
				t.Errorf("decision %+v", d)
			}
		}
		for line := range strings.Lines(w.told()) {
			if strings.Contains(line, "decided: ") {
				decided++
			}
		}
		if decided != taken || len(s.Decisions) != min(taken, MaxDecisions) {
			t.Errorf("%d words taken, %d told, %d kept", taken, decided, len(s.Decisions))
		}
		if _, err := w.zone.Hold(ended, word); err != nil && !errors.Is(err, context.Canceled) && s.Hold == nil {
			t.Errorf("with a context that has ended: %v", err)
		}
		w.advance(time.Minute)
	})
}

// The same content, though it came from several, is one version in memory.
func TestOneVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, policy(config.Agree{Kind: config.All}), "ns1", "ns2", "ns3")
		for _, name := range w.names {
			w.hold(name, "7", "abc")
		}
		w.zone.Start()
		w.advance(time.Second)
		s := w.zone.Status()
		for i := range s.Primaries {
			if s.Primaries[i].Version != s.Version {
				t.Errorf("%s has a version of its own", s.Primaries[i].Name)
			}
			for _, c := range w.zone.life.primaries[i].copies {
				if v, ok := c.result.Verified(); ok && v.Version() != s.Version {
					t.Errorf("the checks of %s keep a version of their own", s.Primaries[i].Name)
				}
			}
		}
	})
}

// What differs is told between any two of what is served, a primary's copy, and a version of the history.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, policy(config.Agree{Kind: config.All}), "ns1", "ns2")
		if _, err := w.zone.Report("served", "ns1", parity.Limits{}); err == nil || !strings.Contains(err.Error(), "nothing is served yet") {
			t.Errorf("of nothing: %v", err)
		}
		w.hold("ns1", "7", "a")
		w.hold("ns2", "7", "a")
		w.zone.Start()
		w.advance(time.Second)
		old := w.zone.Snapshot().Version.Root().String()
		w.hold("ns1", "8", "ab")
		w.hold("ns2", "8", "ab")
		w.notify("ns1")
		w.advance(time.Second)
		for _, names := range [][2]string{{"served", old}, {old[:4], "ns2"}, {"ns1", strings.ToUpper(old)}} {
			r, err := w.zone.Report(names[0], names[1], parity.Limits{})
			if err != nil || r.Total.RRsets != 2 {
				t.Errorf("%v: %v, %+v", names, err, r)
			}
		}
		for _, name := range []string{"ns9", "", "0", strings.Repeat("0", 64), strings.Repeat("0", 65)} {
			if _, err := w.zone.Report("served", name, parity.Limits{}); err == nil {
				t.Errorf("%q is taken", name)
			}
		}
	})
}

// A root of many that begin alike needs more digits.
func TestNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, policy(config.Agree{Kind: config.All}), "ns1")
		var all []*zone.Version
		prefixes := make(map[string]int)
		for serial := range 800 {
			v := w.make(fmt.Sprint(serial), "").Version(t)
			all = append(all, v)
			prefixes[v.Root().String()[:4]]++
		}
		twice := ""
		for p, n := range prefixes {
			if n > 1 {
				twice = p
			}
		}
		if twice == "" {
			t.Fatal("no two begin alike")
		}
		if _, err := named(twice, all, "here"); err == nil || !strings.Contains(err.Error(), "give more digits") {
			t.Errorf("%s: %v", twice, err)
		}
		for _, v := range all {
			if got, err := named(v.Root().String(), all, "here"); err != nil || got != v {
				t.Fatalf("%s: %v", v.Root(), err)
			}
		}
	})
}
