package test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestDownstream has a chain of three:
//
//	Knot  --NOTIFY, AXFR-->  CoreDNS, concord and transfer  --NOTIFY, AXFR-->  CoreDNS, concord
//
// Without the transfer plugin, as in the last, nobody gets the zone.
func TestDownstream(t *testing.T) {
	t.Parallel()
	middle, last := NewCoreDNS(t), NewCoreDNS(t)
	knot := StartPeer(t, Knot, PeerConfig{
		Zones: map[string]string{"example.org": MasterFile{Serial: 1}.String()}, Notify: []netip.AddrPort{middle.Addr},
	})
	last.Start(Corefile("primary middle " + middle.Addr.String()))
	middle.Start(fmt.Sprintf(`example.org:$PORT {
	bind 127.0.0.1
	concord {
		primary knot %s
	}
	transfer {
		to %s
	}
}
`, knot.Addr, last.Addr))
	last.WaitServes("example.org", 1)
	knot.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.2"}.String())
	last.WaitServes("example.org", 2)
	last.wantWWW("192.0.2.2")
	last.WaitMetric(`coredns_concord_zone_records{zone="example.org."}`, 10)

	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		m := new(dns.Msg).SetQuestion("example.org.", qtype)
		if qtype == dns.TypeIXFR {
			m.SetIxfr("example.org.", 1, "ns1.example.org.", "hostmaster.example.org.")
		}
		r, err := exchange("tcp", last.Addr, m)
		if err != nil || r.Rcode != dns.RcodeRefused {
			t.Errorf("%s: %v, %v", dns.TypeToString[qtype], r, err)
		}
	}
}
