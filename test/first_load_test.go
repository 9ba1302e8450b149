package test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestFirstLoad starts the server before its primaries:
//
//	NSD  (comes second)  --\
//	                        >--  CoreDNS, agree all (comes first)
//	Knot (comes third)   --/
func TestFirstLoad(t *testing.T) {
	t.Parallel()
	c := NewCoreDNS(t)
	nsd, knot := FreeAddr(t, "127.0.0.2"), FreeAddr(t, "127.0.0.3")
	c.Start(Corefile("primary nsd "+nsd.String(), "primary knot "+knot.String(), "agree all"))

	wantUnavailable(t, c, dns.ExtendedErrorCodeNotReady)
	c.WaitLog(0, "example.org.", "nsd", nsd.String(), "connection refused")
	if err := c.IsState("loading"); err != nil {
		t.Error(err)
	}

	zone := MasterFile{Serial: 7}.String()
	start := func(kind *Kind, addr netip.AddrPort) {
		StartPeer(t, kind, PeerConfig{
			Zones: map[string]string{"example.org": zone}, Addr: addr, IP: addr.Addr().String(), Notify: []netip.AddrPort{c.Addr},
		})
	}
	start(NSD, nsd)
	c.WaitPrimary("knot", "unreachable")
	wantUnavailable(t, c, dns.ExtendedErrorCodeNotReady) // all is all
	start(Knot, knot)

	c.WaitServes("example.org", 7)
	c.WaitState("in_parity")
	c.WaitLog(0, "example.org.", "serves serial 7", "nsd and knot")
	c.WaitMetric(`coredns_concord_zone_serial{zone="example.org."}`, 7)
	c.WaitMetric(`coredns_concord_zone_records{zone="example.org."}`, 10)
	c.WaitMetric(`coredns_concord_swaps_total{zone="example.org."}`, 1)
	for name, want := range map[string]int{"www.example.org": 1, "any.wild.example.org": 0, "no.example.org": 0} {
		if got := len(c.Ask(name, dns.TypeA).Answer); got != want {
			t.Errorf("%s: %d addresses, want %d", name, got, want)
		}
	}
}

// wantUnavailable wants SERVFAIL with the reason.
func wantUnavailable(t *testing.T, c *CoreDNS, code uint16) {
	t.Helper()
	if err := unavailable(c, code); err != nil {
		t.Error(err)
	}
}
