package test

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestDrift gives both primaries the same serial with one record different:
//
//	NSD  serial 1 -> 2, www 192.0.2.2   --\
//	                                       >--  CoreDNS, agree all, goes on with serial 1
//	Knot serial 1 -> 2, www 192.0.2.3   --/
func TestDrift(t *testing.T) {
	t.Parallel()
	s := SetStage(t, MasterFile{Serial: 1, WWW: "192.0.2.1"}, "agree all", "settle 1h")
	s.NSD.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.2"}.String())
	s.Knot.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.3"}.String())

	s.WaitLog(0, "[WARNING]", "example.org. drift", "nsd and knot hold serial 2 with different content", "1 record differs", "www.example.org. A")
	s.WaitState("drift") // whatever settle says
	for _, primary := range []string{"nsd", "knot"} {
		s.WaitPrimary(primary, "diverged")
		s.WaitMetric(`coredns_concord_primary_serial{primary="`+primary+`",zone="example.org."}`, 2)
		s.WaitMetric(`coredns_concord_parity_differing_records{class="data",primary="`+primary+`",zone="example.org."}`, 2) // www, and the SOA
	}
	Always(t, time.Second, func() error { return s.Serves("example.org", 1) })
	if got := s.Ask("www.example.org", dns.TypeA).Answer; len(got) != 1 || got[0].(*dns.A).A.String() != "192.0.2.1" {
		t.Errorf("www is served as %v", got)
	}

	// One of them mends it with a serial of its own; the other follows.
	s.Knot.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	s.NSD.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	s.WaitServes("example.org", 3)
	s.WaitState("in_parity")
	s.WaitLog(0, "example.org. in parity again")
}
