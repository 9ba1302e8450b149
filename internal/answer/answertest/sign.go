package answertest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Signing says how a zone is signed.
type Signing struct {
	NSEC3      bool
	OptOut     bool   // NSEC3 may leave out insecure delegations (RFC 5155 section 6)
	Salt       string // in hexadecimal
	Iterations uint16
	Algorithms []uint8 // each of which signs everything (RFC 4035 section 2.2)
	// Roll publishes a second key that signs nothing yet, as in the middle of a roll.
	Roll bool
	// Seed decides which insecure delegations have an NSEC3 record in spite of opt-out, and whether the empty non-terminals
	// that lead only to the others do; RFC 5155 section 7.1 leaves both open.
	Seed uint64
}

// String says it in a few words.
func (s Signing) String() string {
	text := "NSEC"
	if s.NSEC3 {
		text = fmt.Sprintf("NSEC3 salt %q iterations %d", s.Salt, s.Iterations)
	}
	if s.OptOut {
		text += " opt-out"
	}
	for _, alg := range s.Algorithms {
		text += " " + dns.AlgorithmToString[alg]
	}
	return text
}

// RandomSigning chooses how a zone is signed.
func RandomSigning(r *rand.Rand) Signing {
	s := Signing{Seed: r.Uint64(), Roll: r.IntN(4) == 0}
	switch r.IntN(8) {
	case 0:
		s.Algorithms = []uint8{dns.RSASHA256}
	case 1, 2:
		s.Algorithms = []uint8{dns.ED25519}
	case 3:
		s.Algorithms = []uint8{dns.ECDSAP256SHA256, dns.RSASHA256}
	default:
		s.Algorithms = []uint8{dns.ECDSAP256SHA256}
	}
	if r.IntN(3) == 0 {
		return s
	}
	s.NSEC3, s.OptOut = true, r.IntN(2) == 0
	// RFC 9276 section 3.1: no salt and no more iterations, which not everyone has read.
	if r.IntN(2) == 0 {
		s.Salt = pick(r, []string{"ab", "aabbccdd", "00", "0123456789abcdef"})
	}
	if r.IntN(2) == 0 {
		s.Iterations = uint16(pick(r, []int{1, 5, 12, 100, 150}))
	}
	return s
}

// Signed returns the zone signed. Its own records stay as they are.
func (z *Zone) Signed(s Signing) *Zone {
	sg := signer{signing: s, apex: must(zone.ParseName(z.Origin)), owners: map[string]*owner{}, rand: rand.New(rand.NewPCG(s.Seed, 3))}
	for _, rr := range z.Records {
		sg.add(must(zone.FromRR(rr)))
	}
	sg.keys()
	if s.NSEC3 {
		sg.parameters()
	}
	sg.divide()
	if s.NSEC3 {
		sg.chainNSEC3()
	} else {
		sg.chainNSEC()
	}
	sg.sign()
	return sg.zone(z)
}

// TrustAnchors are the DNSKEY records that a validator of the zone is told to trust.
func (z *Zone) TrustAnchors() (keys []*dns.DNSKEY) {
	for _, rr := range z.Records {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP != 0 && key.Hdr.Name == z.Origin {
			keys = append(keys, key)
		}
	}
	return keys
}

// A signer is a zone on its way to be signed.
type signer struct {
	signing Signing
	rand    *rand.Rand
	apex    zone.Name
	soa     zone.SOA
	owners  map[string]*owner // by zone.Key
	hashed  []*owner          // of NSEC3 records
	signers []*key
}

// An owner is an owner name and what it has.
type owner struct {
	name zone.Name
	key  zone.Key
	sets map[uint16][]zone.Record
	cut  bool // a delegation
	out  bool // occluded: below a cut or a DNAME
}

// sorted returns the owners in canonical order.
func (sg *signer) sorted() []*owner {
	var list []*owner
	for _, key := range slices.Sorted(maps.Keys(sg.owners)) {
		list = append(list, sg.owners[key])
	}
	return list
}

func (sg *signer) add(r zone.Record) {
	key, ok := zone.AppendKey(nil, r.Owner, sg.apex)
	if !ok {
		panic(fmt.Sprintf("answertest: %s is not in %s", r.Owner, sg.apex))
	}
	at := sg.owners[string(key)]
	if at == nil {
		at = &owner{name: r.Owner, key: key, sets: map[uint16][]zone.Record{}}
		sg.owners[string(key)] = at
	}
	at.add(r)
	if r.Type == dns.TypeSOA {
		sg.soa = must(zone.ParseSOA(r.Data, r.TTL))
	}
}

