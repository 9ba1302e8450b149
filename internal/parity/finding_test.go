package parity

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// TestSigners has copies of several signers, and what is found of them.
func TestSigners(t *testing.T) {
	key := func(flags uint16, algorithm uint8, public string) *dns.DNSKEY {
		return &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: flags, Protocol: 3, Algorithm: algorithm, PublicKey: public,
		}
	}
	one, two, rsa, ksk := key(256, 13, "b25l"), key(256, 13, "dHdv"), key(256, 8, "cnNh"), key(257, 13, "a3Nr")
	copyOf := func(signs *dns.DNSKEY, denial string, keys ...*dns.DNSKEY) *zone.Version {
		text := []string{"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300", "example.org. 3600 NS ns.example.org."}
		for _, k := range keys {
			text = append(text, k.String())
		}
		if signs != nil {
			text = append(text, fmt.Sprintf("example.org. 3600 RRSIG SOA %d 2 3600 20300101000000 20200101000000 %d example.org. c2ln", signs.Algorithm, signs.KeyTag()))
		}
		switch denial {
		case "nsec":
			text = append(text, "example.org. 300 NSEC example.org. SOA NS RRSIG NSEC DNSKEY")
		case "nsec3":
			text = append(text, "example.org. 0 NSEC3PARAM 1 0 0 -", dns.HashName("example.org.", dns.SHA1, 0, "")+
				".example.org. 300 NSEC3 1 0 0 - "+dns.HashName("example.org.", dns.SHA1, 0, "")+" SOA NS RRSIG DNSKEY NSEC3PARAM")
		}
		return build(t, text)
	}
	for _, tt := range []struct {
		name string
		a, b *zone.Version
		want []Rule
	}{
		{"both have all", copyOf(one, "nsec", ksk, one, two), copyOf(two, "nsec", ksk, one, two), nil},
		{"keys of their own alone", copyOf(one, "nsec", ksk, one), copyOf(two, "nsec", ksk, two), []Rule{RuleKeys, RuleKeys}},
		{"one lacks the other's", copyOf(one, "nsec", ksk, one), copyOf(two, "nsec", ksk, one, two), []Rule{RuleKeys}},
		{"unsigned", copyOf(one, "nsec", one), copyOf(nil, ""), []Rule{RuleUnsigned}},
		{"none signed", copyOf(nil, ""), copyOf(nil, ""), nil},
		{"not its own", copyOf(one, "nsec", one, two), copyOf(rsa, "nsec", one, two), []Rule{RuleKeys}},
		{"algorithms", copyOf(one, "nsec", one, rsa), copyOf(rsa, "nsec", one, rsa), []Rule{RuleAlgorithms}},
		{"denial", copyOf(one, "nsec", one, two), copyOf(two, "nsec3", one, two), []Rule{RuleDenial}},
	} {
		c := comparison(t, config.CompareMultisigner)
		obs := []Observation{{Name: "ns1", Reachable: true}, {Name: "ns2", Reachable: true}}
		obs[0].See(tt.a, c.Content(tt.a), "", epoch)
		obs[1].See(tt.b, c.Content(tt.b), "", epoch)
		v := Judge(Policy{Compare: c}, Served{}, obs, epoch)
		if v.State != InParity {
			t.Errorf("%s: %s: %s", tt.name, v.State, v.Reason)
		}
		var got []Rule
		for _, f := range v.Findings {
			got = append(got, f.Rule)
			if f.String() == "" || f.Primary == "" {
				t.Errorf("%s: %+v", tt.name, f)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, v.Findings, tt.want)
		}
	}
}

// TestFindingsAreBounded has as many providers as there can be, each of which
// signs with keys that no other has, and one with more keys than are looked at.
func TestFindingsAreBounded(t *testing.T) {
	signed := func(keys, from int) *zone.Version {
		text := []string{"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300", "example.org. 3600 NS ns.example.org."}
		for i := range keys {
			k := &dns.DNSKEY{
				Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
				Flags: 256, Protocol: 3, Algorithm: 13, PublicKey: base64.StdEncoding.EncodeToString(fmt.Append(nil, from+i)),
			}
			text = append(text, k.String(), fmt.Sprintf("example.org. 3600 RRSIG SOA 13 2 3600 20300101000000 20200101000000 %d example.org. c2ln", k.KeyTag()))
		}
		return build(t, text)
	}
	c := comparison(t, config.CompareMultisigner)
	judge := func(versions ...*zone.Version) []Finding {
		var obs []Observation
		for i, v := range versions {
			o := Observation{Name: fmt.Sprint("ns", i), Reachable: true}
			o.See(v, c.Content(v), "", epoch)
			obs = append(obs, o)
		}
		v := Judge(Policy{Compare: c}, Served{}, obs, epoch)
		return v.Findings
	}
	var all []*zone.Version
	for i := range config.MaxPrimaries {
		all = append(all, signed(5, 10+5*i))
	}
	if found := judge(all...); len(found) != MaxFindings {
		t.Errorf("%d findings", len(found))
	}
	// Whether it has the other's key is not known, and the other lacks those of its keys that are looked at.
	found := judge(signed(maxKeys+1, 500), signed(1, 100))
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Primary == "ns0" }) || len(found) == 0 || len(found) > maxKeys {
		t.Errorf("%d findings: %v", len(found), found)
	}
}

func TestApexNS(t *testing.T) {
	soa := "example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300"
	a := build(t, []string{soa, "example.org. 3600 NS ns.example.org."})
	b := build(t, []string{soa, "example.org. 3600 NS ns.example.net.", "example.org. 3600 NS ns2.example.net."})
	c := comparison(t, config.CompareContent)
	obs := []Observation{{Name: "ns1", Reachable: true}, {Name: "ns2", Reachable: true}}
	obs[0].See(a, c.Content(a), "", epoch)
	obs[1].See(b, c.Content(b), "", epoch)
	v := Judge(Policy{Compare: c}, Served{}, obs, epoch)
	const want = "ns2 has NS ns.example.net., ns2.example.net. (TTL 3600) at the apex, ns1 has ns.example.org. (TTL 3600)"
	if v.State != InParity || len(v.Findings) != 1 || v.Findings[0].Rule != RuleApexNS || v.Findings[0].Detail != want {
		t.Errorf("%s: %+v", v.State, v.Findings)
	}
}

// TestFlattened: a primary that resolves aliases is told apart from one that
// has other data.
func TestFlattened(t *testing.T) {
	common := []string{"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300", "example.org. 3600 NS ns.example.org."}
	a := build(t, append(common[:2:2], "www.example.org. 300 CNAME www.example.com.", "b.example.org. 60 A 192.0.2.1"))
	b := build(t, append(common[:2:2], "www.example.org. 300 A 192.0.2.1", "www.example.org. 300 AAAA 2001:db8::1", "b.example.org. 60 A 192.0.2.1"))
	c := comparison(t, config.CompareContent)
	obs := []Observation{{Name: "ns1", Reachable: true}, {Name: "ns2", Reachable: true}}
	obs[0].See(a, c.Content(a), "", epoch)
	obs[1].See(b, c.Content(b), "", epoch)
	v := Judge(Policy{Compare: c, Agree: config.Agree{Kind: config.Majority}}, Served{}, obs, epoch)
	const want = "ns2: www.example.org. is a CNAME on one side and has addresses on the other, as if flattened"
	if v.State != Drift || len(v.Findings) != 1 || v.Findings[0].Rule != RuleFlattened || v.Findings[0].Detail != want {
		t.Errorf("%s: %s: %+v", v.State, v.Reason, v.Findings)
	}
}
