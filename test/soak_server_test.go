package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// soakConfig is what changes from one Corefile to the next.
type soakConfig struct {
	agree, settle, history, idle string
	refresh                      string
	turned                       int  // by how many places the primaries are turned
	renamed                      bool // the first primary of each zone has another name
	without                      bool // the last zone is not there
	dropped                      int  // 1, 2 or 3: this primary of each zone is not there
	comment                      int
}

var soakDefaults = soakConfig{agree: "majority", settle: "2s", history: "16", idle: "2s", refresh: "2s 4s"}

// changed returns a configuration that differs in one or two points, of which none changes what may be served.
func (c soakConfig) changed(r *rand.Rand) soakConfig {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	for range 1 + r.IntN(2) {
		switch r.IntN(9) {
		case 0:
			c.agree = pick("majority", "2")
		case 1:
			c.settle = pick("1s", "2s", "5s")
		case 2:
			c.history = pick("2", "5", "16", "64")
		case 3:
			c.idle = pick("1s", "2s", "3s")
		case 4:
			c.refresh = pick("1s 2s", "2s 4s", "5s 10s")
		case 5:
			c.turned++
		case 6:
			c.renamed = !c.renamed
		case 7:
			c.dropped = r.IntN(4)
		default:
			c.comment++
		}
	}
	return c
}

// corefile writes it out.
func (s *soak) corefile(c soakConfig) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %d\n", c.comment)
	zones := s.zones
	if c.without {
		zones = zones[:len(zones)-1]
	}
	port := s.server.Addr.Port()
	for _, z := range zones {
		fmt.Fprintf(&b, "%s:%d {\n\tbind 127.0.0.1\n\tconcord {\n", z.origin, port)
		for i := range z.sources {
			p := z.sources[(i+c.turned)%len(z.sources)]
			if p.number == c.dropped-1 {
				continue
			}
			fmt.Fprintf(&b, "\t\tprimary %s %s\n", s.nameOf(p, c), p.addr)
		}
		fmt.Fprintf(&b, "\t\tagree %s\n\t\tsettle %s\n\t\trefresh %s\n\t\tretry 1s 2s\n\t\thistory %s\n", c.agree, c.settle, c.refresh, c.history)
		fmt.Fprintf(&b, "\t\tlimit size 2MiB\n\t\tlimit time 6s\n\t\tlimit idle %s\n\t\tminimal_any no\n\t\t%s\n\t}\n", c.idle, s.storeLine)
		fmt.Fprintf(&b, "\ttransfer {\n\t\tto * %s\n\t}\n\tprometheus %s\n\terrors\n}\n", strings.Join(s.targets, " "), s.server.Metrics)
	}
	return b.String()
}

// nameOf is the name of a primary in the Corefile.
func (s *soak) nameOf(p *soakSource, c soakConfig) string {
	if c.renamed && p.number == 0 {
		return "other"
	}
	return p.name
}

// reload has the server read a Corefile anew, and waits until it has, or has refused to.
func (s *soak) reload(c soakConfig) {
	s.t.Helper()
	s.writeCorefile(s.corefile(c))
	s.signalReload("Reloading complete")
	s.config = c
}

// reloadBroken has it read one that it must refuse.
func (s *soak) reloadBroken() {
	s.t.Helper()
	good := s.corefile(s.config)
	switch s.r.IntN(3) {
	case 0:
		s.writeCorefile(strings.Replace(good, "agree", "disagree", 1))
	case 1:
		s.writeCorefile(strings.TrimSuffix(good, "}\n"))
	default:
		s.writeCorefile(good + "another.soak.:5 {\n\tbind 192.0.2.1\n\tconcord {\n\t\tprimary p 127.0.0.1\n\t\tstore off\n\t}\n}\n")
	}
	s.signalReload("[ERROR] SIGUSR1")
	s.writeCorefile(good)
}

