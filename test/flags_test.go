package test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestVersion wants CoreDNS's lines first, which scripts read, and ours after them.
func TestVersion(t *testing.T) {
	lines := strings.Split(run(t, "-version"), "\n")
	if len(lines) != 3 || lines[0] != "CoreDNS-1.15.0" || !strings.HasPrefix(lines[1], "linux/") || !strings.HasPrefix(lines[2], "Concord-") {
		t.Errorf("-version prints %q", lines)
	}
}

// TestPlugins wants every plugin of CoreDNS and ours.
func TestPlugins(t *testing.T) {
	plugins := strings.Split(run(t, "-plugins"), "\n")
	for _, want := range []string{"concord", "secondary", "file", "transfer", "forward", "kubernetes", "cache", "prometheus", "nomad"} {
		if !slices.Contains(plugins, want) {
			t.Errorf("-plugins does not list %s: %q", want, plugins)
		}
	}
	if len(plugins) < 60 {
		t.Errorf("-plugins lists %d plugins; CoreDNS has more", len(plugins))
	}
}

// TestWrongFlags wants the exit codes and texts of CoreDNS, with and without a version asked for.
func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-no-such-flag"}, {"extra"}, {"-version", "extra"}} {
		out, err := exec.Command(Binary(t), args...).CombinedOutput()
		if err == nil {
			t.Errorf("%q is accepted: %s", args, out)
		}
		if strings.Contains(string(out), "Concord") {
			t.Errorf("%q prints the version: %s", args, out)
		}
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(Binary(t), args...).Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}
