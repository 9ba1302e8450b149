package config

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestValidateReach(t *testing.T) {
	ip := netip.MustParseAddr
	secret := NewSecret([]byte("secret"))
	key := func(name string) Key { return Key{name, HMACSHA256, secret} }
	for _, tt := range []struct {
		change func(*Zone)
		want   string // "" is no error
	}{
		{func(z *Zone) { z.Keys = []Key{key("a."), key("b.")}; z.Primaries[0].Keys = []string{"b.", "a."} }, ""},
		{func(z *Zone) { z.KeyFiles = []string{"/etc/keys"}; z.Primaries[0].Keys = []string{"b."} }, ""},
		{func(z *Zone) { z.Keys = []Key{key("")} }, `key "": is not the name of a key; write it in lower case and with a final dot, as transfer.example.org.`},
		{func(z *Zone) { z.Keys = []Key{key("a")} }, `key "a": is not the name of a key; write it in lower case and with a final dot, as transfer.example.org.`},
		{func(z *Zone) { z.Keys = []Key{key("A.")} }, `key "A.": is not the name of a key; write it in lower case and with a final dot, as transfer.example.org.`},
		{func(z *Zone) { z.Keys = []Key{key("a."), key("a.")} }, "key a.: is given twice; keep one, or rename one here and at the primary"},
		{func(z *Zone) { z.Keys = []Key{{"a.", 0, secret}} }, "key a.: none is not an algorithm; write one such as hmac-sha256"},
		{func(z *Zone) { z.Keys = []Key{{"a.", 9, secret}} }, "key a.: Algorithm(9) is not an algorithm; write one such as hmac-sha256"},
		{func(z *Zone) { z.Keys = []Key{{"a.", HMACMD5, secret}} }, "key a.: hmac-md5 is not safe any more; make a key with hmac-sha256 at the primary; if it can do nothing better, add a line allow_md5"},
		{func(z *Zone) { z.Keys, z.AllowMD5 = []Key{{"a.", HMACMD5, secret}}, true }, ""},
		{func(z *Zone) { z.Keys = []Key{{Name: "a.", Algorithm: HMACSHA1}} }, "key a.: has no secret; write it in base64 after the algorithm"},
		{func(z *Zone) { z.KeyFiles = []string{""} }, "keys: names no file; write it as: keys /etc/concord/keys"},
		{func(z *Zone) { z.KeyFiles, z.Primaries[0].Keys = []string{"f"}, []string{"a.", "b.", "c."} },
			"key a. b. c.: primary ns1 names 3 keys; name at most 2: the one in use, and the one that it changes to"},
		{func(z *Zone) { z.KeyFiles, z.Primaries[0].Keys = []string{"f"}, []string{"a.", "a."} }, "key a.: primary ns1 names it twice; remove one"},
		{func(z *Zone) { z.Primaries[1].Keys = []string{"a."} },
			"key a.: primary ns2 names a key that there is not; add a line such as: key a. hmac-sha256 SECRET"},

		{func(z *Zone) { z.Primaries[0].Sources = []netip.Addr{ip("192.0.2.9")} }, ""},
		{func(z *Zone) { z.Primaries[1].Sources = []netip.Addr{ip("192.0.2.9"), ip("2001:db8::9")} }, ""},
		{func(z *Zone) { z.Primaries[1].Sources = []netip.Addr{ip("192.0.2.9")} },
			"source 192.0.2.9: primary ns2 has the IPv6 address 2001:db8::2 too; add a source for it, or give it to a primary of its own"},
		{func(z *Zone) { z.Primaries[0].Sources = []netip.Addr{ip("192.0.2.8"), ip("192.0.2.9")} },
			"source 192.0.2.9: primary ns1 has two IPv4 sources; keep one"},
		{func(z *Zone) { z.Primaries[0].Sources = []netip.Addr{ip("0.0.0.0")} },
			"source 0.0.0.0: primary ns1 cannot be asked from this address; write one of this machine's own"},

		{func(z *Zone) { z.Primaries[0].TLS = TLS{On: true} }, ""},
		{func(z *Zone) {
			z.Primaries[0].TLS = TLS{On: true, ServerName: "ns1.example.net", CA: "ca", Cert: "c", Key: "k", Pins: make([]Pin, 2)}
		}, ""},
		{func(z *Zone) { z.Primaries[0].TLS = TLS{On: true, ServerName: "192.0.2.1"} }, ""},
		{func(z *Zone) { z.Primaries[0].TLS = TLS{ServerName: "ns1.example.net"} },
			"tls: primary ns1 is asked without TLS; write tls:// before its addresses, or remove what is said of TLS"},
		{func(z *Zone) { z.Primaries[0].TLS = TLS{On: true, Cert: "c"} },
			"tls c: primary ns1 has one of certificate and private key; name both files, or none"},
		{func(z *Zone) { z.Primaries[0].TLS = TLS{On: true, Pins: make([]Pin, 3)} },
			"tls_pin: primary ns1 has 3 pins; keep the one in use and the one that comes after it"},
		{func(z *Zone) { z.Primaries[0].TLS = TLS{On: true, ServerName: "ns1.example.net."} },
			`tls_servername "ns1.example.net.": is not a name that a certificate can have; write one such as ns1.example.net`},
	} {
		z := good()
		tt.change(&z)
		err := z.Validate()
		if err == nil {
			if tt.want != "" {
				t.Errorf("no error, want %q", tt.want)
			}
			continue
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Property == "" || e.Remedy == "" {
			t.Errorf("%v: want an *Error with property and remedy", err)
		}
		if err.Error() != tt.want {
			t.Errorf("got  %q\nwant %q", err, tt.want)
		}
	}
}

func TestParsePin(t *testing.T) {
	hex := "sha256:" + strings.Repeat("0aF1", 16)
	p, err := ParsePin(hex)
	if err != nil || p.String() != strings.ToLower(hex) {
		t.Errorf("%v, %v", p, err)
	}
	if q, err := ParsePin("sha256:CvEK8QrxCvEK8QrxCvEK8QrxCvEK8QrxCvEK8QrxCvE="); err != nil || q != p {
		t.Errorf("in base64: %v, %v", q, err)
	}
	for _, bad := range []string{"", "sha256:", hex[7:], hex + "00", "sha1:" + hex[7:], "sha256:zz"} {
		if _, err := ParsePin(bad); err == nil {
			t.Errorf("%q is a pin", bad)
		}
	}
}

func TestSourceFor(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")
	p := Primary{Sources: []netip.Addr{six, four}}
	for addr, want := range map[string]netip.Addr{"192.0.2.1": four, "::ffff:192.0.2.1": four, "2001:db8::1": six} {
		if got := p.SourceFor(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s from %v, want %v", addr, got, want)
		}
	}
	if got := new(Primary).SourceFor(four); got.IsValid() {
		t.Errorf("no source, and yet %v", got)
	}
}

// Zones that differ in a secret alone print alike and are not equal.
func TestEqual(t *testing.T) {
	with := func(secret string) *Zone {
		z := good()
		z.Keys = []Key{{"a.", HMACSHA256, NewSecret([]byte(secret))}}
		z.Primaries[0].TLS = TLS{On: true, Pins: []Pin{{1}}}
		return &z
	}
	if !with("one").Equal(with("one")) || with("one").Equal(with("two")) {
		t.Error("Equal goes by something else than the secret")
	}
	other := with("one")
	other.Primaries[0].TLS.Pins[0][0] = 2
	if with("one").Equal(other) {
		t.Error("Equal does not see a pin")
	}
}
