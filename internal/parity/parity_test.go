package parity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

func TestZeroes(t *testing.T) {
	v := Judge(Policy{}, Served{}, nil, epoch)
	if _, ok := v.Approved(); ok || v.State != Loading || v.Confirmed() || v.Confirms("ns1") {
		t.Errorf("%+v", v)
	}
	if a := (Approved{}); a.Version() != nil || a.Source() != "" {
		t.Error("the zero Approved holds something")
	}
	for _, s := range AllStates() {
		if strings.HasPrefix(s.String(), "State(") {
			t.Errorf("%s has no name", s)
		}
	}
	for _, s := range AllPrimaryStates() {
		if strings.HasPrefix(s.String(), "PrimaryState(") {
			t.Errorf("%s has no name", s)
		}
	}
}

// TestAgree has four primaries, of which some hold the new version, some the
// served one, and some cannot be reached.
func TestAgree(t *testing.T) {
	for _, tt := range []struct {
		agree  string
		hold   string // for each primary: new, old, absent, failing (and counting), silent (never sent it)
		served bool   // the new version
		state  State
	}{
		{"all", "nnnn", true, InParity},
		{"all", "nnno", false, Settling},
		{"all", "nnna", true, InParity},
		{"all", "nnnf", false, Settling},
		{"all", "naaa", true, InParity},
		{"all", "nnns", false, Settling},
		{"all", "ooof", false, InParity},
		{"all", "oaaa", false, InParity},
		{"all", "aaaa", false, InParity},
		{"majority", "nnno", true, InParity},
		{"majority", "nnoo", false, Settling},
		{"majority", "nooo", false, InParity},
		{"majority", "nnao", true, InParity},
		{"majority", "nnfo", false, Settling},
		{"majority", "nnss", false, Settling},
		{"majority", "naao", false, Settling},
		{"majority", "naaa", true, InParity},
		{"any", "nooo", true, InParity},
		{"any", "ooon", true, InParity},
		{"any", "naaa", true, InParity},
		{"1", "nooo", true, InParity},
		{"2", "nooo", false, InParity},
		{"2", "nnoo", true, InParity},
		{"3", "nnoo", false, Settling},
		{"3", "nnna", true, InParity},
		{"3", "nnaa", false, Settling},
		{"3", "aaaa", false, InParity},
	} {
		w := newWorld(t)
		w.policy.Agree, _ = config.ParseAgree(tt.agree)
		w.served = Served{Version: w.version("A", 7), Source: "ns1"}
		for i := range tt.hold {
			w.obs = append(w.obs, Observation{Name: fmt.Sprintf("ns%d", i+1)})
			w.see(&w.obs[i], w.version("A", 7))
		}
		w.now = w.now.Add(24 * time.Hour)
		for i := range tt.hold {
			o := &w.obs[i]
			switch tt.hold[i] {
			case 'n':
				w.see(o, w.version("B", 8))
			case 'a':
				o.Reachable, o.Err, o.FailingSince = false, fmt.Errorf("timeout"), epoch
			case 'f':
				w.fail(o, false, fmt.Errorf("timeout"))
			case 's':
				*o = Observation{Name: o.Name, Reachable: true}
			}
		}
		v := Judge(w.policy, w.served, w.obs, w.now)
		a, ok := v.Approved()
		if served := ok && a.Version().Serial() == 8; served != tt.served || v.State != tt.state {
			t.Errorf("agree %s, %s: serves the new version %v in state %s, want %v in %s\n%s",
				tt.agree, tt.hold, served, v.State, tt.served, tt.state, v.Reason)
		}
	}
}

