package zone

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// zoneTypes are the types that a zone may hold and that we or miekg/dns know, and some that neither does.
func zoneTypes() []uint16 {
	types := []uint16{40, 66, 103, 127, 262, 1234, 65280, 65535}
	for typ := range layouts {
		if CheckType(uint16(typ)) == nil && (layouts[typ] != nil || dns.TypeToRR[uint16(typ)] != nil) {
			types = append(types, uint16(typ))
		}
	}
	return append(types, dns.TypeTA, dns.TypeDLV)
}

// unhex reads octets that may have spaces between them; what stands in quotes is text.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	var b []byte
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		h, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			tb.Fatalf("%q: %v", s, err)
		}
		b = append(b, h...)
	}
	return b
}

func TestRDATAErrors(t *testing.T) {
	for _, tc := range []struct {
		typ       uint16
		rdata     string
		err, also string // the whole error; or a part of it
	}{
		{dns.TypeA, "01 02 03", "A: RDATA of 3 octets, want 4", ""},
		{dns.TypeA, "", "A: RDATA of 0 octets, want 4", ""},
		{dns.TypeA, "01 02 03 04 05", "A: RDATA of 5 octets, want 4", ""},
		{dns.TypeAAAA, "01 02 03 04", "AAAA: RDATA of 4 octets, want 16", ""},
		{dns.TypeEUI48, "01 02 03 04 05 06 07", "EUI48: RDATA of 7 octets, want 6", ""},
		{dns.TypeNS, "", "NS: name: name runs past the end of the RDATA", ""},
		{dns.TypeNS, `01 "a"`, "NS: name: name runs past the end of the RDATA", ""},
		{dns.TypeNS, `01 "a" 00 00`, "NS: RDATA of 4 octets, want 3", ""},
		{dns.TypeNS, `41 "a" 00`, "NS: name: name has a label of an unknown type", ""},
		{dns.TypeNS, `81 "a" 00`, "NS: name: name has a label of an unknown type", ""},
		{dns.TypeNS, `C0 FF`, "NS: name: compression pointer does not point backwards", ""},
		{dns.TypeNS, `C0`, "NS: name: name runs past the end of the RDATA", ""},
		{dns.TypeMX, "00", "MX: RDATA of 1 octets is too short for its preference", ""},
		{dns.TypeMX, "00 0A", "MX: exchange: name runs past the end of the RDATA", ""},
		{dns.TypeSOA, "00 00 01 02", "SOA: RDATA of 4 octets is too short for its serial and timers", ""},
		{dns.TypeDNAME, `C0 00`, "DNAME: target: name is compressed, which its type does not allow", ""},
		{dns.TypeNSEC, `C0 00 00 01 40`, "", "name is compressed"},
		{dns.TypeRRSIG, strings.Repeat("00", 18) + "C0 00 01", "", "name is compressed"},
		{dns.TypeSVCB, "00 01 C0 00", "SVCB: target: name is compressed, which its type does not allow", ""},
		{dns.TypeTXT, "", "TXT: RDATA of 0 octets is too short for its character-strings", ""},
		{dns.TypeTXT, `03 "ab"`, "TXT: RDATA of 3 octets is too short for its character-strings", ""},
		{dns.TypeTXT, `02 "ab" 01`, "", "is too short for its character-strings"},
		{dns.TypeHINFO, `01 "a"`, "", "is too short for its OS"},
		{dns.TypeHINFO, `01 "a" 01 "b" 00`, "HINFO: RDATA of 5 octets, want 4", ""},
		{dns.TypeISDN, `01 "a" 01 "b" 00`, "ISDN: RDATA of 3 character-strings, want 1 or 2", ""},
		{dns.TypeDS, "00 01 08 02", "DS: RDATA of 4 octets is too short for its digest", ""},
		{dns.TypeTA, "00 01 08 02", "TA: RDATA of 4 octets is too short for its digest", ""},
		{dns.TypeDHCID, "00 01", "", "is too short for its digest"},
		{dns.TypeNSEC, "00", "NSEC: type bitmap: it lists no type", ""},
		{dns.TypeNSEC, "00 00", "NSEC: type bitmap: RDATA ends within a block", ""},
		{dns.TypeNSEC, "00 00 02 40", "NSEC: type bitmap: RDATA ends within a block", ""},
		{dns.TypeNSEC, "00 00 00", "NSEC: type bitmap: a block must have 1 to 32 octets", ""},
		{dns.TypeNSEC, "00 00 21 " + strings.Repeat("FF", 33), "", "1 to 32 octets"},
		{dns.TypeNSEC, "00 00 02 40 00", "NSEC: type bitmap: a block ends in a zero octet", ""},
		{dns.TypeNSEC, "00 01 01 40 00 01 40", "NSEC: type bitmap: blocks are not in increasing order", ""},
		{dns.TypeNSEC, "00 01 01 40 01 01 40", "", "increasing order"},
		{dns.TypeNSEC3, "01 00 00 00 02 FF", "", "is too short for its salt"},
		{dns.TypeNSEC3, "01 00 00 00 00", "", "is too short for its next hash"},
		{dns.TypeNSEC3, "01 00 00 00 00 00", "", "is too short for its next hash"},
		{dns.TypeNSEC3PARAM, "01 00 00 00 00 00", "", "want 5"},
		{dns.TypeCAA, `00`, "", "is too short for its tag"},
		{dns.TypeCAA, `00 00 "value"`, "", "is too short for its tag"},
		{dns.TypeURI, "00 01 00 01", "", "is too short for its target"},
		{dns.TypeLOC, "00 12 16 13", "LOC: RDATA of 4 octets, want 16", ""},
		{dns.TypeAPL, "00 01 20", "APL: RDATA ends within a prefix", ""},
		{dns.TypeAPL, "00 01 21 01 0A", "APL: prefix of 33 bits with 1 octets is too long for its family", ""},
		{dns.TypeAPL, "00 01 20 05 01 02 03 04 05", "", "too long for its family"},
		{dns.TypeAPL, "00 01 18 03 0A 01 00", "APL: address ends in a zero octet", ""},
		{dns.TypeIPSECKEY, "0A 01", "", "is too short for its algorithm"},
		{dns.TypeIPSECKEY, "0A 01 02 C0 00 02", "IPSECKEY: gateway of 3 octets, want 4", ""},
		{dns.TypeIPSECKEY, "0A 03 02 C0 00", "IPSECKEY: gateway: name is compressed, which its type does not allow", ""},
		{dns.TypeAMTRELAY, "0A", "", "is too short for its relay type"},
		{dns.TypeAMTRELAY, "0A 81 C0 00 02", "AMTRELAY: gateway of 3 octets, want 4", ""},
		{dns.TypeAMTRELAY, "0A 00 01", "AMTRELAY: RDATA of 3 octets, want 2", ""},
		{dns.TypeHIP, "01 02 00 02 FF 01", "", "is too short for its public key"},
		{dns.TypeHIP, "00 02 00 01 01", "HIP: HIT or public key is empty", ""},
		{dns.TypeHIP, `01 02 00 01 01 01 01 "a"`, "", "rendezvous server: name runs past"},
		{dns.TypeSVCB, "00", "", "is too short for its priority"},
		{dns.TypeHTTPS, "00 01 00 00 01 00", "HTTPS: RDATA ends within a parameter", ""},
		{dns.TypeHTTPS, "00 01 00 00 01 00 02 02", "HTTPS: RDATA ends within a parameter", ""},
		{dns.TypeHTTPS, "00 01 00 00 03 00 00 00 01 00 00", "HTTPS: parameter key1 comes after key3, want increasing order", ""},
		{dns.TypeHTTPS, "00 01 00 00 03 00 00 00 03 00 00", "", "increasing order"},
		{typeA6, "81", "", "is too short for its address suffix"},
		{typeA6, "40 01 02 03", "", "is too short for its address suffix"},
		{typeA6, "80", "A6: prefix: name runs past the end of the RDATA", ""},
		{typeA6, "00" + strings.Repeat("01", 16) + "00", "A6: RDATA of 18 octets, want 17", ""},
		{dns.TypeOPT, "", "OPT: this is a meta-type, and no record of a zone can have it", ""},
		{dns.TypeNone, "", "", "meta-type"},
		{dns.TypeNXNAME, "", "", "meta-type"},
		{200, "", "TYPE200: this is a meta-type, and no record of a zone can have it", ""},
	} {
		rdata := unhex(t, tc.rdata)
		// Octets before and after, so that what reads beyond does not fail by the end of the message.
		for _, after := range []string{"", "\x00\x00\x00\x00\x00\x00"} {
			msg := append(append([]byte("\x00\x00"), rdata...), after...)
			out, err := AppendRDATA([]byte("dst"), tc.typ, msg, 2, len(rdata))
			switch {
			case string(out) != "dst":
				t.Errorf("%s %s: dst has become %q", typeString(tc.typ), tc.rdata, out)
			case err == nil:
				t.Errorf("%s %s is accepted", typeString(tc.typ), tc.rdata)
			case tc.err != "" && err.Error() != tc.err, !strings.Contains(err.Error(), tc.also):
				t.Errorf("%s %s, %d octets after it: error %q, want %q", typeString(tc.typ), tc.rdata, len(after), err, tc.err+tc.also)
			}
		}
	}
}

