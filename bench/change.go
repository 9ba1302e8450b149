package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// changesEach is how often the zone changes while one server runs, by IXFR and by AXFR.
var changesEach = map[bool]int{true: 5, false: 2}

// apart is the time between changes: servers may be slow on purpose when they come closer (NSD waits a second).
const apart = 1500 * time.Millisecond

// changes measures how long it takes from a NOTIFY until a server serves what changed: with primaries that send only what
// changed to who asks for it (IXFR), and with primaries that always send the whole zone.
func (b *bench) changes(ctx context.Context) error {
	idle, err := b.idle(ctx)
	if err != nil {
		return err
	}
	for _, incremental := range []bool{true, false} {
		if err := b.changesBy(ctx, incremental, idle); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) changesBy(ctx context.Context, incremental bool, idle map[string]float64) error {
	from, err := b.startPrimary(ctx, incremental, b.chosenZones()...)
	if err != nil {
		return err
	}
	defer from.stop()
	kind := "AXFR"
	if incremental {
		kind = "IXFR"
		if !from.incremental {
			b.results.note("changes by IXFR are left out: the primary is %s", from.kind)
			return nil
		}
	}
	for run := range b.runs {
		for _, z := range b.chosenZones() {
			if err := b.inTurn(ctx, "change", run, func(s *server) {
				samples, err := b.followChanges(ctx, s, z, from, idle[s.name])
				for _, values := range samples {
					b.results.add("change", z.name+" "+kind, s, run, values, nil)
				}
				if err != nil {
					b.results.add("change", z.name+" "+kind, s, run, nil, err)
				}
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// followChanges starts a server, and changes the zone under it.
func (b *bench) followChanges(ctx context.Context, s *server, z *zone, from *primary, idle float64) ([]map[string]float64, error) {
	p, probe, _, err := b.startServing(ctx, s, z, from)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	defer probe.close()
	probe.every = pollFinely
	if err := sleep(ctx, b.settle/2); err != nil { // what the load left behind goes back to the system
		return nil, err
	}
	var samples []map[string]float64
	changes := changesEach[from.incremental]
	if b.quick {
		changes = 1
	}
	for range changes {
		if err := sleep(ctx, apart); err != nil {
			return samples, err
		}
		values, err := b.followChange(ctx, p, probe, z, from, idle)
		if err != nil {
			return samples, err
		}
		samples = append(samples, values)
	}
	return samples, nil
}

// followChange changes the zone once.
func (b *bench) followChange(ctx context.Context, p *process, probe *prober, z *zone, from *primary, idle float64) (map[string]float64, error) {
	serial, err := from.changeNow(ctx, z)
	if err != nil {
		return nil, fmt.Errorf("the primary: %w", err)
	}
	before, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	whole := before.peakIsExact && forgetPeak(p.group()) == nil
	began := time.Now()
	if err := probe.notify(); err != nil {
		return nil, fmt.Errorf("NOTIFY: %w", err)
	}
	served, err := probe.waitSerial(ctx, p, serial)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, apart/3); err != nil { // what it does afterwards is of that change too
		return nil, err
	}
	after, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	values := map[string]float64{
		"time":     float64(served.Sub(began).Microseconds()) / 1000,
		"cpu":      after.cpu() - before.cpu(),
		"resident": before.resident() / mib,
	}
	if whole {
		values["peak"] = after.peak / mib
		values["peakRatio"] = after.peak / before.resident()
		values["peakAboveIdle"] = (after.peak - idle) / (before.resident() - idle)
	}
	return values, nil
}

// startServing starts a server and waits until it serves the zone as the primary has it now.
func (b *bench) startServing(ctx context.Context, s *server, z *zone, from *primary, more ...func(*setup)) (*process, *prober, setup, error) {
	serial, err := from.serial(z)
	if err != nil {
		return nil, nil, setup{}, fmt.Errorf("the primary: %w", err)
	}
	p, conf, err := b.start(s, []*zone{z}, from, anyCPU, more...)
	if err != nil {
		return nil, nil, conf, err
	}
	probe, err := newProber(conf.Addr, z.origin)
	if err == nil {
		if _, err = probe.waitSerial(ctx, p, serial); err != nil {
			probe.close()
		}
	}
	if err != nil {
		p.stop()
		return nil, nil, conf, err
	}
	return p, probe, conf, nil
}

// changeNow changes the zone and returns its new serial.
func (p *primary) changeNow(ctx context.Context, z *zone) (uint32, error) {
	old, err := p.serial(z)
	if err != nil {
		return 0, err
	}
	if err := p.change(ctx, z); err != nil {
		return old, err
	}
	now, err := p.serial(z)
	if err == nil && now == old {
		err = errors.New("the serial stayed as it was")
	}
	return now, err
}
