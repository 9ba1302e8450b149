package test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestIncidentHeldToTheEnd has nobody mend a zone before it expires, in 7 seconds here:
//
//	NSD  serial 1 -> 2, a third gone   --\
//	                                      >--  CoreDNS, expire 7s 7s
//	Knot serial 1 -> 2, a third gone   --/
//
// The operator is told until when it can wait. Then there is nothing left to serve, and it is back as soon as there is.
func TestIncidentHeldToTheEnd(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, manyNames(1, 60), false)
	i.BeginServing(1, "expire 7s 7s")
	i.LoadAll(manyNames(2, 36))
	i.WantPrimaries("rejected", "rejected")
	i.WaitState("held")
	i.WaitLog(0, "example.org.", "can wait until", "when it expires")
	ends, err := i.Metric(`coredns_concord_hold_deadline_timestamp_seconds{zone="example.org."}`)
	expires, err2 := i.Metric(`coredns_concord_zone_expire_timestamp_seconds{zone="example.org."}`)
	since, err3 := i.Metric(`coredns_concord_held_since_timestamp_seconds{zone="example.org."}`)
	if err != nil || err2 != nil || err3 != nil || ends != expires || since >= ends {
		t.Errorf("held since %v until %v, expires at %v: %v, %v, %v", since, ends, expires, err, err2, err3)
	}
	i.wantWWW("192.0.2.1")

	i.WaitState("expired")
	i.WaitLog(0, "[ERROR]", "example.org. expired")
	i.NotServed("www.example.org", "n0.example.org", "n50.example.org")
	wantUnavailable(t, i.CoreDNS, dns.ExtendedErrorCodeInvalidData)

	i.LoadAll(manyNames(3, 60))
	i.WaitServes("example.org", 3)
	i.WaitState("in_parity")
}

// TestIncidentHeldOverRestart kills the server while it holds a zone:
//
//	NSD  serial 1 -> 2, a third gone   --\
//	                                      >--  CoreDNS, kill -9, started again
//	Knot serial 1 -> 2, a third gone   --/
//
// What it served is in the store, and so are guards against what primaries have now.
func TestIncidentHeldOverRestart(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, manyNames(1, 60), false)
	i.BeginServing(1)
	i.LoadAll(manyNames(2, 36))
	i.WaitState("held")

	i.Kill()
	i.Restart()
	i.WaitServes("example.org", 1)
	i.WaitState("held")
	i.WantPrimaries("rejected", "rejected")
	i.GoesOn(1, "192.0.2.1")
	if n := len(i.Ask("n50.example.org", dns.TypeA).Answer); n != 1 {
		t.Errorf("n50 has %d addresses", n)
	}
	if line, ok := i.log.Find(0, "serves serial 2"); ok {
		t.Error(line)
	}
}

// TestIncidentMeant is a zone that is made smaller on purpose:
//
//	NSD  serial 1 -> 2, a third gone   --\
//	                                      >--  CoreDNS, guard shrink 30% -> 50%
//	Knot serial 1 -> 2, a third gone   --/
//
// It is held all the same, until the operator says so, here by a reload of the Corefile.
func TestIncidentMeant(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, manyNames(1, 60), false)
	i.BeginServing(1, "guard shrink 30%")
	i.LoadAll(manyNames(2, 36))
	i.WaitState("held")
	i.WantPrimaries("rejected", "rejected")

	i.Reload(strings.Replace(read(t, filepath.Join(i.CoreDNS.dir, "Corefile")), "guard shrink 30%", "guard shrink 50%", 1))
	i.WaitServes("example.org", 2)
	i.WaitState("in_parity")
	i.WantPrimaries("agreeing", "agreeing")
	i.wantWWW("192.0.2.1")
}

// TestIncidentServedRatherThanNothing has one of two primaries with a copy that passes, and one with a copy that does not:
//
//	NSD  serial 1 -> 2, a third gone   --\
//	                                      >--  CoreDNS, agree all, expire 7s 7s
//	Knot serial 1 -> 2, whole          --/
//
// The zone is held. Before it would expire, the copy that is verified and that nobody disputes is served, rather than nothing.
func TestIncidentServedRatherThanNothing(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, manyNames(1, 60), false)
	i.BeginServing(1, "agree all", "expire 7s 7s")
	i.NSD.Load("example.org", manyNames(2, 36))
	i.Knot.Load("example.org", manyNames(2, 60))
	i.WantPrimaries("rejected", "ahead")
	i.WaitState("held")
	i.WaitLog(0, "example.org.", "can wait until", "when it expires")
	i.WaitServes("example.org", 2)
	i.WaitLog(0, "example.org. serves serial 2 after 1", "knot's copy", "what was served would have expired",
		"nobody who answers disputes it")
	if line, ok := i.log.Find(0, "example.org. expired"); ok {
		t.Error(line)
	}
	i.WantPrimaries("rejected", "agreeing")
	i.WaitState("held")
}

// TestIncidentTwoOfThreeDead leaves one of three primaries:
//
//	NSD  serial 1, dead    --\
//	Knot serial 1, dead    --->--  CoreDNS, agree majority, absent 2s
//	BIND serial 1 -> 2     --/
//
// One is no majority of three, until the dead ones have stopped counting.
func TestIncidentTwoOfThreeDead(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 1}.String(), true)
	i.BeginServing(1, "absent 2s", "settle 1s")
	i.NSD.Kill()
	i.Knot.Kill()
	i.WantPrimaries("unreachable", "unreachable", "agreeing")
	i.BIND.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.2"}.String())
	i.WaitServes("example.org", 2)
	i.WaitLog(0, "example.org. serves serial 2 after 1", "bind's copy", "bind holds serial 2", "nsd", "knot", "does not count")
	i.WaitState("in_parity")
	i.GoesOn(2, "192.0.2.2")
}

// TestIncidentDriftPreferred has two providers that stay apart, and an operator who has said what is to become of it:
//
//	NSD  serial 1 -> 2, www 192.0.2.2   --\
//	                                       >--  CoreDNS, agree all, settle 1s, drift prefer knot 2s
//	Knot serial 1 -> 3, www 192.0.2.3   --/
func TestIncidentDriftPreferred(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 1}.String(), false)
	i.BeginServing(1, "agree all", "compare content", "settle 1s", "drift prefer knot 2s")
	i.NSD.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.2"}.String())
	i.Knot.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	i.WaitState("drift")
	i.wantWWW("192.0.2.3")
	i.WaitLog(0, "example.org. serves serial 3 after 1", "knot's copy", "knot is preferred, since the drift has lasted 2s")
	i.WantPrimaries("diverged", "agreeing")
	if err := i.IsState("drift"); err != nil {
		t.Error(err) // it is served, and not over
	}
	i.NSD.Load("example.org", MasterFile{Serial: 4, WWW: "192.0.2.3"}.String())
	i.WaitState("in_parity")
	i.WantPrimaries("agreeing", "agreeing")
	i.GoesOn(3, "192.0.2.3")
}
