package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// How often a server is asked, and so the resolution of the times to an answer: from exec, and from NOTIFY.
const (
	pollEvery  = 2 * time.Millisecond
	pollFinely = 250 * time.Microsecond
)

// prober asks one server for the SOA of one zone, over UDP.
type prober struct {
	conn  net.Conn
	zone  string
	every time.Duration
	buf   [4096]byte
}

func newProber(addr netip.AddrPort, zone string) (*prober, error) {
	conn, err := net.Dial("udp", addr.String())
	return &prober{conn: conn, zone: zone, every: pollEvery}, err
}

// newProberFrom asks from an address of the machine, as if that were the primary of that address.
func newProberFrom(local netip.Addr, addr netip.AddrPort, zone string) (*prober, error) {
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)), net.UDPAddrFromAddrPort(addr))
	return &prober{conn: conn, zone: zone, every: pollEvery}, err
}

func (p *prober) close() { p.conn.Close() }

// ask sends a message and waits for what answers it.
func (p *prober) ask(m *dns.Msg, wait time.Duration) (*dns.Msg, error) {
	msg, err := m.Pack()
	if err != nil {
		return nil, err
	}
	if err := p.conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	if _, err := p.conn.Write(msg); err != nil {
		return nil, err
	}
	for {
		n, err := p.conn.Read(p.buf[:])
		if err != nil {
			return nil, err
		}
		r := new(dns.Msg)
		if r.Unpack(p.buf[:n]) == nil && r.Id == m.Id {
			return r, nil
		}
	}
}

// serial asks for the SOA, and returns its serial if the answer is one to serve.
func (p *prober) serial(wait time.Duration) (uint32, error) {
	r, err := p.ask(new(dns.Msg).SetQuestion(p.zone, dns.TypeSOA), wait)
	if err != nil {
		return 0, err
	}
	if r.Rcode == dns.RcodeSuccess && r.Authoritative {
		for _, rr := range r.Answer {
			if soa, ok := rr.(*dns.SOA); ok {
				return soa.Serial, nil
			}
		}
	}
	return 0, fmt.Errorf("no SOA: %s", dns.RcodeToString[r.Rcode])
}

// wait polls until done says so of a serial (or, with an error, of its absence), and returns when it first did.
func (p *prober) wait(ctx context.Context, server *process, done func(serial uint32, err error) bool) (time.Time, error) {
	end := time.Now().Add(patience)
	for {
		asked := time.Now()
		serial, err := p.serial(50 * time.Millisecond)
		now := time.Now()
		switch {
		case done(serial, err):
			return now, nil
		case now.After(end):
			if err == nil {
				err = fmt.Errorf("it serves serial %d", serial)
			}
			return now, fmt.Errorf("%s: not after %v: %w\n%s", p.zone, patience, err, server.tail())
		}
		if err := errors.Join(ctx.Err(), server.ended()); err != nil {
			return now, err
		}
		if err := sleep(ctx, p.every-time.Since(asked)); err != nil {
			return now, err
		}
	}
}

// waitSerial waits until the zone is served with that serial.
func (p *prober) waitSerial(ctx context.Context, server *process, want uint32) (time.Time, error) {
	return p.wait(ctx, server, func(serial uint32, err error) bool { return err == nil && serial == want })
}

// waitAnswer waits until the server answers at all.
func (p *prober) waitAnswer(ctx context.Context, server *process) (time.Time, error) {
	return p.wait(ctx, server, func(_ uint32, err error) bool {
		var network net.Error
		return err == nil || !errors.As(err, &network)
	})
}

// notify sends a NOTIFY for the zone, until it is acknowledged.
func (p *prober) notify() error {
	m := new(dns.Msg).SetNotify(p.zone)
	var err error
	for range 3 {
		var r *dns.Msg
		if r, err = p.ask(m, time.Second); err == nil && r.Rcode == dns.RcodeSuccess {
			return nil
		} else if err == nil {
			err = fmt.Errorf("NOTIFY answered by %s", dns.RcodeToString[r.Rcode])
		}
	}
	return err
}
