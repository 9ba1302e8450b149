package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
)

// many measures how long each server takes until it has very many small zones, and what it takes for them when it is at rest.
func (b *bench) many(ctx context.Context) error {
	dir := filepath.Join(b.dir, "many")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	zones := newMany(b.quick, dir)
	from, err := b.startPrimary(ctx, true, zones...)
	if err != nil {
		return err
	}
	defer from.stop()
	for run := range b.runs {
		idle, err := b.idle(ctx)
		if err != nil {
			return err
		}
		if err := b.inTurn(ctx, "many", run, func(s *server) {
			values, err := b.manyIn(ctx, s, zones, from, idle[s.name])
			b.results.add("many", "zones", s, run, values, err)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) manyIn(ctx context.Context, s *server, zones []*zone, from *primary, idle float64) (map[string]float64, error) {
	began := time.Now()
	p, conf, err := b.start(s, zones, from, anyCPU)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	_, served, err := waitAll(ctx, p, conf.Addr, zones, patience)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, b.settle); err != nil {
		return nil, err
	}
	before, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, b.settle); err != nil {
		return nil, err
	}
	after, err := usageOf(p.group())
	if err != nil {
		return nil, err
	}
	values := map[string]float64{
		"wall":     served.Sub(began).Seconds(),
		"cpu":      before.cpu(),
		"resident": after.resident() / mib,
		"perZone":  (after.resident() - idle) / float64(len(zones)) / 1024,
		"idleCPU":  (after.cpu() - before.cpu()) / b.settle.Seconds() * 100,
	}
	if after.peakIsExact {
		values["peak"] = after.peak / mib
	}
	return values, nil
}

// errNotThere is what has become of zones that are waited for in vain.
var errNotThere = errors.New("zones are not there")

// waitAll waits until a server has each of the zones, but not longer than most, and returns when it had the first and the last
// one. It asks for the next few that were missing, so that it costs little while nothing comes.
func waitAll(ctx context.Context, server *process, addr netip.AddrPort, zones []*zone, most time.Duration) (first, last time.Time, err error) {
	const window = 20
	conn, err := net.Dial("udp", addr.String())
	if err != nil {
		return first, last, err
	}
	defer conn.Close()
	missing := make([][]byte, len(zones))
	for i, z := range zones {
		if missing[i], err = new(dns.Msg).SetQuestion(z.origin, dns.TypeSOA).Pack(); err != nil {
			return first, last, err
		}
	}
	for end := time.Now().Add(most); ; {
		n := min(window, len(missing))
		got, err := askAll(conn, missing[:n])
		var network net.Error
		if err != nil && !errors.As(err, &network) {
			return first, last, err
		}
		last = time.Now()
		var still [][]byte
		for i, ok := range got {
			if !ok {
				still = append(still, missing[i])
			}
		}
		none := len(still) == n
		if !none && first.IsZero() {
			first = last
		}
		if missing = append(missing[n:], still...); len(missing) == 0 {
			return first, last, nil
		}
		if last.After(end) {
			return first, last, fmt.Errorf("%d of %d %w after %v\n%s", len(missing), len(zones), errNotThere, most, server.tail())
		}
		if none {
			if err := sleep(ctx, 2*pollEvery); err != nil {
				return first, last, err
			}
		}
		if err := errors.Join(ctx.Err(), server.ended()); err != nil {
			return first, last, err
		}
	}
}

// askAll sends questions and says which of them were answered with authority and a record.
func askAll(conn net.Conn, questions [][]byte) ([]bool, error) {
	got := make([]bool, len(questions))
	for i, q := range questions {
		binary.BigEndian.PutUint16(q, uint16(i))
		if _, err := conn.Write(q); err != nil {
			return got, err
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		return got, err
	}
	var buf [4096]byte
	for left := len(questions); left > 0; {
		n, err := conn.Read(buf[:])
		if err != nil {
			return got, err
		}
		id := int(binary.BigEndian.Uint16(buf[:]))
		if n < 12 || id >= len(got) {
			continue
		}
		// A late answer to a question of the call before is told by its name.
		if q := questions[id]; n < len(q) || string(buf[12:len(q)]) != string(q[12:]) {
			continue
		}
		const authoritative = 4
		got[id] = buf[2]&authoritative != 0 && buf[3]&15 == dns.RcodeSuccess && buf[7] > 0
		left--
	}
	return got, nil
}
