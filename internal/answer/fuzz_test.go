package answer

import (
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// FuzzQuestion asks for any name and type: in zones that the seed makes, and in names as no client could send them.
func FuzzQuestion(f *testing.F) {
	for _, name := range []string{"", "\x00", "\x01a\x00", "\x01*\x01b\x00", "\x03A\x00\x2e\x00", "\x01a\xc0\x00"} {
		f.Add([]byte(name), uint16(dns.TypeA), false, uint64(len(name)))
		f.Add([]byte(name), uint16(dns.TypeANY), true, uint64(len(name)))
	}
	f.Fuzz(func(t *testing.T, wire []byte, typ uint16, do bool, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		origin := []string{"example.", ".", "a.b."}[r.IntN(3)]
		z := answertest.Generate(r, origin, answertest.Options{})
		v, err := z.Version()
		if err != nil {
			t.Fatal(err)
		}
		m := respond(v, Question{Name: string(wire), Type: typ, DO: do})
		if _, err := m.Pack(); err != nil && m.Rcode != dns.RcodeRefused {
			t.Fatalf("%q %d: %v", wire, typ, err)
		}
		name, _, err := dns.UnpackDomainName(append(wire, 0), 0)
		if err != nil {
			return
		}
		if origin != "." {
			name = name[:len(name)-1] + "." + origin
		}
		if _, ok := dns.IsDomainName(name); !ok || name[0] == '.' && name != "." {
			return
		}
		name = answertest.Unpacked(&dns.NULL{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNULL}}).Header().Name
		got := answertest.ResponseOf(ask(t, v, name, typ))
		if want := newReference(z).ask(name, typ); !got.Equal(want) {
			t.Errorf("seed %d: %q %s\n--- got\n%s--- want\n%s--- zone\n%s", seed, name, dns.Type(typ), got, want, z.Text())
		}
	})
}