func TestDiffer(t *testing.T) {
	w := newWorld(t)
	c := new(Comparison)
	long := func(first, n int) *zone.Version {
		text := []string{"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300"}
		for i := range n {
			text = append(text, fmt.Sprintf("%06d.example.org. 3600 A 192.0.2.1", first+i))
		}
		return build(t, text)
	}
	for _, tt := range []struct {
		a, b    *zone.Version
		records int
		more    bool
		text    string
	}{
		{w.version("A", 7), w.version("B", 7), 1, false, "1 record differs, 00000.example.org. A"},
		{w.version("A", 7), w.version("B3", 7), 3, false, "3 records differ, first 00000.example.org. A"},
		{w.version("A", 7), w.version("B3", 8), 4, false, "4 records differ, first example.org. SOA"},
		{long(0, 0), long(5, MaxDiffering), MaxDiffering, false, "10000 records differ, first 000005.example.org. A"},
		{long(0, 0), long(5, MaxDiffering+1), MaxDiffering, true, "more than 10000 records differ, first 000005.example.org. A"},
		{long(5, MaxDiffering+1), long(0, 0), MaxDiffering, true, "more than 10000 records differ, first 000005.example.org. A"},
	} {
		for range 2 { // the second time it is known
			d := c.differ(tt.a, tt.b)
			if d.Compared() != tt.records || d.more != tt.more || d.String() != tt.text {
				t.Errorf("got %d, %v, %q, want %d, %v, %q", d.Compared(), d.more, d, tt.records, tt.more, tt.text)
			}
		}
	}
}

// TestCountedIsBounded has more pairs than are kept: the last is among those
// that are.
func TestCountedIsBounded(t *testing.T) {
	var k counted
	for i := range 3 * mostCounted {
		pair := [2]zone.Hash{{byte(i), byte(i >> 8)}, {1}}
		k.keep(pair, difference{Classes: Classes{Data: i}})
		if d, ok := k.of(pair); !ok || d.Data != i || len(k.list) > mostCounted {
			t.Fatalf("%d: %d of %d pairs, %t", i, d.Data, len(k.list), ok)
		}
	}
}

// TestSameVersion: another copy of what is served is no reason to change it.
func TestSameVersion(t *testing.T) {
	one, two := newWorld(t).version("A", 7), newWorld(t).version("A", 7)
	v := Judge(Policy{}, Served{Version: one, Source: "ns1"}, []Observation{{Name: "ns2", Version: two, Since: epoch, Reachable: true}}, epoch)
	if a, ok := v.Approved(); !ok || a.Version() != one || a.Source() != "ns2" || !v.Confirms("ns2") || !v.Confirmed() {
		t.Errorf("%+v", v)
	}
}

// BenchmarkJudge has primaries that agree, and as many as there can be of
// which each holds something else, with a long past.
func BenchmarkJudge(b *testing.B) {
	var versions []*zone.Version
	for i := range 2 * MaxPast {
		versions = append(versions, build(b, []string{
			fmt.Sprintf("example.org. 3600 SOA ns.example.org. host.example.org. %d 7200 900 1209600 300", i),
			"example.org. 3600 NS ns.example.org.",
		}))
	}
	b.Run("agree", func(b *testing.B) {
		served := Served{Version: versions[0], Source: "ns1"}
		var obs []Observation
		for i := range 3 {
			obs = append(obs, Observation{Name: fmt.Sprint("ns", i+1), Version: versions[0], Since: epoch, Reachable: true})
		}
		b.ReportAllocs()
		for b.Loop() {
			Judge(Policy{Settle: time.Second}, served, obs, epoch)
		}
	})
	b.Run("worst", func(b *testing.B) {
		served := Served{Version: versions[0], Source: "ns1"}
		var obs []Observation
		for i := range config.MaxPrimaries {
			o := Observation{Name: fmt.Sprint("ns", i+1), Version: versions[i+1], Since: epoch, Reachable: true}
			for k := range MaxPast {
				v := versions[(i*7+k*11)%len(versions)]
				o.Past = append(o.Past, Sighting{Root: v.Root(), Serial: v.Serial(), Seen: epoch})
			}
			obs = append(obs, o)
		}
		b.ReportAllocs()
		for b.Loop() {
			Judge(Policy{Settle: time.Second}, served, obs, epoch)
		}
	})
}
