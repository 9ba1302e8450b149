package test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Stage is what most scenarios begin with: NSD and Knot hold the same version of example.org, and the binary serves it.
//
//	NSD  127.0.0.2  --\
//	                   >--  CoreDNS with concord
//	Knot 127.0.0.3  --/
//
// Both send NOTIFY.
type Stage struct {
	*CoreDNS
	NSD, Knot *Peer
}

// SetStage starts all three with the zone, and with properties of the concord block beside the primaries, which are named
// nsd and knot.
func SetStage(t testing.TB, zone MasterFile, properties ...string) *Stage {
	t.Helper()
	s := &Stage{CoreDNS: NewCoreDNS(t)}
	start := func(kind *Kind, ip string) *Peer {
		return StartPeer(t, kind, PeerConfig{
			Zones: map[string]string{"example.org": zone.String()}, IP: ip, Notify: []netip.AddrPort{s.CoreDNS.Addr},
		})
	}
	s.NSD, s.Knot = start(NSD, "127.0.0.2"), start(Knot, "127.0.0.3")
	s.Start(Corefile(append(properties, "primary nsd "+s.NSD.Addr.String(), "primary knot "+s.Knot.Addr.String())...))
	s.WaitServes("example.org", zone.Serial)
	return s
}

// Corefile returns the configuration of a server for example.org, with properties of its concord block.
func Corefile(properties ...string) string {
	return fmt.Sprintf(`example.org:$PORT {
	bind 127.0.0.1
	concord {
		%s
	}
	prometheus $METRICS
	errors
}
`, strings.Join(properties, "\n\t\t"))
}

// WaitState waits until the zone is in the state, as the metrics name it, and in no other.
func (c *CoreDNS) WaitState(state string) {
	c.t.Helper()
	Eventually(c.t, Patience, func() error { return c.IsState(state) })
}

// IsState returns an error unless the zone is in the state.
func (c *CoreDNS) IsState(state string) error {
	return c.metricIs(fmt.Sprintf(`coredns_concord_zone_state{state=%q,zone="example.org."}`, state), 1)
}

// WaitPrimary waits until the primary is in the state.
func (c *CoreDNS) WaitPrimary(primary, state string) {
	c.t.Helper()
	c.WaitMetric(fmt.Sprintf(`coredns_concord_primary_state{primary=%q,state=%q,zone="example.org."}`, primary, state), 1)
}
