package test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// TestNotifyStorm has somebody send 100,000 NOTIFYs, as fast as they are answered:
//
//	flooder  127.0.0.2  ---NOTIFY example.org, 100,000 times--->  CoreDNS
//	scripted 127.0.0.3  ---NOTIFY example.net, now and then---->
//
// All that while queries are answered, and what changes on example.net's primary is served. The flooder is a primary of
// example.org, which then is asked now and then; or nobody, whose messages are refused; or a primary of example.org that
// speaks of a zone that is not here.
func TestNotifyStorm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, from, zone string
		rcode            int
		most             int // checks that it may start, over what the timers do
	}{
		// Ten at once and two a second are what is allowed.
		{"of its primary", "127.0.0.2", "example.org.", dns.RcodeSuccess, 10},
		{"of a stranger", "127.0.0.4", "example.org.", dns.RcodeRefused, 0},
		{"for no zone of ours", "127.0.0.2", "elsewhere.example.", dns.RcodeRefused, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			org := primarytest.Listen(t, "127.0.0.2:0", scriptedZone(t, 1))
			other := primarytest.Listen(t, "127.0.0.3:0", netZone(t, 1))
			c := NewCoreDNS(t)
			c.Start(Corefile("primary org "+org.Addr().String()) + stormedCorefile(other.Addr()))
			c.WaitServes("example.org", 1)
			c.WaitServes("example.net", 1)
			before, probes, began := c.RSS(false), org.Counts().Probes, time.Now()

			storm := startStorm(t, tt.from, c.Addr, tt.zone, 100_000)
			serial := uint32(1)
			Eventually(t, 10*Patience, func() error {
				if err := errors.Join(c.Serves("example.org", 1), c.ended()); err != nil {
					t.Fatalf("while it storms: %v", err)
				}
				serial++
				other.Set(netZone(t, serial))
				if rcode, err := Notify(other.Addr().Addr(), c.Addr, "example.net"); err != nil || rcode != dns.RcodeSuccess {
					t.Fatalf("the other zone's NOTIFY: rcode %d, %v", rcode, err)
				}
				c.WaitServes("example.net", serial)
				return storm.over()
			})
			rcodes := storm.wait()
			took := time.Since(began)
			if len(rcodes) != 1 || rcodes[tt.rcode] == 0 {
				t.Errorf("answers by rcode: %v, want %d alone", rcodes, tt.rcode)
			}
			asked := org.Counts().Probes - probes
			if most := tt.most + tt.most/5*int(took/time.Second+1); asked > most {
				t.Errorf("the primary was asked %d times, want %d at most", asked, most)
			}
			const mib = 1 << 20
			grown := c.RSS(true) - before
			t.Logf("%d NOTIFYs answered and %d lost in %v; the primary was asked %d times, the other zone changed %d times; memory grew by %d MiB at most",
				rcodes[tt.rcode], storm.lost, took.Round(time.Millisecond), asked, serial-1, grown/mib)
			if grown > c.allowed(64*mib) {
				t.Errorf("memory grew by %d MiB", grown/mib)
			}
			// The zone that was stormed is none the worse for it.
			org.Set(scriptedZone(t, 2))
			Eventually(t, Patience, func() error {
				_, err := Notify(org.Addr().Addr(), c.Addr, "example.org")
				return errors.Join(err, c.Serves("example.org", 2))
			})
		})
	}
}

// stormedCorefile is a second server block.
func stormedCorefile(primary netip.AddrPort) string {
	return `example.net:$PORT {
	bind 127.0.0.1
	concord {
		primary other ` + primary.String() + `
	}
	errors
}
`
}

func netZone(t *testing.T, serial uint32) *primarytest.Zone {
	t.Helper()
	return primarytest.Make(t, "example.net.", serial, "@ NS ns1", "ns1 A 192.0.2.53")
}

// A storm sends the same NOTIFY over and over, with so many under way, so that none is lost for want of a place in the
// system's buffers.
type storm struct {
	left   int
	lost   int
	rcodes map[int]int
	err    error
	ended  chan struct{} // closed when all above is done with
	conn   *net.UDPConn
}

func startStorm(t *testing.T, from string, to netip.AddrPort, zone string, messages int) *storm {
	t.Helper()
	local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	msg, err := new(dns.Msg).SetNotify(zone).Pack()
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{left: messages, rcodes: map[int]int{}, ended: make(chan struct{}), conn: conn}
	go func() {
		defer close(s.ended)
		s.err = s.run(msg)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-s.ended
	})
	return s
}

func (s *storm) run(msg []byte) error {
	const window = 64
	var buf [512]byte
	for under := 0; s.left > 0 || under > 0; {
		for ; under < window && s.left > 0; under++ {
			msg[0], msg[1] = byte(s.left>>8), byte(s.left)
			if _, err := s.conn.Write(msg); err != nil {
				return err
			}
			s.left--
		}
		if err := s.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		n, err := s.conn.Read(buf[:])
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			s.lost += under
			under = 0
			continue
		}
		if err != nil {
			return err
		}
		if n >= 12 {
			s.rcodes[int(buf[3]&15)]++
			under--
		}
	}
	return nil
}

// over returns an error while it goes on.
func (s *storm) over() error {
	select {
	case <-s.ended:
		return nil
	default:
		return errors.New("it still storms")
	}
}

// wait returns how often each rcode came.
func (s *storm) wait() map[int]int {
	<-s.ended
	return s.rcodes
}
