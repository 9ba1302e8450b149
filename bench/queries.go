package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// queries measures the CPU time that an answer costs each server, which has one CPU, while the load has another.
func (b *bench) queries(ctx context.Context) error {
	cpus, err := allowedCPUs()
	if err != nil {
		return err
	}
	if len(cpus) < 2 {
		b.results.note("queries are left out: they want one CPU for the server and one for the load")
		return nil
	}
	z := b.zones["company"]
	q := &querying{bench: b, zone: z, file: filepath.Join(b.dir, "questions"), server: cpus[0], load: cpus[1]}
	if err := writeQuestionFile(q.file, questions(z, 200_000)); err != nil {
		return err
	}
	from, err := b.startPrimary(ctx, true, z)
	if err != nil {
		return err
	}
	defer from.stop()
	for run := range b.runs {
		if err := b.inTurn(ctx, "queries", run, func(s *server) {
			values, err := q.measure(ctx, s, from, false)
			b.results.add("queries", z.name, s, run, values, err)
			if s.plugin != "" && ctx.Err() == nil {
				values, err := q.measure(ctx, s, from, true)
				b.results.add("queries", z.name, withoutLookup(s), run, values, err)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// withoutLookup is the server that never got its zone: what is left of CoreDNS when its plugin looks nothing up.
func withoutLookup(s *server) *server {
	return &server{name: s.name + " SERVFAIL"}
}

type querying struct {
	*bench
	zone         *zone
	file         string
	server, load int // CPUs
}

// measure asks one server, which has the zone or, if it should fail, a primary that is not there.
func (q *querying) measure(ctx context.Context, s *server, from *primary, fail bool) (map[string]float64, error) {
	nobody, err := freeAddr("127.0.0.1")
	if err != nil {
		return nil, err
	}
	p, conf, err := q.start(s, []*zone{q.zone}, from, q.server, func(conf *setup) {
		if fail {
			conf.Primaries = []netip.AddrPort{nobody}
		}
	})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	probe, err := newProber(conf.Addr, q.zone.origin)
	if err != nil {
		return nil, err
	}
	defer probe.close()
	if fail {
		_, err = probe.waitAnswer(ctx, p)
	} else {
		_, err = probe.waitSerial(ctx, p, 1)
	}
	if err != nil {
		return nil, err
	}
	if _, err := q.ask(ctx, conf.Addr, q.options.load/4, fail); err != nil { // pools and stacks grow, and what it did to load the zone ends
		return nil, err
	}
	before, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	r, err := q.ask(ctx, conf.Addr, q.options.load, fail)
	if err != nil {
		return nil, err
	}
	after, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	if r.Wrong > 0 {
		q.results.note("queries: %s gave wrong answers to %d of %d questions", s.name, r.Wrong, r.Answered)
	}
	n := float64(r.Answered)
	return map[string]float64{
		"cpu":  (after.cpu() - before.cpu()) / n * 1e6,
		"user": (after.user - before.user) / n * 1e6,
		"sys":  (after.sys - before.sys) / n * 1e6,
		"rate": n / r.Seconds,
		"busy": (after.cpu() - before.cpu()) / r.Seconds * 100,
		"lost": float64(r.Lost) / (n + float64(r.Lost)) * 100,
	}, nil
}

// ask runs the load.
func (q *querying) ask(ctx context.Context, addr netip.AddrPort, period time.Duration, fail bool) (loadReport, error) {
	self, err := os.Executable()
	if err != nil {
		return loadReport{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, period+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", "-c", strconv.Itoa(q.load), self, loadCommand, "-server", addr.String(),
		"-questions", q.file, "-for", period.String(), "-servfail="+strconv.FormatBool(fail))
	cmd.SysProcAttr = ownGroup()
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return loadReport{}, fmt.Errorf("the load: %w", err)
	}
	var r loadReport
	return r, json.Unmarshal(out, &r)
}

func writeQuestionFile(path string, list []question) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(writeQuestions(f, list), f.Close())
}

// allowedCPUs are those that this process may run on.
func allowedCPUs() ([]int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(status)) {
		if list, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			return parseCPUs(strings.TrimSpace(list))
		}
	}
	return nil, errors.New("/proc/self/status: no Cpus_allowed_list")
}

// parseCPUs reads a list as "0-2,5".
func parseCPUs(list string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err := errors.Join(err1, err2); err != nil || b-a > 1<<16 {
			return nil, fmt.Errorf("list of CPUs %q: %w", list, err)
		}
		for n := a; n <= b; n++ {
			cpus = append(cpus, n)
		}
	}
	return slices.Clip(cpus), nil
}
