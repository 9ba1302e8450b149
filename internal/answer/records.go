package answer

import (
	"encoding/binary"
	"encoding/hex"
	"net"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// appendRRset appends the records of a set under the header h. The common types are made by hand, all records of a set in
// one piece of memory; the others, which are seldom asked for, as zone.NewRR makes them.
func (r *Result) appendRRset(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	switch set.Type {
	case dns.TypeA:
		return appendA(rrs, h, set)
	case dns.TypeAAAA:
		return appendAAAA(rrs, h, set)
	case dns.TypeNS:
		return r.appendNS(rrs, h, set)
	case dns.TypeMX:
		return r.appendMX(rrs, h, set)
	case dns.TypeTXT:
		return r.appendTXT(rrs, h, set)
	case dns.TypeSRV:
		return r.appendSRV(rrs, h, set)
	case dns.TypeDS:
		return appendDS(rrs, h, set)
	case dns.TypeSOA, dns.TypeCNAME, dns.TypePTR, dns.TypeDNAME:
		return r.appendSingle(rrs, h, set)
	}
	return appendOther(rrs, h, set)
}

func appendA(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	type record struct {
		rr dns.A
		ip [net.IPv4len]byte
	}
	slab := make([]record, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		copy(s.ip[:], data)
		s.rr = dns.A{Hdr: h, A: s.ip[:]}
		rrs = append(rrs, &s.rr)
	}
	return rrs
}

func appendAAAA(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	type record struct {
		rr dns.AAAA
		ip [net.IPv6len]byte
	}
	slab := make([]record, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		copy(s.ip[:], data)
		s.rr = dns.AAAA{Hdr: h, AAAA: s.ip[:]}
		rrs = append(rrs, &s.rr)
	}
	return rrs
}

func (r *Result) appendNS(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	slab := make([]dns.NS, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		*s = dns.NS{Hdr: h, Ns: r.name(data)}
		rrs = append(rrs, s)
	}
	return rrs
}

func (r *Result) appendMX(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	slab := make([]dns.MX, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		*s = dns.MX{Hdr: h, Preference: binary.BigEndian.Uint16(data), Mx: r.name(data[2:])}
		rrs = append(rrs, s)
	}
	return rrs
}

func (r *Result) appendSRV(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	slab := make([]dns.SRV, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		*s = dns.SRV{
			Hdr:      h,
			Priority: binary.BigEndian.Uint16(data),
			Weight:   binary.BigEndian.Uint16(data[2:]),
			Port:     binary.BigEndian.Uint16(data[4:]),
			Target:   r.name(data[6:]),
		}
		rrs = append(rrs, s)
	}
	return rrs
}

func appendDS(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	slab := make([]dns.DS, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		*s = dns.DS{
			Hdr:        h,
			KeyTag:     binary.BigEndian.Uint16(data),
			Algorithm:  data[2],
			DigestType: data[3],
			Digest:     hex.EncodeToString(data[4:]),
		}
		rrs = append(rrs, s)
	}
	return rrs
}

// appendTXT appends TXT records, whose strings a dns.TXT holds with the escapes of the master-file form.
func (r *Result) appendTXT(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	slab := make([]dns.TXT, set.Count)
	for data := range set.All() {
		s := &slab[0]
		slab = slab[1:]
		n := 0
		for at := 0; at < len(data); at += 1 + int(data[at]) {
			n++
		}
		*s = dns.TXT{Hdr: h, Txt: make([]string, n)}
		for i := range s.Txt {
			size := 1 + int(data[0])
			s.Txt[i] = r.characterString(data[1:size])
			data = data[size:]
		}
		rrs = append(rrs, s)
	}
	return rrs
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

// appendSingle appends the records of types of which a set has one, as a rule.
func (r *Result) appendSingle(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	for data := range set.All() {
		switch set.Type {
		case dns.TypeSOA:
			rrs = append(rrs, r.soa(h, data, set.TTL))
		case dns.TypeCNAME:
			rrs = append(rrs, &dns.CNAME{Hdr: h, Target: r.name(data)})
		case dns.TypePTR:
			rrs = append(rrs, &dns.PTR{Hdr: h, Ptr: r.name(data)})
		case dns.TypeDNAME:
			rrs = append(rrs, &dns.DNAME{Hdr: h, Target: r.name(data)})
		}
	}
	return rrs
}

func (r *Result) soa(h dns.RR_Header, data []byte, ttl uint32) dns.RR {
	soa, err := zone.ParseSOA(data, ttl)
	if err != nil {
		return opaque(h, data)
	}
	return &dns.SOA{
		Hdr:     h,
		Ns:      r.name(soa.MName),
		Mbox:    r.name(soa.RName),
		Serial:  uint32(soa.Serial),
		Refresh: soa.Refresh,
		Retry:   soa.Retry,
		Expire:  soa.Expire,
		Minttl:  soa.Minimum,
	}
}

func appendOther(rrs []dns.RR, h dns.RR_Header, set zone.RRset) []dns.RR {
	for data := range set.All() {
		rr, err := zone.NewRR(h.Name, h.Rrtype, h.Ttl, data)
		if err != nil {
			rr = opaque(h, data)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

// opaque makes a record of RDATA that miekg/dns cannot read. A version has none; should there be one all the same, its
// octets go out as they are.
func opaque(h dns.RR_Header, data []byte) dns.RR {
	return &dns.RFC3597{Hdr: h, Rdata: hex.EncodeToString(data)}
}
