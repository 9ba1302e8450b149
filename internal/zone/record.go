package zone

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"

	"github.com/miekg/dns"
)

// Record is one resource record of class IN. Its slices may belong to someone else: whoever keeps a record copies them.
type Record struct {
	Owner Name
	Type  uint16
	TTL   uint32
	Data  []byte // RDATA in the canonical form that AppendRDATA gives
}

// FromRR makes a Record of what miekg/dns has parsed.
func FromRR(rr dns.RR) (Record, error) {
	if rr == nil {
		return Record{}, errors.New("no record")
	}
	h := rr.Header()
	if h.Class != dns.ClassINET {
		return Record{}, fmt.Errorf("%s %s: class %s, want IN", h.Name, typeString(h.Rrtype), dns.Class(h.Class))
	}
	buf := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return Record{}, fmt.Errorf("%s %s: %w", h.Name, typeString(h.Rrtype), err)
	}
	owner, off, err := AppendUnpacked(nil, buf[:end], 0)
	if err != nil {
		return Record{}, fmt.Errorf("%s %s: %w", h.Name, typeString(h.Rrtype), err)
	}
	const fixed = 10 // type, class, TTL and RDLENGTH
	data, err := AppendRDATA(nil, h.Rrtype, buf[:end], off+fixed, end-off-fixed)
	if err != nil {
		return Record{}, fmt.Errorf("%s %w", h.Name, err)
	}
	return Record{Owner: owner, Type: h.Rrtype, TTL: h.Ttl, Data: data}, nil
}

// RR returns the record as miekg/dns has it. See NewRR.
func (r Record) RR() (dns.RR, error) { return NewRR(r.Owner.String(), r.Type, r.TTL, r.Data) }

// String returns the record in master-file form (RFC 1035 section 5.1), or in that of RFC 3597 section 5 where miekg/dns
// has no other, or takes time that grows with the square of what a primary has sent.
func (r Record) String() string {
	const most = 1024
	owner := r.Owner.String()
	switch r.Type {
	case dns.TypeNULL: // written as a comment
	case dns.TypeNSEC, dns.TypeNSEC3, dns.TypeCSYNC, dns.TypeSVCB, dns.TypeHTTPS, dns.TypeHIP, dns.TypeAPL:
		if len(r.Data) > most {
			break
		}
		fallthrough
	default:
		if rr, err := NewRR(owner, r.Type, r.TTL, r.Data); err == nil {
			return rr.String()
		}
	}
	return opaqueRR(header(owner, r.Type, r.TTL, r.Data), r.Data).String()
}

// NewRR makes a dns.RR of RDATA that AppendRDATA has accepted; it shares no memory with it. What miekg/dns would refuse
// or would pack to other octets comes as a *dns.RFC3597, which still has its own type in the header: signatures stay
// valid and parity between what we hold and what we serve is kept.
func NewRR(owner string, typ uint16, ttl uint32, data []byte) (dns.RR, error) {
	if len(data) > maxRDATA {
		return nil, rdataError(typ, fmt.Errorf("RDATA of %d octets, at most %d fit in a record", len(data), maxRDATA))
	}
	h := header(owner, typ, ttl, data)
	if rr := commonRR(h, data); rr != nil {
		return rr, nil
	}
	if l := layoutOf(typ); l != nil && l.check != nil {
		if err := l.check(data); err != nil { // packsAlike relies on it
			return nil, rdataError(typ, err)
		}
	}
	if !packsAlike(typ, data) {
		return opaqueRR(h, data), nil
	}
	rr, _, err := dns.UnpackRRWithHeader(h, data, 0)
	if err != nil {
		return nil, rdataError(typ, err)
	}
	switch rr := rr.(type) {
	case *dns.CAA:
		rr.Value = escapeBackslash(rr.Value)
	case *dns.URI:
		rr.Target = escapeBackslash(rr.Target)
	}
	return rr, nil
}

// commonRR makes the RRs that most answers consist of in half the time that miekg/dns takes. It returns nil for others.
func commonRR(h dns.RR_Header, data []byte) dns.RR {
	switch h.Rrtype {
	case dns.TypeA:
		if len(data) == net.IPv4len {
			rr := &struct {
				dns.A
				addr [net.IPv4len]byte
			}{A: dns.A{Hdr: h}, addr: [net.IPv4len]byte(data)}
			rr.A.A = rr.addr[:]
			return &rr.A
		}
	case dns.TypeAAAA:
		if len(data) == net.IPv6len {
			rr := &struct {
				dns.AAAA
				addr [net.IPv6len]byte
			}{AAAA: dns.AAAA{Hdr: h}, addr: [net.IPv6len]byte(data)}
			rr.AAAA.AAAA = rr.addr[:]
			return &rr.AAAA
		}
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR:
		if n, err := nameSize(data); err != nil || n != len(data) {
			return nil
		}
		switch target := Name(data).String(); h.Rrtype {
		case dns.TypeNS:
			return &dns.NS{Hdr: h, Ns: target}
		case dns.TypeCNAME:
			return &dns.CNAME{Hdr: h, Target: target}
		case dns.TypePTR:
			return &dns.PTR{Hdr: h, Ptr: target}
		}
	}
	return nil
}

func header(owner string, typ uint16, ttl uint32, data []byte) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl, Rdlength: uint16(len(data))}
}

func opaqueRR(h dns.RR_Header, data []byte) dns.RR {
	return &dns.RFC3597{Hdr: h, Rdata: hex.EncodeToString(data)}
}

// SOA is the RDATA of a SOA record (RFC 1035 section 3.3.13) and its TTL. Timers are in seconds.
type SOA struct {
	MName, RName                    Name
	Serial                          Serial
	Refresh, Retry, Expire, Minimum uint32
	TTL                             uint32
}

// ParseSOA reads SOA RDATA that AppendRDATA has accepted. The names are parts of data.
func ParseSOA(data []byte, ttl uint32) (SOA, error) {
	const timers = 20
	m, err := nameSize(data)
	if err != nil {
		return SOA{}, fmt.Errorf("SOA: MNAME: %w", err)
	}
	r, err := nameSize(data[m:])
	if err != nil {
		return SOA{}, fmt.Errorf("SOA: RNAME: %w", err)
	}
	t := data[m+r:]
	if len(t) != timers {
		return SOA{}, fmt.Errorf("SOA: %d octets after the RNAME, want %d", len(t), timers)
	}
	return SOA{
		MName: data[:m:m], RName: data[m : m+r : m+r],
		Serial:  Serial(binary.BigEndian.Uint32(t)),
		Refresh: binary.BigEndian.Uint32(t[4:]),
		Retry:   binary.BigEndian.Uint32(t[8:]),
		Expire:  binary.BigEndian.Uint32(t[12:]),
		Minimum: binary.BigEndian.Uint32(t[16:]),
		TTL:     ttl,
	}, nil
}
