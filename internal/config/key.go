package config

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Key is a TSIG key (RFC 8945): what it is called, how it signs, and what only
// the two ends know.
type Key struct {
	Name      string // absolute, in presentation form, lower-case
	Algorithm Algorithm
	Secret    Secret
}

// Algorithm is how a key signs; 0 is none.
type Algorithm uint8

// The algorithms of RFC 8945 section 6 that sign with a shared secret.
const (
	HMACMD5 Algorithm = iota + 1 // broken as a hash; see [Zone.AllowMD5]
	HMACSHA1
	HMACSHA224
	HMACSHA256
	HMACSHA384
	HMACSHA512
)

var algorithms = [...]string{
	"none", "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512",
}

// String returns the name as in the Corefile and in key files: "hmac-sha256".
func (a Algorithm) String() string {
	if int(a) >= len(algorithms) {
		return fmt.Sprintf("Algorithm(%d)", a)
	}
	return algorithms[a]
}

// ParseAlgorithm reads the name of an algorithm, in any case and with or
// without a final dot. MD5 may have the name that it has in messages.
func ParseAlgorithm(s string) (Algorithm, error) {
	name := strings.TrimSuffix(strings.ToLower(s), ".")
	if name == "hmac-md5.sig-alg.reg.int" {
		return HMACMD5, nil
	}
	if i := slices.Index(algorithms[1:], name); i >= 0 {
		return Algorithm(i + 1), nil
	}
	return 0, fmt.Errorf("%q is not an algorithm; write one of: %s", s, strings.Join(algorithms[HMACSHA1:], ", "))
}

// Secret is what a key signs with. No way of printing or marshalling it shows
// it, whatever it is part of; only [Secret.Reveal] does. The zero Secret is
// none.
type Secret struct {
	// Where fmt may not call our methods, in fields that are not exported, it
	// prints what a value is made of. It follows one pointer, and not two.
	octets **[]byte
}

// NewSecret keeps a copy of the octets.
func NewSecret(octets []byte) Secret {
	own := bytes.Clone(octets)
	pointer := &own
	return Secret{&pointer}
}

// ParseSecret reads base64. The error does not show what it read.
func ParseSecret(s string) (Secret, error) {
	octets, err := base64.StdEncoding.DecodeString(s)
	switch {
	case err != nil:
		return Secret{}, errors.New("the secret is not base64; write it as tsig-keygen prints it")
	case len(octets) == 0:
		return Secret{}, errors.New("the secret is empty; write it as tsig-keygen prints it")
	}
	return NewSecret(octets), nil
}

// Reveal returns the octets to sign with; read only.
func (s Secret) Reveal() []byte {
	if s.octets == nil {
		return nil
	}
	return **s.octets
}

// Equal reports whether two secrets are the same.
func (s Secret) Equal(t Secret) bool { return bytes.Equal(s.Reveal(), t.Reveal()) }

// hidden stands where a secret would.
const hidden = "(secret)"

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret.
func (Secret) GoString() string { return hidden }

// Format hides the secret from every verb of package fmt.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// MarshalText hides the secret from JSON and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
