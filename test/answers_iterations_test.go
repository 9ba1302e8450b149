package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// RFC 9276 section 3.2 lets validators hold a zone insecure, or its answers bogus, whose NSEC3 records have too many iterations;
// Unbound's limit is 150. NSD, Knot and BIND load such a zone and prove what nobody believes. Here it is refused, with the reason:
// what is served stays, or with nothing served yet, there is SERVFAIL.
func TestIterations(t *testing.T) {
	files := map[string]string{}
	for _, iterations := range []uint16{150, 151} {
		origin := fmt.Sprintf("i%d.test.", iterations)
		z, err := answertest.Parse(origin, origin+" 300 IN SOA ns h 1 2 3 4 60\n"+origin+" 300 IN NS ns.invalid.\n")
		if err != nil {
			t.Fatal(err)
		}
		files[origin] = z.Signed(answertest.Signing{NSEC3: true, Iterations: iterations, Algorithms: []uint8{dns.ECDSAP256SHA256}}).Text()
	}
	primary := StartPeer(t, Knot, PeerConfig{Zones: files})
	c := NewCoreDNS(t)
	c.Start(fmt.Sprintf(`i150.test:$PORT i151.test:$PORT {
	bind 127.0.0.1
	concord {
		primary knot %s
	}
	errors
}
`, primary.Addr))
	c.WaitServes("i150.test.", 1)
	c.WaitLog(0, "i151.test.", "knot", "NSEC3PARAM with 151 iterations, and no more than 150 are served", "RFC 9276 section 3.2")
	if r := c.Ask("i151.test.", dns.TypeSOA); r.Rcode != dns.RcodeServerFailure {
		t.Errorf("a zone with 151 iterations is answered with %s, want SERVFAIL", dns.RcodeToString[r.Rcode])
	}
}
