package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// transfers measures, for each server, what it uses without a zone, and then what it takes to have each zone.
func (b *bench) transfers(ctx context.Context) error {
	from, err := b.startPrimary(ctx, true, b.chosenZones()...)
	if err != nil {
		return err
	}
	defer from.stop()
	for run := range b.runs {
		idle, err := b.idle(ctx)
		if err != nil {
			return err
		}
		for _, z := range b.chosenZones() {
			if err := b.inTurn(ctx, "transfer", run, func(s *server) {
				values, err := b.transferIn(ctx, s, z, from, idle[s.name])
				b.results.add("transfer", z.name, s, run, values, err)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) chosenZones() []*zone {
	var list []*zone
	for _, name := range []string{"company", "tld"} {
		if slices.Contains(b.options.zones, name) {
			list = append(list, b.zones[name])
		}
	}
	return list
}

// idle measures the resident memory of each server without a zone, all at the same time, since nothing is timed here.
func (b *bench) idle(ctx context.Context) (map[string]float64, error) {
	running := map[*server]*process{}
	for _, s := range b.servers {
		p, conf, err := b.start(s, nil, nil, anyCPU)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		probe, err := newProber(conf.Addr, "idle.test.")
		if err != nil {
			return nil, err
		}
		defer probe.close()
		if _, err := probe.waitAnswer(ctx, p); err != nil {
			return nil, fmt.Errorf("%s without a zone: %w", s.name, err)
		}
		running[s] = p
	}
	if err := sleep(ctx, b.settle); err != nil {
		return nil, err
	}
	idle := map[string]float64{}
	for s, p := range running {
		u, err := usageOf(p.group())
		if err != nil {
			return nil, err
		}
		idle[s.name] = u.resident()
	}
	return idle, nil
}

// transferIn starts a server that has nothing, and measures until it serves the zone, and what it holds after that.
func (b *bench) transferIn(ctx context.Context, s *server, z *zone, from *primary, idle float64) (map[string]float64, error) {
	want, err := from.serial(z)
	if err != nil {
		return nil, fmt.Errorf("the primary: %w", err)
	}
	began := time.Now()
	p, conf, err := b.start(s, []*zone{z}, from, anyCPU)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	probe, err := newProber(conf.Addr, z.origin)
	if err != nil {
		return nil, err
	}
	defer probe.close()
	served, err := probe.waitSerial(ctx, p, want)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, b.settle); err != nil {
		return nil, err
	}
	u, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	values := map[string]float64{
		"wall":      served.Sub(began).Seconds(),
		"cpu":       u.cpu(),
		"idle":      idle / mib,
		"resident":  u.resident() / mib,
		"perRecord": (u.resident() - idle) / float64(z.records),
	}
	if u.peakIsExact {
		values["peak"] = u.peak / mib
		values["peakPerRecord"] = (u.peak - idle) / float64(z.records)
	}
	return values, nil
}

const mib = 1 << 20
