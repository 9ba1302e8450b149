package dnssec

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

var (
	byNSEC   = answertest.Signing{}
	byNSEC3  = answertest.Signing{NSEC3: true, Salt: "ab", Iterations: 1}
	byOptOut = answertest.Signing{NSEC3: true, OptOut: true, Seed: 5}
)

// with edits the records of a zone.
func with(edit func(rr dns.RR) []dns.RR) func([]dns.RR) []dns.RR {
	return func(list []dns.RR) (next []dns.RR) {
		for _, rr := range list {
			next = append(next, edit(rr)...)
		}
		return next
	}
}

// without takes away what a record of the type at the owner says.
func without(owner string, typ uint16) func([]dns.RR) []dns.RR {
	return with(func(rr dns.RR) []dns.RR {
		if rr.Header().Name == owner && rr.Header().Rrtype == typ {
			return nil
		}
		return []dns.RR{rr}
	})
}

func unsigned(owner string, covered uint16) func([]dns.RR) []dns.RR {
	return with(func(rr dns.RR) []dns.RR {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.Hdr.Name == owner && sig.TypeCovered == covered {
			return nil
		}
		return []dns.RR{rr}
	})
}

func plus(texts ...string) func([]dns.RR) []dns.RR {
	return func(list []dns.RR) []dns.RR {
		for _, text := range texts {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			list = append(list, rr)
		}
		return list
	}
}

func both(edits ...func([]dns.RR) []dns.RR) func([]dns.RR) []dns.RR {
	return func(list []dns.RR) []dns.RR {
		for _, edit := range edits {
			list = edit(list)
		}
		return list
	}
}

// edited edits copies of the records of a type at an owner.
func edited[T dns.RR](owner string, edit func(T)) func([]dns.RR) []dns.RR {
	return with(func(rr dns.RR) []dns.RR {
		if _, ok := rr.(T); ok && rr.Header().Name == owner {
			rr = dns.Copy(rr)
			edit(rr.(T))
		}
		return []dns.RR{rr}
	})
}

func changeSig(owner string, covered uint16, edit func(*dns.RRSIG)) func([]dns.RR) []dns.RR {
	return edited(owner, func(sig *dns.RRSIG) {
		if sig.TypeCovered == covered {
			edit(sig)
		}
	})
}

func hashOf(name string, s answertest.Signing) string {
	return strings.ToLower(dns.HashName(name, dns.SHA1, s.Iterations, s.Salt)) + ".example.org."
}

const text = "text.example.org. 300 IN TXT x"

