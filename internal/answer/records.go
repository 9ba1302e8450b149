package answer

import (
	"encoding/binary"
	"encoding/hex"
	"net"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// appendRRset appends the records of a set under the header h. The common types are made by hand; the others, which are
// seldom asked for, as zone.NewRR makes them.
func (r *Result) appendRRset(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	switch set.Type {
	case dns.TypeA:
		return slab(r, rrs, h, set, makeA)
	case dns.TypeAAAA:
		return slab(r, rrs, h, set, makeAAAA)
	case dns.TypeNS:
		return slab(r, rrs, h, set, makeNS)
	case dns.TypeCNAME:
		return slab(r, rrs, h, set, makeCNAME)
	case dns.TypePTR:
		return slab(r, rrs, h, set, makePTR)
	case dns.TypeDNAME:
		return slab(r, rrs, h, set, makeDNAME)
	case dns.TypeMX:
		return slab(r, rrs, h, set, makeMX)
	case dns.TypeSRV:
		return slab(r, rrs, h, set, makeSRV)
	case dns.TypeTXT:
		return slab(r, rrs, h, set, makeTXT)
	case dns.TypeSOA:
		return slab(r, rrs, h, set, makeSOA)
	case dns.TypeRRSIG:
		return slab(r, rrs, h, set, makeRRSIG)
	case dns.TypeNSEC:
		return slab(r, rrs, h, set, makeNSEC)
	case dns.TypeNSEC3:
		return slab(r, rrs, h, set, makeNSEC3)
	case dns.TypeDS:
		return slab(r, rrs, h, set, makeDS)
	case dns.TypeDNSKEY:
		return slab(r, rrs, h, set, makeDNSKEY)
	}
	for data := range set.All() {
		rr, err := zone.NewRR(h.Name, h.Rrtype, h.Ttl, data)
		if err != nil {
			rr = opaque(h, data)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

// slab appends the records of a set, all of them in one piece of memory. A T is a record, or one with memory that it refers to;
// fill makes it from RDATA.
func slab[T any](r *Result, rrs []dns.RR, h dns.RR_Header, set zone.RRset, fill func(*Result, *T, dns.RR_Header, []byte) dns.RR) []dns.RR {
	records := make([]T, set.Count)
	it := set.Iter()
	for i := range records {
		data, _ := it.Next()
		rrs = append(rrs, fill(r, &records[i], h, data))
	}
	return rrs
}

// textOf bounds the text of the records of a set, names and strings, if nothing in it needs an escape. What is not made by hand
// has text of its own.
func textOf(set *zone.RRset) int {
	switch set.Type {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeDNAME, dns.TypeMX, dns.TypeSRV, dns.TypeTXT, dns.TypeSOA, dns.TypeNSEC:
		return set.Size()
	case dns.TypeRRSIG, dns.TypeDNSKEY: // base64
		return set.Size()*4/3 + 4*set.Count
	case dns.TypeNSEC3, dns.TypeDS: // hexadecimal
		return 2 * set.Size()
	}
	return 0
}

type (
	recordA struct {
		dns.A
		ip [net.IPv4len]byte
	}
	recordAAAA struct {
		dns.AAAA
		ip [net.IPv6len]byte
	}
)

func makeA(_ *Result, s *recordA, h dns.RR_Header, data []byte) dns.RR {
	copy(s.ip[:], data)
	s.A = dns.A{Hdr: h, A: s.ip[:]}
	return &s.A
}

func makeAAAA(_ *Result, s *recordAAAA, h dns.RR_Header, data []byte) dns.RR {
	copy(s.ip[:], data)
	s.AAAA = dns.AAAA{Hdr: h, AAAA: s.ip[:]}
	return &s.AAAA
}

func makeNS(r *Result, rr *dns.NS, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.NS{Hdr: h, Ns: r.name(data)}
	return rr
}

func makeCNAME(r *Result, rr *dns.CNAME, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.CNAME{Hdr: h, Target: r.name(data)}
	return rr
}

func makePTR(r *Result, rr *dns.PTR, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.PTR{Hdr: h, Ptr: r.name(data)}
	return rr
}

func makeDNAME(r *Result, rr *dns.DNAME, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.DNAME{Hdr: h, Target: r.name(data)}
	return rr
}

func makeMX(r *Result, rr *dns.MX, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.MX{Hdr: h, Preference: binary.BigEndian.Uint16(data), Mx: r.name(data[2:])}
	return rr
}

func makeSRV(r *Result, rr *dns.SRV, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.SRV{
		Hdr:      h,
		Priority: binary.BigEndian.Uint16(data),
		Weight:   binary.BigEndian.Uint16(data[2:]),
		Port:     binary.BigEndian.Uint16(data[4:]),
		Target:   r.name(data[6:]),
	}
	return rr
}

func makeSOA(r *Result, rr *dns.SOA, h dns.RR_Header, data []byte) dns.RR {
	soa, err := zone.ParseSOA(data, h.Ttl)
	if err != nil {
		return opaque(h, data)
	}
	*rr = dns.SOA{
		Hdr:     h,
		Ns:      r.name(soa.MName),
		Mbox:    r.name(soa.RName),
		Serial:  uint32(soa.Serial),
		Refresh: soa.Refresh,
		Retry:   soa.Retry,
		Expire:  soa.Expire,
		Minttl:  soa.Minimum,
	}
	return rr
}

// makeTXT makes a TXT record, whose strings a dns.TXT holds with the escapes of the master-file form.
func makeTXT(r *Result, rr *dns.TXT, h dns.RR_Header, data []byte) dns.RR {
	n := 0
	for at := 0; at < len(data); at += 1 + int(data[at]) {
		n++
	}
	*rr = dns.TXT{Hdr: h, Txt: make([]string, n)}
	for i := range rr.Txt {
		size := 1 + int(data[0])
		rr.Txt[i] = r.characterString(data[1:size])
		data = data[size:]
	}
	return rr
}

func (r *Result) characterString(b []byte) string {
	r.buf = r.buf[:0]
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			r.buf = append(r.buf, '\\', c)
		case c < ' ' || c > '~':
			r.buf = append(r.buf, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			r.buf = append(r.buf, c)
		}
	}
	return r.write(r.buf)
}

// opaque makes a record of RDATA that miekg/dns cannot read. A version has none; should there be one all the same, its
// octets go out as they are.
func opaque(h dns.RR_Header, data []byte) dns.RR {
	return &dns.RFC3597{Hdr: h, Rdata: hex.EncodeToString(data)}
}
