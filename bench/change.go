package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// changesEach is how often the zone changes while one server runs.
const changesEach = 2

// apart is the time between changes: servers may be slow on purpose when they come closer (NSD waits a second).
const apart = 1500 * time.Millisecond

// changes measures how long it takes from a NOTIFY until a server serves what changed: with primaries that send only what
// changed to who asks for it (IXFR), and with primaries that always send the whole zone.
func (b *bench) changes(ctx context.Context) error {
	for _, kind := range []struct {
		name        string
		incremental bool
	}{{"IXFR", true}, {"AXFR", false}} {
		if err := b.changesBy(ctx, kind.name, kind.incremental); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) changesBy(ctx context.Context, kind string, incremental bool) error {
	from, err := b.startPrimary(ctx, incremental, b.chosenZones()...)
	if err != nil {
		return err
	}
	defer from.stop()
	if incremental && !from.incremental {
		b.results.note("changes by %s are left out: the primary is %s", kind, from.kind)
		return nil
	}
	for run := range b.runs {
		b.say("change by %s: run %d of %d", kind, run+1, b.runs)
		for _, z := range b.chosenZones() {
			b.inTurn(run, func(s *server) {
				if ctx.Err() != nil {
					return
				}
				samples, err := b.followChanges(ctx, s, z, from)
				for _, values := range samples {
					b.results.add("change", z.name+" "+kind, s, run, values, nil)
				}
				if err != nil {
					b.results.add("change", z.name+" "+kind, s, run, nil, err)
				}
			})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// followChanges starts a server, and changes the zone under it.
func (b *bench) followChanges(ctx context.Context, s *server, z *zone, from *primary) ([]map[string]float64, error) {
	serial, err := from.serial(z)
	if err != nil {
		return nil, fmt.Errorf("the primary: %w", err)
	}
	p, conf, err := b.start(s, z, from, anyCPU)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	probe, err := newProber(conf.Addr, z.origin)
	if err != nil {
		return nil, err
	}
	defer probe.close()
	if _, err := probe.waitSerial(ctx, p, serial); err != nil {
		return nil, err
	}
	var samples []map[string]float64
	for range changesEach {
		if err := sleep(ctx, apart); err != nil {
			return samples, err
		}
		if serial, err = from.changeNow(ctx, z, serial); err != nil {
			return samples, fmt.Errorf("the primary: %w", err)
		}
		before, err := usageOf(p.group())
		if err != nil {
			return samples, err
		}
		began := time.Now()
		if err := probe.notify(); err != nil {
			return samples, fmt.Errorf("NOTIFY: %w", err)
		}
		served, err := probe.waitSerial(ctx, p, serial)
		if err != nil {
			return samples, err
		}
		if err := sleep(ctx, apart/3); err != nil { // what it does afterwards is of that change too
			return samples, err
		}
		after, err := usageOf(p.group())
		if err != nil {
			return samples, err
		}
		values := map[string]float64{
			"time":     served.Sub(began).Seconds(),
			"cpu":      after.cpu() - before.cpu(),
			"resident": after.resident() / mib,
		}
		if after.peakIsExact {
			values["peak"] = after.peak / mib
		}
		samples = append(samples, values)
	}
	return samples, nil
}

// changeNow changes the zone and returns its new serial.
func (p *primary) changeNow(ctx context.Context, z *zone, old uint32) (uint32, error) {
	if err := p.change(ctx, z); err != nil {
		return old, err
	}
	now, err := p.serial(z)
	if err == nil && now == old {
		err = errors.New("the serial stayed as it was")
	}
	return now, err
}
