package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestBothKilled kills both primaries, and one comes back:
//
//	NSD  serial 1 -> kill -9 -> serial 1   --\
//	                                          >--  CoreDNS: serves on, expires, serves again
//	Knot serial 1 -> kill -9               --/
func TestBothKilled(t *testing.T) {
	t.Parallel()
	const expire = 5 * time.Second
	s := SetStage(t, MasterFile{Serial: 1, Timers: "1 1 5"}, "agree all", "refresh 1s 1d", "retry 1s 1h", "expire 1s 60d")
	// Refreshed by those that live, it does not expire.
	Always(t, expire+time.Second, func() error { return s.Serves("example.org", 1) })

	s.NSD.Kill()
	s.Knot.Kill()
	killed := time.Now()
	Always(t, expire-2*time.Second, func() error { return s.Serves("example.org", 1) }) // a check was at most a second ago
	Eventually(t, Patience, func() error { return unavailable(s.CoreDNS, dns.ExtendedErrorCodeInvalidData) })
	if after := time.Since(killed); after > expire+time.Second {
		t.Errorf("it expired %v after the last that could have confirmed it, and not after %v", after, expire)
	}
	s.WaitState("expired")
	s.WaitLog(0, "[ERROR]", "example.org. expired")

	s.NSD.Restart() // with the same serial
	s.WaitServes("example.org", 1)
	s.WaitLog(0, "example.org. is served again")
}

// unavailable returns an error unless the server answers SERVFAIL, with this reason (RFC 8914).
func unavailable(c *CoreDNS, code uint16) error {
	r, err := Ask(c.Addr, "www.example.org", dns.TypeA)
	if err != nil {
		return err
	}
	if r.Rcode == dns.RcodeServerFailure && r.IsEdns0() != nil {
		for _, option := range r.IsEdns0().Option {
			if ede, ok := option.(*dns.EDNS0_EDE); ok && ede.InfoCode == code {
				return nil
			}
		}
	}
	return fmt.Errorf("not SERVFAIL with extended error %d: %v", code, r)
}
