package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// profiles writes profiles of concord: of a transfer of tld into a server that has nothing, of the heap after it, and of
// questions. They are for go tool pprof; the figures of such a run are not for comparison.
func (b *bench) profiles(ctx context.Context) error {
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		return err
	}
	for _, s := range b.servers {
		if s.program != "" || s.parts != nil {
			continue // not a Go program, or a variant
		}
		if err := b.profileTransfer(ctx, s, b.zones["tld"]); err != nil {
			return err
		}
		if err := b.profileQueries(ctx, s, b.zones["company"]); err != nil {
			return err
		}
	}
	return nil
}

// profileTransfer halts the primary, so that the server waits for it while the profile begins.
func (b *bench) profileTransfer(ctx context.Context, s *server, z *zone) error {
	from, err := b.startPrimary(ctx, true, z)
	if err != nil {
		return err
	}
	defer from.stop()
	if err := from.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	goOn := func() error { return from.cmd.Process.Signal(syscall.SIGCONT) }
	defer func() { _ = goOn() }() // else it could not be stopped; most often it runs
	p, conf, err := b.start(s, []*zone{z}, from, anyCPU, withPprof)
	if err != nil {
		return err
	}
	defer p.stop()
	probe, err := newProber(conf.Addr, z.origin)
	if err != nil {
		return err
	}
	defer probe.close()
	if _, err := probe.waitAnswer(ctx, p); err != nil {
		return err
	}
	profile := b.fetch(ctx, s, conf, "transfer.cpu", "profile?seconds=5")
	if err := sleep(ctx, time.Second); err != nil { // CoreDNS gives no sign when a profile has begun
		return err
	}
	if err := goOn(); err != nil {
		return err
	}
	if _, err := probe.waitSerial(ctx, p, 1); err != nil {
		return err
	}
	if err := <-profile; err != nil {
		return err
	}
	return <-b.fetch(ctx, s, conf, "transfer.heap", "heap?gc=1")
}

func (b *bench) profileQueries(ctx context.Context, s *server, z *zone) error {
	cpus, err := allowedCPUs()
	if err != nil {
		return err
	}
	from, err := b.startPrimary(ctx, true, z)
	if err != nil {
		return err
	}
	defer from.stop()
	q := &querying{bench: b, zone: z, file: filepath.Join(b.dir, "questions"), server: cpus[0], load: cpus[len(cpus)-1]}
	if err := writeQuestionFile(q.file, questions(z, 200_000)); err != nil {
		return err
	}
	p, conf, err := b.start(s, []*zone{z}, from, q.server, withPprof)
	if err != nil {
		return err
	}
	defer p.stop()
	probe, err := newProber(conf.Addr, z.origin)
	if err != nil {
		return err
	}
	defer probe.close()
	if _, err := probe.waitSerial(ctx, p, 1); err != nil {
		return err
	}
	if _, err := q.ask(ctx, conf.Addr, time.Second, false); err != nil {
		return err
	}
	profile := b.fetch(ctx, s, conf, "queries.cpu", "profile?seconds=10")
	if _, err := q.ask(ctx, conf.Addr, 11*time.Second, false); err != nil {
		return err
	}
	if err := <-profile; err != nil {
		return err
	}
	return <-b.fetch(ctx, s, conf, "queries.allocs", "allocs")
}

// withPprof opens a port for profiles. If none is free, the server says so.
func withPprof(s *setup) {
	addr, err := freeAddr("127.0.0.1")
	if err != nil {
		addr = netip.MustParseAddrPort("127.0.0.1:6053")
	}
	s.Pprof = addr.String()
}

// fetch writes what the server tells of itself to a file, and sends one error or nil when that is done.
func (b *bench) fetch(ctx context.Context, s *server, conf setup, name, what string) <-chan error {
	done := make(chan error, 1)
	go func() {
		done <- fetchFile(ctx, "http://"+conf.Pprof+"/debug/pprof/"+what, filepath.Join(b.profile, s.name+"."+name+".pprof"))
	}()
	return done
}

func fetchFile(ctx context.Context, url, path string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, text)
	}
	return os.WriteFile(path, text, 0o644)
}
