package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// reloads measures what a server of very many small zones makes of a Corefile in which each of them is another, while it is
// asked: how long that takes, what becomes of the questions, and whether zones are transferred anew. Only CoreDNS is measured,
// since others do not begin anew with a changed configuration.
func (b *bench) reloads(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "many-")
	if err != nil {
		return err
	}
	zones := newMany(b.quick, dir)
	list, err := packAll(smallQuestions(zones, 100_000))
	if err != nil {
		return err
	}
	from, err := b.startTellingPrimary(ctx, zones...)
	if err != nil {
		return err
	}
	defer from.stop()
	for run := range b.runs {
		if err := b.inTurn(ctx, "reload", run, func(s *server) {
			if s.plugin == "" {
				return
			}
			values, err := b.reload(ctx, s, zones, from, list)
			b.results.add("reload", "zones", s, run, values, err)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) reload(ctx context.Context, s *server, zones []*zone, from *primary, list []packed) (map[string]float64, error) {
	p, conf, err := b.start(s, zones, from, anyCPU)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if _, _, err := waitAll(ctx, p, conf.Addr, zones, patience); err != nil {
		return nil, err
	}
	if err := sleep(ctx, b.settle/2); err != nil { // what the load left behind
		return nil, err
	}
	conf.More = []string{"settle 31s", "refresh 31s 1d"}
	if err := writeConfig(s.config, conf.Dir, conf); err != nil {
		return nil, err
	}
	load, err := startPaced(conf.Addr, list, rate, b.load+patience+time.Minute)
	if err != nil {
		return nil, err
	}
	defer load.stop()
	quiet, err := b.quietly(ctx)
	if err != nil {
		return nil, err
	}
	sent, err := from.sent()
	if err != nil {
		return nil, err
	}
	u, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	whole := forgetPeak(p.group()) == nil

	began := time.Now()
	through, err := p.reload(ctx)
	if err != nil {
		return nil, err
	}
	const after = time.Second / 4 // what becomes of the old instance is of the reload, too
	if err := sleep(ctx, after+b.load); err != nil {
		return nil, err
	}
	rest := time.Now()
	if err := sleep(ctx, answerWithin); err != nil {
		return nil, err
	}
	load.stop()
	_, there, err := waitAll(ctx, p, conf.Addr, zones, patience)
	if err != nil {
		return nil, err
	}
	anew, err := from.sent()
	if err != nil {
		return nil, err
	}
	reloaded, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}

	before, during, behind := load.between(quiet, began), load.between(began, through.Add(after)), load.between(through.Add(after), rest)
	all := load.between(began, rest)
	if before.lost > 0 {
		b.results.note("reload: %s lost %d of %d questions before the reload already", s.name, before.lost, before.asked)
	}
	if all.lost+all.wrong > 0 {
		b.results.note("reload: of %d questions %s lost %d and gave wrong answers to %d, the last %v after the signal; it had all zones after %v",
			all.asked, s.name, all.lost, all.wrong, all.bad.Round(time.Millisecond), there.Sub(began).Round(time.Millisecond))
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	values := map[string]float64{
		"time": through.Sub(began).Seconds(), "cpu": reloaded.cpu() - u.cpu(),
		"quiet": ms(before.p99), "reload": ms(during.p99), "ratio": ms(during.p99) / ms(before.p99), "worst": ms(during.worst),
		"behind": ms(behind.p99), "lost": float64(all.lost), "wrong": float64(all.wrong), "sent": float64(anew - sent), "late": ms(during.late),
	}
	if whole {
		values["peakRatio"] = reloaded.peak / u.resident()
	}
	return values, nil
}

// reload has CoreDNS read its Corefile again, and returns when it says that it is through.
func (p *process) reload(ctx context.Context) (time.Time, error) {
	log, err := os.Open(filepath.Join(p.dir, "log"))
	if err != nil {
		return time.Time{}, err
	}
	defer log.Close()
	at, err := log.Seek(0, 2)
	if err != nil {
		return time.Time{}, err
	}
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return time.Time{}, err
	}
	const failed = "[ERROR] SIGUSR1"
	var text strings.Builder
	buf := make([]byte, 1<<16)
	for end := time.Now().Add(patience); ; {
		n, _ := log.ReadAt(buf, at) // nothing new is io.EOF
		now := time.Now()
		at += int64(n)
		text.Write(buf[:n])
		switch {
		case strings.Contains(text.String(), "Reloading complete"):
			return now, nil
		case strings.Contains(text.String(), failed):
			return now, fmt.Errorf("the reload failed\n%s", p.tail())
		case now.After(end):
			return now, fmt.Errorf("not reloaded after %v\n%s", patience, p.tail())
		}
		if err := errors.Join(sleep(ctx, pollEvery), p.ended()); err != nil {
			return now, err
		}
	}
}
