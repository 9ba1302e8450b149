package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A small story of two files that are read together: each step changes them, lets time pass, and says what is there then.
func TestCached(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	parsed := 0
	c := New(func(contents [][]byte) (string, error) {
		parsed++
		s := fmt.Sprintf("%s+%s", contents[0], contents[1])
		if strings.Contains(s, "bad") {
			return "", errors.New("this is bad")
		}
		return s, nil
	}, one, two)
	now := time.Now()
	write := func(path, text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name    string
		change  func()
		wait    time.Duration
		want    string
		err     string
		problem string
		parsed  int
	}{
		{"nothing there", nil, 0, "", "one: there is no such file: no such file or directory", "one: there is no such file: no such file or directory", 0},
		{"one there, not looked at yet", func() { write(one, "a", time.Hour) }, Every - 1, "", "one: there is no such file", "", 0},
		{"one there", nil, 1, "", "two: there is no such file", "", 0},
		{"both there", func() { write(two, "b", time.Hour) }, Every, "a+b", "", "", 1},
		{"at once", func() { write(one, "c", time.Hour-time.Second) }, time.Second, "a+b", "", "", 1},
		{"changed, of the same size", nil, Every, "c+b", "", "", 2},
		{"untouched", nil, time.Hour, "c+b", "", "", 2},
		{"touched, same content", func() { write(one, "c", time.Minute) }, Every, "c+b", "", "", 2},
		{"bad", func() { write(one, "bad", time.Minute) }, Every, "c+b", "", "this is bad", 3},
		{"still bad, and not parsed again", nil, Every, "c+b", "", "this is bad", 3},
		{"gone", func() { os.Remove(one) }, Every, "c+b", "", "one: there is no such file", 3},
		{"back, and just written", func() { write(one, "d", -Every) }, Every, "d+b", "", "", 4},
		{"changed within the tick of its clock", func() { write(one, "e", 0) }, Every, "e+b", "", "", 5},
		{"too large", func() { write(one, strings.Repeat("x", MaxSize+1), time.Minute) }, Every, "e+b", "", "larger than 16777216 octets", 5},
		{"a link moved", func() {
			os.Remove(one)
			write(filepath.Join(dir, "other"), "f", 2*time.Hour)
			if err := os.Symlink("other", one); err != nil {
				t.Fatal(err)
			}
		}, Every, "f+b", "", "", 6},
		{"the clock went back", func() { write(two, "g", time.Minute) }, -time.Hour, "f+g", "", "", 7},
	} {
		if step.change != nil {
			step.change()
		}
		now = now.Add(step.wait)
		got, err := c.Get(now)
		if got != step.want || (err == nil) != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("%s: %q, %v, want %q, %q", step.name, got, err, step.want, step.err)
		}
		if problem := c.Problem(); problem == nil && step.problem != "" || problem != nil && !strings.Contains(problem.Error(), step.problem) {
			t.Errorf("%s: problem %v, want %q", step.name, problem, step.problem)
		}
		if parsed != step.parsed {
			t.Errorf("%s: parsed %d times, want %d", step.name, parsed, step.parsed)
		}
	}
}

func TestCachedConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := New(func(contents [][]byte) (string, error) { return string(contents[0]), nil }, path)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				if got, err := c.Get(time.Now().Add(time.Duration(i*j) * time.Second)); got != "x" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	all.Wait()
}

func TestFailure(t *testing.T) {
	err := failure("/etc/keys", &os.PathError{Op: "open", Path: "/etc/keys", Err: os.ErrPermission})
	if err.Error() != "/etc/keys: this user may not read it: permission denied" || !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}
