package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// primary is one server that holds the zones at two addresses, so that a secondary may take it for two primaries which
// always agree.
type primary struct {
	*process
	addrs  []netip.AddrPort
	change func(ctx context.Context, z *zone) error // one record of the zone, and its serial
	kind   string
	// incremental says whether it can answer IXFR by what changed.
	incremental bool
}

// startPrimary starts Knot, or our binary with *file* if that is not installed, and waits until it serves the zones.
// If it is not incremental, it answers IXFR by the whole zone.
func (b *bench) startPrimary(ctx context.Context, incremental bool, zones ...*zone) (*primary, error) {
	return b.startLoggingPrimary(ctx, incremental, "warning", zones...)
}

// startTellingPrimary starts an incremental primary that tells of each transfer, see sent.
func (b *bench) startTellingPrimary(ctx context.Context, zones ...*zone) (*primary, error) {
	return b.startLoggingPrimary(ctx, true, "info", zones...)
}

func (b *bench) startLoggingPrimary(ctx context.Context, incremental bool, log string, zones ...*zone) (*primary, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("primary-%t", incremental))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	first, err := freeAddr("127.0.0.1", "127.0.0.2")
	if err != nil {
		return nil, err
	}
	type file struct{ Origin, File string }
	conf := struct {
		Dir         string
		Addrs       []netip.AddrPort
		Incremental bool
		Log         string
		Zones       []file
	}{Dir: dir, Incremental: incremental, Log: log}
	conf.Addrs = []netip.AddrPort{first, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), first.Port())}
	for _, z := range zones {
		if err := z.writeFile(1); err != nil { // it may have been changed
			return nil, err
		}
		conf.Zones = append(conf.Zones, file{z.origin, z.file})
	}

	p := &primary{addrs: conf.Addrs}
	config, program, args := knotPrimary, "", []string{"-c", "conf"}
	if program, err = lookPath("knotd"); err == nil {
		p.kind, p.change, p.incremental = "Knot", p.changeKnot, incremental
	} else {
		config, program, args = corednsPrimary, b.binary, []string{"-conf", "conf", "-quiet"}
		p.kind, p.change = "CoreDNS file (Knot is not installed: transfers are slower, none is incremental)", p.changeFile
	}
	b.results.Primary = p.kind
	if err := writeConfig(config, dir, conf); err != nil {
		return nil, err
	}
	if p.process, err = startProcess(dir, anyCPU, program, args...); err != nil {
		return nil, err
	}
	for _, z := range zones {
		if err := p.serves(ctx, z, 1); err != nil {
			p.stop()
			return nil, fmt.Errorf("the primary, %s: %w", p.kind, err)
		}
	}
	return p, nil
}

// serves waits until the primary serves a zone with that serial.
func (p *primary) serves(ctx context.Context, z *zone, serial uint32) error {
	probe, err := newProber(p.addrs[0], z.origin)
	if err != nil {
		return err
	}
	defer probe.close()
	_, err = probe.waitSerial(ctx, p.process, serial)
	return err
}

// serial is what the primary serves now.
func (p *primary) serial(z *zone) (uint32, error) {
	probe, err := newProber(p.addrs[0], z.origin)
	if err != nil {
		return 0, err
	}
	defer probe.close()
	return probe.serial(5 * time.Second)
}

// sent is how many transfers a telling primary has begun to send, incremental ones among them.
func (p *primary) sent() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	n := 0
	for line := range strings.Lines(string(text)) {
		knot := strings.Contains(line, "XFR, outgoing, ") && strings.Contains(line, "started")
		if knot || strings.Contains(line, "Outgoing transfer of ") { // CoreDNS
			n++
		}
	}
	return n, err
}

// changeKnot alters one record over the control socket; Knot raises the serial by itself.
func (p *primary) changeKnot(ctx context.Context, z *zone) error {
	knotc, err := lookPath("knotc")
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"zone-begin", z.origin},
		{"zone-unset", z.origin, changing, "TXT"},
		{"zone-set", z.origin, changing, "3600", "TXT", fmt.Sprintf("%q", time.Now().String())},
		{"zone-commit", z.origin},
	} {
		cmd := exec.CommandContext(ctx, knotc, append([]string{"-s", filepath.Join(p.dir, "control")}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("knotc %s %s: %w: %s", args[0], z.origin, err, out)
		}
	}
	return nil
}

// changeFile writes the zone file anew, which CoreDNS polls.
func (p *primary) changeFile(ctx context.Context, z *zone) error {
	serial, err := p.serial(z)
	if err != nil {
		return err
	}
	return errors.Join(z.writeFile(serial+1), p.serves(ctx, z, serial+1))
}
