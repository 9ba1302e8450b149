package config

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
)

// TLS says that a primary is asked over TLS (RFC 9103) and whom to take for
// it. Without a pin, the certificate must be for ServerName and lead to a CA
// that is trusted. With a pin, the pin decides, and what else is set must hold
// too.
type TLS struct {
	// On: TLS and nothing else. Without it the rest must be zero.
	On bool

	// ServerName is the name in the certificate; "" is the address.
	ServerName string

	// CA is a file of certificates in PEM that are trusted in place of the
	// system's; "" is the system's.
	CA string

	// Cert and Key are files in PEM with our own certificate and its private
	// key, for a primary that asks for one; "" is none.
	Cert, Key string

	// Pins are the public keys that the primary may have: one, or two while
	// it changes from one to the other.
	Pins []Pin
}

// Pin is the SHA-256 hash of a public key as a certificate has it (its
// SubjectPublicKeyInfo, RFC 7858 section 4.2).
type Pin [32]byte

// MaxPins is how many pins one primary may have.
const MaxPins = 2

// String returns the pin as in the Corefile.
func (p Pin) String() string { return pinPrefix + hex.EncodeToString(p[:]) }

const pinPrefix = "sha256:"

// ParsePin reads "sha256:" and the hash in hexadecimal, or in base64 as other
// servers write it.
func ParsePin(s string) (Pin, error) {
	var p Pin
	text, ok := strings.CutPrefix(s, pinPrefix)
	octets, err := hex.DecodeString(text)
	if err != nil {
		octets, err = base64.StdEncoding.DecodeString(text)
	}
	if !ok || err != nil || len(octets) != len(p) {
		return p, fmt.Errorf("%q is not a pin; write it as sha256: and 64 hexadecimal digits", s)
	}
	return Pin(octets), nil
}

// MaxKeys is how many keys one primary may name: the one in use, and the one
// that it changes to or from.
const MaxKeys = 2

// SourceFor returns the address that addr is asked from; not valid: the system
// chooses.
func (p *Primary) SourceFor(addr netip.Addr) netip.Addr {
	for _, s := range p.Sources {
		if s.Unmap().Is4() == addr.Unmap().Is4() {
			return s
		}
	}
	return netip.Addr{}
}

// Equal reports whether two zones are configured alike in every point, secrets
// included. What a zone prints as does not tell that: it hides them.
func (z *Zone) Equal(other *Zone) bool { return reflect.DeepEqual(z, other) }
