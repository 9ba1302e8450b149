package xfr

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/files"
)

// tlsPeer is how one primary is asked over TLS (RFC 9103), with its files and the sessions that may be resumed.
type tlsPeer struct {
	settings config.TLS
	name     string                         // that the certificate must be for
	roots    *files.Cached[*x509.CertPool]  // nil: the system's
	own      *files.Cached[tls.Certificate] // nil: none

	mu       sync.Mutex // guards what follows
	trusted  *x509.CertPool
	sessions tls.ClientSessionCache
}

// alpn is what DNS over TLS is called in a handshake (RFC 7858, RFC 9103 section 7.1). A server that knows no ALPN, as NSD
// 4.6, chooses nothing; who it is is verified all the same. One that chooses something else fails the handshake.
const alpn = "dot"

// sessionsEach is how many sessions of one primary may be resumed: one for each connection at a time.
const sessionsEach = 8

func newTLSPeer(t config.TLS, addr netip.Addr) *tlsPeer {
	p := &tlsPeer{settings: t, name: t.ServerName, sessions: tls.NewLRUClientSessionCache(sessionsEach)}
	if p.name == "" {
		p.name = addr.Unmap().WithZone("").String()
	}
	if t.CA != "" {
		p.roots = files.New(func(contents [][]byte) (*x509.CertPool, error) {
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(contents[0]) {
				return nil, fmt.Errorf("%s: there is no certificate in PEM in it", t.CA)
			}
			return pool, nil
		}, t.CA)
	}
	if t.Cert != "" {
		p.own = files.New(func(contents [][]byte) (tls.Certificate, error) {
			pair, err := tls.X509KeyPair(contents[0], contents[1])
			if err != nil {
				return pair, fmt.Errorf("%s with %s: %w", t.Cert, t.Key, err)
			}
			return pair, nil
		}, t.Cert, t.Key)
	}
	return p
}

// config returns the settings of the next handshake, with the files as they are now.
func (p *tlsPeer) config(now time.Time) (*tls.Config, *certificate, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{alpn}, ServerName: p.name}
	if p.roots != nil {
		var err error
		if c.RootCAs, err = p.roots.Get(now); err != nil {
			return nil, nil, err
		}
	}
	ours := &certificate{path: p.settings.Cert}
	if p.own != nil {
		var err error
		if ours.pair, err = p.own.Get(now); err != nil {
			return nil, nil, err
		}
	}
	c.GetClientCertificate = ours.show
	if len(p.settings.Pins) > 0 {
		c.InsecureSkipVerify = p.settings.CA == "" && p.settings.ServerName == "" // the pin decides alone
		c.VerifyConnection = p.pinned
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.RootCAs != p.trusted { // sessions were begun under the trust of their time
		p.trusted, p.sessions = c.RootCAs, tls.NewLRUClientSessionCache(sessionsEach)
	}
	c.ClientSessionCache = p.sessions
	return c, ours, nil
}

// certificate is ours, as far as we have one. A primary judges it after the handshake, and some do not say how.
type certificate struct {
	pair  tls.Certificate
	path  string
	asked bool // for, in the handshake
}

func (c *certificate) show(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.asked = true
	return &c.pair, nil
}

// String says what may be wrong with it.
func (c *certificate) String() string {
	if c.path == "" {
		return "none is configured; name its files with tls"
	}
	return "may not take that of " + c.path
}

// pinned holds the public key of the primary against the pins. It is called for resumed sessions, too.
func (p *tlsPeer) pinned(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the primary shows no certificate")
	}
	pin := config.Pin(sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo))
	if slices.Contains(p.settings.Pins, pin) {
		return nil
	}
	return fmt.Errorf("the primary has the public key %v, which is not pinned; if it was renewed, ask its operator and set tls_pin", pin)
}

// wordsTLS says what went wrong in a handshake.
func wordsTLS(err error) error {
	if hostname, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("%w; set tls_servername to a name that is in its certificate", hostname)
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w; name the file of its CA with tls, or its public key with tls_pin", unknown)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return invalid
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return &wordedError{"the primary does not speak TLS at this port; that of DNS over TLS is 853 as a rule", header}
	}
	if errors.Is(err, io.EOF) {
		return &wordedError{"connection closed in the TLS handshake", err}
	}
	return plain(err)
}
