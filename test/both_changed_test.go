package test

import (
	"testing"
	"time"
)

// TestBothChanged changes the zone on both primaries, one after the other, and again in the other order:
//
//	NSD  serial 1 -> 2 ---- -> 3   --\
//	                                  >--  CoreDNS, agree all
//	Knot serial 1 ---- -> 2 -> 3   --/
//
// The swap takes less than a second from when the second has the new version, NOTIFY included.
func TestBothChanged(t *testing.T) {
	s := SetStage(t, MasterFile{Serial: 1}, "agree all")
	for serial := uint32(2); serial < 6; serial++ {
		order := []*Peer{s.NSD, s.Knot}
		if serial%2 == 1 {
			order = []*Peer{s.Knot, s.NSD}
		}
		next := MasterFile{Serial: serial}.String()
		order[0].Load("example.org", next)
		if err := s.Serves("example.org", serial-1); err != nil {
			t.Error(err)
		}
		order[1].Load("example.org", next)
		if took := s.WaitServes("example.org", serial); took > time.Second {
			t.Errorf("serial %d: %s came second, and the swap took %v", serial, order[1].Kind.Name, took)
		} else {
			t.Logf("serial %d: %s came second, and the swap took %v", serial, order[1].Kind.Name, took.Round(time.Millisecond))
		}
	}
}
