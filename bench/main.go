// Command bench measures this repository's binary beside the name servers that are installed, each as a secondary of the same
// zone on the same machine in the same run, and prints the figures as ratios to one of them.
//
//	go run ./bench                 # everything: an hour
//	go run ./bench -quick          # small zones, once: does it still work?
//	go run ./bench -only queries -peers stock,concord -runs 7
//
// README.md says what the figures are. The servers listen on loopback addresses, keep their files in one temporary
// directory, and are stopped, with their children, when their figure is taken or the command is interrupted. No process is
// signalled but those.
//
// The command owns one goroutine for each server that it has started, which ends with the server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == loadCommand {
		exit(loadMain(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	exit(err)
}

func exit(err error) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options is what the command line says.
type options struct {
	only    []string
	peers   []string
	zones   []string
	to      string // the server that ratios are to
	runs    int
	settle  time.Duration
	load    time.Duration
	quick   bool
	json    bool
	binary  string
	profile string
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := f.String("only", "", "measure only these of "+strings.Join(parts, ","))
	peers := f.String("peers", "", "measure only these of "+strings.Join(serverNames(), ","))
	zones := f.String("zones", "", "transfer only these of company,tld")
	f.StringVar(&o.to, "to", "stock", "print ratios to this server")
	f.IntVar(&o.runs, "runs", 3, "take each figure so often, servers in turn, and print the median")
	f.DurationVar(&o.settle, "settle", 10*time.Second, "read memory and CPU this long after the zone is served")
	f.DurationVar(&o.load, "load", 4*time.Second, "ask questions for so long")
	f.BoolVar(&o.quick, "quick", false, "small zones, one run, short times: to see that it works")
	f.BoolVar(&o.json, "json", false, "print every sample as JSON")
	f.StringVar(&o.binary, "coredns", "", "measure this binary (default: builds cmd/coredns)")
	f.StringVar(&o.profile, "profile", "", "write CPU and heap profiles of concord to this directory, and measure nothing else")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; see bench -help", f.Arg(0))
	}
	if o.quick {
		o.runs, o.settle, o.load = 1, time.Second, time.Second
	}
	o.runs = min(max(o.runs, 1), 99)
	var errs [4]error
	o.only, errs[0] = choose("only", *only, parts)
	o.peers, errs[1] = choose("peers", *peers, serverNames())
	o.zones, errs[2] = choose("zones", *zones, []string{"company", "tld"})
	_, errs[3] = choose("to", o.to, serverNames())
	return o, errors.Join(errs[:]...)
}

// choose splits a list of words, each of which has to be known; no word stands for all of them.
func choose(flag, list string, known []string) ([]string, error) {
	if list == "" {
		return known, nil
	}
	words := strings.Split(list, ",")
	for _, w := range words {
		if !slices.Contains(known, w) {
			return nil, fmt.Errorf("-%s %s: %q is none of %s", flag, list, w, strings.Join(known, ", "))
		}
	}
	return words, nil
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "concord-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	b := &bench{options: o, dir: dir, progress: os.Stderr}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if o.profile != "" {
		return b.profiles(ctx)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if o.json {
		return b.results.writeJSON(os.Stdout)
	}
	return b.results.write(os.Stdout, o.to)
}

// bench is one run of the command.
type bench struct {
	options
	dir      string
	servers  []*server // those that are installed and asked for
	zones    map[string]*zone
	results  results
	progress io.Writer
}

// prepare builds what is measured, finds the servers, and writes the zones.
func (b *bench) prepare(ctx context.Context) error {
	if b.binary == "" {
		b.say("building cmd/coredns")
		b.binary = filepath.Join(b.dir, "coredns")
		build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "github.com/concord-dns/concord/cmd/coredns")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build cmd/coredns: %w\n%s", err, out)
		}
	}
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil { // servers run in directories of their own
		return err
	}
	for _, s := range servers {
		if !slices.Contains(b.peers, s.name) {
			continue
		}
		if err := s.find(ctx, b.binary); err != nil {
			b.results.note("%s is left out: %v", s.name, err)
			continue
		}
		b.servers = append(b.servers, s)
		b.results.Versions = append(b.results.Versions, s.name+": "+s.version)
	}
	if len(b.servers) == 0 {
		return fmt.Errorf("none of %s is here to be measured", strings.Join(b.peers, ", "))
	}
	b.results.Machine, b.results.Runs, b.results.Quick = machine(), b.runs, b.quick
	if b.quick {
		b.results.note("-quick: the zones are too small for figures that mean anything")
	}
	b.zones = map[string]*zone{}
	for _, z := range []*zone{newCompany(b.quick), newTLD(b.quick)} {
		z.file = filepath.Join(b.dir, z.name+".zone")
		if err := z.writeFile(1); err != nil {
			return err
		}
		b.zones[z.name] = z
	}
	return nil
}

// parts are the measurements, in their order.
var parts = []string{"transfer", "queries", "change", "swap", "many", "restart", "reload", "store"}

// measure takes all figures that were asked for. What fails for one server is noted, and the others go on.
func (b *bench) measure(ctx context.Context) error {
	for _, part := range parts {
		if !slices.Contains(b.only, part) {
			continue
		}
		var err error
		switch part {
		case "transfer":
			err = b.transfers(ctx)
		case "queries":
			err = b.queries(ctx)
		case "change":
			err = b.changes(ctx)
		case "swap":
			err = b.swaps(ctx)
		case "many":
			err = b.many(ctx)
		case "restart":
			err = b.restarts(ctx)
		case "reload":
			err = b.reloads(ctx)
		case "store":
			err = b.stores(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return nil
}

// inTurn calls f once for each server that a part is about, beginning with another one in each run, until ctx ends.
func (b *bench) inTurn(ctx context.Context, part string, run int, f func(*server)) error {
	b.say("%s: run %d of %d", part, run+1, b.runs)
	for i := range b.servers {
		s := b.servers[(i+run)%len(b.servers)]
		if ctx.Err() == nil && (s.parts == nil || slices.Contains(s.parts, part)) {
			f(s)
		}
	}
	return ctx.Err()
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

// sleep waits, but not longer than ctx lives.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
