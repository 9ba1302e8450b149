package test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// TestProvidersUnsigned has a tool that feeds two providers, each with a SOA record, a serial and name servers of its own:
//
//	red  (NSD)   serial 2026112001, 02 ...  --\
//	                                           >-- xfr -- verify -- parity, compare content
//	blue (Knot)  serial 7, 8 ...            --/
func TestProvidersUnsigned(t *testing.T) {
	t.Parallel()
	p := startProviders(t, config.CompareContent, "_acme-challenge TXT")
	common := []string{"www A 192.0.2.1", "mail A 192.0.2.25", "@ MX 10 mail"}
	with := func(more ...string) []string { return append(slices.Clone(common), more...) }
	for _, tt := range []struct {
		name      string
		red, blue []string
		same      bool
		report    []string // lines of it
	}{
		{"same content", common, common, true, []string{
			"; example.org.: red (serial 2026112001, 7 records) against blue (serial 7, 6 records), compare content",
			"; nothing that is compared differs",
			"; left aside: SOA: 1 RRset: 1 record differing",
			"; note: blue has NS ns1.example.org. (TTL 300) at the apex, red has ns1.example.org., ns2.red.example. (TTL 300)",
		}},
		{"changed at one", with("api A 192.0.2.80"), with("api A 192.0.2.81"), false, []string{
			"; 1 RRset: 1 record differing", ";   A: 1 RRset: 1 record differing", "; api.example.org. A: differs",
			"api.example.org.\t300\tIN\tA\t192.0.2.80", "api.example.org.\t300\tIN\tA\t192.0.2.81",
		}},
		{"added at one", common, with("api A 192.0.2.80"), false, []string{
			"; 1 RRset: 1 record only in blue", "; api.example.org. A: only blue has it",
		}},
		{"TTL", with("api 60 A 192.0.2.80"), with("api 300 A 192.0.2.80"), false, []string{
			"; 1 RRset: 1 record differing in TTL", "; note: only TTLs differ",
		}},
		{"alias flattened", with("shop CNAME www"), with("shop A 192.0.2.1"), false, []string{
			"; note: shop.example.org. is a CNAME on one side and has addresses on the other, as if flattened: " +
				"a primary that resolves aliases when it sends the zone has other data than the others, whatever is compared",
		}},
		{"ignored", with("_acme-challenge TXT first"), common, true, []string{
			"; ignored: TXT: 1 RRset: 1 record only in red",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.serial++
			p.red.Load("example.org", provider{"ns1.red.example. admin.red.example.", 2026112000 + p.serial, "@ NS ns2.red.example."}.zone(tt.red))
			p.blue.Load("example.org", provider{"ns1 hostmaster", 6 + p.serial, ""}.zone(tt.blue))
			c := p.compare(t)
			c.want(t, tt.same, tt.report...)
			c.wantFindings(t, []parity.Finding{{Rule: parity.RuleApexNS, Primary: "blue", Other: "red"}})
		})
	}
}

