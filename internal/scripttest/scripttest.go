// Package scripttest runs test scripts: files in testdata that read as a
// sequence of commands, with what each printed below it.
//
//	# A comment. Blank lines and comments stay as they are.
//	see ns1 A 7
//	advance 30s
//	judge
//	    settling: ns1 holds serial 8, ns2 still holds serial 7
//
// With -rewrite the outputs are written anew; look at the difference before
// you commit it. The package is for tests only and starts no goroutine.
package scripttest

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the outputs of test scripts anew")

// Command carries out one line of a script, split at its spaces, and returns
// what it prints. An error is printed too, so that scripts can show it.
type Command func(words []string) (string, error)

// ErrUnknown is what a Command returns for a word that it does not know; the
// test fails, whatever the script says.
var ErrUnknown = errors.New("unknown command")

// Run runs every script that the pattern matches, each as a subtest with a
// Command of its own.
func Run(t *testing.T, pattern string, start func(*testing.T) Command) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no script matches %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			was, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			is := play(t, string(was), start(t))
			if is == string(was) {
				return
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(is), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			report(t, file, strings.Split(string(was), "\n"), strings.Split(is, "\n"))
		})
	}
}

const indent = "    "

// play returns the script as it would be with the outputs of this run.
func play(t *testing.T, script string, run Command) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, indent) {
			continue // the output of another run
		}
		out.WriteString(line + "\n")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		text, err := run(words)
		switch {
		case errors.Is(err, ErrUnknown):
			t.Fatalf("%s: %v", line, err)
		case err != nil:
			text += "error: " + err.Error()
		}
		for printed := range strings.Lines(text) {
			out.WriteString(indent + strings.TrimSuffix(printed, "\n") + "\n")
		}
	}
	return out.String()
}

// report tells the first lines that differ.
func report(t *testing.T, file string, was, is []string) {
	t.Helper()
	for i := range max(len(was), len(is)) {
		w, g := "(end)", "(end)"
		if i < len(was) {
			w = was[i]
		}
		if i < len(is) {
			g = is[i]
		}
		if w != g {
			t.Errorf("%s:%d: got %q, want %q (-rewrite writes it anew)", file, i+1, strings.TrimSpace(g), strings.TrimSpace(w))
			return
		}
	}
}
