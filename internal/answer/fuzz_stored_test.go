package answer

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// FuzzStored answers from zones of whatever records can be stored. Each record of the input is an octet for the owner, one for
// the type, one for the length of the RDATA, and the RDATA.
func FuzzStored(f *testing.F) {
	f.Add([]byte("\x00\x01\x04\x02h\x00\x00"))
	f.Add([]byte("\x00\x06\x05\x01\x00\x00\x00\x00\x05\x05\x0A\x01\x00\x00\x00\x00\x01\xAA\x00\x01\x40"))
	f.Add([]byte("\x00\x04\x04\x01a\x00\x00\x01\x04\x09\x01x\x00\x00\x01\x40\x02\x02\x04\x02\x00\x01\x00"))
	f.Add([]byte("\x01\x07\x03\x00\x01\x00\x02\x08\x07\x00\x01\x00\x00\x03\x00\x01\x03\x03\x02\x01a\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		apex := zone.Name{0}
		b := zone.NewBuilder(apex, nil)
		add := func(owner zone.Name, typ uint16, data []byte) {
			data, err := zone.AppendRDATA(nil, typ, data, 0, len(data))
			if err != nil {
				return
			}
			if err := b.Add(zone.Record{Owner: owner, Type: typ, TTL: 60, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		add(apex, dns.TypeSOA, append(make([]byte, 2), "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01"...))
		add(apex, dns.TypeDNSKEY, []byte{1, 0, 3, 13, 1})
		for len(input) >= 3 {
			size := min(int(input[2]), len(input)-3)
			add(storedOwners[int(input[0])%len(storedOwners)], storedTypes[int(input[1])%len(storedTypes)], input[3:3+size])
			input = input[3+size:]
		}
		v, _, err := b.Build()
		if err != nil {
			return
		}
		for _, owner := range storedOwners {
			for _, below := range []string{"", "x.", "a.", "*.x."} {
				name := below + owner.String()
				if len(owner) == 1 && below != "" {
					name = below
				}
				for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeANY, dns.TypeSVCB} {
					checkWire(t, v, Question{Name: name, Type: typ, DO: true}, Head{Size: dns.MinMsgSize})
				}
			}
		}
	})
}

var (
	storedTypes = []uint16{
		dns.TypeA, dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeMX, dns.TypeSVCB,
		dns.TypeRRSIG, dns.TypeDS, dns.TypeSRV, dns.TypeTXT, dns.TypeKX, dns.TypeHTTPS, 65280,
	}
	storedOwners = []zone.Name{
		{0}, []byte("\x01a\x00"), []byte("\x01b\x01a\x00"), []byte("\x01*\x00"), []byte("\x01*\x01a\x00"),
		// The hash of the root (RFC 5155 section 5), without salt and with no iterations, and one that is hardly one of a name.
		[]byte("\x20bekjp7dgpvsjukll47bk43i3urmq4u2f\x00"), []byte("\x2000000000000000000000000000000000\x00"), []byte("\x05short\x01a\x00"),
	}
)
