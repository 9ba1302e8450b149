package xfr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/files"
	"github.com/concord-dns/concord/internal/primarytest"
)

// Who is taken for the primary, and who is not.
func TestTLS(t *testing.T) {
	z := exampleZone(t, 7)
	authority, stranger := primarytest.NewAuthority(t), primarytest.NewAuthority(t)
	ca, otherCA := authority.File(), stranger.File()
	byName := authority.Issue(time.Hour, "ns1.example.net")
	byAddress := authority.Issue(time.Hour, "127.0.0.1")
	expired := authority.Issue(-time.Hour, "127.0.0.1")
	client, foreign := authority.Issue(time.Hour, "us"), stranger.Issue(time.Hour, "us")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	authority.Write(client, at("cert"), at("key"))
	stranger.Write(foreign, at("foreign"), at("foreign.key"))
	pins := func(c tls.Certificate) []config.Pin { return []config.Pin{primarytest.Pin(c)} }
	server := func(c tls.Certificate, change ...func(*tls.Config)) *tls.Config {
		s := &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: []string{"dot"}}
		for _, f := range change {
			f(s)
		}
		return s
	}
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool() }
	tests := []struct {
		name   string
		server *tls.Config // nil: plain TCP
		tls    config.TLS
		want   string // "": it works
	}{
		{"name", server(byName), config.TLS{CA: ca, ServerName: "ns1.example.net"}, ""},
		{"address", server(byAddress), config.TLS{CA: ca}, ""},
		{"pin alone", server(stranger.Issue(time.Hour, "nobody")), config.TLS{}, "unpinned"},
		{"pin", server(byName), config.TLS{Pins: pins(byName)}, ""},
		{"second pin", server(byName), config.TLS{Pins: append([]config.Pin{{1}}, pins(byName)...)}, ""},
		{"pin and CA", server(byName), config.TLS{Pins: pins(byName), CA: ca, ServerName: "ns1.example.net"}, ""},
		{"no ALPN", server(byAddress, func(c *tls.Config) { c.NextProtos = nil }), config.TLS{CA: ca}, ""},
		{"client certificate", server(byAddress, mutual), config.TLS{CA: ca, Cert: at("cert"), Key: at("key")}, ""},

		{"another name", server(byName), config.TLS{CA: ca, ServerName: "ns2.example.net"},
			"x509: certificate is valid for ns1.example.net, not ns2.example.net; set tls_servername to a name that is in its certificate"},
		{"no name for the address", server(byName), config.TLS{CA: ca},
			"x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs; set tls_servername to a name that is in its certificate"},
		{"the system's CAs", server(byAddress), config.TLS{},
			"x509: certificate signed by unknown authority; name the file of its CA with tls, or its public key with tls_pin"},
		{"another CA", server(byAddress), config.TLS{CA: otherCA}, "x509: certificate signed by unknown authority*; name the file of its CA with tls, or its public key with tls_pin"},
		{"expired", server(expired), config.TLS{CA: ca}, "x509: certificate has expired or is not yet valid: *"},
		{"another pin", server(byName), config.TLS{Pins: []config.Pin{{1}, {2}}},
			"the primary has the public key " + config.Pin(primarytest.Pin(byName)).String() + ", which is not pinned; if it was renewed, ask its operator and set tls_pin"},
		{"pin and another CA", server(byAddress), config.TLS{Pins: pins(byAddress), CA: otherCA},
			"x509: certificate signed by unknown authority*; name the file of its CA with tls, or its public key with tls_pin"},
		{"pin and another name", server(byName), config.TLS{Pins: pins(byName), CA: ca, ServerName: "ns2.example.net"},
			"x509: certificate is valid for ns1.example.net, not ns2.example.net; set tls_servername to a name that is in its certificate"},
		{"another ALPN", server(byAddress, func(c *tls.Config) { c.NextProtos = []string{"h2"} }), config.TLS{CA: ca},
			"the primary ends TLS: tls: no application protocol"},
		{"TLS 1.2", server(byAddress, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), config.TLS{CA: ca},
			"the primary ends TLS: tls: protocol version not supported"},
		{"plain TCP", nil, config.TLS{CA: ca}, "no TLS handshake within 200ms"},
		{"no client certificate", server(byAddress, mutual), config.TLS{CA: ca}, "the primary ends TLS: tls: certificate required, before the answer"},
		{"another client certificate", server(byAddress, mutual), config.TLS{CA: ca, Cert: at("foreign"), Key: at("foreign.key")},
			"the primary ends TLS: tls: unknown certificate authority, before the answer"},
		{"no CA file", server(byAddress), config.TLS{CA: at("none")}, at("none") + ": there is no such file: no such file or directory"},
		{"a CA file without a certificate", server(byAddress), config.TLS{CA: at("key")}, at("key") + ": there is no certificate in PEM in it"},
		{"no client certificate file", server(byAddress, mutual), config.TLS{CA: ca, Cert: at("none"), Key: at("key")}, at("none") + ": there is no such file: no such file or directory"},
		{"key of another certificate", server(byAddress, mutual), config.TLS{CA: ca, Cert: at("cert"), Key: at("foreign.key")},
			at("cert") + " with " + at("foreign.key") + ": tls: private key does not match public key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := primarytest.New(t, z)
			asked := new(atomic.Int32)
			p.Behave(primarytest.Behaviour{MessageSize: 512, Seen: func(query []byte) {
				if asked.Add(1); len(query)%padBlock != 0 {
					t.Errorf("a query of %d octets", len(query))
				}
			}})
			if test.server != nil {
				p.UseTLS(test.server)
			}
			test.tls.On = true
			c := Client{TLS: test.tls}
			if test.server == nil {
				c.Idle = 200 * time.Millisecond // it waits for the rest of a query, and so do we
			}
			conn := c.Open(p.Addr())
			defer conn.Close()
			_, err := conn.Probe(t.Context(), z.Apex())
			if test.want == "unpinned" {
				if err == nil {
					t.Error("it is trusted")
				}
				return
			}
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				got, err := conn.AXFR(t.Context(), z.Apex(), nil, 0)
				if err != nil || got.Version().Root() != z.Version(t).Root() || !got.Stats().TLS {
					t.Errorf("%+v, %v", got.Stats(), err)
				}
				if n := p.Counts().Connections; n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
				return
			}
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Phase != PhaseTLS {
				t.Fatalf("%v, want an *Error of the phase tls", err)
			}
			got, want := e.Err.Error(), test.want
			if before, after, ok := strings.Cut(want, "*"); ok && strings.HasPrefix(got, before) && strings.HasSuffix(got, after) {
				want = got
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if n := asked.Load(); n != 0 {
				t.Errorf("%d queries were sent", n)
			}
		})
	}
}

