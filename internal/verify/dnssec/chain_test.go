package dnssec

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A chain of few records among those of another, or of none: what comes last before a hash is what a walk over all says.
func TestCoverAmongOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, few := range []int{0, 1, 3, 40} {
		b := zone.NewBuilder(must(zone.ParseName("example.org.")), nil)
		add := func(text string) {
			if err := b.Add(must(zone.FromRR(must(dns.NewRR(text))))); err != nil {
				t.Fatal(err)
			}
		}
		add("example.org. 3600 IN SOA ns1.example.org. host.example.org. 1 3600 600 86400 300")
		of := chain{param: []byte{dns.SHA1, 0, 0, 0, 1, 0xAB}, order: new(order)}
		other := []byte{dns.SHA1, 0, 0, 0, 0}
		var own []zone.Key
		for i := range 10 * maxBack {
			param := other
			var hash zone.NSEC3Hash
			binary.BigEndian.PutUint64(hash[:], r.Uint64())
			key := appendHashKey(nil, hash)
			if i < few {
				param, own = of.param, append(own, key)
			}
			data := append(append(slices.Clone(param), byte(len(hash))), hash[:]...)
			if err := b.Add(zone.Record{Owner: zone.AppendOwner(nil, key, must(zone.ParseName("example.org."))), Type: dns.TypeNSEC3, TTL: 300, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		v, _, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(own, func(a, b zone.Key) int { return bytes.Compare(a, b) })
		for n := range v.WalkNSEC3() {
			key := n.AppendKey(nil)
			i, _ := slices.BinarySearchFunc(own, key, func(a, b zone.Key) int { return bytes.Compare(a, b) })
			got, data, ok := of.cover(v, key)
			if ok != (few > 0) {
				t.Fatalf("%d: %t", few, ok)
			}
			if few == 0 {
				continue
			}
			if want := own[(i+few-1)%few]; !bytes.Equal(got.AppendKey(nil), want) || !bytes.HasPrefix(data, of.param) {
				t.Fatalf("%d: %q, want %q", few, got.AppendKey(nil), want)
			}
		}
	}
}

// Of the NSEC3 records at one hash no more are looked at than there can be chains.
func TestRecordsAtOneHashAreBounded(t *testing.T) {
	z := signedWith(t, byNSEC3, []*testKey{newTestKey(t, dns.ED25519, 257)}, nil)
	for _, rr := range slices.Clone(z.Records) {
		if own, ok := rr.(*dns.NSEC3); ok && own.Hdr.Name == hashOf("ns1.example.org.", byNSEC3) {
			for i := range maxRecords {
				more := dns.Copy(own).(*dns.NSEC3)
				more.Iterations, more.Salt, more.SaltLength = 0, string([]byte{"0123456789abcdef"[i/16], "0123456789abcdef"[i%16]}), 1
				z.Records = append(z.Records, more)
			}
		}
	}
	if _, r := verify(t, version(t, z), nil); !slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Rule == RuleNSEC3Missing }) {
		t.Error(r)
	}
}
