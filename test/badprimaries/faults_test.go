package badprimaries

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
)

// A fault is how a primary goes wrong with a new version.
type fault struct {
	name   string
	behave primarytest.Behaviour
	keyed  bool // the primary and we have a key
	tls    bool
	wrong  func(*primarytest.Primary) // done to the primary beside behave, if set
	want   []string                   // in the line that tells of it
}

const (
	keyName = "transfer.example.org."
	secret  = "a secret of thirty-two octets, or so"
)

// theirs is the key as the primary has it.
var theirs = primarytest.Key{Name: keyName, Algorithm: dns.HmacSHA256, Secret: "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBvY3RldHMsIG9yIHNv"}

// faults are those that cost a check: nothing of what came is used.
func faults() []fault {
	type behaviour = primarytest.Behaviour
	list := []fault{
		{name: "silent", behave: behaviour{Silent: true}, want: []string{"(timeout)", "SOA of", "within 1s"}},
		{name: "octet by octet", behave: behaviour{Drip: 50 * time.Millisecond}, want: []string{"(timeout)", "SOA of", "within 1s"}},
		{name: "a slow message after the other", behave: behaviour{Delay: 300 * time.Millisecond, RecordsPerMessage: 1},
			want: []string{"(timeout)", "within 3s"}},
		{name: "falls silent", behave: behaviour{SilentAfter: 2, RecordsPerMessage: 1}, want: []string{"(timeout)", "no message within 1s"}},
		{name: "garbage", behave: behaviour{Garbage: true}, want: []string{"SOA of"}},
		{name: "another's answer", behave: behaviour{WrongID: true}, want: []string{"(stream)", "SOA of", "an id that is not that of the query"}},
		{name: "another question", behave: behaviour{WrongQuestion: true}, want: []string{"(stream)", "question dxample.org. IN SOA, want example.org. IN SOA"}},
		{name: "messages in reverse", behave: behaviour{Reversed: true, RecordsPerMessage: 7}, want: []string{"(stream)", "AXFR of", "and before it IXFR"}},
		{name: "ends with another serial", behave: behaviour{Whole: true, EndSerial: 9}, want: []string{"(stream)", "a second SOA record with serial 9, the first has 8"}},
		{name: "no end", behave: behaviour{Whole: true, NoEnd: true}, want: []string{"(stream)", "connection closed"}},
		{name: "endless", behave: behaviour{Whole: true, Endless: 1 << 30}, want: []string{"(limit)", "65536 octets"}},
		{name: "endless changes, and endless", behave: behaviour{Endless: 1 << 30}, want: []string{"(limit)", "AXFR of", "65536 octets", "and before it IXFR"}},
		{name: "REFUSED", behave: behaviour{Rcode: dns.RcodeRefused}, want: []string{"(rcode)", "REFUSED"}},
		{name: "SERVFAIL", behave: behaviour{Rcode: dns.RcodeServerFailure}, want: []string{"(rcode)", "SERVFAIL"}},

		{name: "unsigned", keyed: true, behave: behaviour{TSIG: primarytest.TSIG{Unsigned: true}}, want: []string{"(tsig)", "the answer is not signed"}},
		{name: "the last message unsigned", keyed: true, behave: behaviour{RecordsPerMessage: 1, TSIG: primarytest.TSIG{LastUnsigned: true}},
			want: []string{"(tsig)", "its last message is not signed"}},
		{name: "a hundred unsigned messages", keyed: true, behave: behaviour{RecordsPerMessage: 1, Whole: true, Endless: 200, TSIG: primarytest.TSIG{Every: 101}},
			want: []string{"(tsig)", "more than 99 messages in a row are not signed"}},
		{name: "an hour ahead", keyed: true, behave: behaviour{TSIG: primarytest.TSIG{Clock: time.Hour}}, want: []string{"(tsig)", "BADTIME: the primary's clock is 1h ahead of ours"}},
		{name: "does not know our key", keyed: true, wrong: func(p *primarytest.Primary) {
			p.UseKeys(primarytest.Key{Name: "other.", Algorithm: dns.HmacSHA256, Secret: theirs.Secret})
		}, want: []string{"(tsig)", "BADKEY"}},
		{name: "another secret", keyed: true, wrong: func(p *primarytest.Primary) {
			p.UseKeys(primarytest.Key{Name: keyName, Algorithm: dns.HmacSHA256, Secret: "b3RoZXI="})
		}, want: []string{"(tsig)", "BADSIG"}},

		{name: "no TLS any more", tls: true, wrong: func(p *primarytest.Primary) { p.UseTLS(nil) }, want: []string{"(tls)"}},
		{name: "TLS 1.2", tls: true, wrong: func(p *primarytest.Primary) {
			p.UseTLS(&tls.Config{MaxVersion: tls.VersionTLS12})
		}, want: []string{"(tls)"}},
	}
	for _, what := range []string{"the first message", "a message in the middle", "the last message"} {
		list = append(list, fault{name: "changed on its way: " + what, keyed: true, want: []string{"(tsig)", "BADSIG: the signature of the answer is wrong"},
			behave: primarytest.Behaviour{RecordsPerMessage: 3, TSIG: primarytest.TSIG{Every: 3, Edit: func(n int, msg []byte, last bool) []byte {
				if n == 1 && what == "the first message" || n == 2 && what == "a message in the middle" || last && what == "the last message" {
					msg[3] ^= 0x20 // a bit that nobody looks at: AD
				}
				return msg
			}}}})
	}
	// IXFR has six messages of seven records, and AXFR as many.
	for n := 1; n <= 6; n++ {
		phase := "AXFR of"
		if n == 1 {
			phase = "SOA of"
		}
		for how, b := range map[string]primarytest.Behaviour{"reset": {ResetAt: n}, "closed": {CloseAt: n}, "cut": {CutAt: n}} {
			b.RecordsPerMessage = 7
			want := []string{"(stream)", phase}
			if n > 1 && how != "cut" {
				want = append(want, fmt.Sprintf("after %d message", n-1))
			}
			list = append(list, fault{name: fmt.Sprintf("%s at message %d", how, n), behave: b, want: want})
		}
	}
	return list
}

