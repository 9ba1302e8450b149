package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// TestOrder has copies with several faults, and what is looked at after the first.
func TestOrder(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	cfg := settings("example.org.", func(z *config.Zone) {
		z.Verify.DNSSEC, z.Verify.ZONEMD = true, config.ZONEMDRequired
		z.Verify.Command = []string{"/bin/sh", "-c", "touch " + ran + "; echo no; exit 1"}
	})
	served := guardZone(t, 1, hosts(0, 99))
	for _, tt := range []struct {
		name     string
		v        *zone.Version
		waive    bool
		failed   []string
		reason   string
		waivable bool
	}{
		{name: "structure ends it", v: guardZone(t, 2, hosts(0, 1)+"h0 CNAME h1\n"), failed: []string{CheckStructure},
			reason: "structure cname: h0.example.org. CNAME: has other records beside it, and answers could be one or the other (RFC 2181 section 10.1)"},
		{name: "guard does not", v: guardZone(t, 2, hosts(0, 60)), failed: []string{CheckGuard, CheckZONEMD, CheckDNSSEC},
			reason: "guard shrink: 39 of 100 served records would be gone (39.0%), at most 30% may; approve it if it is meant"},
		{name: "approved", v: guardZone(t, 2, hosts(0, 60)), waive: true, failed: []string{CheckZONEMD, CheckDNSSEC},
			reason: "zonemd missing: example.org. ZONEMD: no ZONEMD record, and verify zonemd required wants one"},
	} {
		r := New(cfg, nil).Check(t.Context(), Subject{Primary: "ns1", Candidate: tt.v, Served: served, Now: time.Now(), Waive: tt.waive})
		if _, ok := r.Verified(); ok || r.Err() != nil || !slices.Equal(r.Failed(), tt.failed) || r.Reason() != tt.reason || r.Waivable() {
			t.Errorf("%s: %q, %q, %v", tt.name, r.Failed(), r.Reason(), r.Err())
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command ran for a copy that had failed")
	}
}

// TestWaive lets a copy pass that nothing but guards stand against, once it is approved.
func TestWaive(t *testing.T) {
	c := New(settings("example.org.", nil), nil)
	s := Subject{Candidate: guardZone(t, 2, hosts(0, 60)), Served: guardZone(t, 1, hosts(0, 99))}
	r := c.Check(t.Context(), s)
	if _, ok := r.Verified(); ok || !r.Waivable() {
		t.Errorf("%v, %q", r.Waivable(), r.Reason())
	}
	s.Waive = true
	r = c.Check(t.Context(), s)
	v, ok := r.Verified()
	if !ok || v.Version() != s.Candidate || r.Waivable() || r.Reason() != "" {
		t.Errorf("%t, %q", ok, r.Reason())
	}
	if got := lines(r.Findings()); !strings.HasPrefix(got, "warning guard shrink: 39 of 100") {
		t.Error(got)
	}
	s.Served, s.Waive = nil, false
	if _, ok := c.Check(t.Context(), s).Verified(); !ok {
		t.Error("a guard stands against the first version")
	}
}

// TestWaiveDots approves a first version whose final dots seem to be missing, and cannot approve what cannot be served.
func TestWaiveDots(t *testing.T) {
	text := "@ SOA ns.example.net. admin 1 1 1 1 1\n@ NS ns.example.net.\na.example.org A 192.0.2.1\nb.example.org A 192.0.2.1\nc.example.org A 192.0.2.1\n"
	for _, tt := range []struct {
		text string
		ok   bool
	}{{text, true}, {text + "c.example.org CNAME a\n", false}} {
		c := New(settings("example.org.", nil), nil)
		s := Subject{Candidate: mustZone(t, "example.org.", tt.text)}
		r := c.Check(t.Context(), s)
		if _, ok := r.Verified(); ok || r.Waivable() != tt.ok {
			t.Errorf("%t: %t, %q", tt.ok, r.Waivable(), r.Reason())
		}
		s.Waive = true
		if _, ok := c.Check(t.Context(), s).Verified(); ok != tt.ok {
			t.Errorf("%t: verified is %t", tt.ok, ok)
		}
		s.Waive = false
		if _, ok := c.Check(t.Context(), s).Verified(); ok {
			t.Error("verified by the word for an earlier check")
		}
	}
}

// TestGuardAgain has what is served change between the checks of a copy and its turn.
func TestGuardAgain(t *testing.T) {
	c := New(settings("example.org.", nil), nil)
	one, two := guardZone(t, 1, hosts(0, 60)), guardZone(t, 2, hosts(0, 62))
	v, ok := c.Check(t.Context(), Subject{Candidate: two, Served: one}).Verified()
	if !ok {
		t.Fatal("not verified")
	}
	if again, ok := c.Guard(t.Context(), v, Subject{Served: one}).Verified(); !ok || again != v {
		t.Errorf("%v, %t", again, ok)
	}
	r := c.Guard(t.Context(), v, Subject{Served: guardZone(t, 3, hosts(0, 99))})
	if _, ok := r.Verified(); ok || !r.Waivable() {
		t.Errorf("%t, %q", ok, r.Reason())
	}
	if _, ok := c.Guard(t.Context(), Verified{}, Subject{Served: one}).Verified(); ok {
		t.Error("nothing has been verified")
	}
}

// TestCancelled has the context end before a check: nothing is said of the copy.
func TestCancelled(t *testing.T) {
	stop := errors.New("the zone is stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	r := New(settings("example.org.", nil), nil).Check(ctx, Subject{Primary: "ns1", Candidate: guardZone(t, 1, "")})
	if _, ok := r.Verified(); ok || !errors.Is(r.Err(), stop) || r.Reason() != "" {
		t.Errorf("%t, %v, %q", ok, r.Err(), r.Reason())
	}
	if got := r.Err().Error(); got != "zone example.org.: primary ns1: serial 1: check structure could not be done: the zone is stopped" {
		t.Error(got)
	}
	// And it can be checked afterwards.
	c := New(settings("example.org.", nil), nil)
	c.Check(ctx, Subject{Candidate: guardZone(t, 1, "")})
	if _, ok := c.Check(t.Context(), Subject{Candidate: guardZone(t, 1, "")}).Verified(); !ok {
		t.Error("not verified")
	}
}

// TestWorkTime has checks whose time is over: nothing is said of the copy, and the processor is free again.
func TestWorkTime(t *testing.T) {
	var names strings.Builder
	for i := range pause {
		fmt.Fprintf(&names, "m%d A 192.0.2.1\n", i)
	}
	digest := "@ ZONEMD 2 1 1 " + strings.Repeat("00", 48) + "\n"
	s := Subject{Candidate: guardZone(t, 2, digest), Served: guardZone(t, 1, names.String()), Now: time.Now()}
	other := Subject{Candidate: guardZone(t, 2, digest+names.String()), Served: guardZone(t, 1, ""), Now: s.Now}
	l := NewLimits(1, 1)
	c := New(settings("example.org.", func(z *config.Zone) { z.Verify.DNSSEC = true }), l)
	for _, tt := range []struct {
		name string
		run  func(context.Context, Subject, *Result) ([]Finding, error)
		s    Subject
	}{{CheckStructure, c.structure, other}, {CheckGuard, c.guard, s}, {CheckZONEMD, c.zonemd, other}, {CheckDNSSEC, c.signatures, other}} {
		if tt.name == CheckGuard {
			for _, v := range []*zone.Version{s.Served, s.Candidate} { // which the guards want to know
				if _, err := c.survey(t.Context(), v, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		l.work = -1
		if found, err := tt.run(t.Context(), tt.s, new(Result)); !errors.Is(err, errWorkTime) || len(found) > 0 {
			t.Errorf("%s: %q, %v", tt.name, found, err)
		}
		l.work = WorkTime
		if _, err := tt.run(t.Context(), tt.s, new(Result)); err != nil {
			t.Errorf("%s, again: %v", tt.name, err)
		}
	}
}

// TestTogether has several primaries send one content and others at once, with one processor for all.
func TestTogether(t *testing.T) {
	c := New(settings("example.org.", nil), NewLimits(1, 1))
	served := guardZone(t, 1, hosts(0, 500))
	good, bad := guardZone(t, 2, hosts(0, 501)), guardZone(t, 2, hosts(0, 100))
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			s, want := Subject{Candidate: good, Served: served, Now: time.Now()}, true
			switch i % 4 {
			case 1:
				s.Candidate, want = bad, false
			case 2:
				s.Candidate, s.Served = served, good
			}
			if _, ok := c.Check(t.Context(), s).Verified(); ok != want {
				t.Errorf("%d: verified is %t", i, ok)
			}
		})
	}
	all.Wait()
}

// TestMemory forgets what was asked for longest ago.
func TestMemory(t *testing.T) {
	var m memory
	for i := range 3 * mostKnown {
		k, done, err := m.open(t.Context(), zone.Hash{byte(i)})
		if err != nil || k.survey != nil {
			t.Fatal(err)
		}
		k.survey = new(survey)
		done()
		if k, done, err = m.open(t.Context(), zone.Hash{0}); err != nil || k.survey == nil {
			t.Fatalf("%d: forgotten, %v", i, err)
		}
		done()
	}
	if len(m.list) != mostKnown {
		t.Errorf("%d are known", len(m.list))
	}
}

// TestDNSSEC has the check of package dnssec in its place: signed zones, unsigned ones, anchors, and signatures that end.
func TestDNSSEC(t *testing.T) {
	sign, err := exec.LookPath("ldns-signzone")
	if err != nil {
		t.Skip("ldns-signzone is not installed")
	}
	dir := t.TempDir()
	runIn(t, dir, "ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "example.org")
	keys, _ := filepath.Glob(filepath.Join(dir, "*.key"))
	anchors := filepath.Join(dir, "anchors")
	if err := os.Rename(strings.TrimSuffix(keys[0], ".key")+".ds", anchors); err != nil {
		t.Fatal(err)
	}
	unsigned := "@ 300 SOA ns.example.net. admin 7 1800 900 604800 86400\n@ 300 NS ns.example.net.\nwww 300 A 192.0.2.1\n"
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte("$ORIGIN example.org.\n"+unsigned), 0o600); err != nil {
		t.Fatal(err)
	}
	runIn(t, dir, sign, "-i", "20260101000000", "-e", "20260201000000", "-o", "example.org.", "-f", "signed", "zone", strings.TrimSuffix(filepath.Base(keys[0]), ".key"))
	text, err := os.ReadFile(filepath.Join(dir, "signed"))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	good := mustZone(t, "example.org.", string(text))
	changed := mustZone(t, "example.org.", strings.Replace(string(text), "192.0.2.1", "192.0.2.2", 1))
	for _, tt := range []struct {
		name    string
		anchors string
		v       *zone.Version
		now     time.Time
		want    string // the rule that fails
	}{
		{"good", "", good, end.Add(-time.Hour), ""},
		{"anchored", anchors, good, end.Add(-time.Hour), ""},
		{"ended", "", good, end.Add(time.Hour), "dnssec signature-expired: "},
		{"changed", "", changed, end.Add(-time.Hour), "dnssec signature-bogus: www.example.org. A: "},
		{"unsigned", "", mustZone(t, "example.org.", unsigned), end, "dnssec unsigned: example.org.: the zone has no DNSKEY records, and verify dnssec wants it signed"},
		{"unsigned, anchored", anchors, mustZone(t, "example.org.", unsigned), end, "dnssec unsigned: example.org. DNSKEY: "},
	} {
		c := New(settings("example.org.", func(z *config.Zone) { z.Verify.DNSSEC, z.Verify.Anchors = true, tt.anchors }), nil)
		for range 2 { // the second time of what is known from the first
			r := c.Check(t.Context(), Subject{Candidate: tt.v, Now: tt.now})
			if _, ok := r.Verified(); r.Err() != nil || ok != (tt.want == "") || !strings.HasPrefix(r.Reason(), tt.want) {
				t.Errorf("%s: %q, %v", tt.name, r.Reason(), r.Err())
			}
			if tt.want == "" && !r.Expiry().Equal(end) {
				t.Errorf("%s: ends at %v, want %v", tt.name, r.Expiry(), end)
			}
		}
	}

	// A copy is held against the last that passed, and signatures end meanwhile.
	c := New(settings("example.org.", func(z *config.Zone) { z.Verify.DNSSEC = true }), nil)
	for _, step := range []struct {
		v   *zone.Version
		now time.Time
		ok  bool
	}{{good, end.Add(-time.Hour), true}, {changed, end.Add(-time.Hour), false}, {good, end.Add(-time.Minute), true}, {good, end.Add(time.Minute), false}} {
		if _, ok := c.Check(t.Context(), Subject{Candidate: step.v, Now: step.now}).Verified(); ok != step.ok {
			t.Errorf("%v: verified is %t", step.now, ok)
		}
	}

	missing := New(settings("example.org.", func(z *config.Zone) { z.Verify.DNSSEC, z.Verify.Anchors = true, filepath.Join(dir, "none") }), nil)
	if r := missing.Check(t.Context(), Subject{Primary: "ns1", Candidate: good, Now: end}); !errors.Is(r.Err(), os.ErrNotExist) || r.Reason() != "" {
		t.Errorf("%v, %q", r.Err(), r.Reason())
	}
}
