package dnssec

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/concord-dns/concord/internal/zone"
)

func TestParseAnchors(t *testing.T) {
	const digest = "0000000000000000000000000000000000000000000000000000000000000000"
	const ed25519 = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
	tests := []struct {
		text string
		want int
		err  string
	}{
		{"example.org. IN DS 1 13 2 " + digest, 1, ""},
		{"@ DS 1 13 2 (\n" + digest + " ) ; of the parent\n\nEXAMPLE.ORG. 300 IN DNSKEY 257 3 15 " + ed25519 + "\n", 2, ""},
		{"example.net. IN DS 1 13 2 " + digest + "\nexample.org. IN DS 1 13 2 " + digest, 1, ""},
		{"@ IN DS 1 16 2 " + digest + "\n@ IN DS 1 13 2 " + digest, 1, ""},
		{"", 0, "keys: no DS or DNSKEY record of example.org., 0 of other names"},
		{"example.net. IN DS 1 13 2 " + digest, 0, "keys: no DS or DNSKEY record of example.org., 1 of other names"},
		{"@ IN DS 1 16 2 " + digest, 0, "keys: no trust anchor of example.org. has an algorithm and a digest that can be verified here"},
		{"@ IN DS 1 13 9 " + digest, 0, "keys: no trust anchor of example.org. has an algorithm and a digest that can be verified here"},
		{"\n@ IN DS 1 13 2 00", 0, "keys:2: DS has a digest of 1 octets, want 32 for digest type 2"},
		{"\n; x\n@ IN A 192.0.2.1\n", 0, "keys:3: A is no trust anchor; give DS or DNSKEY records"},
		{"@ CH DS 1 13 2 " + digest, 0, "keys:1: example.org. DS: class CH, want IN"},
		{"@ IN DNSKEY 257 3 13 AAAA\n", 0, "keys:1: DNSKEY"},
		{"@ IN DNSKEY 385 3 15 " + ed25519, 0, "keys:1: DNSKEY"},
		{"@ IN DNSKEY 1 3 15 " + ed25519, 0, "keys:1: DNSKEY is not a zone key"},
		{"@ IN DNSKEY 257 1 15 " + ed25519, 0, "keys:1: DNSKEY has protocol 1, want 3"},
		{"@ IN DS 1 13 2 xyz", 0, "keys:1: example.org. DS: "},
		{"$INCLUDE x", 0, "trust anchors: keys: dns: "},
		{strings.Repeat("@ IN DS 1 13 2 "+digest+"\n", 65), 0, "keys:65: more than 64 trust anchors of one zone"},
		{strings.Repeat("\n", maxFile+1), 0, "keys: trust anchors: the file is larger than 1048576 octets"},
	}
	apex := must(zone.ParseName("example.org."))
	for _, tt := range tests {
		got, err := ParseAnchors("keys", strings.NewReader(tt.text), apex)
		if (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%.60q: error %v, want %q", tt.text, err, tt.err)
		}
		if len(got) != tt.want {
			t.Errorf("%.60q: %d anchors, want %d", tt.text, len(got), tt.want)
		}
	}
	broken := errors.New("the disk is broken")
	if _, err := ParseAnchors("keys", io.MultiReader(strings.NewReader("@ "), iotest.ErrReader(broken)), apex); err == nil {
		t.Error("no error for a disk that is broken")
	}
}
