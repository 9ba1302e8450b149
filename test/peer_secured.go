package test

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"text/template"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
)

// Secured is what peers have that are asked with TSIG, over TLS, and for changes; the zero Secured has none of it. Each lets
// zones whose names begin with "keyed." be transferred with its keys alone, and all others by anyone at 127.0.0.0/8.
type Secured struct {
	Keys []SecuredKey
	// NotifyKey is the name of the one that NOTIFY is signed with; empty: it is not.
	NotifyKey string
	// Journal: changes are kept, and sent to who asks for them. BIND makes them of the master files that it loads, as the
	// others do.
	Journal bool
	// TLS is where the peer speaks TLS, with the certificate and its key in files; not valid: nowhere.
	TLS       netip.AddrPort
	Cert, Key string
	// ClientCA is a file of what signs the certificates that clients must have; empty: they need none.
	ClientCA string
}

// SecuredKey is one TSIG key as both ends have it.
type SecuredKey struct {
	Name      string
	Algorithm config.Algorithm
	Octets    string
}

// Secret returns the secret as configurations have it.
func (k SecuredKey) Secret() string { return base64.StdEncoding.EncodeToString([]byte(k.Octets)) }

// Ours returns the key as we have it.
func (k SecuredKey) Ours(t testing.TB) tsig.Key {
	t.Helper()
	key, err := tsig.New(config.Key{Name: k.Name, Algorithm: k.Algorithm, Secret: config.NewSecret([]byte(k.Octets))})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Theirs returns the key as a scripted primary has it.
func (k SecuredKey) Theirs() primarytest.Key {
	algorithm := k.Algorithm.String() + "."
	if k.Algorithm == config.HMACMD5 {
		algorithm = "hmac-md5.sig-alg.reg.int."
	}
	return primarytest.Key{Name: k.Name, Algorithm: algorithm, Secret: k.Secret()}
}

// AllAlgorithms returns a key for each algorithm.
func AllAlgorithms() (keys []SecuredKey) {
	for a := config.HMACMD5; a <= config.HMACSHA512; a++ {
		keys = append(keys, SecuredKey{a.String() + ".key.", a, "the secret of " + a.String() + " in tests, and long enough"})
	}
	return keys
}

// template returns the configuration of a peer of this kind, to be filled in with the peer itself.
func (s Secured) template(text string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"secured": func() Secured { return s },
		"keyed":   func(zone string) bool { return strings.HasPrefix(zone, "keyed.") },
	}).Parse(text))
}
