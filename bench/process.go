package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that this command has started, with its children: a process group of its own.
type process struct {
	name string
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// anyCPU leaves it to the system where a process runs.
const anyCPU = -1

// startProcess starts a program in a directory, where its output goes to the file "log".
func startProcess(dir string, cpu int, program string, args ...string) (*process, error) {
	name := filepath.Base(program)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if cpu != anyCPU {
		// Not by an affinity set later: servers count their CPUs when they start.
		program, args = "taskset", append([]string{"-c", strconv.Itoa(cpu), program}, args...)
	}
	p := &process{name: name, dir: dir, cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // cmd.ProcessState keeps how it ended
	}()
	return p, nil
}

// group is the process group.
func (p *process) group() int { return p.cmd.Process.Pid }

// kill ends the process with its children at once, as a crash does, and leaves its files.
func (p *process) kill() {
	_ = syscall.Kill(-p.group(), syscall.SIGKILL) // it may have ended by itself
	<-p.done
}

// stop asks the process to end, ends it with its children if it does not, and removes its files.
func (p *process) stop() {
	if p.ended() == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may just have ended
		select {
		case <-p.done:
		case <-time.After(20 * time.Second):
		}
	}
	p.kill()                // what is left of the group; most often nothing
	_ = os.RemoveAll(p.dir) // the whole temporary directory goes in the end, with an error if it cannot
}

// ended returns an error when the process is not running any more.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended: %v\n%s", p.name, p.cmd.ProcessState, p.tail())
	default:
		return nil
	}
}

// tail is the end of what it has printed.
func (p *process) tail() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log")) // without it there is less to read in an error
	const most = 2000
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}
