package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// restarts measures how long a server that was killed takes to answer again while its primary is gone: with the large zones,
// and with very many small ones.
func (b *bench) restarts(ctx context.Context) error {
	var names []string
	for _, z := range b.chosenZones() {
		names = append(names, z.name)
	}
	if err := b.restartsWith(ctx, strings.Join(names, " and "), b.chosenZones()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "many-")
	if err != nil {
		return err
	}
	return b.restartsWith(ctx, "many", newMany(b.quick, dir))
}

func (b *bench) restartsWith(ctx context.Context, of string, zones []*zone) error {
	for run := range b.runs {
		if err := b.restartAll(ctx, of, run, zones); err != nil {
			return err
		}
	}
	return nil
}

// killed is a server that had zones when it was killed. What it wrote is in conf.Dir.
type killed struct {
	*server
	conf setup
}

// restartAll has the servers killed in turn, and starts them again in the same turn.
func (b *bench) restartAll(ctx context.Context, of string, run int, zones []*zone) error {
	left, err := b.killAll(ctx, of, run, zones)
	defer func() {
		for _, k := range left {
			_ = os.RemoveAll(k.conf.Dir) // the whole temporary directory goes in the end, with an error if it cannot
		}
	}()
	if err != nil {
		return err
	}
	b.say("restart: the primary is gone")
	for _, k := range left {
		values, err := b.restart(ctx, k, zones)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errNotThere) {
			why, _, _ := strings.Cut(err.Error(), "\n")
			b.results.note("restart, %s: %s did not answer: %s", of, k.name, why)
			continue
		}
		b.results.add("restart", of, k.server, run, values, err)
	}
	return nil
}

// killAll starts a primary, has each server serve the zones and write them in its own way, and kills it. The primary is
// stopped when all of them are dead.
func (b *bench) killAll(ctx context.Context, of string, run int, zones []*zone) ([]killed, error) {
	from, err := b.startPrimary(ctx, true, zones...)
	if err != nil {
		return nil, err
	}
	defer from.stop()
	var left []killed
	err = b.inTurn(ctx, "restart", run, func(s *server) {
		conf, err := b.serveAndKill(ctx, s, zones, from)
		if err != nil {
			b.results.add("restart", of, s, run, nil, err)
			_ = os.RemoveAll(conf.Dir)
			return
		}
		left = append(left, killed{s, conf})
	})
	return left, err
}

func (b *bench) serveAndKill(ctx context.Context, s *server, zones []*zone, from *primary) (setup, error) {
	p, conf, err := b.start(s, zones, from, anyCPU, func(conf *setup) { conf.Control = true })
	if err != nil {
		return conf, err
	}
	defer p.kill()
	if _, _, err := waitAll(ctx, p, conf.Addr, zones, patience); err != nil {
		return conf, err
	}
	if err := b.waitKept(ctx, s, p, zones); err != nil {
		return conf, err
	}
	return conf, sleep(ctx, min(b.settle, time.Second)) // what it writes beside the zones
}

// waitKept waits until a server has written all zones, as far as it does that by itself or when it is told to.
func (b *bench) waitKept(ctx context.Context, s *server, p *process, zones []*zone) error {
	if s.keepBy != nil {
		program, err := lookPath(s.keepBy[0])
		if err != nil {
			b.results.note("restart: %s has nothing to start from: %v", s.name, err)
			return nil
		}
		cmd := exec.CommandContext(ctx, program, s.keepBy[1:]...)
		cmd.Dir = p.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(s.keepBy, " "), err, out)
		}
	}
	if s.keeps == "" {
		return nil
	}
	end := time.Now().Add(patience)
	for _, z := range zones {
		path := filepath.Join(p.dir, fmt.Sprintf(s.keeps, strings.TrimSuffix(z.origin, ".")))
		for { // all of them write to another name first
			_, err := os.Stat(path)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				err = fmt.Errorf("not written after %v: %w\n%s", patience, err, p.tail())
			} else {
				err = errors.Join(sleep(ctx, 10*pollEvery), p.ended())
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// restart starts a server on what it has written, and measures until it answers. A server that waits for its primary never
// does, so the wait is short.
func (b *bench) restart(ctx context.Context, k killed, zones []*zone) (map[string]float64, error) {
	most := 10 * time.Second
	if b.quick {
		most = 2 * time.Second
	}
	// Another port, since somebody may have taken the old one meanwhile.
	var err error
	if k.conf.Addr, err = freeAddr("127.0.0.1"); err != nil {
		return nil, err
	}
	if err := writeConfig(k.config, k.conf.Dir, k.conf); err != nil {
		return nil, err
	}
	began := time.Now()
	p, err := startProcess(k.conf.Dir, anyCPU, k.path, k.args...)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	first, last, err := waitAll(ctx, p, k.conf.Addr, zones, most)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, min(b.settle, time.Second)); err != nil {
		return nil, err
	}
	u, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	if err := sameVersion(k.conf, zones); err != nil {
		return nil, err
	}
	values := map[string]float64{
		"all": last.Sub(began).Seconds(), "first": first.Sub(began).Seconds(), "cpu": u.cpu(), "resident": u.resident() / mib,
	}
	if u.peakIsExact {
		values["peak"] = u.peak / mib
	}
	return values, nil
}

// sameVersion looks whether what is served has the serial that the zones had all the time.
func sameVersion(conf setup, zones []*zone) error {
	for _, z := range zones {
		probe, err := newProber(conf.Addr, z.origin)
		if err != nil {
			return err
		}
		serial, err := probe.serial(time.Second)
		probe.close()
		if err != nil {
			return fmt.Errorf("%s: %w", z.origin, err)
		}
		if serial != 1 {
			return fmt.Errorf("%s: it serves serial %d, and never had it", z.origin, serial)
		}
	}
	return nil
}
