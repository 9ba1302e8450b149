package dnssec

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// trap is a zone that was made to be dear (KeyTrap, CVE-2023-50387): so many keys, of one tag or of one each, of RSA of the
// greatest size and exponent that is taken, and names whose signatures by them are as many as are looked at, and none verifies.
func trap(t testing.TB, keys, names int, oneTag bool) *zone.Version {
	t.Helper()
	r := rand.New(rand.NewPCG(50387, 2023))
	apex := zone.Name("\x07example\x03org\x00")
	b := zone.NewBuilder(apex, nil)
	add := func(owner zone.Name, typ uint16, data []byte) {
		if err := b.Add(zone.Record{Owner: owner, Type: typ, TTL: 3600, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	add(apex, dns.TypeSOA, append(append([]byte("\x00\x00"), make([]byte, 16)...), 0, 0, 1, 0))
	add(apex, dns.TypeNS, []byte("\x02ns\x03net\x00"))
	public := make([]byte, 4+1+8+maxModulus/8)
	copy(public, []byte{1, 0, 3, dns.RSASHA256, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	random := func(b []byte) {
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
	}
	random(public[13:])
	public[13] |= 0x80
	public[len(public)-1] |= 1
	var tags []uint16
	for i := range keys {
		k := append([]byte(nil), public...)
		binary.BigEndian.PutUint16(k[100:], uint16(1000+i)) // two words of one sum: the tag stays
		binary.BigEndian.PutUint16(k[200:], uint16(2000-i))
		if !oneTag {
			random(k[300:400])
		}
		tags = append(tags, zone.KeyTag(k))
		add(apex, dns.TypeDNSKEY, k)
	}
	for i := range names {
		owner := zone.Name(fmt.Sprintf("\x08%08d\x07example\x03org\x00", i))
		add(owner, dns.TypeA, []byte{192, 0, 2, 1})
		for n := range maxSignatures {
			sig := []byte{0, byte(dns.TypeA), dns.RSASHA256, 3, 0, 0, 0x0E, 0x10}
			sig = binary.BigEndian.AppendUint32(sig, uint32(now.Unix()+86400))
			sig = binary.BigEndian.AppendUint32(sig, uint32(now.Unix()-86400))
			sig = binary.BigEndian.AppendUint16(sig, tags[n%len(tags)])
			sig = append(append(sig, apex...), make([]byte, maxModulus/8)...)
			random(sig[len(sig)-maxModulus/8+1:])
			add(owner, dns.TypeRRSIG, sig)
		}
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestKeyTrap has zones that were made to be dear cost little, and fail with a line that says why.
func TestKeyTrap(t *testing.T) {
	for _, tt := range []struct {
		name   string
		keys   int
		names  int
		oneTag bool
		most   int // signatures that are verified
		want   string
	}{
		{"keys of one tag", 64, 200, true, 0,
			"key-many: example.org. DNSKEY: has 64 keys with tag 5126 of algorithm 8, and validators try no more than 4 for a signature"},
		{"a few keys of one tag", maxAlike, 200, true, maxFailures + 2*maxAttempts,
			"signature-many: example.org.: more than 1024 signatures do not verify, and nothing more is looked at"},
		{"signatures that do not verify", 32, 200, false, maxFailures + 2*maxAttempts,
			"signature-many: example.org.: more than 1024 signatures do not verify, and nothing more is looked at"},
		{"at one name", 32, 1, false, maxAttempts,
			"signature-many: 00000000.example.org. A: none of the signatures verifies in 16 attempts, more than validators make"},
	} {
		v := trap(t, tt.keys, tt.names, tt.oneTag)
		_, report := verify(t, v, nil)
		if !slices.ContainsFunc(report.Faults, func(f Fault) bool { return f.String() == tt.want }) {
			t.Errorf("%s: %s", tt.name, report)
		}
		if report.Verified > tt.most {
			t.Errorf("%s: %d signatures are verified, want at most %d", tt.name, report.Verified, tt.most)
		}
	}
}
