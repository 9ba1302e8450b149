package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// quickly takes the figures of a part in its quick form, of those of the servers that are installed.
func quickly(t *testing.T, part, peers string) *bench {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts servers")
	}
	o, err := parse([]string{"-quick", "-only", part, "-peers", peers})
	if err != nil {
		t.Fatal(err)
	}
	o.settle, o.load, o.binary = 100*time.Millisecond, 500*time.Millisecond, os.Getenv("COREDNS_BINARY")
	b := &bench{options: o, dir: t.TempDir(), progress: t.Output()}
	if err := b.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.results.write(t.Output(), "concord"); err != nil {
		t.Fatal(err)
	}
	return b
}

// figure is the median of a figure, which has to be there.
func figure(t *testing.T, b *bench, part, of, server, key string) float64 {
	t.Helper()
	values := b.results.values(part, of, server, key)
	if len(values) == 0 {
		t.Errorf("%s, %s: no %s of %s", part, of, key, server)
		return 0
	}
	return median(values)
}

// Servers that kept their zones answer without a primary, and one that keeps none is noted.
func TestRestartQuick(t *testing.T) {
	b := quickly(t, "restart", "knot,nsd,stock,concord")
	for _, of := range []string{"company and tld", "many"} {
		for _, s := range b.servers {
			if s.name == "stock" {
				note := "restart, " + of + ": stock did not answer: "
				if !slices.ContainsFunc(b.results.Notes, func(n string) bool { return strings.HasPrefix(n, note) }) {
					t.Errorf("no note %q in %q", note, b.results.Notes)
				}
				continue
			}
			first, all := figure(t, b, "restart", of, s.name, "first"), figure(t, b, "restart", of, s.name, "all")
			if first <= 0 || all < first {
				t.Errorf("%s, %s: the first zone after %v s, all after %v s", s.name, of, first, all)
			}
		}
	}
}

// Nothing is transferred while concord reloads, and what it is held against is seen to do otherwise. How many questions are
// lost is the machine's affair as well, and for the goals to judge.
func TestReloadQuick(t *testing.T) {
	b := quickly(t, "reload", "stock,concord")
	for _, key := range []string{"wrong", "sent"} {
		if n := figure(t, b, "reload", "zones", "concord", key); n != 0 {
			t.Errorf("concord: %v %s", n, key)
		}
	}
	if figure(t, b, "reload", "zones", "concord", "time") <= 0 || figure(t, b, "reload", "zones", "concord", "quiet") <= 0 {
		t.Error("it took no time")
	}
	if n := figure(t, b, "reload", "zones", "stock", "sent"); n == 0 {
		t.Error("stock has transferred nothing")
	}
}

func TestStoreQuick(t *testing.T) {
	if _, err := lookPath("knotd"); err != nil {
		t.Fatal(err)
	}
	b := quickly(t, "store", "concord")
	for _, key := range []string{"on", "off", "fsync", "perRecord", "changes"} {
		if v := figure(t, b, "store", "tld", "concord", key); v <= 0 {
			t.Errorf("%s is %v", key, v)
		}
	}
	if v := figure(t, b, "store", "tld", "concord", "growth"); v < 0 {
		t.Errorf("the file has shrunk by %v %%", -v)
	}
}

// What must not happen at all is not hidden by a median.
func TestGoalOfNothing(t *testing.T) {
	var r results
	for run, lost := range []float64{0, 0, 1} {
		r.add("reload", "zones", &server{name: "concord"}, run, map[string]float64{"lost": lost, "wrong": 0}, nil)
	}
	text := strings.Join(r.goals(), "\n")
	for _, want := range []string{"MISSED     1.00, at most   0.00: queries", "reached    0.00, at most   0.00: wrong"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
