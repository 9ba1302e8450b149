package xfr

import (
	"crypto/tls"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
)

// Whatever a primary does, nothing of it is left: neither memory nor descriptors, nor goroutines, which the end of the tests
// looks for.
func TestNothingLeaks(t *testing.T) {
	old, z := exampleZone(t, 7), exampleZone(t, 8)
	base := old.Version(t)
	authority := primarytest.NewAuthority(t)
	k := tsigKey(t, "k.", config.HMACSHA256, secret)
	lie := parseRecords(t, soaOf(8), soa7, "absent.example.org. 60 A 192.0.2.1", soaOf(8), soaOf(8))
	behaviours := []primarytest.Behaviour{
		{}, {RecordsPerMessage: 1}, {ResetAt: 1}, {ResetAt: 3, MessageSize: 512}, {CloseAt: 1}, {CloseAt: 3, MessageSize: 512}, {CutAt: 1},
		{CutAt: 3, MessageSize: 512}, {CloseAfterAnswer: true}, {Rcode: dns.RcodeServerFailure}, {Rcode: dns.RcodeRefused, Only: dns.TypeIXFR},
		{Garbage: true}, {WrongID: true}, {WrongQuestion: true}, {Truncated: true}, {EndSerial: 9, Whole: true}, {NoEnd: true, Whole: true},
		{Endless: 10_000, Whole: true}, {Records: lie}, {NoEDNS: true}, {Keepalive: time.Hour}, {Keepalive: -1}, {TSIG: primarytest.TSIG{Unsigned: true}},
		{MessageSize: 512, TSIG: primarytest.TSIG{LastUnsigned: true}}, {TSIG: primarytest.TSIG{Clock: time.Hour}},
	}
	run := func() {
		var conns Conns
		defer conns.Close()
		for _, secured := range []bool{false, true} {
			for _, signed := range []bool{false, true} {
				p := primarytest.New(t, old, z)
				c := Client{Conns: &conns}
				if secured {
					p.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "127.0.0.1")}})
					c.TLS = config.TLS{On: true, CA: authority.File()}
				}
				if signed {
					p.UseKeys(theirs(k, secret))
					c.Keys = func() ([]tsig.Key, error) { return []tsig.Key{k}, nil }
				}
				for _, b := range behaviours {
					p.Behave(b)
					got, err := c.Transfer(t.Context(), p.Addr(), z.Apex(), base, nil, 1<<16)
					if (err == nil) != (got.Version() != nil) || err == nil && got.Version().Root() != z.Version(t).Root() {
						t.Errorf("%+v: %v", b, err)
					}
				}
				p.Stop()
			}
		}
	}
	run()
	memory, open := heap(), descriptors(t)
	for range 3 {
		run()
	}
	if now := heap(); now > memory+2<<20 {
		t.Errorf("%d octets more in memory", now-memory)
	}
	if now := descriptors(t); now > open {
		t.Errorf("%d descriptors are open, before it were %d", now, open)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open descriptors")
	}
	return len(list)
}
