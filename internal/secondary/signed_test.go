package secondary

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/primarytest"
)

// signer signs small zones.
type signer struct {
	t   *testing.T
	key *dns.DNSKEY
	by  crypto.Signer
}

func newSigner(t *testing.T) *signer {
	k := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: 257, Protocol: 3, Algorithm: dns.ED25519,
	}
	private, err := k.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, k, private.(crypto.Signer)}
}

// sign returns a zone with a record for each letter, whose signatures are good from one time to another.
func (s *signer) sign(serial uint32, letters string, from, to time.Time) *primarytest.Zone {
	s.t.Helper()
	sets := map[string][]string{
		"example.org. SOA": {fmt.Sprintf("example.org. 3600 IN SOA ns.example.org. hostmaster.example.org. %d 3600 600 604800 300", serial)},
		"example.org. NS":  {"example.org. 3600 IN NS ns.example.org."},
		"example.org. KEY": {s.key.String()},
		"ns.example.org.":  {"ns.example.org. 3600 IN A 192.0.2.53"},
	}
	names := []string{origin}
	for _, c := range letters + "n" {
		name := string(c) + ".example.org."
		if c == 'n' {
			name = "ns.example.org."
		}
		names = append(names, name)
		sets[name] = []string{name + " 3600 IN A 192.0.2.53"}
	}
	slices.Sort(names[1:])
	for i, name := range names {
		types := "A RRSIG NSEC"
		if i == 0 {
			types = "NS SOA RRSIG NSEC DNSKEY"
		}
		sets[name+" NSEC"] = []string{fmt.Sprintf("%s 300 IN NSEC %s %s", name, names[(i+1)%len(names)], types)}
	}
	var records []string
	for _, set := range sets {
		var rrs []dns.RR
		for _, text := range set {
			rr, err := dns.NewRR(text)
			if err != nil {
				s.t.Fatal(err)
			}
			rrs = append(rrs, rr)
		}
		sig := &dns.RRSIG{
			Hdr:       dns.RR_Header{Ttl: rrs[0].Header().Ttl},
			Algorithm: s.key.Algorithm, KeyTag: s.key.KeyTag(), SignerName: origin,
			Inception: uint32(from.Unix()), Expiration: uint32(to.Unix()),
		}
		if err := sig.Sign(s.by, rrs); err != nil {
			s.t.Fatal(err)
		}
		records = append(append(records, set...), sig.String())
	}
	first := slices.IndexFunc(records, func(r string) bool { return strings.Contains(r, " IN SOA ") })
	records[0], records[first] = records[first], records[0]
	return primarytest.Make(s.t, origin, 0, records...)
}

// Signatures that end later do not take a zone away that is served; that they will is told before; and those that are of the
// future are looked at again.
func TestSignatures(t *testing.T) {
	cfg := policy(config.Agree{Kind: config.All})
	cfg.Verify.DNSSEC = true
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg, "ns1", "ns2")
		s, day := newSigner(t), 24*time.Hour
		give := func(z *primarytest.Zone) {
			for _, name := range w.names {
				w.primaries[name].Set(z)
			}
		}
		give(s.sign(7, "a", w.begin.Add(-time.Hour), w.begin.Add(3*day)))
		w.zone.Start()
		w.advance(time.Second)
		st := w.zone.Status()
		if st.State != parity.InParity || !st.SignedUntil.Equal(w.begin.Add(3*day)) {
			t.Fatalf("%s, signed until %v: %s", st.State, st.SignedUntil.Sub(w.begin), st.Reason)
		}
		w.told()
		w.advance(3*day - time.Hour)
		if told := w.told(); !strings.Contains(told, "deadline 00:00:00: the first of its signatures expires") {
			t.Errorf("told: %s", told)
		}
		// They end, and are served on: the primaries confirm them, and after a restart too.
		w.advance(2 * time.Hour)
		w.restart(time.Minute)
		if _, err := w.zone.Retransfer(t.Context(), "", Word{"anna", "a test"}); err != nil {
			t.Error(err)
		}
		w.advance(time.Minute)
		if got := w.serving(); got != "7, in parity" {
			t.Errorf("%s is served: %s", got, w.zone.Status().Reason)
		}
		// New ones that have ended, too, are not taken.
		now := time.Now()
		give(s.sign(8, "ab", now.Add(-3*day), now.Add(-day)))
		w.notify("ns1")
		w.advance(time.Minute)
		if p := &w.zone.Status().Primaries[1]; w.serving() != "7, held" || p.Check != "dnssec" || p.Waivable || !strings.Contains(p.Rejected, "signature-expired") {
			t.Errorf("%s is served, ns2 rejected by %s: %s", w.serving(), p.Check, p.Rejected)
		}
		// Nor are those of the future, until they are good.
		give(s.sign(9, "ac", now.Add(30*time.Hour), now.Add(9*day)))
		w.notify("ns1")
		w.advance(time.Hour)
		if got := w.serving(); got != "7, held" {
			t.Errorf("%s is served", got)
		}
		w.advance(31 * time.Hour)
		if got := w.serving(); got != "9, in parity" {
			t.Errorf("%s is served: %s", got, w.zone.Status().Reason)
		}
		if until := w.zone.Status().SignedUntil; !until.Equal(now.Add(9 * day).Truncate(time.Second)) {
			t.Errorf("signed until %v, want %v", until, now.Add(9*day))
		}
	})
}

