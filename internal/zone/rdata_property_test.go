package zone

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"
)

// randomRDATA makes RDATA that fits the layout of a type, or nearly.
func randomRDATA(r *rand.Rand, typ uint16) []byte {
	some := func(most int) []byte {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = byte(r.IntN(256))
			if r.IntN(3) == 0 {
				b[i] = "\\\"\x00 09.;"[r.IntN(8)]
			}
		}
		return b
	}
	counted := func(most int) []byte {
		b := some(most)
		return append([]byte{byte(len(b))}, b...)
	}
	exactly := func(n int) []byte { return append(some(n), make([]byte, n)...)[:n] }
	var b []byte
	l := layoutOf(typ)
	switch {
	case l == nil:
		return some(20)
	case typ == dns.TypeISDN:
		for range 1 + r.IntN(2) {
			b = append(b, counted(5)...)
		}
	case typ == dns.TypeLOC:
		b = append([]byte{byte(r.IntN(8) / 7)}, exactly(15)...)
	case typ == dns.TypeAPL:
		for range r.IntN(4) {
			a := some(4 + 12*r.IntN(2))
			b = append(b, 0, byte(1+r.IntN(8)/3), byte(r.IntN(129)), byte(len(a)|r.IntN(2)<<7))
			b = append(b, a...)
		}
	case typ == dns.TypeIPSECKEY, typ == dns.TypeAMTRELAY:
		kind := r.IntN(5)
		gateway := [][]byte{nil, exactly(4), exactly(16), randomName(r, Name{0}), some(4)}[kind]
		if typ == dns.TypeAMTRELAY {
			return append([]byte{10, byte(kind | r.IntN(2)<<7)}, gateway...)
		}
		b = append(append([]byte{10, byte(kind), 2}, gateway...), some(8)...)
	case typ == dns.TypeHIP:
		hit, key := exactly(1+r.IntN(4)), exactly(1+r.IntN(4))
		b = append([]byte{byte(len(hit)), 2, 0, byte(len(key))}, append(hit, key...)...)
		for range r.IntN(3) {
			b = append(b, randomName(r, Name{0})...)
		}
	case typ == dns.TypeSVCB, typ == dns.TypeHTTPS:
		b = append(exactly(2), randomName(r, Name{0})...)
		for key := r.IntN(3); key < 12; key += 1 + r.IntN(4) {
			v := some(3)
			switch k := dns.SVCBKey(key); {
			case r.IntN(5) == 0:
			case k == dns.SVCB_IPV4HINT:
				v = exactly(4 * (1 + r.IntN(2)))
			case k == dns.SVCB_IPV6HINT:
				v = exactly(16 * (1 + r.IntN(2)))
			case k == dns.SVCB_ALPN:
				v = append(counted(3), counted(3)...)
			case k == dns.SVCB_MANDATORY:
				v = []byte{0, byte(r.IntN(4)), 0, byte(r.IntN(6))}
			}
			b = binary.BigEndian.AppendUint16(b, uint16(key))
			b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
			b = append(b, v...)
		}
	}
	for _, f := range l.fields {
		switch f.kind {
		case asOctets:
			b = append(b, exactly(f.size)...)
		case asName:
			b = append(b, randomName(r, Name{0})...)
		case asText:
			b = append(b, counted(8)...)
		case asTexts:
			for range 1 + r.IntN(3) {
				b = append(b, counted(8)...)
			}
		case asCounted:
			b = append(b, counted(8)...)
		case asBitmap:
			for window := r.IntN(3); window < 256; window += 1 + r.IntN(200) {
				bits := append(some(5), byte(1+r.IntN(255)))
				b = append(append(b, byte(window), byte(len(bits))), bits...)
			}
		case asRest:
			b = append(b, exactly(f.size)...)
			b = append(b, some(8)...)
		case asPrefix:
			p := byte(r.IntN(129))
			b = append(append(b, p), exactly(a6Suffix(p))...)
			if p == 0 {
				return b
			}
		}
	}
	return b
}

// holdRDATA checks what AppendRDATA promises of RDATA that it accepts.
func holdRDATA(t testing.TB, typ uint16, data []byte) {
	t.Helper()
	if again, err := AppendRDATA(nil, typ, data, 0, len(data)); err != nil || !bytes.Equal(again, data) {
		t.Fatalf("%s: %x is not canonical: %x, %v", typeString(typ), data, again, err)
	}
	rr, err := NewRR("a.example.", typ, 300, data)
	if err != nil {
		t.Fatalf("%s: %x: %v", typeString(typ), data, err)
	}
	if h := rr.Header(); h.Rrtype != typ || h.Ttl != 300 || h.Class != dns.ClassINET || h.Name != "a.example." {
		t.Fatalf("%s: header %v", typeString(typ), h)
	}
	_ = Record{Owner: Name{0}, Type: typ, Data: data}.String()
	msg := dns.Msg{Answer: []dns.RR{rr, dns.Copy(rr)}}
	wire, err := msg.Pack()
	if len(data) > 32000 { // no room for two
		msg.Answer = msg.Answer[:1]
		wire, err = msg.Pack()
	}
	if len(data) > 65000 && err != nil { // no room for one
		return
	}
	if err != nil {
		t.Fatalf("%s: %x does not pack: %v", typeString(typ), data, err)
	}
	const head = 12
	for off := head; off < len(wire); {
		off += 11 + 10
		size := u16(wire[off-2:])
		if !bytes.Equal(wire[off:off+size], data) {
			t.Fatalf("%s: %x is packed as %x by %T", typeString(typ), data, wire[off:off+size], rr)
		}
		off += size
	}
	r, err := FromRR(rr)
	if err != nil || r.Type != typ || r.TTL != 300 || !bytes.Equal(r.Data, data) {
		t.Fatalf("%s: %x comes back as %v, %v", typeString(typ), data, r, err)
	}
}

// Whatever AppendRDATA accepts has an RR that packs to the same octets; for most RDATA that is one of its own Go type.
func TestRDATAProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, typ := range zoneTypes() {
		accepted, own := 0, 0
		for range 2000 {
			data := randomRDATA(r, typ)
			if r.IntN(4) == 0 && len(data) > 0 { // nearly
				switch at := r.IntN(len(data)); r.IntN(3) {
				case 0:
					data = data[:at]
				case 1:
					data[at] = byte(r.IntN(256))
				default:
					data = append(data, byte(r.IntN(256)))
				}
			}
			out, err := AppendRDATA(nil, typ, data, 0, len(data))
			if err != nil {
				continue
			}
			accepted++
			holdRDATA(t, typ, out)
			if rr, _ := NewRR(".", typ, 0, out); rr != nil {
				if _, opaque := rr.(*dns.RFC3597); !opaque {
					own++
				}
			}
		}
		if accepted < 600 {
			t.Errorf("%s: only %d of 2000 are accepted", typeString(typ), accepted)
		}
		if dns.TypeToRR[typ] != nil && typ != dns.TypeNXT && own < accepted/10 {
			t.Errorf("%s: only %d of %d have their own Go type", typeString(typ), own, accepted)
		}
	}
}
