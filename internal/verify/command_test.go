//go:build unix

package verify

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
)

const commandZone = "@ SOA ns admin 7 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nwww TXT \"a b\"\n"

func TestCommand(t *testing.T) {
	v := mustZone(t, "example.org.", commandZone)
	served := mustZone(t, "example.org.", strings.NewReplacer("7 1", "6 1", "a b", "c").Replace(commandZone)+"old A 192.0.2.9\n")
	const zoneText = "example.org.\t300\tIN\tSOA\tns.example.org. admin.example.org. 7 1 1 1 1\n"
	for _, tt := range []struct {
		name, script string
		first        bool // nothing is served
		want         string
	}{
		{name: "passes", script: "exit 0"},
		{name: "passes having read", script: "cat >/dev/null"},
		{name: "does not read", script: "exec <&-; exit 0"},
		{name: "refuses", script: "echo one; echo two >&2; exit 3",
			want: "failure command refused: /bin/sh ended with status 3: two\n"},
		{name: "says nothing", script: "exit 1", want: "failure command refused: /bin/sh ended with status 1\n"},
		{name: "says what it reads", script: "cat; exit 1",
			want: "failure command refused: /bin/sh ended with status 1: www.example.org. 300 IN TXT \"a b\"\n"},
		{name: "reads the SOA first", script: "head -n 1; exit 1",
			want: "failure command refused: /bin/sh ended with status 1: " + strings.TrimSpace(strings.ReplaceAll(zoneText, "\t", " ")) + "\n"},
		{name: "writes for a terminal", script: `printf 'bad \033[31mzone\377\r\n\n  \n'; exit 1`,
			want: "failure command refused: /bin/sh ended with status 1: bad ?[31mzone?\n"},
		{name: "writes a long line", script: `printf '%0300d' 0; exit 1`,
			want: "failure command refused: /bin/sh ended with status 1: " + strings.Repeat("0", 200) + "...\n"},
		{name: "writes much", script: `i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done; exit 1`,
			want: "failure command refused: /bin/sh ended with status 1: line 8999\n"},
		{name: "environment", script: `echo $CONCORD_ZONE $CONCORD_PRIMARY $CONCORD_SERIAL $CONCORD_SERVED_SERIAL $(env | grep -c CONCORD) ${HOME-none} $(pwd); exit 1`,
			want: "failure command refused: /bin/sh ended with status 1: example.org. ns1 7 6 5 none /\n"},
		{name: "environment at first", first: true, script: `echo ${CONCORD_SERVED_SERIAL-none} ${CONCORD_DIFF-none}; exit 1`,
			want: "failure command refused: /bin/sh ended with status 1: none none\n"},
		{name: "diff", script: `tr '\t\n' ' |' <$CONCORD_DIFF; exit 1`, want: "failure command refused: /bin/sh ended with status 1: " +
			"-example.org. 300 IN SOA ns.example.org. admin.example.org. 6 1 1 1 1|+example.org. 300 IN SOA ns.example.org. admin.example.org. 7 1 1 1 1|" +
			"-old.example.org. 300 IN A 192.0.2.9|-www.example.org. 300 I...\n"},
	} {
		s := Subject{Primary: "ns1", Candidate: v, Served: served}
		if tt.first {
			s.Served = nil
		}
		r := New(withCommand("/bin/sh", "-c", tt.script), nil).Check(t.Context(), s)
		if got := lines(r.Findings()); r.Err() != nil || got != tt.want {
			t.Errorf("%s: %v\n%swant\n%s", tt.name, r.Err(), got, tt.want)
		}
		if _, ok := r.Verified(); ok != (tt.want == "") {
			t.Errorf("%s: verified is %t", tt.name, ok)
		}
	}
}

func withCommand(command ...string) *config.Zone {
	return settings("example.org.", func(z *config.Zone) { z.Verify.Command = command })
}

