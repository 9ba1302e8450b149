package zone

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// packsAlike reports whether miekg/dns unpacks this RDATA and packs it to the same octets again. It is about RDATA that
// AppendRDATA has accepted; a property test tries every type.
func packsAlike(typ uint16, data []byte) bool {
	switch typ {
	case dns.TypeNXT:
		return false // read with the bitmap of NSEC, which RFC 2535 section 5.2 does not have
	case dns.TypeISDN:
		return 1+int(data[0]) < len(data) // one string alone is packed as two
	case dns.TypeLOC:
		return data[0] == 0
	case dns.TypeAMTRELAY:
		return data[1] <= 3 // the discovery bit is taken for a part of the type
	case dns.TypeCAA, dns.TypeURI:
		return len(data)+bytes.Count(data, []byte{'\\'}) <= 1024 // longer values are not packed
	case dns.TypeAPL:
		return plainAPL(data)
	case dns.TypeSVCB, dns.TypeHTTPS:
		return plainSVCB(data)
	}
	return true
}

// plainAPL reports whether all prefixes are IPv4 or IPv6 and have no bit set beyond their length.
func plainAPL(b []byte) bool {
	for len(b) > 0 {
		most, ok := aplFamily(b)
		if !ok {
			return false
		}
		var full [16]byte
		size := copy(full[:], b[4:4+int(b[3]&0x7F)])
		addr, _ := netip.AddrFromSlice(full[:most])
		if p, err := addr.Prefix(int(b[2])); err != nil || p.Addr() != addr {
			return false
		}
		b = b[4+size:]
	}
	return true
}

// plainSVCB reports whether the values of all parameters have the form of RFC 9460 section 7, as miekg/dns wants it.
func plainSVCB(b []byte) bool {
	n, _ := nameSize(b[2:])
	for b = b[2+n:]; len(b) > 0; {
		key, v := dns.SVCBKey(u16(b)), b[4:4+u16(b[2:])]
		if !plainParam(key, v) {
			return false
		}
		b = b[4+len(v):]
	}
	return true
}

func plainParam(key dns.SVCBKey, v []byte) bool {
	switch key {
	case dns.SVCB_MANDATORY:
		for last := -1; len(v) >= 2; v = v[2:] {
			if u16(v) <= last {
				return false
			}
			last = u16(v)
		}
		return len(v) == 0
	case dns.SVCB_ALPN:
		for len(v) > 0 {
			if v[0] == 0 || len(v) < 1+int(v[0]) {
				return false
			}
			v = v[1+int(v[0]):]
		}
		return true
	case dns.SVCB_NO_DEFAULT_ALPN, dns.SVCB_OHTTP:
		return len(v) == 0
	case dns.SVCB_PORT:
		return len(v) == 2
	case dns.SVCB_IPV4HINT:
		return len(v) > 0 && len(v)%4 == 0
	case dns.SVCB_IPV6HINT:
		if len(v) == 0 {
			return false
		}
		for ; len(v) >= 16; v = v[16:] {
			if netip.AddrFrom16([16]byte(v)).Is4In6() {
				return false
			}
		}
		return len(v) == 0
	case 65535:
		return false
	}
	return true
}

// escapeBackslash mends values that miekg/dns takes over raw when it unpacks, and unescapes when it packs.
func escapeBackslash(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }
