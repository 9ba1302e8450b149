package test

import (
	"testing"
	"time"
)

// TestOneKilled kills one primary:
//
//	NSD  serial 1 -> kill -9 ------ -> 3   --\
//	                                          >--  CoreDNS, agree all, absent 3s
//	Knot serial 1 ---- -> 2 ------- -> 3   --/
//
// A change on the other is served once the dead one has stopped counting.
func TestOneKilled(t *testing.T) {
	t.Parallel()
	const absent = 3 * time.Second
	s := SetStage(t, MasterFile{Serial: 1}, "agree all", "absent "+absent.String(), "retry 1s 1s")
	s.NSD.Kill()
	killed := time.Now()
	s.Knot.Load("example.org", MasterFile{Serial: 2}.String())
	s.WaitPrimary("nsd", "unreachable")
	s.WaitLog(0, "[WARNING]", "example.org.", "nsd", s.NSD.Addr.String(), "connection refused")
	s.WaitServes("example.org", 2)
	if after := time.Since(killed); after < absent {
		t.Errorf("serial 2 is served %v after the crash, while the dead primary counts", after)
	}

	s.NSD.Restart() // with serial 1
	s.WaitPrimary("nsd", "lagging")
	s.WaitLog(0, "example.org.", "nsd answers again")
	Always(t, time.Second, func() error { return s.Serves("example.org", 2) })
	s.NSD.Load("example.org", MasterFile{Serial: 3}.String())
	s.Knot.Load("example.org", MasterFile{Serial: 3}.String())
	s.WaitServes("example.org", 3)
	s.WaitState("in_parity")
}
