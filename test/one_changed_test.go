package test

import (
	"testing"
	"time"
)

// TestOneChanged changes the zone on one primary:
//
//	NSD  serial 1 -> 2             --\
//	                                  >--  CoreDNS: all waits, any serves
//	Knot serial 1 -------- -> 2    --/
func TestOneChanged(t *testing.T) {
	t.Parallel()
	const settle = 3 * time.Second

	t.Run("all", func(t *testing.T) {
		t.Parallel()
		s := SetStage(t, MasterFile{Serial: 1}, "agree all", "settle "+settle.String())
		s.NSD.Load("example.org", MasterFile{Serial: 2}.String())
		s.WaitState("settling")
		s.WaitPrimary("nsd", "ahead")
		s.WaitPrimary("knot", "lagging")
		s.WaitState("lagging")
		s.WaitLog(0, "[WARNING]", "example.org. lagging", "nsd holds serial 2", "knot still holds serial 1")
		Always(t, settle, func() error { return s.Serves("example.org", 1) })

		s.Knot.Load("example.org", MasterFile{Serial: 2}.String())
		s.WaitServes("example.org", 2)
		s.WaitState("in_parity")
		s.WaitPrimary("nsd", "agreeing")
		s.WaitPrimary("knot", "agreeing")
		s.WaitLog(0, "example.org. in parity again")
	})

	t.Run("any", func(t *testing.T) {
		t.Parallel()
		s := SetStage(t, MasterFile{Serial: 1}, "agree any", "settle "+settle.String())
		s.NSD.Load("example.org", MasterFile{Serial: 2}.String())
		s.WaitServes("example.org", 2)
		s.WaitPrimary("nsd", "agreeing")
		s.WaitPrimary("knot", "lagging")
		Always(t, settle, func() error { return s.Serves("example.org", 2) })
	})
}
