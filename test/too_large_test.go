package test

import (
	"testing"

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

	scripted.Behave(primarytest.Behaviour{Whole: true, Endless: 10_000_000, Only: primarytest.Transfers})
	scripted.Set(scriptedZone(t, 2))
	c.WaitLog(0, "[WARNING]", "example.org.", "primary scripted", scripted.Addr().String(), "16777216 octets", "limit size")

	var after []int64
	for range 6 {
		asked := func(c primarytest.Counts) int { return c.Transfers + c.Increments }
		seen := asked(scripted.Counts())
		scripted.Await(t, func(counts primarytest.Counts) bool { return asked(counts) >= seen+2 })
		after = append(after, c.RSS(false))
	}
	const mib = 1 << 20
	peak := c.RSS(true)
	t.Logf("resident: %d MiB before, %d after two transfers, %d after twelve, %d at most", before/mib, after[0]/mib, after[5]/mib, peak/mib)
	if grown := peak - before; grown > c.allowed(64*mib) {
		t.Errorf("16 MiB were allowed, and %d MiB were taken", grown/mib)
	}
	if grown := after[5] - after[0]; grown > c.allowed(16*mib) {
		t.Errorf("ten transfers left %d MiB behind", grown/mib)
	}
	if err := c.Serves("example.org", 1); err != nil {
		t.Error(err)
	}
}
