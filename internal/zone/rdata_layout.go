package zone

import "github.com/miekg/dns"

// layout says how the RDATA of a type is laid out: as a row of fields, or, for the types whose fields depend on each
// other, by a function that checks RDATA which is then taken over as it is.
type layout struct {
	mnemonic string
	fields   []field
	check    func(rdata []byte) error
}

// field is one field of RDATA, or several that need not be told apart.
type field struct {
	kind     fieldKind
	label    string // for errors
	size     int    // asOctets: how many; asRest, asCounted: at least so many; asBitmap: at least so many blocks
	pointers bool   // asName: it may be compressed
	lower    bool   // asName: lower-cased in the canonical form
}

type fieldKind uint8

const (
	asOctets  fieldKind = iota // a fixed number of octets
	asName                     // a domain name
	asText                     // one character-string
	asTexts                    // character-strings to the end, at least one
	asCounted                  // a length octet and so many octets
	asBitmap                   // a type bitmap to the end
	asRest                     // everything to the end
	asPrefix                   // A6: prefix length and address suffix; the name after it is there if the prefix is
)

// layoutOf returns the layout of a type, or nil when it is opaque here.
func layoutOf(typ uint16) *layout {
	switch {
	case int(typ) < len(layouts):
		return layouts[typ]
	case typ == dns.TypeTA:
		return layoutTA
	case typ == dns.TypeDLV:
		return layoutDLV
	}
	return nil
}

// Types that miekg/dns does not name.
const (
	typeWKS  uint16 = 11
	typeNSAP uint16 = 22
	typeA6   uint16 = 38
)

var layouts, layoutTA, layoutDLV = makeLayouts()

// makeLayouts lists the types whose layout is known. Types that are not here are opaque, as are NULL (RFC 1035 section
// 3.3.10), ATMA, SINK, UNSPEC and those newer than AMTRELAY and RESINFO: what a server may not decompress and need not
// lower-case, it need not know (RFC 3597).
//
// The names of RDATA differ in two ways. Senders may compress them in the types of RFC 1035, and receivers cope with it
// in those that RFC 3597 section 4 adds, and in KX; elsewhere a compressed name is an error. They are lower-cased in the
// types of RFC 4034 section 6.2, but not in NSEC (RFC 6840 section 5.1).
//
// Where a field that ends the RDATA must have at least an octet, its RFC says so or the record has no master-file form
// without it.
func makeLayouts() (table [dns.TypeRESINFO + 1]*layout, ta, dlv *layout) {
	oldName := func(label string) field { return field{kind: asName, label: label, pointers: true, lower: true} }
	lowName := func(label string) field { return field{kind: asName, label: label, lower: true} }
	newName := func(label string) field { return field{kind: asName, label: label} }
	fixed := func(size int, label string) field { return field{kind: asOctets, label: label, size: size} }
	text := func(label string) field { return field{kind: asText, label: label} }
	counted := func(least int, label string) field { return field{kind: asCounted, label: label, size: least} }
	rest := func(least int, label string) field { return field{kind: asRest, label: label, size: least} }
	types := func(blocks int) field { return field{kind: asBitmap, label: "type bitmap", size: blocks} }
	texts := field{kind: asTexts, label: "character-strings"}

	add := func(typ uint16, mnemonic string, fields ...field) {
		table[typ] = &layout{mnemonic: mnemonic, fields: fields}
	}
	check := func(typ uint16, f func(rdata []byte) error) {
		table[typ] = &layout{mnemonic: dns.TypeToString[typ], check: f}
	}
	row := func(typ uint16, fields ...field) { add(typ, dns.TypeToString[typ], fields...) }
	rows := func(types []uint16, fields ...field) {
		for _, typ := range types {
			row(typ, fields...)
		}
	}

	// RFC 1035.
	row(dns.TypeA, fixed(4, "address"))
	rows([]uint16{dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR},
		oldName("name"))
	row(dns.TypeSOA, oldName("MNAME"), oldName("RNAME"), fixed(20, "serial and timers"))
	add(typeWKS, "WKS", fixed(5, "address and protocol"), rest(0, "bitmap"))
	row(dns.TypeHINFO, text("CPU"), text("OS"))
	row(dns.TypeMINFO, oldName("RMAILBX"), oldName("EMAILBX"))
	row(dns.TypeMX, fixed(2, "preference"), oldName("exchange"))
	rows([]uint16{dns.TypeTXT, dns.TypeSPF, dns.TypeNINFO, dns.TypeAVC, dns.TypeRESINFO}, texts)

	// RFC 1183, RFC 1348, RFC 1706, RFC 2163, RFC 1712, RFC 1876.
	row(dns.TypeRP, oldName("mailbox"), oldName("text name"))
	row(dns.TypeAFSDB, fixed(2, "subtype"), oldName("host"))
	row(dns.TypeX25, text("PSDN address"))
	check(dns.TypeISDN, checkISDN)
	row(dns.TypeRT, fixed(2, "preference"), oldName("intermediate host"))
	add(typeNSAP, "NSAP", rest(1, "address"))
	add(dns.TypeNSAPPTR, "NSAP-PTR", newName("owner"))
	row(dns.TypePX, fixed(2, "preference"), oldName("MAP822"), oldName("MAPX400"))
	row(dns.TypeGPOS, text("longitude"), text("latitude"), text("altitude"))
	check(dns.TypeLOC, checkLOC)
	rows([]uint16{dns.TypeEID, dns.TypeNIMLOC}, rest(1, "data"))

	row(dns.TypeAAAA, fixed(16, "address"))                                              // RFC 3596
	add(typeA6, "A6", field{kind: asPrefix, label: "address suffix"}, lowName("prefix")) // RFC 2874
	row(dns.TypeSRV, fixed(6, "priority, weight and port"), oldName("target"))           // RFC 2782
	row(dns.TypeNAPTR, fixed(4, "order and preference"), text("flags"), text("services"), text("regexp"),
		oldName("replacement")) // RFC 3403
	row(dns.TypeKX, fixed(2, "preference"), oldName("exchanger"))                      // RFC 2230
	row(dns.TypeCERT, fixed(5, "type, key tag and algorithm"), rest(1, "certificate")) // RFC 4398
	row(dns.TypeDNAME, lowName("target"))                                              // RFC 6672
	check(dns.TypeAPL, checkAPL)                                                       // RFC 3123
	row(dns.TypeSSHFP, fixed(2, "algorithm and type"), rest(1, "fingerprint"))         // RFC 4255
	check(dns.TypeIPSECKEY, checkIPSECKEY)                                             // RFC 4025
	row(dns.TypeDHCID, rest(3, "digest"))                                              // RFC 4701 section 3.1
	check(dns.TypeHIP, checkHIP)                                                       // RFC 8005
	row(dns.TypeTALINK, newName("start or previous name"), newName("end or next name"))
	row(dns.TypeOPENPGPKEY, rest(1, "public key"))                                        // RFC 7929
	row(dns.TypeCSYNC, fixed(6, "serial and flags"), types(0))                            // RFC 7477
	row(dns.TypeZONEMD, fixed(6, "serial, scheme and hash algorithm"), rest(1, "digest")) // RFC 8976
	check(dns.TypeSVCB, checkSVCB)                                                        // RFC 9460
	check(dns.TypeHTTPS, checkSVCB)                                                       // RFC 9460
	row(dns.TypeUINFO, text("user"))
	rows([]uint16{dns.TypeUID, dns.TypeGID}, fixed(4, "number"))
	rows([]uint16{dns.TypeNID, dns.TypeL64}, fixed(10, "preference and locator")) // RFC 6742
	row(dns.TypeL32, fixed(6, "preference and locator"))                          // RFC 6742
	row(dns.TypeLP, fixed(2, "preference"), newName("pointer"))                   // RFC 6742
	row(dns.TypeEUI48, fixed(6, "address"))                                       // RFC 7043
	row(dns.TypeEUI64, fixed(8, "address"))                                       // RFC 7043
	row(dns.TypeURI, fixed(4, "priority and weight"), rest(1, "target"))          // RFC 7553
	row(dns.TypeCAA, fixed(1, "flags"), counted(1, "tag"), rest(0, "value"))      // RFC 8659
	check(dns.TypeAMTRELAY, checkAMTRELAY)                                        // RFC 8777
	rows([]uint16{dns.TypeTLSA, dns.TypeSMIMEA}, fixed(3, "usage, selector and matching type"),
		rest(1, "certificate association data")) // RFC 6698, RFC 8162

	// RFC 2535, RFC 4034, RFC 5155, RFC 7344. A KEY without a key is RFC 2535 section 3.1.2's NOKEY.
	const signature = 18
	row(dns.TypeSIG, fixed(signature, "fields before the signer"), oldName("signer"), rest(1, "signature"))
	row(dns.TypeRRSIG, fixed(signature, "fields before the signer"), lowName("signer"), rest(1, "signature"))
	rows([]uint16{dns.TypeKEY, dns.TypeRKEY, dns.TypeDNSKEY, dns.TypeCDNSKEY},
		fixed(4, "flags, protocol and algorithm"), rest(0, "public key"))
	row(dns.TypeNXT, oldName("next name"), rest(1, "type bitmap"))
	row(dns.TypeNSEC, newName("next name"), types(1))
	row(dns.TypeNSEC3, fixed(4, "algorithm, flags and iterations"), counted(0, "salt"), counted(1, "next hash"), types(0))
	row(dns.TypeNSEC3PARAM, fixed(4, "algorithm, flags and iterations"), counted(0, "salt"))
	ds := []field{fixed(4, "key tag, algorithm and digest type"), rest(1, "digest")}
	rows([]uint16{dns.TypeDS, dns.TypeCDS}, ds...)
	return table, &layout{mnemonic: "TA", fields: ds}, &layout{mnemonic: "DLV", fields: ds} // RFC 4431
}
