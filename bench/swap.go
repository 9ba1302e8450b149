package main

import (
	"context"
	"fmt"
	"time"
)

// rate is how many questions a second are asked while a zone is swapped.
const rate = 5000

// swaps measures how long answers take while a large zone is transferred once more and swapped, beside how long they take
// when nothing happens. The servers have both CPUs, and share them with the primary and the load.
func (b *bench) swaps(ctx context.Context) error {
	z := b.zones["tld"]
	list, err := packAll(delegationQuestions(z, 100_000))
	if err != nil {
		return err
	}
	from, err := b.startPrimary(ctx, false, z)
	if err != nil {
		return err
	}
	defer from.stop()
	for run := range b.runs {
		if err := b.inTurn(ctx, "swap", run, func(s *server) {
			values, err := b.swap(ctx, s, z, from, list)
			b.results.add("swap", z.name, s, run, values, err)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) swap(ctx context.Context, s *server, z *zone, from *primary, list []packed) (map[string]float64, error) {
	p, probe, conf, err := b.startServing(ctx, s, z, from)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	defer probe.close()
	if err := sleep(ctx, b.settle/2); err != nil { // what the load left behind
		return nil, err
	}
	serial, err := from.changeNow(ctx, z)
	if err != nil {
		return nil, fmt.Errorf("the primary: %w", err)
	}
	load, err := startPaced(conf.Addr, list, rate, b.load+patience)
	if err != nil {
		return nil, err
	}
	defer load.stop()
	quiet, err := b.quietly(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := probe.notify(); err != nil {
		return nil, fmt.Errorf("NOTIFY: %w", err)
	}
	served, err := probe.waitSerial(ctx, p, serial)
	if err != nil {
		return nil, err
	}
	const after = time.Second / 4 // what becomes of the old version is of the swap, too
	if err := sleep(ctx, after+answerWithin); err != nil {
		return nil, err
	}
	load.stop()
	before, during := load.between(quiet, began), load.between(began, served.Add(after))
	if before.wrong+during.wrong > 0 {
		b.results.note("swap: %s gave wrong answers to %d of %d questions", s.name, before.wrong+during.wrong, before.asked+during.asked)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return map[string]float64{
		"quiet": ms(before.p99), "swap": ms(during.p99), "ratio": ms(during.p99) / ms(before.p99), "worst": ms(during.worst),
		"wireQuiet": ms(before.wire99), "wireSwap": ms(during.wire99),
		"time": ms(served.Sub(began)), "lost": float64(before.lost + during.lost), "late": ms(during.late),
	}, nil
}
