package test

import (
	"net/netip"
	"testing"
)

// TestMajority has three primaries, of which two are enough:
//
//	NSD  serial 1 -> 2             --\
//	Knot serial 1 ---- -> 2        -----  CoreDNS, agree majority (the default)
//	BIND serial 1 -> wrong 2 -> 2  --/
//
// The third, which has other content under the same serial, is named and changes nothing.
func TestMajority(t *testing.T) {
	t.Parallel()
	c := NewCoreDNS(t)
	first := map[string]string{"example.org": MasterFile{Serial: 1}.String()}
	start := func(kind *Kind, ip string) *Peer {
		return StartPeer(t, kind, PeerConfig{Zones: first, IP: ip, Notify: []netip.AddrPort{c.Addr}})
	}
	nsd, knot, bind := start(NSD, "127.0.0.2"), start(Knot, "127.0.0.3"), start(BIND, "127.0.0.1")
	c.Start(Corefile("primary bind "+bind.Addr.String(), "primary nsd "+nsd.Addr.String(), "primary knot "+knot.Addr.String()))
	c.WaitServes("example.org", 1)
	c.WaitPrimary("bind", "agreeing")

	bind.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.66"}.String())
	c.WaitPrimary("bind", "ahead")
	nsd.Load("example.org", MasterFile{Serial: 2}.String())
	c.WaitState("drift")
	c.WaitLog(0, "[WARNING]", "example.org. drift", "serial 2 with different content", "www.example.org. A")
	if err := c.Serves("example.org", 1); err != nil {
		t.Error(err)
	}

	knot.Load("example.org", MasterFile{Serial: 2}.String())
	c.WaitServes("example.org", 2)
	c.wantWWW("192.0.2.1")
	c.WaitPrimary("nsd", "agreeing")
	c.WaitPrimary("knot", "agreeing")
	c.WaitPrimary("bind", "diverged")
}
