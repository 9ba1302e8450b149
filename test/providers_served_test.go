package test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestProvidersServed has the source change from one provider to another, whose serial is lower:
//
//	red  (NSD)   serial 2026112001, then dead   --\
//	                                               >--  CoreDNS, agree all, compare content, absent 2s
//	blue (Knot)  serial 7 -> 8                  --/
//
// The serial served is the source's own, and that those downstream will not follow is told once. With serial keep it goes forward.
func TestProvidersServed(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("serial keep %t", keep), func(t *testing.T) {
			t.Parallel()
			records := []string{"www A 192.0.2.1"}
			red := provider{"ns1.red.example. admin.red.example.", 2026112001, "@ NS ns2.red.example."}
			blue := provider{"ns1 hostmaster", 7, ""}
			c := NewCoreDNS(t)
			first := startProvider(t, NSD, "127.0.0.2", c, red.zone(records))
			second := startProvider(t, Knot, "127.0.0.3", c, blue.zone(records))
			properties := []string{
				"primary red " + first.Addr.String(), "primary blue " + second.Addr.String(),
				"agree all", "compare content", "settle 1s", "absent 2s", "refresh 1s 1s", "retry 1s 1s",
			}
			if keep {
				properties = append(properties, "serial keep")
			}
			c.Start(Corefile(properties...))
			c.wantWWW("192.0.2.1")
			c.WaitState("in_parity")
			before := c.serial()
			if !keep && before != red.serial {
				t.Errorf("serial %d is served, want red's", before)
			}
			c.WaitLog(0, "example.org.", "red has ns1.example.org., ns2.red.example.") // as resolvers see it

			first.Kill()
			blue.serial = 8
			second.Load("example.org", blue.zone([]string{"www A 192.0.2.8"}))
			c.wantWWW("192.0.2.8")
			c.WaitState("in_parity")
			c.WaitLog(0, "example.org. serves serial", "blue's copy")
			told := c.log.All("[WARNING]", "which is not greater")
			if after := c.serial(); keep {
				if int32(after-before) <= 0 || len(told) > 0 {
					t.Errorf("serial %d is served after %d: %q", after, before, told)
				}
				return
			}
			if err := c.Serves("example.org", 8); err != nil {
				t.Error(err)
			}
			c.WaitLog(0, "[WARNING]", "example.org.", "the served copy is blue's with serial 8 after red's with 2026112001, which is not greater")
			second.Load("example.org", provider{"ns1 hostmaster", 9, ""}.zone([]string{"www A 192.0.2.9"}))
			c.WaitServes("example.org", 9)
			if told := c.log.All("which is not greater"); len(told) != 1 {
				t.Errorf("told %d times: %q", len(told), told)
			}
		})
	}
}

// TestProvidersServedMultisigner has two providers that sign by themselves (RFC 8901 model 2):
//
//	red  (signed by Knot, served by NSD), dead in the end   --\
//	                                                           >--  CoreDNS, agree all, compare multisigner, verify dnssec
//	blue (signed by ldns, served by Knot)                   --/
//
// One's copy is served whole, with its signatures and no other's.
func TestProvidersServedMultisigner(t *testing.T) {
	t.Parallel()
	red, blue := NewKnotSigner(t, ECDSAP256), NewLDNSSigner(t, ECDSAP256)
	redHow, blueHow := Signing{Others: []string{blue.ZSK}}, Signing{NSEC3: true, Others: []string{red.ZSK}}
	c := NewCoreDNS(t)
	first := startProvider(t, NSD, "127.0.0.2", c, red.Sign(MasterFile{Serial: 100}.String(), redHow))
	second := startProvider(t, Knot, "127.0.0.3", c, blue.Sign(MasterFile{Serial: 7}.String(), blueHow))
	c.Start(Corefile("primary red "+first.Addr.String(), "primary blue "+second.Addr.String(),
		"agree all", "compare multisigner", "verify dnssec", "settle 1s", "absent 2s", "refresh 1s 1s", "retry 1s 1s"))
	c.WaitServes("example.org", 100)
	c.WaitState("in_parity")
	c.wantSignedBy(t, red)
	c.WaitLog(0, "example.org.", "blue denies with NSEC3, red with NSEC")

	// Blue forgets red's key. It is told, and the zone goes on.
	second.Load("example.org", blue.Sign(MasterFile{Serial: 8}.String(), Signing{}))
	c.WaitLog(0, "[WARNING]", "example.org.", "the DNSKEY RRset of blue lacks key", "which red signs with")
	c.WaitPrimary("blue", "agreeing")
	c.wantSignedBy(t, red)

	first.Kill()
	second.Load("example.org", blue.Sign(MasterFile{Serial: 9, WWW: "192.0.2.9"}.String(), blueHow))
	c.WaitServes("example.org", 9)
	c.wantWWW("192.0.2.9")
	c.wantSignedBy(t, blue)
}