// TestProvidersMultisigner has two providers that sign by themselves, each with keys of its own, and with the zone-signing key
// of the other in its DNSKEY RRset (RFC 8901 model 2):
//
//	red  (signed by Knot, served by NSD)   --\
//	                                          >-- xfr -- verify dnssec -- parity, compare multisigner
//	blue (signed by ldns, served by Knot)  --/
func TestProvidersMultisigner(t *testing.T) {
	t.Parallel()
	red, blue := NewKnotSigner(t, ECDSAP256), NewLDNSSigner(t, ECDSAP256)
	ed25519 := NewLDNSSigner(t, ED25519)
	both := func(nsec3 bool) (Signing, Signing) {
		return Signing{NSEC3: nsec3, Others: []string{blue.ZSK}}, Signing{NSEC3: nsec3, Others: []string{red.ZSK}}
	}
	redNSEC, blueNSEC := both(false)
	redNSEC3, blueNSEC3 := both(true)
	p := startProviders(t, config.CompareMultisigner)
	for _, tt := range []struct {
		name      string
		red, blue Signing
		by        *Signer // of blue's; nil: blue
		unsigned  bool    // blue's
		www       string  // blue's
		same      bool
		findings  []parity.Finding
		report    []string
		warning   string // of verify, of both copies
	}{
		{"NSEC", redNSEC, blueNSEC, nil, false, "", true, nil, []string{"; nothing that is compared differs"}, ""},
		{"NSEC3", redNSEC3, blueNSEC3, nil, false, "", true, nil, []string{"; nothing that is compared differs"}, ""},
		{"changed at one", redNSEC, blueNSEC, nil, false, "192.0.2.7", false, nil, []string{
			"; 1 RRset: 1 record differing", "; www.example.org. A: differs",
			"www.example.org.\t300\tIN\tA\t192.0.2.1", "www.example.org.\t300\tIN\tA\t192.0.2.7",
		}, ""},
		{"NSEC here, NSEC3 there", redNSEC, blueNSEC3, nil, false, "", true, []parity.Finding{
			{Rule: parity.RuleDenial, Primary: "blue", Other: "red"},
		}, nil, ""},
		{"red lacks blue's ZSK", Signing{}, blueNSEC, nil, false, "", true, []parity.Finding{
			{Rule: parity.RuleKeys, Primary: "red", Other: "blue"},
		}, nil, ""},
		{"blue lacks red's ZSK", redNSEC, Signing{}, nil, false, "", true, []parity.Finding{
			{Rule: parity.RuleKeys, Primary: "blue", Other: "red"},
		}, nil, ""},
		{"other algorithm", Signing{Others: []string{ed25519.ZSK}}, blueNSEC, ed25519, false, "", true, []parity.Finding{
			{Rule: parity.RuleAlgorithms, Primary: "blue", Other: "red"},
		}, nil, "algorithm-incomplete"},
		{"one does not sign", redNSEC, Signing{}, nil, true, "", true, []parity.Finding{
			{Rule: parity.RuleUnsigned, Primary: "blue", Other: "red"},
		}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.serial++
			by := tt.by
			if by == nil {
				by = blue
			}
			p.red.Load("example.org", red.Sign(MasterFile{Serial: 100 + p.serial}.String(), tt.red))
			theirs := MasterFile{Serial: p.serial, WWW: tt.www}.String()
			if p.signed = !tt.unsigned; p.signed {
				theirs = by.Sign(theirs, tt.blue)
			}
			p.blue.Load("example.org", theirs)
			c := p.compare(t)
			c.want(t, tt.same, tt.report...)
			c.wantFindings(t, tt.findings)
			for name, found := range c.warnings {
				if len(found) > 0 != (tt.warning != "") || len(found) > 0 && found[0].Rule != tt.warning {
					t.Errorf("%s's copy: %v, want %q", name, found, tt.warning)
				}
			}
		})
	}
}

// provider is what one provider has of its own.
type provider struct {
	soa    string // primary name server and mailbox
	serial uint32
	ns     string // a further record
}

func (p provider) zone(records []string) string {
	return fmt.Sprintf("$ORIGIN example.org.\n$TTL 300\n@ SOA %s %d 3600 60 604800 300\n@ NS ns1\n%s\nns1 A 192.0.2.53\n%s\n",
		p.soa, p.serial, p.ns, strings.Join(records, "\n"))
}

// providers are two, and what is made of their zones.
type providers struct {
	red, blue *Peer
	serial    uint32 // of the case
	signed    bool   // blue's is

	cfg        config.Zone
	apex       zone.Name
	comparison *parity.Comparison
}

