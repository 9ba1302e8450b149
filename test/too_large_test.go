package test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// TestTooLarge has a scripted primary send ten million records for a zone that had ten, over and over:
//
//	NSD      serial 1                          --\
//	                                              >--  CoreDNS, agree any, goes on with serial 1
//	scripted serial 1 -> 2, 10,000,000 more    --/
//
// Each transfer is broken off at the limit, 16 MiB by default, and leaves nothing behind.
func TestTooLarge(t *testing.T) {
	c := NewCoreDNS(t)
	nsd := StartPeer(t, NSD, PeerConfig{Zones: map[string]string{"example.org": MasterFile{Serial: 1}.String()}, IP: "127.0.0.2"})
	scripted := primarytest.New(t, scriptedZone(t, 1))
	c.Start(Corefile("primary nsd "+nsd.Addr.String(), "primary scripted "+scripted.Addr().String(),
		"agree any", "refresh 1s 1s", "retry 1s 1s"))
	c.WaitServes("example.org", 1)
	c.WaitPrimary("scripted", "agreeing")
	before := c.RSS(false)

	scripted.Behave(primarytest.Behaviour{Endless: 10_000_000, Only: dns.TypeAXFR})
	scripted.Set(scriptedZone(t, 2))
	c.WaitLog(0, "[WARNING]", "example.org.", "primary scripted", scripted.Addr().String(), "16777216 octets", "limit size")

	var after []int64
	for range 4 {
		seen := scripted.Counts().Transfers
		scripted.Await(t, func(counts primarytest.Counts) bool { return counts.Transfers >= seen+2 })
		after = append(after, c.RSS(false)>>20)
	}
	t.Logf("resident before: %d MiB; after each two more: %d MiB; at most: %d MiB", before>>20, after, c.RSS(true)>>20)
	if grown := c.RSS(true) - before; grown > 100<<20 {
		t.Errorf("16 MiB were allowed, and %d MiB were taken", grown>>20)
	}
	if err := c.Serves("example.org", 1); err != nil {
		t.Error(err)
	}
}