func TestRDATAOutsideMessage(t *testing.T) {
	for _, tc := range []struct{ size, off, rdlen int }{{4, 0, 5}, {4, 1, 4}, {4, -1, 4}, {4, 0, -1}, {4, 5, 0}, {70000, 0, 65536}} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeTXT, 1234} {
			if _, err := AppendRDATA(nil, typ, make([]byte, tc.size), tc.off, tc.rdlen); err == nil {
				t.Errorf("%s: %+v is accepted", typeString(typ), tc)
			}
		}
	}
}

func TestCheckType(t *testing.T) {
	for typ := range 1 << 16 {
		meta := typ == 0 || typ == 41 || typ >= 128 && typ <= 255
		if err := CheckType(uint16(typ)); (err != nil) != meta {
			t.Errorf("type %d: %v", typ, err)
		}
		if meta && layoutOf(uint16(typ)) != nil {
			t.Errorf("type %d has a layout", typ)
		}
	}
}

// RDATA of the greatest size, and one that becomes too large when it is decompressed.
func TestRDATASize(t *testing.T) {
	big := slices.Repeat(append([]byte{254}, bytes.Repeat([]byte("a"), 254)...), maxRDATA/255)
	for _, typ := range []uint16{dns.TypeTXT, 1234, dns.TypeNULL} {
		if out, err := AppendRDATA(nil, typ, big, 0, len(big)); err != nil || !bytes.Equal(out, big) {
			t.Errorf("%s of 65535 octets: %v", typeString(typ), err)
		}
	}
	// A name of 255 octets, then a SIG whose signer points to it.
	msg := append(bytes.Repeat([]byte("\x01a"), 127), 0)
	rdata := append(make([]byte, 18), 0xC0, 0)
	rdata = append(rdata, make([]byte, maxRDATA-len(rdata))...)
	msg = append(msg, rdata...)
	if _, err := AppendRDATA(nil, dns.TypeSIG, msg, 255, maxRDATA); err == nil || !strings.Contains(err.Error(), "when decompressed") {
		t.Errorf("RDATA of more than 65535 octets when decompressed: %v", err)
	}
}