// TestCommandNotDone has commands that say nothing: the copy is neither verified nor at fault.
func TestCommandNotDone(t *testing.T) {
	stop := errors.New("the zone is stopped")
	s := Subject{Primary: "ns1", Candidate: mustZone(t, "example.org.", commandZone)}
	for _, tt := range []struct {
		name    string
		command []string
		limit   time.Duration
		cancel  bool
		want    error
		text    string
	}{
		{name: "missing", command: []string{"/nonexistent/check"}, want: os.ErrNotExist,
			text: "zone example.org.: primary ns1: serial 7: check command could not be done: start: fork/exec /nonexistent/check: no such file or directory"},
		{name: "not executable", command: []string{"/etc/passwd"}, want: os.ErrPermission},
		{name: "too slow", command: []string{"/bin/sh", "-c", "sleep 600 & sleep 600"}, limit: 50 * time.Millisecond, want: errCommandTime,
			text: "zone example.org.: primary ns1: serial 7: check command could not be done: did not end in time: /bin/sh, at most 50ms"},
		{name: "cancelled", command: []string{"/bin/sh", "-c", "sleep 600"}, cancel: true, want: stop},
		{name: "killed", command: []string{"/bin/sh", "-c", "kill -9 $$"}, text: "zone example.org.: primary ns1: serial 7: check command could not be done: signal: killed"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		l := NewLimits(1, 1)
		if tt.limit > 0 {
			l.time = tt.limit
		}
		if tt.cancel {
			cancel(stop)
		}
		r := New(withCommand(tt.command...), l).Check(ctx, s)
		cancel(nil)
		err := r.Err()
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || tt.text != "" && err.Error() != tt.text {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, ok := r.Verified(); ok || r.Reason() != "" || r.Waivable() {
			t.Errorf("%s: verified is %t, for the reason %q", tt.name, ok, r.Reason())
		}
	}
}

// TestCommandGroup ends a command that has started others: all of them end. One that has ended, and has left its output to another
// one, passes, and that ends as well. What they all hold open is closed then.
func TestCommandGroup(t *testing.T) {
	s := Subject{Candidate: mustZone(t, "example.org.", commandZone)}
	for _, tt := range []struct {
		script string
		limit  time.Duration
		want   error
	}{
		{"exec 3>FIFO; sleep 600 & sleep 600 & wait", 300 * time.Millisecond, errCommandTime},
		{"exec 3>FIFO; sleep 600 &", CommandTime, nil},
	} {
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		// Open for writing as well, or each side would wait for the other to open it.
		f, err := os.OpenFile(fifo, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := os.Open(fifo)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLimits(1, 1)
		l.time = tt.limit
		r := New(withCommand("/bin/sh", "-c", strings.ReplaceAll(tt.script, "FIFO", fifo)), l).Check(t.Context(), s)
		if _, ok := r.Verified(); !errors.Is(r.Err(), tt.want) || ok != (tt.want == nil) {
			t.Errorf("%s: %v, %t", tt.script, r.Err(), ok)
		}
		f.Close()
		if _, err := reader.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: %v", tt.script, err)
		}
		reader.Close()
	}
}

// TestCommandLimit has more zones than commands may run at once.
func TestCommandLimit(t *testing.T) {
	dir := t.TempDir()
	l := NewLimits(4, 2)
	s := Subject{Candidate: mustZone(t, "example.org.", commandZone)}
	// Each marks that it runs, and says how many do.
	script := "touch " + dir + "/$$; n=$(ls " + dir + " | wc -l); rm " + dir + "/$$; [ $n -le 2 ]"
	results := make(chan Result)
	const zones = 8
	for range zones {
		c := New(withCommand("/bin/sh", "-c", script), l)
		go func() { results <- c.Check(t.Context(), s) }()
	}
	for range zones {
		if r := <-results; r.Err() != nil || r.Reason() != "" {
			t.Error(r.Err(), r.Reason())
		}
	}
}
