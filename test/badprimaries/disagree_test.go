package badprimaries

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
)

// TestPlausibleLie has one of two primaries make up a record in the changes that it sends. Nothing in them is wrong by
// itself; the other primary's copy tells.
//
//	a  serial 7 -> 8             --\
//	                                >--  agree all, goes on with serial 7
//	b  serial 7 -> 8, made up    --/
func TestPlausibleLie(t *testing.T) {
	leavesNothing(t, func(t *testing.T) {
		seven, eight, nine := zoneOf(t, 7), zoneOf(t, 8), zoneOf(t, 9)
		a, b := primarytest.New(t, seven), primarytest.New(t, seven)
		cfg := settings()
		cfg.Agree = config.Agree{Kind: config.All}
		s := setStage(t, cfg, a, b)
		defer s.stop()
		s.await(0, "serves serial 7")
		mark := s.mark()
		b.Behave(primarytest.Behaviour{Only: dns.TypeIXFR, Records: primarytest.Plausible(t, seven, eight).Records})
		a.Set(eight)
		b.Set(eight)
		s.notify(0, "")
		t.Log(s.await(mark, "drift", "a and b hold serial 8 with different content", "1 record", "made-up.example.org. A"))
		s.serves(seven)

		// What it then says truly does not fit what it made up, and so is not taken for the truth either before the whole zone came.
		b.Behave(primarytest.Behaviour{})
		a.Set(nine)
		b.Set(nine)
		s.notify(0, "")
		s.await(mark, "serves serial 9")
		s.serves(nine)
	})
}

// TestSerialGoesBack has primaries return to older serials: with content that was agreed on before it is taken, and with new
// content only once another primary has it, too.
func TestSerialGoesBack(t *testing.T) {
	leavesNothing(t, func(t *testing.T) {
		seven, eight := zoneOf(t, 7), zoneOf(t, 8)
		other := primarytest.Make(t, "example.org.", 5, "@ NS ns1", "ns1 A 192.0.2.53", "else A 192.0.2.54")
		a, b := primarytest.New(t, seven), primarytest.New(t, seven)
		s := setStage(t, settings(), a, b) // a majority of two are both
		defer s.stop()
		hold := func(z *primarytest.Zone, primaries ...*primarytest.Primary) (mark int) {
			mark = s.mark()
			for _, p := range primaries {
				p.Set(z)
			}
			s.notify(0, "")
			return mark
		}
		swapped := func(z *primarytest.Zone, mark int) {
			t.Helper()
			s.await(mark, fmt.Sprintf("serves serial %d", z.Serial()))
			s.serves(z)
		}
		s.await(0, "serves serial 7")
		swapped(eight, hold(eight, a, b))
		swapped(seven, hold(seven, a, b))
		mark := hold(other, a)
		t.Log(s.await(mark, "transferred serial 5"))
		t.Log(s.await(mark, "a", "serial 5", "7"))
		s.serves(seven)
		swapped(other, hold(other, b))
	})
}