// The types that RFC 4034 section 6.2 lists (NSEC taken out by RFC 6840 section 5.1), and those with names beside them.
func TestRDATANames(t *testing.T) {
	lowered := []uint16{
		dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeSOA, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR,
		dns.TypeMINFO, dns.TypeMX, dns.TypeRP, dns.TypeAFSDB, dns.TypeRT, dns.TypeSIG, dns.TypePX, dns.TypeNXT,
		dns.TypeNAPTR, dns.TypeKX, dns.TypeSRV, dns.TypeDNAME, typeA6, dns.TypeRRSIG,
	}
	decompressed := []uint16{ // RFC 3597 section 4, and KX
		dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeSOA, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR,
		dns.TypeMINFO, dns.TypeMX, dns.TypeRP, dns.TypeAFSDB, dns.TypeRT, dns.TypeSIG, dns.TypePX, dns.TypeNXT,
		dns.TypeNAPTR, dns.TypeSRV, dns.TypeKX,
	}
	// What stands before, between and after the names of a type.
	around := map[uint16][]string{
		dns.TypeSOA: {"", "", strings.Repeat("41", 20)}, dns.TypeMINFO: {"", "", ""}, dns.TypeRP: {"", "", ""},
		dns.TypeMX: {"4142", ""}, dns.TypeAFSDB: {"4142", ""}, dns.TypeRT: {"4142", ""}, dns.TypeKX: {"4142", ""},
		dns.TypePX: {"4142", "", ""}, dns.TypeSRV: {"414243444546", ""}, dns.TypeNAPTR: {"41424344 0141 0142 0143", ""},
		dns.TypeSIG: {strings.Repeat("41", 18), "41"}, dns.TypeRRSIG: {strings.Repeat("41", 18), "41"},
		dns.TypeNXT: {"", "41"}, dns.TypeNSEC: {"", "41 01 41"}, typeA6: {"78 41", ""},
		dns.TypeNSAPPTR: {"", ""}, dns.TypeTALINK: {"", "", ""}, dns.TypeLP: {"4142", ""}, dns.TypeHIP: {"01 41 00 01 41 41", "", ""},
		dns.TypeIPSECKEY: {"41 03 41", "41"}, dns.TypeAMTRELAY: {"41 83", ""}, dns.TypeSVCB: {"4142", ""}, dns.TypeHTTPS: {"4142", ""},
	}
	for _, typ := range lowered {
		if around[typ] == nil {
			around[typ] = []string{"", ""}
		}
	}
	for typ, parts := range around {
		build := func(name string) []byte {
			b := []byte("\x04Host\x07eXample\x00") // at 0 of the message
			for i, p := range parts {
				if i > 0 {
					b = append(b, name...)
				}
				b = append(b, unhex(t, p)...)
			}
			return b
		}
		const start = 14
		plain := build("\x04Host\x07eXample\x00")
		want := plain[start:]
		if slices.Contains(lowered, typ) {
			want = build("\x04host\x07example\x00")[start:]
		}
		got, err := AppendRDATA(nil, typ, plain, start, len(plain)-start)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", typeString(typ), got, err, want)
		}
		for _, packed := range []string{"\xC0\x00", "\x04hOst\xC0\x05"} {
			msg := build(packed)
			got, err := AppendRDATA(nil, typ, msg, start, len(msg)-start)
			if !slices.Contains(decompressed, typ) {
				if err == nil || !strings.Contains(err.Error(), "compressed") {
					t.Errorf("%s with a compressed name: %q, %v", typeString(typ), got, err)
				}
			} else if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s with a compressed name: %q, %v, want %q", typeString(typ), got, err, want)
			}
		}
	}
	for _, typ := range zoneTypes() {
		if l := layoutOf(typ); l != nil && around[typ] == nil &&
			slices.ContainsFunc(l.fields, func(f field) bool { return f.kind == asName }) {
			t.Errorf("%s has a name, but is not tested here", l.mnemonic)
		}
	}
}