// A server that answers what it is sent as if it were DNS is told from one that does not answer.
func TestTLSNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}()
	c := Client{TLS: config.TLS{On: true}}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	_, err = c.Probe(t.Context(), addr, question(t, "example.org.", 6).Zone)
	want := fmt.Sprintf("SOA of example.org. from %v: the primary does not speak TLS at this port; that of DNS over TLS is 853 as a rule", addr)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_ = l.Close()
	<-ended
}

// Sessions are resumed, and files are read again when they change.
func TestTLSFiles(t *testing.T) {
	z := exampleZone(t, 7)
	one, two := primarytest.NewAuthority(t), primarytest.NewAuthority(t)
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	trust := func(a *primarytest.Authority) {
		t.Helper()
		text, err := os.ReadFile(a.File())
		if err == nil {
			err = os.WriteFile(ca, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p := primarytest.New(t, z)
	p.Behave(primarytest.Behaviour{CloseAfterAnswer: true})
	var shown string
	var resumed bool
	serve := func(server, clients *primarytest.Authority) {
		p.UseTLS(&tls.Config{
			Certificates: []tls.Certificate{server.Issue(time.Hour, "127.0.0.1")}, NextProtos: []string{"dot"},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients.Pool(),
			VerifyConnection: func(s tls.ConnectionState) error {
				shown, resumed = s.PeerCertificates[0].Subject.CommonName, s.DidResume
				return nil
			},
		})
	}
	now := time.Now()
	var conns Conns
	defer conns.Close()
	c := Client{
		Conns: &conns, Now: func() time.Time { return now },
		TLS: config.TLS{On: true, CA: ca, Cert: cert, Key: key},
	}
	probe := func(want string, again bool) {
		t.Helper()
		shown, resumed = "", false
		_, err := c.Probe(t.Context(), p.Addr(), z.Apex())
		if err == nil && want == "" || err != nil && want != "" || shown != want || resumed != again {
			t.Errorf("shown %q, resumed %v, error %v, want %q, %v", shown, resumed, err, want, again)
		}
	}
	trust(one)
	one.Write(one.Issue(time.Hour, "first"), cert, key)
	serve(one, one)
	probe("first", false)
	probe("first", true)
	one.Write(one.Issue(time.Hour, "second"), cert, key)
	probe("first", true) // too early to look
	serve(one, one)      // its tickets are of another key now
	now = now.Add(files.Every)
	probe("second", false)
	serve(two, one)
	probe("", false) // not trusted, and no session of before helps
	trust(two)
	now = now.Add(files.Every)
	probe("second", false)
	probe("second", true)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	now = now.Add(files.Every)
	probe("second", true) // what was good goes on
}

// A handshake that does not come about in time.
func TestTLSTiming(t *testing.T) {
	for _, test := range []struct {
		name   string
		client Client
		want   string
		after  time.Duration
	}{
		{"never", Client{}, "no TLS handshake within 10s", maxDial},
		{"idle", Client{Idle: 2 * time.Second}, "no TLS handshake within 2s", 2 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := smallZone(t, 7)
				p := primarytest.Pipe(t, "192.0.2.1:853", z)
				p.UseTLS(&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
					time.Sleep(time.Hour)
					return nil, errors.New("too late")
				}})
				test.client.Dial, test.client.TLS.On = primarytest.Dialer(p), true
				begin := time.Now()
				_, err := test.client.Probe(t.Context(), p.Addr(), z.Apex())
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Phase != PhaseTLS || !e.Timeout() || e.Err.Error() != test.want || time.Since(begin) != test.after {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
			})
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			z := smallZone(t, 7)
			p := primarytest.Pipe(t, "192.0.2.1:853", z)
			authority := primarytest.NewAuthority(t)
			p.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "192.0.2.1")}})
			p.Behave(primarytest.Behaviour{Silent: true})
			c := Client{Dial: primarytest.Dialer(p), TLS: config.TLS{On: true, CA: authority.File()}}
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
			defer cancel()
			begin := time.Now()
			_, err := c.Probe(ctx, p.Addr(), z.Apex())
			if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseTimeout || time.Since(begin) != 7*time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
}

// Connections over TLS are kept as well, and one that the primary has closed meanwhile is no failure.
func TestTLSConns(t *testing.T) {
	old, z := smallZone(t, 7), smallZone(t, 8, "www A 192.0.2.1")
	authority := primarytest.NewAuthority(t)
	p := primarytest.New(t, old, z)
	p.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "127.0.0.1")}, NextProtos: []string{"dot"}})
	var conns Conns
	defer conns.Close()
	c := Client{Conns: &conns, TLS: config.TLS{On: true, CA: authority.File()}}
	for i, b := range []primarytest.Behaviour{{}, {}, {CloseAfterAnswer: true}, {CloseAfterAnswer: true}, {}} {
		p.Behave(b)
		got, err := c.Transfer(t.Context(), p.Addr(), z.Apex(), old.Version(t), nil, 0)
		if err != nil || got.Stats().Steps != 1 {
			t.Fatalf("%d: %+v, %v", i, got.Stats(), err)
		}
	}
	if n := p.Counts().Connections; n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}
