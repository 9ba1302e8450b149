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
