package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How often the zone changes to see what one change costs the store, and to see how its file grows.
const (
	changesStored  = 7
	changesGrowing = 1000
)

// stores measures what it costs concord that zones outlive it: the size of the file, what a change of one record writes,
// how much later it is answered than with the store off, and how the file grows with changes.
func (b *bench) stores(ctx context.Context) error {
	z := b.zones["tld"]
	from, err := b.startPrimary(ctx, true, z)
	if err != nil {
		return err
	}
	defer from.stop()
	if !from.incremental {
		b.results.note("store is left out: the primary is %s", from.kind)
		return nil
	}
	disk, err := newDisk(b.dir)
	if err != nil {
		return err
	}
	defer disk.close()
	for run := range b.runs {
		if err := b.inTurn(ctx, "store", run, func(s *server) {
			if s.plugin != "concord" {
				return
			}
			grow := run == 0 // a size needs no median, and this takes minutes
			samples, err := b.storeOf(ctx, s, z, from, disk, grow)
			for _, values := range samples {
				b.results.add("store", z.name, s, run, values, nil)
			}
			if err != nil {
				b.results.add("store", z.name, s, run, nil, err)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// storeOf changes the zone under two servers, of which one has the store and the other does not.
func (b *bench) storeOf(ctx context.Context, s *server, z *zone, from *primary, d *disk, grow bool) ([]map[string]float64, error) {
	p, probe, conf, err := b.startServing(ctx, s, z, from)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	defer probe.close()
	probe.every = pollFinely
	if err := sleep(ctx, b.settle/2); err != nil { // what the load left behind goes back to the system
		return nil, err
	}
	first, err := p.stored()
	if err != nil {
		return nil, err
	}
	samples, err := b.storedOrNot(ctx, s, p, probe, from, d)
	samples = append(samples, map[string]float64{"perRecord": first / float64(z.records)})
	if err != nil || !grow {
		return samples, err
	}
	changes := changesGrowing
	if b.quick {
		changes = 10
	}
	b.say("store: %d changes", changes)
	if err := b.growBy(ctx, changes, p, conf, z, from); err != nil {
		return samples, err
	}
	last, err := p.stored()
	if err != nil {
		return samples, err
	}
	return append(samples, map[string]float64{"growth": (last/first - 1) * 100, "changes": float64(changes)}), nil
}

// stored is the size of the file in which concord keeps its zones by default.
func (p *process) stored() (float64, error) {
	info, err := os.Stat(filepath.Join(p.dir, "concord.db"))
	if err != nil {
		return 0, err
	}
	return float64(info.Size()), nil
}

// storedOrNot changes one record again and again, and tells both servers of it, one after the other.
func (b *bench) storedOrNot(ctx context.Context, s *server, p *process, probe *prober, from *primary, d *disk) ([]map[string]float64, error) {
	z := b.zones["tld"]
	off, offProbe, _, err := b.startServing(ctx, s, z, from, func(conf *setup) { conf.More = []string{"store off"} })
	if err != nil {
		return nil, err
	}
	defer off.stop()
	defer offProbe.close()
	offProbe.every = pollFinely
	if err := sleep(ctx, b.settle/2); err != nil {
		return nil, err
	}
	changes := changesStored
	if b.quick {
		changes = 2
	}
	var samples []map[string]float64
	for n := range changes {
		if err := sleep(ctx, apart); err != nil {
			return samples, err
		}
		serial, err := from.changeNow(ctx, z)
		if err != nil {
			return samples, fmt.Errorf("the primary: %w", err)
		}
		values := map[string]float64{}
		with := func() error {
			before, err := p.written()
			if err != nil {
				return err
			}
			if values["on"], err = follow(ctx, p, probe, serial); err != nil {
				return err
			}
			if err := sleep(ctx, apart/3); err != nil { // what it writes afterwards is of that change too
				return err
			}
			after, err := p.written()
			values["written"] = (after - before) / 1024
			return err
		}
		without := func() (err error) {
			values["off"], err = follow(ctx, off, offProbe, serial)
			return err
		}
		turns := []func() error{with, without}
		if n%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return samples, err
			}
		}
		if values["fsync"], err = d.fsync(); err != nil {
			return samples, err
		}
		values["more"] = values["on"] - values["off"]
		values["over"] = values["more"] - values["fsync"]
		samples = append(samples, values)
	}
	return samples, nil
}

// follow sends a NOTIFY and returns how many milliseconds later the server has the new version.
func follow(ctx context.Context, p *process, probe *prober, serial uint32) (float64, error) {
	began := time.Now()
	if err := probe.notify(); err != nil {
		return 0, fmt.Errorf("NOTIFY: %w", err)
	}
	served, err := probe.waitSerial(ctx, p, serial)
	return float64(served.Sub(began).Microseconds()) / 1000, err
}

// growBy has the server follow many changes, each of them a version of its own, and waits until it has cleaned up.
func (b *bench) growBy(ctx context.Context, changes int, p *process, conf setup, z *zone, from *primary) error {
	// A primary that sends more than two NOTIFYs a second for long has to wait, so that they take turns.
	var probes []*prober
	for _, primary := range conf.Primaries {
		probe, err := newProberFrom(primary.Addr(), conf.Addr, z.origin)
		if err != nil {
			return err
		}
		defer probe.close()
		probes = append(probes, probe)
	}
	for n := range changes {
		serial, err := from.changeNow(ctx, z)
		if err != nil {
			return fmt.Errorf("the primary: %w", err)
		}
		if _, err := follow(ctx, p, probes[n%len(probes)], serial); err != nil {
			return fmt.Errorf("change %d: %w", n, err)
		}
	}
	return sleep(ctx, b.settle)
}

// written is how many octets the process has written to files, less those of its log. Memory file systems do not count.
func (p *process) written() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.group()))
	if err != nil {
		return 0, err
	}
	log, err := os.Stat(filepath.Join(p.dir, "log"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "write_bytes:"); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			return v - float64(log.Size()), err
		}
	}
	return 0, fmt.Errorf("/proc/%d/io: no write_bytes", p.group())
}

// disk tells how long an fsync takes where the servers have their files.
type disk struct{ f *os.File }

// fsyncSize is about what a small change writes.
const fsyncSize = 64 << 10

func newDisk(dir string) (*disk, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return nil, err
	}
	d := &disk{f}
	if _, err := d.fsync(); err != nil { // the file has its place from then on
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *disk) close() { d.f.Close() }

// fsync returns the milliseconds that an fsync takes: the median of a few.
func (d *disk) fsync() (float64, error) {
	var times []float64
	for n := range 7 {
		if _, err := d.f.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		if _, err := d.f.Write(slices.Repeat([]byte{byte(n)}, fsyncSize)); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := d.f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(times)
	return median(times), nil
}
