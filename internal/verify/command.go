package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/concord-dns/concord/internal/zone"
)

// ruleRefused is the rule of a command that said no.
const ruleRefused = "refused"

// checkCommand runs the operator's program. It reads the zone in master-file form from its standard input, as far as it
// likes, and says by exit status 0 that the zone may be served. It is started as it is, without a shell, with an environment
// that has nothing of ours but PATH, LC_ALL and:
//
//	CONCORD_ZONE           the zone's name
//	CONCORD_PRIMARY        the name of the primary whose copy it is
//	CONCORD_SERIAL         the copy's serial
//	CONCORD_SERVED_SERIAL  the serial of what is served; not there while nothing is
//	CONCORD_DIFF           a file with what the copy changes of it, gone when the program ends; not there while nothing is served
//
// Any other exit status is a failure, with the last line of its output as the reason. A program that cannot be started, that is
// killed by somebody, or that has not ended in time, did not say anything: that is an error.
func checkCommand(ctx context.Context, l *Limits, command []string, s Subject) (found []Finding, err error) {
	if err := acquire(ctx, l.commands); err != nil {
		return nil, err
	}
	defer release(l.commands, 1)
	ctx, cancel := context.WithTimeoutCause(ctx, l.time, fmt.Errorf("%w: %s, at most %s", errCommandTime, command[0], l.time))
	defer cancel()
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		"CONCORD_ZONE=" + s.Candidate.Apex().String(),
		"CONCORD_PRIMARY=" + s.Primary,
		fmt.Sprintf("CONCORD_SERIAL=%d", s.Candidate.Serial()),
	}
	if s.Served != nil {
		file, remove, err := diffFile(ctx, s.Served, s.Candidate)
		if err != nil {
			return nil, fmt.Errorf("file with the difference: %w", err)
		}
		defer remove()
		env = append(env, fmt.Sprintf("CONCORD_SERVED_SERIAL=%d", s.Served.Serial()), "CONCORD_DIFF="+file)
	}
	output, err := run(ctx, command, env, s.Candidate)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		detail := fmt.Sprintf("%s ended with status %d", command[0], exit.ExitCode())
		if line := lastLine(output); line != "" {
			detail += ": " + line
		}
		return []Finding{{CheckCommand, ruleRefused, "", 0, detail, Failure}}, nil
	}
	return nil, err
}

// errCommandTime is the cause of a command's end that took too long.
var errCommandTime = errors.New("did not end in time")

// run runs a program with a zone on its standard input, and returns the end of what it wrote. Its group of processes is killed
// when ctx ends.
func run(ctx context.Context, command, env []string, v *zone.Version) (output []byte, err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env, cmd.Dir = env, "/"
	var end tail
	cmd.Stdout, cmd.Stderr = &end, &end
	cmd.WaitDelay = outputDelay
	inGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		// What the program does not read it does not want to know: an error here is none.
		_ = writeMaster(stdin, v)
		stdin.Close()
	})
	err = cmd.Wait() // which closes its end of stdin, too
	writing.Wait()
	switch {
	case ctx.Err() != nil && err != nil:
		return end.kept, context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay):
		// The program has ended well; something that it started still holds its output.
		killGroup(cmd.Process.Pid)
		return end.kept, nil
	}
	return end.kept, err
}

// outputDelay is how long what a program has left running may keep its output open.
const outputDelay = time.Second

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	p = p[max(0, n-tailSize):]
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return n, nil
}

// lastLine returns the last line that is not empty, with what is not printable made harmless: it goes to logs and terminals.
func lastLine(output []byte) string {
	output = bytes.TrimSpace(output)
	output = output[bytes.LastIndexAny(output, "\r\n")+1:]
	line := strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return '?'
		}
		return r
	}, string(output))
	const most = 200
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most]) + "..."
	}
	return line
}

// diffFile writes what a copy changes into a file of a directory that nobody else can read.
func diffFile(ctx context.Context, served, v *zone.Version) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "concord-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, "diff")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(writeDiff(ctx, f, served, v), f.Close())
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}
