package test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Ask sends one question over UDP, with EDNS, and over TCP when the answer is truncated.
func Ask(addr netip.AddrPort, name string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype).SetEdns0(1232, false)
	m.RecursionDesired = false
	r, err := exchange("udp", addr, m)
	if err == nil && r.Truncated {
		r, err = exchange("tcp", addr, m)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s %s: %w", addr, name, dns.TypeToString[qtype], err)
	}
	return r, nil
}

// exchange waits a second, as much as a resolver would.
func exchange(network string, addr netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: time.Second}
	r, _, err := c.Exchange(m, addr.String())
	return r, err
}

// Serial returns the serial that a server answers with for the zone.
func Serial(addr netip.AddrPort, zone string) (uint32, error) {
	r, err := Ask(addr, zone, dns.TypeSOA)
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
	return 0, fmt.Errorf("%s answers %s for %s SOA, without a SOA", addr, dns.RcodeToString[r.Rcode], zone)
}

// Notify tells a server, from an address, that a zone has a new version, and returns what it answers.
func Notify(from netip.Addr, to netip.AddrPort, zone string) (rcode int, err error) {
	m := new(dns.Msg).SetNotify(dns.Fqdn(zone))
	c := dns.Client{Timeout: time.Second, Dialer: &net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}}
	r, _, err := c.Exchange(m, to.String())
	if err != nil {
		return 0, fmt.Errorf("notify %s of %s from %s: %w", to, zone, from, err)
	}
	return r.Rcode, nil
}

// FreeAddr returns an address at which nobody listens, neither on UDP nor on TCP, and gives none twice. Nothing holds it
// until its server starts, so it is below the ports from which the system chooses one for a client.
func FreeAddr(t testing.TB, ip string) netip.AddrPort {
	t.Helper()
	for range 1000 {
		addr := netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(10000+rand.IntN(20000)))
		if _, taken := given.LoadOrStore(addr, true); !taken && isFree(addr) {
			return addr
		}
	}
	t.Fatalf("no free port on %s", ip)
	return netip.AddrPort{}
}

var given sync.Map // of netip.AddrPort

func isFree(addr netip.AddrPort) bool {
	tcp, err := net.Listen("tcp", addr.String())
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", addr.String())
	if err != nil {
		return false
	}
	udp.Close()
	return true
}
