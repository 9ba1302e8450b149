package concord

import (
	"bytes"
	"crypto/tls"
	"fmt"
	golog "log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/xfr"
)

// TestReach has zones come as a Corefile says: by key and TLS, then by IXFR, over one connection that is kept.
func TestReach(t *testing.T) {
	authority := primarytest.NewAuthority(t)
	issued := authority.Issue(time.Hour, "ns1.example.net")
	old := primarytest.Make(t, "example.org.", 7, "@ NS ns1", "www A 192.0.2.1")
	p := primarytest.New(t, old)
	p.UseTLS(&tls.Config{Certificates: []tls.Certificate{issued}, MinVersion: tls.VersionTLS13})
	p.UseKeys(primarytest.Key{Name: "a.", Algorithm: dns.HmacSHA512, Secret: aSecret})
	s := loaded(t, nil, at(fmt.Sprintf(`concord example.org {
		primary ns1 tls://$1 {
			key a
			tls %s
			tls_servername ns1.example.net
			tls_pin %v
			source 127.0.0.1
		}
		key a hmac-sha512 %s
	}`, authority.File(), config.Pin(primarytest.Pin(issued)), aSecret), p))
	run := s.instance.process.running()[0]
	last := func() xfr.Stats { return run.zone.Status().Primaries[0].Last }
	until(t, func() bool { return last().Kind != "" }) // it is served a moment before it is told of
	if last := last(); last.Kind != "AXFR" || last.Key != "a." || !last.TLS {
		t.Errorf("the zone came by %+v", last)
	}
	p.Set(primarytest.Make(t, "example.org.", 8, "@ NS ns1", "www A 192.0.2.2"))
	key := keyOf(t, "a.", config.HMACSHA512, "not very secret, for tests only!")
	m := signedNotify(key, time.Now())
	if wire, _, err := dns.TsigGenerateWithProvider(m, signer{key}, "", false); err != nil {
		t.Fatal(err)
	} else if err := m.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	s.ask("127.0.0.1", m)
	until(t, func() bool { return run.zone.Snapshot().Version.Serial() == 8 })
	until(t, func() bool { return last().Kind != "AXFR" })
	if last := last(); last.Kind != "IXFR" || last.Steps != 1 || last.Key != "a." || !last.TLS {
		t.Errorf("the change came by %+v", last)
	}
	until(t, func() bool { return s.instance.process.kept() == 1 })
	lines := strings.Join(gather(t, s.instance.process), "\n")
	for _, want := range []string{
		`coredns_concord_transfers_total{kind="axfr",primary="ns1",result="success",zone="example.org."} 1`,
		`coredns_concord_transfers_total{kind="ixfr",primary="ns1",result="success",zone="example.org."} 1`,
		`coredns_concord_connections_kept{} 1`,
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("there is no %s in\n%s", want, lines)
		}
	}
	if n := p.Counts().Connections; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestReachFails has a primary that is not who it should be, and one that has another key, be told of as that.
func TestReachFails(t *testing.T) {
	authority := primarytest.NewAuthority(t)
	z := primarytest.Make(t, "example.org.", 7, "@ NS ns1")
	a, b := primarytest.New(t, z), primarytest.New(t, z)
	a.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "ns1.example.net")}, MinVersion: tls.VersionTLS13})
	b.UseKeys(primarytest.Key{Name: "a.", Algorithm: dns.HmacSHA256, Secret: "b3RoZXI="})
	s := serve(t, nil, at(`concord example.org {
		primary ns1 tls://$1 {
			tls `+authority.File()+`
			tls_servername ns2.example.net
		}
		primary ns2 $2 {
			key a
		}
		key a hmac-sha256 `+aSecret+`
	}`, a, b))
	run := s.instance.process.running()[0]
	failures := func() string { return fmt.Sprint(run.failures.all()) }
	until(t, func() bool {
		return strings.Contains(failures(), "{ns1 tls}:") && strings.Contains(failures(), "{ns2 tsig}:")
	})
	for i, want := range []string{"tls_servername", "key a.: BADSIG"} {
		until(t, func() bool {
			err := run.zone.Status().Primaries[i].Err
			return err != nil && strings.Contains(err.Error(), want)
		})
	}
	for _, p := range []*primarytest.Primary{a, b} {
		if n := p.Counts().Transfers; n != 0 {
			t.Errorf("%d transfers", n)
		}
	}
}

// TestConnectionsEnd has nothing be kept once the last zone has ended.
func TestConnectionsEnd(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	s := loaded(t, nil, at("concord example.org {\nprimary ns1 $1\n}", p))
	r := s.instance.process
	until(t, func() bool { return r.kept() == 1 })
	conns := r.conns
	if err := s.instance.stop(); err != nil {
		t.Fatal(err)
	}
	if r.conns != nil || conns.Kept() != 0 || r.kept() != 0 {
		t.Errorf("%d connections are kept", conns.Kept())
	}
}

// TestLogKeyFiles has a key file be spoiled and mended.
func TestLogKeyFiles(t *testing.T) {
	var out bytes.Buffer
	flags := golog.Flags()
	golog.SetOutput(&out)
	golog.SetFlags(0)
	defer func() {
		clog.Discard()
		golog.SetFlags(flags)
	}()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		ring, err := tsig.NewKeyring(nil, []*tsig.File{tsig.OpenFile(path)}, false)
		if err != nil {
			t.Fatal(err)
		}
		var book logbook
		look := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			_, _ = ring.Keys(time.Now(), "a.") // as whoever asks a primary does
			book.keyFiles("example.org.", ring)
			book.keyFiles("example.org.", ring)
		}
		const good = `key a. { algorithm hmac-sha256; secret "` + aSecret + `"; };`
		look(good)
		look(good[:len(good)-2])
		look(good)
		const want = `[WARNING] plugin/concord: example.org. keys: $:1: key a.: want algorithm or secret, or } at its end; the keys of the last good read are in use
[INFO] plugin/concord: example.org. keys: the file is in use again
`
		if got := strings.ReplaceAll(out.String(), path, "$"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