func TestDamage(t *testing.T) {
	key := newTestKey(t, dns.ECDSAP256SHA256, 257)
	other := newTestKey(t, dns.ECDSAP256SHA256, 257)
	revoked := newTestKey(t, dns.ECDSAP256SHA256, 257|dns.REVOKE)
	hidden := newTestKey(t, dns.ECDSAP256SHA256, 256)
	hidden.hidden = true
	second := newTestKey(t, dns.ED25519, 257)
	silent := newTestKey(t, dns.ED25519, 257)
	silent.silent = true
	always := func(sig *dns.RRSIG, by *testKey) bool { return sig.KeyTag == by.KeyTag() }
	flip := func(s string) string {
		if s[5] == 'A' {
			return s[:5] + "B" + s[6:]
		}
		return s[:5] + "A" + s[6:]
	}

	tests := []struct {
		name    string
		signing answertest.Signing
		keys    []*testKey
		sign    func(*dns.RRSIG) bool   // alters signatures before they are made
		edit    func([]dns.RR) []dns.RR // alters records afterwards
		anchors []Anchor
		want    Rule // "" for none
		owner   string
		typ     uint16
		warn    Rule
	}{
		{name: "nothing, NSEC", signing: byNSEC},
		{name: "nothing, NSEC3", signing: byNSEC3},
		{name: "nothing, opt-out", signing: byOptOut},
		{name: "nothing, RSASHA1", signing: byNSEC3, keys: []*testKey{newTestKey(t, dns.RSASHA1NSEC3SHA1, 257)}},
		{name: "nothing, RSASHA512 and P-384", signing: byNSEC, keys: []*testKey{newTestKey(t, dns.RSASHA512, 257), newTestKey(t, dns.ECDSAP384SHA384, 257)}},
		{name: "RRSIG dropped", edit: unsigned("ns1.example.org.", dns.TypeA), want: RuleSignatureMissing, owner: "ns1.example.org.", typ: dns.TypeA},
		{name: "RRSIG of NSEC3 dropped", signing: byNSEC3, edit: unsigned(hashOf("ns1.example.org.", byNSEC3), dns.TypeNSEC3), want: RuleSignatureMissing, owner: hashOf("ns1.example.org.", byNSEC3), typ: dns.TypeNSEC3},
		{name: "RRSIG of DNSKEY dropped", edit: unsigned("example.org.", dns.TypeDNSKEY), want: RuleSignatureMissing, owner: "example.org.", typ: dns.TypeDNSKEY},
		{name: "octet of data flipped", edit: edited("ns1.example.org.", func(rr *dns.A) { rr.A = []byte{192, 0, 2, 99} }), want: RuleSignatureBogus, owner: "ns1.example.org.", typ: dns.TypeA},
		{name: "octet of signature flipped", edit: changeSig("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) { s.Signature = flip(s.Signature) }), want: RuleSignatureBogus, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "signature cut off", edit: changeSig("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) { s.Signature = "AAAA" }), want: RuleSignatureBogus, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "TTL of RRset", edit: edited("ns1.example.org.", func(rr *dns.AAAA) { rr.Hdr.Ttl = 60 }), want: RuleSignatureTTL, owner: "ns1.example.org.", typ: dns.TypeAAAA},
		{name: "labels", edit: changeSig("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) { s.Labels = 2 }), want: RuleSignatureLabels, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "labels of a wildcard", edit: changeSig("*.wild.example.org.", dns.TypeTXT, func(s *dns.RRSIG) { s.Labels = 4 }), want: RuleSignatureLabels, owner: "*.wild.example.org.", typ: dns.TypeTXT},
		{name: "expired", sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { s.Expiration = uint32(now.Unix() - 1); return true }), want: RuleSignatureExpired, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "expires now", sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { s.Expiration = uint32(now.Unix()); return true })},
		{name: "future", sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { s.Inception = uint32(now.Unix() + 1); return true }), want: RuleSignatureFuture, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "signer", sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { s.SignerName = "org."; return true }), want: RuleSignatureSigner, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "key that is not there", keys: []*testKey{key, hidden}, sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { return always(s, hidden) }), want: RuleSignatureKey, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "key that is not there yet, beside one that is", keys: []*testKey{key, hidden}},
		{name: "revoked key", keys: []*testKey{key, revoked}, sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { return always(s, revoked) }), want: RuleSignatureRevoked, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "revoked key beside another", keys: []*testKey{key, revoked}},
		{name: "one of two signatures is bad", keys: []*testKey{key, other}, edit: changeSig("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) {
			if always(s, key) {
				s.Signature = flip(s.Signature)
			}
		})},
		{name: "stray", edit: without("ns1.example.org.", dns.TypeAAAA), want: RuleSignatureStray, owner: "ns1.example.org.", typ: dns.TypeAAAA},
		{name: "RRset unsigned", edit: plus(text), want: RuleSignatureMissing, owner: "text.example.org.", typ: dns.TypeTXT},
		{name: "delegation signed", edit: changeSig("secure.example.org.", dns.TypeDS, func(s *dns.RRSIG) { s.TypeCovered = dns.TypeNS }), want: RuleSignedDelegation, owner: "secure.example.org.", typ: dns.TypeNS},
		{name: "glue signed", edit: with(func(rr dns.RR) []dns.RR {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.Hdr.Name == "ns1.example.org." && sig.TypeCovered == dns.TypeA {
				glue := dns.Copy(sig)
				glue.Header().Name = "ns.insecure.example.org."
				return []dns.RR{rr, glue}
			}
			return []dns.RR{rr}
		}), want: RuleSignedOccluded, owner: "ns.insecure.example.org.", typ: dns.TypeA},
		{name: "DS unsigned", edit: unsigned("secure.example.org.", dns.TypeDS), want: RuleSignatureMissing, owner: "secure.example.org.", typ: dns.TypeDS},

		{name: "NSEC dropped", edit: both(without("ns1.example.org.", dns.TypeNSEC), unsigned("ns1.example.org.", dns.TypeNSEC)), want: RuleNSECMissing, owner: "ns1.example.org.", typ: dns.TypeNSEC},
		{name: "name dropped, gap in NSEC", edit: with(func(rr dns.RR) []dns.RR {
			if rr.Header().Name == "ns1.example.org." {
				return nil
			}
			return []dns.RR{rr}
		}), want: RuleNSECNext, owner: "insecure.example.org.", typ: dns.TypeNSEC},
		{name: "NSEC passes over a name", edit: edited("www.example.org.", func(n *dns.NSEC) { n.NextDomain = "a.b.ent.example.org." }), want: RuleNSECNext, owner: "www.example.org.", typ: dns.TypeNSEC},
		{name: "NSEC points out of the zone", edit: edited("www.example.org.", func(n *dns.NSEC) { n.NextDomain = "org." }), want: RuleNSECNext, owner: "www.example.org.", typ: dns.TypeNSEC},
		{name: "NSEC bitmap too much", edit: edited("ns1.example.org.", func(n *dns.NSEC) { n.TypeBitMap = append(slices.Clone(n.TypeBitMap), 1234) }), want: RuleNSECBitmap, owner: "ns1.example.org.", typ: dns.TypeNSEC},
		{name: "NSEC bitmap too little", edit: edited("ns1.example.org.", func(n *dns.NSEC) { n.TypeBitMap = slices.Clone(n.TypeBitMap)[1:] }), want: RuleNSECBitmap, owner: "ns1.example.org.", typ: dns.TypeNSEC},
		{name: "two NSEC", edit: plus("ns1.example.org. 300 IN NSEC example.org. A AAAA NSEC RRSIG"), want: RuleNSECExtra, owner: "ns1.example.org.", typ: dns.TypeNSEC},
		{name: "NSEC alone", edit: plus("only.example.org. 300 IN NSEC example.org. NSEC RRSIG"), want: RuleNSECExtra, owner: "only.example.org.", typ: dns.TypeNSEC},
		{name: "NSEC below a cut", edit: plus("ns.insecure.example.org. 300 IN NSEC example.org. NSEC RRSIG"), want: RuleSignedOccluded, owner: "ns.insecure.example.org.", typ: dns.TypeNSEC},
		{name: "no NSEC at the apex", edit: without("example.org.", dns.TypeNSEC), want: RuleDenialMissing, owner: "example.org.", typ: dns.TypeNSEC},

		{name: "NSEC3 dropped", signing: byNSEC3, edit: dropHash("ns1.example.org.", byNSEC3), want: RuleNSEC3Missing, owner: "ns1.example.org."},
		{name: "NSEC3 of an empty non-terminal dropped", signing: byNSEC3, edit: dropHash("b.ent.example.org.", byNSEC3), want: RuleNSEC3Missing, owner: "b.ent.example.org."},
		{name: "gap in NSEC3", signing: byNSEC3, edit: edited(hashOf("ns1.example.org.", byNSEC3), func(n *dns.NSEC3) {
			n.NextDomain = strings.ToUpper(strings.TrimSuffix(hashOf("ns1.example.org.", byNSEC3), ".example.org."))
		}), want: RuleNSEC3Next, owner: hashOf("ns1.example.org.", byNSEC3), typ: dns.TypeNSEC3},
		{name: "NSEC3 of no name", signing: byNSEC3, edit: plus(hashOf("nobody.example.org.", byNSEC3) + " 300 IN NSEC3 1 0 1 AB 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A"), want: RuleNSEC3Extra, owner: hashOf("nobody.example.org.", byNSEC3), typ: dns.TypeNSEC3},
		{name: "NSEC3 bitmap", signing: byNSEC3, edit: edited(hashOf("ns1.example.org.", byNSEC3), func(n *dns.NSEC3) { n.TypeBitMap = n.TypeBitMap[1:] }), want: RuleNSEC3Bitmap, owner: "ns1.example.org.", typ: dns.TypeNSEC3},
		{name: "NSEC3 bitmap of an empty non-terminal", signing: byNSEC3, edit: edited(hashOf("ent.example.org.", byNSEC3), func(n *dns.NSEC3) { n.TypeBitMap = []uint16{dns.TypeA} }), want: RuleNSEC3Bitmap, owner: "ent.example.org.", typ: dns.TypeNSEC3},
		{name: "insecure delegation left out without opt-out", signing: byNSEC3, edit: dropHash("insecure.example.org.", byNSEC3), want: RuleNSEC3Missing, owner: "insecure.example.org."},
		{name: "secure delegation left out with opt-out", signing: byOptOut, edit: dropHash("secure.example.org.", byOptOut), want: RuleNSEC3Missing, owner: "secure.example.org."},
		{name: "opt-out taken back", signing: byOptOut, edit: with(func(rr dns.RR) []dns.RR {
			if n, ok := rr.(*dns.NSEC3); ok {
				n = dns.Copy(n).(*dns.NSEC3)
				n.Flags = 0
				return []dns.RR{n}
			}
			return []dns.RR{rr}
		}), want: RuleNSEC3Missing},
		{name: "no parameters", signing: byNSEC3, edit: without("example.org.", dns.TypeNSEC3PARAM), want: RuleDenialMissing, owner: "example.org.", typ: dns.TypeNSEC},
		{name: "another chain's parameters", signing: byNSEC3, edit: plus("example.org. 0 IN NSEC3PARAM 1 0 7 -"), want: RuleNSEC3Missing, owner: "example.org."},
		{name: "parameters of a chain on its way", signing: byNSEC3, edit: both(plus("example.org. 0 IN NSEC3PARAM 1 1 7 -")), want: RuleSignatureBogus, owner: "example.org.", typ: dns.TypeNSEC3PARAM},

		{name: "DS", anchors: []Anchor{anchor(t, key.ToDS(dns.SHA256))}},
		{name: "DS SHA-1", anchors: []Anchor{anchor(t, key.ToDS(dns.SHA1))}},
		{name: "DS SHA-384", anchors: []Anchor{anchor(t, key.ToDS(dns.SHA384))}},
		{name: "DNSKEY anchor", anchors: []Anchor{anchor(t, key.DNSKEY)}},
		{name: "DS of another key", anchors: []Anchor{anchor(t, other.ToDS(dns.SHA256))}, want: RuleAnchorMismatch, owner: "example.org.", typ: dns.TypeDNSKEY},
		{name: "DS of another key beside", anchors: []Anchor{anchor(t, other.ToDS(dns.SHA256)), anchor(t, key.ToDS(dns.SHA256))}, warn: RuleAnchorMismatch},
		{name: "DS of a key that does not sign", keys: []*testKey{key, silent}, anchors: []Anchor{anchor(t, silent.ToDS(dns.SHA256))}, want: RuleAnchorMismatch, owner: "example.org.", typ: dns.TypeDNSKEY},
		{name: "DS of a revoked key", keys: []*testKey{key, revoked}, anchors: []Anchor{anchor(t, revoked.ToDS(dns.SHA256))}, want: RuleAnchorMismatch, owner: "example.org.", typ: dns.TypeDNSKEY},
		{name: "SHA-1 digest beside SHA-256 of another key", anchors: []Anchor{anchor(t, key.ToDS(dns.SHA1)), anchor(t, other.ToDS(dns.SHA256))}, want: RuleAnchorMismatch, owner: "example.org.", typ: dns.TypeDNSKEY},
		{name: "unsigned with an anchor", edit: without("example.org.", dns.TypeDNSKEY), anchors: []Anchor{anchor(t, key.DNSKEY)}, want: RuleUnsigned, owner: "example.org.", typ: dns.TypeDNSKEY},

		{name: "a roll of algorithms: the second signs nothing yet", keys: []*testKey{key, silent}, warn: RuleAlgorithmIncomplete},
		{name: "two algorithms, one lacks a signature", keys: []*testKey{key, second}, sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { return always(s, key) }), warn: RuleAlgorithmIncomplete},
		{name: "two algorithms with DS, one lacks a signature", keys: []*testKey{key, second}, sign: only("www.example.org.", dns.TypeCNAME, func(s *dns.RRSIG) bool { return always(s, key) }), anchors: []Anchor{anchor(t, key.ToDS(2)), anchor(t, second.ToDS(2))}, want: RuleSignatureMissing, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "two algorithms, one lacks both", keys: []*testKey{key, second}, edit: unsigned("www.example.org.", dns.TypeCNAME), want: RuleSignatureMissing, owner: "www.example.org.", typ: dns.TypeCNAME},
		{name: "an algorithm that is not known", edit: edited("example.org.", func(k *dns.DNSKEY) { k.Algorithm = 16 }), want: RuleAlgorithmUnknown, owner: "example.org.", typ: dns.TypeDNSKEY},
		{name: "a key that is none", edit: edited("example.org.", func(k *dns.DNSKEY) { k.PublicKey = "AAAA" }), want: RuleKeyUnusable, owner: "example.org.", typ: dns.TypeDNSKEY},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.keys == nil {
				tt.keys = []*testKey{key}
			}
			good := signedWith(t, tt.signing, tt.keys, nil)
			state, report := verify(t, version(t, good), nil)
			if !report.OK() {
				t.Fatalf("before the damage:\n%s", list(report))
			}
			z := signedWith(t, tt.signing, tt.keys, tt.sign)
			if tt.edit != nil {
				z.Records = tt.edit(z.Records)
			}
			for _, before := range []*State{nil, state} {
				_, report := verify(t, version(t, z), before, tt.anchors...)
				if !wanted(report, tt.want, tt.owner, tt.typ) {
					t.Errorf("with a state %t: want %s at %s %s, got\n%s", before != nil, tt.want, tt.owner, dns.Type(tt.typ), list(report))
				}
				if tt.warn != "" && !slices.ContainsFunc(report.Warnings, func(f Fault) bool { return f.Rule == tt.warn }) {
					t.Errorf("want a warning %s, got\n%s", tt.warn, list(report))
				}
			}
		})
	}
}

func dropHash(name string, s answertest.Signing) func([]dns.RR) []dns.RR {
	return both(without(hashOf(name, s), dns.TypeNSEC3), unsigned(hashOf(name, s), dns.TypeNSEC3))
}

func wanted(r Report, want Rule, owner string, typ uint16) bool {
	if want == "" {
		return r.OK()
	}
	return slices.ContainsFunc(r.Faults, func(f Fault) bool {
		return f.Rule == want && (owner == "" || f.Owner.String() == owner) && (typ == 0 || f.Type == typ)
	})
}