func (o *owner) add(r zone.Record) {
	for _, old := range o.sets[r.Type] {
		if string(old.Data) == string(r.Data) {
			return
		}
	}
	o.sets[r.Type] = append(o.sets[r.Type], r)
}

func (sg *signer) addRR(rr dns.RR) { sg.add(must(zone.FromRR(rr))) }

// keys publishes the DNSKEY records, and now and then CDS and CDNSKEY.
func (sg *signer) keys() {
	const ttl = 3600
	origin := sg.apex.String()
	publish := func(k *key) *dns.DNSKEY {
		rr := k.record(origin, ttl)
		sg.addRR(rr)
		return rr
	}
	for _, alg := range sg.signing.Algorithms {
		pair := keyPair(alg)
		ksk := publish(pair.ksk)
		publish(pair.zsk)
		sg.signers = append(sg.signers, pair.ksk, pair.zsk)
		if sg.rand.IntN(4) == 0 {
			sg.addRR(ksk.ToCDNSKEY())
			sg.addRR(ksk.ToDS(dns.SHA256).ToCDS())
		}
	}
	if sg.signing.Roll {
		publish(keyPair(dns.ECDSAP384SHA384).zsk)
	}
}

// divide finds the cuts, and what lies below them and below DNAMEs.
func (sg *signer) divide() {
	for _, o := range sg.owners {
		o.cut = len(o.key) > 0 && len(o.sets[dns.TypeNS]) > 0
	}
	for _, o := range sg.owners {
		for up := o.key; len(up) > 0; {
			up = up.Parent()
			if above := sg.owners[string(up)]; above != nil && (above.cut || len(above.sets[dns.TypeDNAME]) > 0) {
				o.out = true
			}
		}
	}
}

// types returns the bitmap of an authoritative name, without the record that has it.
func (o *owner) types() (list []uint16) {
	for typ := range o.sets {
		if !o.cut || typ == dns.TypeNS || typ == dns.TypeDS {
			list = append(list, typ)
		}
	}
	return list
}

// signs reports whether an RRset of an authoritative name is signed.
func (o *owner) signs(typ uint16) bool { return !o.cut || typ == dns.TypeDS || typ == dns.TypeNSEC }

func (sg *signer) sign() {
	for _, o := range append(sg.sorted(), sg.hashed...) {
		if o.out {
			continue
		}
		for _, typ := range slices.Sorted(maps.Keys(o.sets)) {
			if !o.signs(typ) {
				continue
			}
			for _, k := range sg.signers {
				if k.signs(typ) {
					o.add(sg.signature(o.sets[typ], k))
				}
			}
		}
	}
}

// The signatures are good from 2020 to 2037: ldns compares times as signed numbers.
const (
	inception  = 1577836800
	expiration = 2114380800
)

// signature makes the RRSIG record of an RRset (RFC 4034 section 3.1).
func (sg *signer) signature(set []zone.Record, k *key) zone.Record {
	first := set[0]
	labels := first.Owner.Labels()
	if first.Owner[0] == 1 && first.Owner[1] == '*' {
		labels--
	}
	data := binary.BigEndian.AppendUint16(nil, first.Type)
	data = append(data, k.algorithm, byte(labels))
	data = binary.BigEndian.AppendUint32(data, first.TTL)
	data = binary.BigEndian.AppendUint32(data, expiration)
	data = binary.BigEndian.AppendUint32(data, inception)
	data = binary.BigEndian.AppendUint16(data, k.record(".", 0).KeyTag())
	data = append(data, lowerName(sg.apex)...)
	data = append(data, k.sign(signedData(data, set))...)
	return zone.Record{Owner: first.Owner, Type: dns.TypeRRSIG, TTL: first.TTL, Data: data}
}

// zone returns everything as a Zone: the SOA first, so that it looks as usual.
func (sg *signer) zone(z *Zone) *Zone {
	signed := &Zone{Origin: z.Origin, names: slices.Clone(z.names)}
	for _, o := range append(sg.sorted(), sg.hashed...) {
		types := slices.Sorted(maps.Keys(o.sets))
		if i := slices.Index(types, dns.TypeSOA); i > 0 {
			types = slices.Insert(slices.Delete(types, i, i+1), 0, dns.TypeSOA)
		}
		for _, typ := range types {
			for _, r := range o.sets[typ] {
				signed.Records = append(signed.Records, must(r.RR()))
			}
		}
	}
	for _, o := range sg.hashed {
		signed.names = append(signed.names, o.name.String())
	}
	return signed
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("answertest: %v", err))
	}
	return v
}