func TestRDATAAllocations(t *testing.T) {
	for label, rd := range benchRDATA {
		buf := make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(100, func() { _, _ = AppendRDATA(buf, rd.typ, rd.msg, rd.off, len(rd.msg)-rd.off) }); n != 0 {
			t.Errorf("%s: %v allocations", label, n)
		}
	}
}

// benchRDATA is the typical data of a large zone. The messages begin with the name at offset 0 that names point to.
var benchRDATA = map[string]struct {
	typ uint16
	msg []byte
	off int
}{
	"A":           {dns.TypeA, []byte("\x01\x02\x03\x04"), 0},
	"AAAA":        {dns.TypeAAAA, make([]byte, 16), 0},
	"NS":          {dns.TypeNS, []byte("\x07example\x03org\x00\x03ns1\x08name1234\xC0\x00"), 13},
	"DS":          {dns.TypeDS, append([]byte("\x12\x34\x08\x02"), make([]byte, 32)...), 0},
	"TXT":         {dns.TypeTXT, []byte("\x20v=spf1 include:_spf.example -all"), 0},
	"MX":          {dns.TypeMX, []byte("\x07example\x03org\x00\x00\x0A\x04mail\xC0\x00"), 13},
	"SOA":         {dns.TypeSOA, []byte("\x07example\x03org\x00\x03ns1\xC0\x00\x05admin\xC0\x0012345678901234567890"), 13},
	"RRSIG":       {dns.TypeRRSIG, append([]byte("123456789012345678\x07example\x03org\x00"), make([]byte, 64)...), 0},
	"NSEC":        {dns.TypeNSEC, []byte("\x08name1235\x07example\x03org\x00\x00\x06\x20\x00\x00\x00\x00\x13"), 0},
	"NSEC3":       {dns.TypeNSEC3, []byte("\x01\x01\x00\x00\x00\x1412345678901234567890\x00\x06\x20\x00\x00\x00\x00\x12"), 0},
	"HTTPS":       {dns.TypeHTTPS, []byte("\x00\x01\x00\x00\x01\x00\x06\x02h2\x02h3\x00\x04\x00\x04\x01\x02\x03\x04"), 0},
	"unknown, 32": {65280, make([]byte, 32), 0},
}

func BenchmarkAppendRDATA(b *testing.B) {
	buf := make([]byte, 0, 1024)
	for label, rd := range benchRDATA {
		b.Run(label, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := AppendRDATA(buf, rd.typ, rd.msg, rd.off, len(rd.msg)-rd.off); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
