package answer

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// The records of signed zones, of which an answer to a validator mostly consists. Theirs is RDATA that a version has checked.

func makeRRSIG(r *Result, rr *dns.RRSIG, h dns.RR_Header, data []byte) dns.RR {
	signer, signature := splitName(data[18:])
	*rr = dns.RRSIG{
		Hdr:         h,
		TypeCovered: binary.BigEndian.Uint16(data),
		Algorithm:   data[2],
		Labels:      data[3],
		OrigTtl:     binary.BigEndian.Uint32(data[4:]),
		Expiration:  binary.BigEndian.Uint32(data[8:]),
		Inception:   binary.BigEndian.Uint32(data[12:]),
		KeyTag:      binary.BigEndian.Uint16(data[16:]),
		SignerName:  r.name(signer),
		Signature:   r.base64(signature),
	}
	return rr
}

func makeDNSKEY(r *Result, rr *dns.DNSKEY, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.DNSKEY{
		Hdr:       h,
		Flags:     binary.BigEndian.Uint16(data),
		Protocol:  data[2],
		Algorithm: data[3],
		PublicKey: r.base64(data[4:]),
	}
	return rr
}

func makeDS(r *Result, rr *dns.DS, h dns.RR_Header, data []byte) dns.RR {
	*rr = dns.DS{
		Hdr:        h,
		KeyTag:     binary.BigEndian.Uint16(data),
		Algorithm:  data[2],
		DigestType: data[3],
		Digest:     r.hexadecimal(data[4:]),
	}
	return rr
}

// recordNSEC has room for the types of most names.
type recordNSEC struct {
	dns.NSEC
	types [8]uint16
}

func makeNSEC(r *Result, s *recordNSEC, h dns.RR_Header, data []byte) dns.RR {
	next, types := splitName(data)
	s.NSEC = dns.NSEC{Hdr: h, NextDomain: r.name(next), TypeBitMap: appendTypes(s.types[:0], types)}
	return &s.NSEC
}

type recordNSEC3 struct {
	dns.NSEC3
	types [8]uint16
}

func makeNSEC3(r *Result, s *recordNSEC3, h dns.RR_Header, data []byte) dns.RR {
	salt := data[5 : 5+int(data[4])]
	rest := data[5+len(salt):]
	next := rest[1 : 1+int(rest[0])]
	s.NSEC3 = dns.NSEC3{
		Hdr:        h,
		Hash:       data[0],
		Flags:      data[1],
		Iterations: binary.BigEndian.Uint16(data[2:]),
		SaltLength: data[4],
		Salt:       r.hexadecimal(salt),
		HashLength: rest[0],
		NextDomain: r.base32(next),
		TypeBitMap: appendTypes(s.types[:0], rest[1+len(next):]),
	}
	return &s.NSEC3
}

// appendTypes appends the types of a bitmap (RFC 4034 section 4.1.2). As with miekg/dns, no types are nil.
func appendTypes(dst []uint16, bitmap []byte) []uint16 {
	for len(bitmap) > 0 {
		first, end := int(bitmap[0])<<8, 2+int(bitmap[1])
		for i, octet := range bitmap[2:end] {
			for bit := range 8 {
				if octet&(0x80>>bit) != 0 {
					dst = append(dst, uint16(first+8*i+bit))
				}
			}
		}
		bitmap = bitmap[end:]
	}
	if len(dst) == 0 {
		return nil
	}
	return dst
}

// splitName takes a name off the front of RDATA.
func splitName(data []byte) (name zone.Name, rest []byte) {
	end := 0
	for data[end] != 0 {
		end += 1 + int(data[end])
	}
	return zone.Name(data[:end+1]), data[end+1:]
}

func (r *Result) base64(b []byte) string {
	r.buf = base64.StdEncoding.AppendEncode(r.buf[:0], b)
	return r.write(r.buf)
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

func (r *Result) base32(b []byte) string {
	r.buf = base32Hex.AppendEncode(r.buf[:0], b)
	return r.write(r.buf)
}

func (r *Result) hexadecimal(b []byte) string {
	r.buf = hex.AppendEncode(r.buf[:0], b)
	return r.write(r.buf)
}