// TestFaults has each fault happen to a zone that is served: the version before stays, one line tells of it, and once the
// primary is honest again its new version is served. Nothing is left of any of it.
func TestFaults(t *testing.T) {
	authority := primarytest.NewAuthority(t)
	ca, honest := authority.File(), &tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "127.0.0.1")}}
	leavesNothing(t, func(t *testing.T) {
		for _, f := range faults() {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				seven, eight := zoneOf(t, 7), zoneOf(t, 8)
				p := primarytest.New(t, seven)
				cfg, key := settings(), ""
				cfg.Primaries = make([]config.Primary, 1)
				if f.keyed {
					key = keyName
					p.UseKeys(theirs)
					cfg.Keys = []config.Key{{Name: keyName, Algorithm: config.HMACSHA256, Secret: config.NewSecret([]byte(secret))}}
					cfg.Primaries[0].Keys = []string{keyName}
				}
				if f.tls {
					p.UseTLS(honest)
					cfg.Primaries[0].TLS = config.TLS{On: true, CA: ca}
				}
				s := setStage(t, cfg, p)
				defer s.stop()
				s.await(0, "serves serial 7")

				mark := s.mark()
				p.Set(eight)
				p.Behave(f.behave)
				if f.wrong != nil {
					f.wrong(p)
				}
				s.forgetConnections(f.wrong != nil)
				s.notify(0, key)
				t.Log(s.await(mark, append(f.want, "failed", "primary a", "example.org.", p.Addr().String())...))
				s.serves(seven)

				p.Behave(primarytest.Behaviour{})
				if f.keyed {
					p.UseKeys(theirs)
				}
				if f.tls {
					p.UseTLS(honest)
				}
				s.notify(0, key)
				s.await(mark, "serves serial 8")
				s.serves(eight)
			})
		}
	})
}

// forgetConnections has the next question go over a new connection.
func (s *stage) forgetConnections(yes bool) {
	if yes {
		s.conns.Close()
	}
}

// TestLies has a primary lie when it is asked for changes: the lie is told, the whole zone comes of the same primary in the
// same check, and nothing of the lie is in it.
func TestLies(t *testing.T) {
	leavesNothing(t, func(t *testing.T) {
		seven, eight := zoneOf(t, 7), zoneOf(t, 8)
		lies := primarytest.Lies(t, seven, eight)
		for _, lie := range lies {
			t.Run(lie.Name, func(t *testing.T) {
				t.Parallel()
				p := primarytest.New(t, seven)
				s := setStage(t, settings(), p)
				defer s.stop()
				s.await(0, "serves serial 7")
				mark := s.mark()
				p.Behave(primarytest.Behaviour{Only: dns.TypeIXFR, Records: lie.Records})
				p.Set(eight)
				s.notify(0, "")
				t.Log(s.await(mark, "transferred serial 8 by axfr, instead of: IXFR of example.org. from "+p.Addr().String()))
				s.await(mark, "serves serial 8")
				s.serves(eight)
			})
		}
	})
}
