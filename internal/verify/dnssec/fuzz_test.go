package dnssec

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// Whatever a DNSKEY record and a signature hold, nothing panics and nothing takes long, and what was not signed does not verify.
func FuzzKey(f *testing.F) {
	for _, algorithm := range algorithms {
		k := newTestKey(f, algorithm, 257)
		r, err := zone.FromRR(k.DNSKEY)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Data, bytes.Repeat([]byte{1}, 64))
		f.Add(r.Data[:len(r.Data)-1], []byte{})
	}
	rsa := func(b ...byte) []byte { return append([]byte{1, 0, 3, 8}, b...) }
	f.Add(rsa(0, 0xFF, 0xFF, 1), []byte{1})
	f.Add(rsa(0), []byte{1})
	f.Add(append(rsa(5, 1, 0, 0, 0, 1), bytes.Repeat([]byte{0xFF}, 128)...), bytes.Repeat([]byte{2}, 128))
	f.Add(append(rsa(1, 3), bytes.Repeat([]byte{0xFF}, 64)...), bytes.Repeat([]byte{2}, 64))
	f.Add(append([]byte{1, 0, 3, 13}, make([]byte, 64)...), make([]byte, 64))
	f.Add(append([]byte{1, 0, 3, 15}, make([]byte, 32)...), make([]byte, 64))
	f.Fuzz(func(t *testing.T, data, sig []byte) {
		k, err := newKey(data)
		if err != nil || k.bit == 0 {
			return
		}
		if ok := k.verifies([]byte("what nobody has signed"), sig); ok && k.ed25519 == nil && k.odd == nil && k.rsa == nil {
			t.Fatalf("%x signs what nobody has signed", data)
		}
	})
}

// Whatever the records of an apex hold, nothing panics, from the start or from a State.
func FuzzVerify(f *testing.F) {
	for _, s := range []answertest.Signing{byNSEC, byNSEC3, byOptOut} {
		s.Algorithms = []uint8{dns.ED25519}
		for _, rr := range must(answertest.Parse("example.org.", base)).Signed(s).Records {
			r := must(zone.FromRR(rr))
			f.Add(uint16(r.Type), []byte(r.Owner), r.Data, s.NSEC3)
		}
	}
	var versions [2]*zone.Version
	var states [2]*State
	for i, s := range []answertest.Signing{byNSEC, byOptOut} {
		s.Algorithms = []uint8{dns.ED25519}
		versions[i] = must(must(answertest.Parse("example.org.", base)).Signed(s).Version())
		states[i], _ = verify(f, versions[i], nil)
	}
	f.Fuzz(func(t *testing.T, typ uint16, owner, data []byte, nsec3 bool) {
		v, state := versions[0], states[0]
		if nsec3 {
			v, state = versions[1], states[1]
		}
		name, next, err := zone.AppendUnpacked(nil, owner, 0)
		if err != nil || next != len(owner) || zone.CheckType(typ) != nil {
			return
		}
		data, err = zone.AppendRDATA(nil, typ, data, 0, len(data))
		if err != nil {
			return
		}
		b := zone.NewBuilder(v.Apex(), nil)
		for r := range v.All() {
			if r.Type == typ && zone.Name(name).Equal(r.Owner) && typ != dns.TypeSOA && (typ != dns.TypeRRSIG || binary.BigEndian.Uint16(r.Data) == binary.BigEndian.Uint16(data)) {
				continue // it is replaced
			}
			if err := b.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		_ = b.Add(zone.Record{Owner: name, Type: typ, TTL: 300, Data: data})
		if changed, _, err := b.Build(); err == nil {
			alike(t, changed, state)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Whatever a file of anchors holds, nothing panics, and what is read has a form in which it is read again.
func FuzzAnchors(f *testing.F) {
	f.Add("example.org. IN DS 1 13 2 " + strings.Repeat("00", 32))
	f.Add("@ 3600 IN DNSKEY 257 3 15 " + "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=")
	f.Add("$INCLUDE /etc/passwd\n")
	f.Add("$GENERATE 1-65535 @ DS 1 13 2 " + strings.Repeat("00", 32))
	f.Add("@ DS (\n 1 13 ; x\n 1\n " + strings.Repeat("0", 40) + ")")
	apex := must(zone.ParseName("example.org."))
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseAnchors("file", strings.NewReader(text), apex)
		if err != nil {
			if len(list) > 0 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%d anchors with %q", len(list), err)
			}
			return
		}
		again := ""
		for _, a := range list {
			again += a.String() + "\n"
		}
		if same, err := ParseAnchors("file", strings.NewReader(again), apex); err != nil || len(same) != len(list) {
			t.Fatalf("%d anchors, written again %d: %v\n%s", len(list), len(same), err, again)
		}
	})
}
