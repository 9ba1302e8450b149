package test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/concord-dns/concord/internal/config"
)

// TestShapes runs each Corefile of docs/providers.md with primaries that are set up as it says there:
//
//	192.0.2.1     is NSD   --\
//	198.51.100.7  is Knot  --->--  CoreDNS
//	203.0.113.9   is BIND  --/
func TestShapes(t *testing.T) {
	t.Parallel()
	same := MasterFile{Serial: 7}.String()
	signer, red, blue := NewLDNSSigner(t, ECDSAP256), NewKnotSigner(t, ECDSAP256), NewLDNSSigner(t, ECDSAP256)
	signed := signer.Sign(same, Signing{ZONEMD: true})
	records := []string{"www A 192.0.2.1"}
	shapes := []struct {
		name       string
		primaries  []string
		nsd, other string
	}{
		{"primary and its secondaries", []string{"main", "second"}, same, same},
		{"hidden primary", []string{"site1", "site2", "site3"}, same, same},
		{
			"fed by an API", []string{"red", "blue"},
			provider{"ns1.red.example. admin.red.example.", 7, "@ NS ns2.red.example."}.zone(append(records, "_acme-challenge TXT one")),
			provider{"ns1 hostmaster", 2026112001, ""}.zone(records),
		},
		{"one signer", []string{"red", "blue", "green"}, signed, signed},
		{
			"multi-signer", []string{"red", "blue"},
			red.Sign(same, Signing{Others: []string{blue.ZSK}}), blue.Sign(MasterFile{Serial: 2026112001}.String(), Signing{NSEC3: true, Others: []string{red.ZSK}}),
		},
	}
	blocks := corefiles(read(t, "../docs/providers.md"))
	if len(blocks) != len(shapes) {
		t.Fatalf("%d Corefiles, want %d", len(blocks), len(shapes))
	}
	keyed := Secured{Keys: []SecuredKey{{"transfer.example.org.", config.HMACSHA256, "not a secret, but an example of one"}}}
	for n, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			c := NewCoreDNS(t)
			start := func(kind *Kind, ip, zone string) string {
				return StartPeer(t, kind, PeerConfig{
					Zones: map[string]string{"example.org": zone}, IP: ip, Notify: []netip.AddrPort{c.Addr},
				}).Addr.String()
			}
			corefile := blocks[n]
			if !strings.HasPrefix(corefile, "example.org {\n") {
				t.Fatalf("not for example.org:\n%s", corefile)
			}
			corefile = strings.Replace(corefile, "example.org {\n", "example.org:$PORT {\n    bind 127.0.0.1\n    prometheus $METRICS\n    errors\n", 1)
			places := []string{"192.0.2.1", start(keyed.NSD(), "127.0.0.2", shape.nsd), "198.51.100.7", start(keyed.Knot(), "127.0.0.3", shape.other)}
			if strings.Contains(corefile, "203.0.113.9") {
				places = append(places, "203.0.113.9", start(keyed.BIND(), "127.0.0.1", shape.other))
			}
			c.Start(strings.NewReplacer(places...).Replace(corefile))
			c.WaitServes("example.org", 7)
			c.WaitState("in_parity")
			c.wantWWW("192.0.2.1")
			for _, name := range shape.primaries {
				c.WaitPrimary(name, "agreeing")
				if strings.Contains(corefile, "key transfer.example.org.") {
					c.WaitLog(0, name+" sent serial 7", "by key transfer.example.org.")
				}
				c.WaitMetric(fmt.Sprintf(`coredns_concord_parity_differing_records{class="data",primary=%q,zone="example.org."}`, name), 0)
			}
		})
	}
}