func startProviders(t *testing.T, compare config.Compare, ignore ...string) *providers {
	t.Helper()
	p := &providers{cfg: config.Defaults()}
	p.cfg.Origin, p.cfg.Compare = "example.org.", compare
	for _, line := range ignore {
		name, typ, _ := strings.Cut(line, " ")
		r, err := config.ParseRecordName(name, typ, p.cfg.Origin)
		if err != nil {
			t.Fatal(err)
		}
		p.cfg.Ignore = append(p.cfg.Ignore, r)
	}
	var err error
	if p.apex, err = zone.ParseName(p.cfg.Origin); err != nil {
		t.Fatal(err)
	}
	p.comparison = parity.NewComparison(&p.cfg, p.apex, [32]byte{1})
	zones := map[string]string{"example.org": MasterFile{Serial: 1 << 16}.String()}
	p.red = StartPeer(t, NSD, PeerConfig{Zones: zones, IP: "127.0.0.2"})
	p.blue = StartPeer(t, Knot, PeerConfig{Zones: zones, IP: "127.0.0.3"})
	return p
}

// compared is what two copies are to each other.
type compared struct {
	same     bool
	strict   bool // everything is the same
	warnings map[string][]verify.Finding
	report   *parity.Report
	verdict  parity.Verdict
}

// compare transfers both zones, verifies them, and compares them as a new zone would.
func (p *providers) compare(t *testing.T) compared {
	t.Helper()
	now, warnings := time.Now(), make(map[string][]verify.Finding)
	observe := func(name string, peer *Peer, signed bool) parity.Observation {
		candidate, err := new(xfr.Client).AXFR(context.Background(), peer.Addr, p.apex, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		cfg := p.cfg
		cfg.Verify.DNSSEC = signed
		r := verify.New(&cfg, nil).Check(context.Background(), verify.Subject{Primary: name, Candidate: candidate.Version(), Now: now})
		if _, ok := r.Verified(); !ok {
			t.Errorf("%s's copy: %v, %v", name, r.Findings(), r.Err())
		}
		warnings[name] = r.Findings()
		if expires := r.Expiry().After(now); expires != signed {
			t.Errorf("%s's signatures end at %v", name, r.Expiry())
		}
		return parity.Observation{
			Name: name, Version: candidate.Version(), Content: p.comparison.Content(candidate.Version()), Since: now, Reachable: true,
		}
	}
	multi := p.cfg.Compare == config.CompareMultisigner
	red, blue := observe("red", p.red, multi), observe("blue", p.blue, multi && p.signed)
	return compared{
		same:     red.Content.Root == blue.Content.Root,
		strict:   red.Version.Root() == blue.Version.Root(),
		warnings: warnings,
		report:   p.comparison.Report(parity.Side{Name: "red", Version: red.Version}, parity.Side{Name: "blue", Version: blue.Version}, parity.Limits{}),
		verdict: parity.Judge(parity.Policy{Compare: p.comparison, Settle: time.Minute, Absent: time.Hour}, parity.Served{},
			[]parity.Observation{red, blue}, now),
	}
}

// want wants the contents to be the same or not, for every part of the program that says so, and lines of the report.
func (c *compared) want(t *testing.T, same bool, lines ...string) {
	t.Helper()
	var b strings.Builder
	if _, err := c.report.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if c.same != same || c.report.Same != same || c.strict {
		t.Errorf("same content: %v, in the report: %v, down to the serial: %v; want %v", c.same, c.report.Same, c.strict, same)
	}
	approved := c.verdict.State == parity.InParity
	if approved != same {
		t.Errorf("all agree, but the zone is %s: %s", c.verdict.State, c.verdict.Reason)
	}
	for _, line := range lines {
		if !slices.Contains(strings.Split(b.String(), "\n"), line) {
			t.Errorf("no line %q in the report", line)
		}
	}
	if t.Failed() {
		t.Logf("the report:\n%s", &b)
	}
}

// wantFindings wants these, whatever their words.
func (c *compared) wantFindings(t *testing.T, want []parity.Finding) {
	t.Helper()
	var got []parity.Finding
	for _, f := range c.verdict.Findings {
		t.Log(f)
		f.Detail = ""
		got = append(got, f)
	}
	if !slices.Equal(got, want) {
		t.Errorf("findings %+v, want %+v", got, want)
	}
}
