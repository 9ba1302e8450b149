package dnssec

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

func at(t *testing.T, z *answertest.Zone, before *State, when time.Time) (*State, Report) {
	t.Helper()
	s, r, err := Verify(t.Context(), version(t, z), before, Options{Now: when})
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func TestUnsigned(t *testing.T) {
	z, err := answertest.Parse("example.org.", base)
	if err != nil {
		t.Fatal(err)
	}
	s, r := verify(t, version(t, z), nil)
	if s.Signed() || !r.OK() || r.String() != "" || !s.EarliestExpiry().IsZero() {
		t.Errorf("signed %t, report %v, expiry %v", s.Signed(), r, s.EarliestExpiry())
	}
	// It is of no use for what comes after.
	signed := signedWith(t, byNSEC, []*testKey{newTestKey(t, dns.ED25519, 257)}, nil)
	if s, r = verify(t, version(t, signed), s); !s.Signed() || !r.OK() {
		t.Error(r)
	}
}

// As time goes by, signatures expire without anything that changes, and are found in the order in which they do.
func TestExpiryWithTime(t *testing.T) {
	key := newTestKey(t, dns.ED25519, 257)
	days := map[string]int{"www.example.org.": 2, "ns1.example.org.": 4}
	expire := func(sig *dns.RRSIG) bool {
		if n := days[sig.Hdr.Name]; n > 0 {
			sig.Expiration = uint32(now.AddDate(0, 0, n).Unix())
		}
		return true
	}
	for _, signing := range []answertest.Signing{byNSEC, byNSEC3} {
		z := signedWith(t, signing, []*testKey{key}, expire)
		s, r := at(t, z, nil, now)
		if want := now.AddDate(0, 0, 2); !r.OK() || !s.EarliestExpiry().Equal(want) {
			t.Fatalf("%v, expiry %v, want %v", r, s.EarliestExpiry(), want)
		}
		if s, r = at(t, z, s, now.AddDate(0, 0, 2)); !r.OK() {
			t.Error(r)
		}
		if _, r := at(t, z, s, now.AddDate(0, 0, 3)); !strings.HasPrefix(r.String(), "signature-expired: www.example.org. CNAME: the signature by key") {
			t.Error(r)
		}
		if _, r := at(t, z, s, now.AddDate(0, 0, 5)); !strings.HasPrefix(r.String(), "signature-expired: ns1.example.org. A: the signature by key") {
			t.Error(r)
		}
		// The first is signed anew.
		days["www.example.org."] = 6
		next := signedWith(t, signing, []*testKey{key}, expire)
		s, r = at(t, next, s, now.AddDate(0, 0, 1))
		if want := now.AddDate(0, 0, 4); !r.OK() || !s.EarliestExpiry().Equal(want) {
			t.Errorf("%v, expiry %v, want %v", r, s.EarliestExpiry(), want)
		}
		days["www.example.org."] = 2
	}
}

// A clock that was set back may stand before signatures that were good already.
func TestClockSetBack(t *testing.T) {
	z := signedWith(t, byNSEC, []*testKey{newTestKey(t, dns.ED25519, 257)}, nil)
	s, _ := at(t, z, nil, now)
	if _, r := at(t, z, s, now.AddDate(0, 0, -2)); !strings.HasPrefix(r.String(), "signature-future: ") {
		t.Error(r)
	}
}

// More distinct expiries than are kept: when those are gone, the next are found.
func TestExpiriesBeyondWhatIsKept(t *testing.T) {
	key := newTestKey(t, dns.ED25519, 257)
	text := base
	for i := range maxInstants + 200 {
		text += fmt.Sprintf("n%d.example.org. 300 IN A 192.0.2.1\n", i)
	}
	plain, err := answertest.Parse("example.org.", text)
	if err != nil {
		t.Fatal(err)
	}
	signed := plain.Signed(answertest.Signing{Algorithms: []uint8{dns.ED25519}})
	after := 0
	z := resigned(t, signed, []*testKey{key}, func(sig *dns.RRSIG) bool {
		after++
		sig.Expiration = uint32(now.Unix()) + uint32(after)
		return true
	})
	s, r := at(t, z, nil, now)
	if want := now.Add(time.Second); !r.OK() || !s.EarliestExpiry().Equal(want) || len(s.tally.until.list) != maxInstants {
		t.Fatalf("%v, expiry %v, want %v, %d kept", r, s.EarliestExpiry(), want, len(s.tally.until.list))
	}
	// All that were kept are signed anew, a few at a time.
	list := slices.Clone(z.Records)
	first := uint32(now.Unix()) + 1
	for from := first; from < first+maxInstants+100; from += 100 {
		for i, rr := range list {
			sig, ok := rr.(*dns.RRSIG)
			if !ok || sig.Expiration < from || sig.Expiration >= from+100 {
				continue
			}
			sig = dns.Copy(sig).(*dns.RRSIG)
			sig.Expiration = uint32(now.AddDate(0, 0, 30).Unix())
			var set []dns.RR
			for _, other := range list {
				if h := other.Header(); h.Name == sig.Hdr.Name && h.Rrtype == sig.TypeCovered {
					set = append(set, other)
				}
			}
			if err := sig.Sign(key.private, set); err != nil {
				t.Fatal(err)
			}
			list[i] = sig
		}
		s, r = at(t, &answertest.Zone{Origin: z.Origin, Records: list}, s, now)
		if want := time.Unix(int64(from)+100, 0); !r.OK() || !s.EarliestExpiry().Equal(want) {
			t.Fatalf("%v, expiry %v, want %v", r, s.EarliestExpiry(), want)
		}
	}
}

// The keys roll, and so does their algorithm, step by step; at each, the State before finds what there is.
func TestRolls(t *testing.T) {
	first, second := newTestKey(t, dns.ECDSAP256SHA256, 257), newTestKey(t, dns.ECDSAP256SHA256, 257)
	third := newTestKey(t, dns.ED25519, 257)
	with := func(silent, hidden bool, k *testKey) *testKey {
		return &testKey{DNSKEY: k.DNSKEY, private: k.private, silent: silent, hidden: hidden}
	}
	steps := []struct {
		keys []*testKey
		bad  Rule
	}{
		{[]*testKey{first}, ""},
		{[]*testKey{first, with(true, false, second)}, ""},
		{[]*testKey{with(true, false, first), second}, ""},
		{[]*testKey{second}, ""},
		{[]*testKey{with(true, false, second), with(false, true, first)}, RuleSignatureKey},
		{[]*testKey{second, with(false, true, third)}, ""},
		{[]*testKey{second, third}, ""},
		{[]*testKey{with(true, false, second), third}, ""},
		{[]*testKey{third}, ""},
	}
	var s *State
	for i, step := range steps {
		for j, signing := range []answertest.Signing{byNSEC, byNSEC3} {
			v := version(t, signedWith(t, signing, step.keys, nil))
			next := alike(t, v, s)
			if next.whole != (step.bad == "") {
				_, r := verify(t, v, nil)
				t.Errorf("step %d.%d: %v", i, j, r)
			}
			if next.whole {
				s = next
			}
		}
	}
}

// What did not change is not verified again, whatever is done with keys and parameters.
func TestVerifiedOnce(t *testing.T) {
	key, other := newTestKey(t, dns.ED25519, 257), newTestKey(t, dns.ED25519, 256)
	other.silent = true
	z := signedWith(t, byNSEC3, []*testKey{key}, nil)
	s, r := verify(t, version(t, z), nil)
	all := r.Verified
	if want := s.tally.rrsets; all != want {
		t.Fatalf("verified %d signatures of %d RRsets", all, want)
	}
	if _, r = verify(t, version(t, z), s); r.Verified != 0 {
		t.Errorf("verified %d signatures again", r.Verified)
	}
	if _, r = verify(t, version(t, z), s, anchor(t, key.ToDS(dns.SHA256))); r.Verified != 0 {
		t.Errorf("verified %d signatures again for an anchor", r.Verified)
	}
	// The DNSKEY RRset is signed anew; a name that changed has all of it verified, and that is the apex.
	next := signedWith(t, byNSEC3, []*testKey{key, other}, nil)
	s, r = verify(t, version(t, next), s)
	if apex := 7; !r.OK() || r.Verified > apex {
		t.Errorf("%v, verified %d signatures for a key, want at most the apex's %d", r, r.Verified, apex)
	}
	if _, r = verify(t, version(t, z), s); !r.OK() || r.Verified > 7 {
		t.Errorf("%v, verified %d signatures for a key that signed nothing", r, r.Verified)
	}
	if _, r = verify(t, version(t, signedWith(t, byNSEC3, []*testKey{key, other}, func(sig *dns.RRSIG) bool {
		sig.Expiration++
		return true
	})), s); !r.OK() || r.Verified != all {
		t.Errorf("%v, verified %d signatures when all are new, want %d", r, r.Verified, all)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	text := base
	for i := range 1000 {
		text += fmt.Sprintf("n%d.example.org. 300 IN A 192.0.2.1\n", i)
	}
	plain, err := answertest.Parse("example.org.", text)
	if err != nil {
		t.Fatal(err)
	}
	z := plain.Signed(answertest.Signing{Algorithms: []uint8{dns.ED25519}})
	z.Records = slices.DeleteFunc(z.Records, func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && sig.TypeCovered == dns.TypeA
	})
	_, r := verify(t, version(t, z), nil)
	if len(r.Faults) != MaxFaults || r.Total != 1002 || !strings.HasSuffix(r.String(), "; and 1001 more") {
		t.Errorf("%d of %d faults: %v", len(r.Faults), r.Total, r)
	}
	if got := r.Faults[0].Owner.String(); got != "a.b.ent.example.org." {
		t.Errorf("the first is at %s", got)
	}
}

// Signatures by keys of one tag are not tried without end.
func TestAttemptsAreBounded(t *testing.T) {
	key := newTestKey(t, dns.ED25519, 257)
	z := signedWith(t, byNSEC, []*testKey{key}, nil)
	for _, rr := range slices.Clone(z.Records) {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeCNAME {
			for i := range 100 {
				bad := dns.Copy(sig).(*dns.RRSIG)
				bad.Expiration += uint32(i) + 1 // so that it comes first
				z.Records = append(z.Records, bad)
			}
		}
	}
	_, r := verify(t, version(t, z), nil)
	if r.Total != 1 || r.Faults[0].Rule != RuleSignatureMany && r.Faults[0].Rule != RuleSignatureBogus {
		t.Error(r)
	}
}

func TestTooManyKeys(t *testing.T) {
	z := signedWith(t, byNSEC, []*testKey{newTestKey(t, dns.ED25519, 257)}, nil)
	for i := range maxKeys {
		z.Records = append(z.Records, &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: 256, Protocol: 3, Algorithm: 13, PublicKey: fmt.Sprintf("%04d", i),
		})
	}
	if _, r := verify(t, version(t, z), nil); r.Total != 1 || r.Faults[0].Rule != RuleKeyMany {
		t.Error(r)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := version(t, signedWith(t, byNSEC3, []*testKey{newTestKey(t, dns.ED25519, 257)}, nil))
	s, _, err := Verify(ctx, v, nil, Options{Now: now})
	if !errors.Is(err, context.Canceled) || s != nil || err.Error() != "dnssec: verify example.org. with serial 1: context canceled" {
		t.Error(err)
	}
}

// RSA of RFC 3110 may be shorter than crypto/rsa takes, and have the exponent 2^32+1, as some signers did.
func TestOddRSA(t *testing.T) {
	for _, bits := range []int{512, 768, 1024} {
		for _, exponent := range []int64{3, 65537, 1<<32 + 1} {
			n, d, e := madeKey(bits, exponent)
			exp := e.Bytes()
			data := append([]byte{1, 1, 3, dns.RSASHA256, byte(len(exp))}, exp...)
			k, err := newKey(append(data, n.Bytes()...))
			if err != nil {
				t.Fatal(err)
			}
			message := []byte("signed")
			sum := sha256.Sum256(message)
			size := bits / 8
			em := make([]byte, size)
			for i := range em {
				em[i] = 0xFF
			}
			em[0], em[1] = 0, 1
			tail := append([]byte{0}, digestInfo[crypto.SHA256]...)
			copy(em[size-len(tail)-len(sum):], append(tail, sum[:]...))
			sig := new(big.Int).Exp(new(big.Int).SetBytes(em), d, n).FillBytes(make([]byte, size))
			if !k.verifies(message, sig) {
				t.Errorf("%d bits, exponent %d: does not verify", bits, exponent)
			}
			sig[size-1] ^= 1
			if k.verifies(message, sig) || k.verifies(message, nil) || k.verifies(message, append([]byte{0}, sig...)) {
				t.Errorf("%d bits, exponent %d: verifies what is bad", bits, exponent)
			}
		}
	}
}

// madeKey makes a key from the first primes from a fixed number on.
func madeKey(bits int, exponent int64) (n, d, e *big.Int) {
	one := big.NewInt(1)
	e = big.NewInt(exponent)
	prime := func(add int64) *big.Int {
		p := new(big.Int).Lsh(big.NewInt(3), uint(bits/2-2))
		for p.Add(p, big.NewInt(add)).SetBit(p, 0, 1); ; p.Add(p, big.NewInt(2)) {
			if p.ProbablyPrime(20) && new(big.Int).GCD(nil, nil, new(big.Int).Sub(p, one), e).Cmp(one) == 0 {
				return p
			}
		}
	}
	p, q := prime(1), prime(100_000_001)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	return new(big.Int).Mul(p, q), new(big.Int).ModInverse(e, phi), e
}
