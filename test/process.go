package test

import (
	"bytes"
	"fmt"
	"iter"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is one server under test. It is stopped when the test ends, if it was not before.
type process struct {
	name string
	cmd  *exec.Cmd
	log  Log
	done chan struct{} // closed when the process has ended and its output is read
	err  error         // how it ended, once done is closed
}

// startProcess starts a program in the directory, in a process group of its own.
func startProcess(t testing.TB, name, dir, program string, args ...string) *process {
	t.Helper()
	p := &process{name: name, cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = ownGroup()
	p.cmd.WaitDelay = time.Second // a child that outlives its parent holds the output open
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		for _, sign := range []string{"DATA RACE", "panic"} { // CoreDNS survives the panic of a query
			if line, ok := p.log.Find(0, sign); ok {
				t.Errorf("in the log of %s: %s", name, line)
			}
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", name, p.log.Tail())
		}
	})
	return p
}

// stop asks the process to end, and ends it when it does not.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		p.signal(syscall.SIGKILL) // its children, if it left any
	case <-time.After(Patience):
		p.kill()
	}
}

// kill ends the process with all its children, as a crash or the kernel would, and waits for it.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s) // no such group: it has ended
}

// ended returns an error when the process is not running any more.
func (p *process) ended() error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s has ended: %w", p.name, p.err)
		}
		return fmt.Errorf("%s has ended", p.name)
	default:
		return nil
	}
}

// Log collects what a process writes.
type Log struct {
	mu   sync.Mutex // guards text
	text []byte
}

// Write appends; it is for the process's output.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

// Mark returns a place in the log, for Find.
func (l *Log) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.text)
}

// Find returns the first whole line after mark that has every one of the parts.
func (l *Log) Find(mark int, parts ...string) (string, bool) {
	for line := range l.lines(mark) {
		if has(line, parts) {
			return line, true
		}
	}
	return "", false
}

// All returns the whole lines that have every one of the parts.
func (l *Log) All(parts ...string) (found []string) {
	for line := range l.lines(0) {
		if has(line, parts) {
			found = append(found, line)
		}
	}
	return found
}

// lines yields the whole lines after mark. The log must not be used meanwhile.
func (l *Log) lines(mark int) iter.Seq[string] {
	return func(yield func(string) bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		whole := l.text[:bytes.LastIndexByte(l.text, '\n')+1]
		for line := range bytes.Lines(whole[min(mark, len(whole)):]) {
			if !yield(strings.TrimSpace(string(line))) {
				return
			}
		}
	}
}

func has(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// Tail returns the end of the log, enough of it to see what went wrong.
func (l *Log) Tail() string {
	const most = 16 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(0, len(l.text)-most):])
}