func (s *soak) writeCorefile(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.server.dir, "Corefile"), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *soak) signalReload(outcome string) {
	s.t.Helper()
	mark := s.server.Mark()
	s.server.signal(syscall.SIGUSR1)
	if _, err := s.server.findLog(mark, Patience, "SIGUSR1"); err != nil {
		s.logf("SIGUSR1 was not heard: once more")
		s.server.signal(syscall.SIGUSR1)
	}
	if _, err := s.server.findLog(mark, 3*Patience, outcome); err != nil {
		s.fail("reload", err)
	}
}

// restart ends the server, by SIGTERM or by SIGKILL, and starts it again. Without a store it needs primaries that agree.
func (s *soak) restart(kill bool) {
	s.t.Helper()
	if !s.keeps {
		s.healAll()
		s.level(s.zones...)
	}
	s.clients.down.shut()
	if kill {
		s.server.Kill()
	} else {
		s.server.Stop()
	}
	s.keepLog()
	s.server.Restart()
	if !s.keeps {
		for _, z := range s.zones {
			if !z.absent.isShut() {
				Eventually(s.t, 3*Patience, func() error { _, err := Serial(s.server.Addr, z.origin); return err })
			}
		}
	}
	s.clients.down.open()
}

// keepLog writes what the server has said to a file, which -artifacts keeps.
func (s *soak) keepLog() {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.t.ArtifactDir(), "coredns.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for line := range s.server.log.lines(0) {
		fmt.Fprintln(f, line)
		if strings.Contains(line, "Outgoing transfer of") {
			s.outgoing++
		}
	}
	fmt.Fprintf(f, "%s ended\n", stamp())
}

// soakUse is what the server takes of the machine.
type soakUse struct {
	rss, heap               int64 // what the process has; what is reachable, as of the last collection
	descriptors, goroutines int
}

func (u soakUse) String() string {
	return fmt.Sprintf("%d MiB with %.1f reachable, %d descriptors, %d goroutines", u.rss>>20, float64(u.heap)/(1<<20), u.descriptors, u.goroutines)
}

func (s *soak) use() (u soakUse, err error) {
	dir, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.server.cmd.Process.Pid))
	if err != nil {
		return u, err
	}
	goroutines, err := s.server.Metric("go_goroutines")
	if err != nil {
		return u, err
	}
	next, err := s.server.Metric("go_memstats_next_gc_bytes") // twice that, as GOGC is 100
	return soakUse{s.server.RSS(false), int64(next) / 2, len(dir), int(goroutines)}, err
}

func (s *soak) mustUse() (u soakUse) {
	s.t.Helper()
	Eventually(s.t, Patience, func() (err error) { u, err = s.use(); return err })
	return u
}

// checkUse fails the test when the server takes more than it took at the beginning, and a little. Connections that are kept,
// and memory that the collector has not given back yet, are no leak: they are waited for.
func (s *soak) checkUse() {
	s.t.Helper()
	const moreDescriptors, moreGoroutines, moreHeap = 40, 60, 8 << 20
	moreMemory := s.server.allowed(96 << 20)
	var now soakUse
	err := poll(3*Patience, func() (err error) {
		if now, err = s.use(); err != nil {
			return err
		}
		if now.descriptors > s.atFirst.descriptors+moreDescriptors || now.goroutines > s.atFirst.goroutines+moreGoroutines ||
			now.rss > s.atFirst.rss+moreMemory || now.heap > s.atFirst.heap+moreHeap {
			return errors.New("too much")
		}
		return nil
	})
	if err != nil {
		s.fail("resources", fmt.Errorf("%w: %v, at the beginning %v", err, now, s.atFirst))
	}
	s.logf("takes %v, at the beginning %v", now, s.atFirst)
}

// fail notes a fault, with what is needed to see it again.
func (s *soak) fail(what string, err error) {
	s.t.Helper()
	s.t.Errorf("%s seed %d, round %d: %s: %v", stamp(), s.seed, s.round, what, err)
}

func (s *soak) logf(format string, args ...any) {
	s.t.Helper()
	s.t.Logf("%s %s", stamp(), fmt.Sprintf(format, args...))
}

func stamp() string { return time.Now().UTC().Format("15:04:05.000") }