// A signed zone is served with its source's serial, whatever is configured: a line of our own would take its signature away. That
// is told once.
func TestKeepSerialSigned(t *testing.T) {
	cfg := policy(config.Agree{Kind: config.All})
	cfg.Compare, cfg.SerialKeep = config.CompareContent, true
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg, "ns1", "ns2")
		s := newSigner(t)
		told := ""
		for i, serial := range []uint32{7, 8, 9, 5} {
			z := s.sign(serial, "abcd"[:i+1], w.begin.Add(-time.Hour), w.begin.Add(1000*time.Hour))
			for _, name := range w.names {
				w.primaries[name].Remove(origin)
				w.primaries[name].Set(z)
			}
			if i == 0 {
				w.zone.Start()
			} else {
				w.notify("ns1")
			}
			w.advance(time.Minute)
			if got, want := w.serving(), fmt.Sprintf("%d, in parity", serial); got != want {
				t.Errorf("%s is served, want %s: %s", got, want, w.zone.Status().Reason)
			}
			told += w.told() + "\n"
		}
		if n := strings.Count(told, "serial not kept: "); n != 1 {
			t.Errorf("told %d times that the serial is not kept:\n%s", n, told)
		}
		if n := strings.Count(told, "serial break: "); n != 1 {
			t.Errorf("told of %d breaks, want that from 9 to 5:\n%s", n, told)
		}
	})
}

// A copy that waits for others is looked at again when its signatures have ended, also if somebody looked in the very second.
func TestSignaturesEndWaiting(t *testing.T) {
	cfg := policy(config.Agree{Kind: config.All})
	cfg.Verify.DNSSEC = true
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg, "ns1", "ns2")
		s := newSigner(t)
		for _, name := range w.names {
			w.primaries[name].Set(s.sign(7, "a", w.begin.Add(-time.Hour), w.begin.Add(1000*time.Hour)))
		}
		w.zone.Start()
		w.advance(time.Second)
		end := time.Now().Add(time.Minute).Truncate(time.Second)
		w.primaries["ns1"].Set(s.sign(8, "ab", w.begin.Add(-time.Hour), end))
		w.notify("ns1")
		w.advance(time.Until(end) + 300*time.Millisecond)
		w.notify("ns1")
		w.advance(300 * time.Millisecond)
		if p := &w.zone.Status().Primaries[0]; p.Rejected != "" {
			t.Errorf("in its last second: %s", p.Rejected)
		}
		w.advance(time.Second)
		w.notify("ns1")
		w.advance(time.Second)
		if p := &w.zone.Status().Primaries[0]; p.Check != "dnssec" {
			t.Errorf("after it ns1 is %s: %s", p.State, p.Reason)
		}
	})
}
