package test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// TestBadPrimary has a scripted primary go wrong with a new version that NSD holds, too:
//
//	NSD      serial 1 -> 2             --\
//	                                      >--  CoreDNS, agree all, goes on with serial 1
//	scripted serial 1 -> 2, but how    --/
//
// The fault is one clear line in the log, and over once the primary is honest again.
func TestBadPrimary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		behave primarytest.Behaviour
		want   []string // in the line
	}{
		{"garbage", primarytest.Behaviour{Garbage: true}, []string{"SOA of"}},
		{"garbage transfer", primarytest.Behaviour{Garbage: true, Only: primarytest.Transfers}, []string{"XFR of"}},
		{"stops in the middle", primarytest.Behaviour{RecordsPerMessage: 3, CloseAt: 2, Only: primarytest.Transfers}, []string{"XFR of", "after 1 message"}},
		{"stops in a message", primarytest.Behaviour{RecordsPerMessage: 3, CutAt: 2, Only: primarytest.Transfers}, []string{"XFR of", "after 1 message"}},
		{"has no end", primarytest.Behaviour{Whole: true, NoEnd: true, Only: primarytest.Transfers}, []string{"XFR of", "closed"}},
		{"never answers", primarytest.Behaviour{Silent: true}, []string{"SOA of", "within 1s"}},
		{"falls silent", primarytest.Behaviour{RecordsPerMessage: 3, SilentAfter: 1, Only: primarytest.Transfers}, []string{"XFR of", "within 1s"}},
		{"answers too slowly", primarytest.Behaviour{Whole: true, RecordsPerMessage: 1, Delay: 500 * time.Millisecond, Only: primarytest.Transfers}, []string{"XFR of", "within 3s"}},
		{"refuses", primarytest.Behaviour{Rcode: dns.RcodeRefused}, []string{"SOA of", "REFUSED"}},
		{"answers another", primarytest.Behaviour{WrongID: true}, []string{"SOA of", "id"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := NewCoreDNS(t)
			nsd := StartPeer(t, NSD, PeerConfig{Zones: map[string]string{"example.org": MasterFile{Serial: 1}.String()}, IP: "127.0.0.2"})
			scripted := primarytest.New(t, scriptedZone(t, 1))
			c.Start(Corefile("primary nsd "+nsd.Addr.String(), "primary scripted "+scripted.Addr().String(),
				"agree all", "limit idle 1s", "limit time 3s", "refresh 1s 1s", "retry 1s 1s"))
			c.WaitServes("example.org", 1)

			scripted.Set(scriptedZone(t, 2))
			scripted.Behave(tt.behave)
			nsd.Load("example.org", MasterFile{Serial: 2}.String())
			t.Log(c.WaitLog(0, append(tt.want, "[WARNING]", "example.org.", "primary scripted", scripted.Addr().String())...))
			if err := c.Serves("example.org", 1); err != nil {
				t.Error(err)
			}
			scripted.Behave(primarytest.Behaviour{})
			c.WaitServes("example.org", 2)
			c.WaitState("in_parity")
			c.WaitLog(0, "example.org.", "scripted answers again")
		})
	}
}

// scriptedZone is the zone of a MasterFile, for a scripted primary.
func scriptedZone(t *testing.T, serial uint32) *primarytest.Zone {
	t.Helper()
	return primarytest.Make(t, "example.org.", serial, MasterFile{Serial: serial}.String())
}
