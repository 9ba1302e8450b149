package concord

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
)

// aSecret stands in the Corefiles and key files of tests, and nowhere else.
const aSecret = "bm90IHZlcnkgc2VjcmV0LCBmb3IgdGVzdHMgb25seSE="

// reach is how a Corefile says that primaries are reached.
func reach(z *config.Zone) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	for _, k := range z.Keys {
		add("%s %v", k.Name, k.Algorithm)
	}
	if len(z.KeyFiles) > 0 {
		add("files %v", z.KeyFiles)
	}
	if z.AllowMD5 {
		add("md5")
	}
	for _, p := range z.Primaries {
		add("%s %v", p.Name, p.Addresses)
		if len(p.Keys) > 0 {
			add("keys %v", p.Keys)
		}
		if len(p.Sources) > 0 {
			add("from %v", p.Sources)
		}
		if p.TLS.On {
			add("tls %q ca %q cert %q %q pins %d", p.TLS.ServerName, p.TLS.CA, p.TLS.Cert, p.TLS.Key, len(p.TLS.Pins))
		}
	}
	return strings.Join(parts, ", ")
}

func TestParseReach(t *testing.T) {
	cert, key, ca := certificates(t)
	dir := filepath.Dir(cert)
	for _, tt := range []struct{ text, want string }{
		{"primary ns1 192.0.2.1 {\nkey Transfer.Example.org\n}\nkey transfer.example.ORG HMAC-SHA512. " + aSecret,
			"transfer.example.org. hmac-sha512, ns1 [192.0.2.1:53], keys [transfer.example.org.]"},
		{"key a. hmac-sha1 " + aSecret + "\nkey b hmac-sha224 " + aSecret + "\nprimary ns1 192.0.2.1 {\nkey b a\n}",
			"a. hmac-sha1, b. hmac-sha224, ns1 [192.0.2.1:53], keys [b. a.]"},
		{"keys testdata/keys/two.conf\nprimary ns1 192.0.2.1 {\nkey old.example.org\n}",
			"files [testdata/keys/two.conf], ns1 [192.0.2.1:53], keys [old.example.org.]"},
		// While a key is changed, one of two may not be there yet.
		{"keys testdata/keys/two.conf\nprimary ns1 192.0.2.1 {\nkey new.example.org old.example.org\n}",
			"files [testdata/keys/two.conf], ns1 [192.0.2.1:53], keys [new.example.org. old.example.org.]"},
		{"allow_md5\nkey a hmac-md5 " + aSecret + "\nkeys testdata/keys/md5.conf\nprimary ns1 192.0.2.1 {\nkey a transfer.example.org\n}",
			"a. hmac-md5, files [testdata/keys/md5.conf], md5, ns1 [192.0.2.1:53], keys [a. transfer.example.org.]"},
		{"primary ns1 192.0.2.1 2001:db8::1 {\nsource 2001:db8::53 192.0.2.53\n}",
			"ns1 [192.0.2.1:53 [2001:db8::1]:53], from [2001:db8::53 192.0.2.53]"},
		{"primary ns1 tls://192.0.2.1 tls://[2001:db8::1] tls://192.0.2.2:8853 tls://[2001:db8::1]:8853",
			`ns1 [192.0.2.1:853 [2001:db8::1]:853 192.0.2.2:8853 [2001:db8::1]:8853], tls "" ca "" cert "" "" pins 0`},
		{"transfer from tls://192.0.2.1 192.0.2.2", `tls://192.0.2.1 [192.0.2.1:853], tls "" ca "" cert "" "" pins 0, 192.0.2.2 [192.0.2.2:53]`},
		{"primary ns1 tls://192.0.2.1 {\ntls\n}", `ns1 [192.0.2.1:853], tls "" ca "" cert "" "" pins 0`},
		{"primary ns1 tls://192.0.2.1 {\ntls " + ca + "\ntls_servername ns1.example.net\n}",
			`ns1 [192.0.2.1:853], tls "ns1.example.net" ca "$/ca.pem" cert "" "" pins 0`},
		{"primary ns1 tls://192.0.2.1 {\ntls " + cert + " " + key + "\n}",
			`ns1 [192.0.2.1:853], tls "" ca "" cert "$/cert.pem" "$/key.pem" pins 0`},
		{"primary ns1 tls://192.0.2.1 {\ntls " + cert + " " + key + " " + ca + "\ntls_pin sha256:" + strings.Repeat("00", 32) + " sha256:" + strings.Repeat("A", 43) + "=\n}",
			`ns1 [192.0.2.1:853], tls "" ca "$/ca.pem" cert "$/cert.pem" "$/key.pem" pins 2`},
	} {
		zones, err := parse(controller("concord example.org {\n"+tt.text+"\n}"), new(pacing))
		if err != nil {
			t.Errorf("%s\n%v", tt.text, err)
			continue
		}
		if got := strings.ReplaceAll(reach(&zones[0].Zone), dir, "$"); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

// TestFilesBelowRoot has paths that are not absolute be below *root*, as with other plugins.
func TestFilesBelowRoot(t *testing.T) {
	cert, _, _ := certificates(t)
	root := filepath.Dir(cert)
	text, err := os.ReadFile("testdata/keys/two.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "keys"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := controller("concord example.org {\nkeys keys\nprimary ns1 tls://192.0.2.1 {\nkey old.example.org\ntls cert.pem key.pem ca.pem\n}\n}")
	dnsserver.GetConfig(c).Root = root
	zones, err := parse(c, new(pacing))
	if err != nil {
		t.Fatal(err)
	}
	const want = `files [$/keys], ns1 [192.0.2.1:853], keys [old.example.org.], tls "" ca "$/ca.pem" cert "$/cert.pem" "$/key.pem" pins 0`
	if got := strings.ReplaceAll(reach(&zones[0].Zone), root, "$"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestErrorsShowNoSecret has a secret stand wherever somebody may put it by mistake.
func TestErrorsShowNoSecret(t *testing.T) {
	for _, text := range []string{
		"key %s", "key a %s", "key %s a hmac-sha256", "key a %s hmac-sha256", "key a hmac-sha256 !%s", "key a hmac-sha256 %s x",
		"key a hmac-sha256 %s {", "key a hmac-md5 %s", "key a..b hmac-sha256 %s", "key a hmac-sha256 %s\nkey a hmac-sha256 %[1]s",
		"primary ns2 192.0.2.2 {\nkey a hmac-sha256 %s\n}", "primary ns2 192.0.2.2 {\nkey a %s\n}", "primary ns2 192.0.2.2 {\nkey %s\n}",
		"primary ns2 192.0.2.2 {\nkey a hmac-sha256 %s {\n}", "key a hmac-sha256 %s\nagree 5",
	} {
		_, err := parse(controller("concord example.org {\nprimary ns1 192.0.2.1\n"+fmt.Sprintf(text, aSecret)+"\n}"), new(pacing))
		if err == nil {
			t.Errorf("%s: no error", text)
		} else if strings.Contains(err.Error(), aSecret) || strings.Contains(err.Error(), strings.ToLower(aSecret)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// certificates writes a certificate, its private key and the CA's certificate to one folder.
func certificates(t *testing.T) (cert, key, ca string) {
	t.Helper()
	a := primarytest.NewAuthority(t)
	dir := t.TempDir()
	cert, key, ca = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")
	a.Write(a.Issue(time.Hour, "concord.example.net"), cert, key)
	text, err := os.ReadFile(a.File())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return cert, key, ca
}