// TestProvidersFlattened has a provider that serves the addresses of an alias in its place:
//
//	red  (NSD)   shop CNAME www       --\
//	                                     >--  CoreDNS, agree all, compare content, then ignore shop ANY
//	blue (Knot)  shop A 192.0.2.1     --/
//
// They never have the same, and it is said why. What is ignored is served as red has it.
func TestProvidersFlattened(t *testing.T) {
	t.Parallel()
	c := NewCoreDNS(t)
	first := startProvider(t, NSD, "127.0.0.2", c, provider{"ns1 hostmaster", 1, ""}.zone([]string{"www A 192.0.2.1", "shop CNAME www"}))
	second := startProvider(t, Knot, "127.0.0.3", c, provider{"ns1 hostmaster", 7, ""}.zone([]string{"www A 192.0.2.1", "shop A 192.0.2.1"}))
	corefile := func(more ...string) string {
		return Corefile(append(more, "primary red "+first.Addr.String(), "primary blue "+second.Addr.String(), "agree all", "compare content",
			"settle 1s", "refresh 1s 1s", "retry 1s 1s")...)
	}
	c.Start(corefile())
	c.WaitState("drift")
	c.WaitLog(0, "[WARNING]", "example.org. drift", "shop.example.org. is a CNAME on one side and has addresses on the other, as if flattened")
	wantUnavailable(t, c, dns.ExtendedErrorCodeNotReady)

	c.Reload(corefile("ignore shop ANY"))
	c.WaitServes("example.org", 1)
	c.WaitState("in_parity")
	c.WaitMetric(`coredns_concord_parity_ignored_records{zone="example.org."}`, 1)
	if answer := c.Ask("shop.example.org", dns.TypeA).Answer; len(answer) != 2 {
		t.Errorf("shop is %v", answer)
	}
}

func startProvider(t *testing.T, kind *Kind, ip string, c *CoreDNS, zone string) *Peer {
	t.Helper()
	return StartPeer(t, kind, PeerConfig{Zones: map[string]string{"example.org": zone}, IP: ip, Notify: []netip.AddrPort{c.Addr}})
}

// serial is the one that is served.
func (c *CoreDNS) serial() uint32 {
	c.t.Helper()
	serial, err := Serial(c.Addr, "example.org")
	if err != nil {
		c.t.Fatal(err)
	}
	return serial
}

// wantSignedBy wants the answers about www, and that there is no other, to be signed by one signer alone.
func (c *CoreDNS) wantSignedBy(t *testing.T, s *Signer) {
	t.Helper()
	rr, err := dns.NewRR(s.ZSK)
	if err != nil {
		t.Fatal(err)
	}
	key := rr.(*dns.DNSKEY)
	for _, name := range []string{"www.example.org.", "nobody.example.org."} {
		m := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(4096, true)
		r, err := exchange("udp", c.Addr, m)
		if err != nil {
			t.Fatal(err)
		}
		signatures := 0
		for _, rr := range append(r.Answer, r.Ns...) {
			sig, ok := rr.(*dns.RRSIG)
			if !ok {
				continue
			}
			signatures++
			var set []dns.RR
			for _, rr := range append(r.Answer, r.Ns...) {
				if rr.Header().Rrtype == sig.TypeCovered && strings.EqualFold(rr.Header().Name, sig.Hdr.Name) {
					set = append(set, rr)
				}
			}
			if err := sig.Verify(key, set); err != nil {
				t.Errorf("%s: %v: %v", name, sig, err)
			}
		}
		if signatures == 0 {
			t.Errorf("no signatures in the answer for %s: %v", name, r)
		}
	}
}
