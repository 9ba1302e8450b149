package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Nothing that prints shows a secret, however deep it lies and whether or not its methods may be called.
func TestSecretIsHidden(t *testing.T) {
	const text = "aGlkZGVuIHNlY3JldA==" // "hidden secret"
	s, err := ParseSecret(text)
	if err != nil || string(s.Reveal()) != "hidden secret" {
		t.Fatal(err)
	}
	type deep struct {
		inner struct{ secret Secret }
		list  []Secret
		any   any
	}
	d := deep{list: []Secret{s}, any: s}
	d.inner.secret = s
	z := good()
	z.Keys = []Key{{"k.", HMACSHA256, s}}
	for _, v := range []any{s, &s, d, &d, z, &z, z.Keys, map[string]Secret{"a": s}, []any{s, d}, fmt.Errorf("%v: %w", d, errors.New("x"))} {
		var out []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%U", "%e", "%t", "%c"} {
			out = append(out, fmt.Sprintf(verb, v))
		}
		out = append(out, fmt.Sprint(v))
		if b, err := json.Marshal(v); err == nil {
			out = append(out, string(b))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", v)
		out = append(out, log.String())
		for _, o := range out {
			for _, bad := range []string{"hidden secret", text, "68696464656e", "68696464656E", "104 105 100 100", "0x68, 0x69", "150 151 144"} {
				if strings.Contains(o, bad) {
					t.Errorf("%T shows the secret: %s", v, o)
				}
			}
		}
	}
	if got := fmt.Sprint(s) + s.String() + s.GoString(); got != "(secret)(secret)(secret)" {
		t.Error(got)
	}
}

func TestParseSecret(t *testing.T) {
	for _, bad := range []string{"", "c2Vjcm", "se cret", "c2VjcmV0!", "=="} {
		if _, err := ParseSecret(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if (Secret{}).Reveal() != nil {
		t.Error("the zero secret has octets")
	}
	octets := []byte("abc")
	s := NewSecret(octets)
	octets[0] = 'x'
	if string(s.Reveal()) != "abc" || !s.Equal(NewSecret([]byte("abc"))) || s.Equal(Secret{}) {
		t.Error("NewSecret does not keep a copy, or Equal is wrong")
	}
}

func TestParseAlgorithm(t *testing.T) {
	for text, want := range map[string]Algorithm{
		"hmac-sha256": HMACSHA256, "HMAC-SHA512.": HMACSHA512, "hmac-sha1": HMACSHA1, "hmac-sha224": HMACSHA224,
		"hmac-sha384": HMACSHA384, "hmac-md5": HMACMD5, "HMAC-MD5.SIG-ALG.REG.INT.": HMACMD5,
	} {
		got, err := ParseAlgorithm(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if again, err := ParseAlgorithm(got.String()); err != nil || again != got {
			t.Errorf("%v is read as %v, %v", got, again, err)
		}
	}
	for _, text := range []string{"", "none", "sha256", "hmac-sha256-128", "gss-tsig", "hmac-sha3"} {
		if a, err := ParseAlgorithm(text); err == nil {
			t.Errorf("%q is read as %v", text, a)
		}
	}
}
