package concord

import (
	"bytes"
	"encoding/base64"
	"fmt"
	golog "log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/caddy"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/tsig"
)

// keyOf returns a key with a secret of its own for each text.
func keyOf(t *testing.T, name string, a config.Algorithm, text string) tsig.Key {
	t.Helper()
	key, err := tsig.New(config.Key{Name: name, Algorithm: a, Secret: config.NewSecret([]byte(text))})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// signedNotify returns a NOTIFY for example.org with the SOA record that servers put into it, to be signed by the client.
func signedNotify(key tsig.Key, signed time.Time) *dns.Msg {
	m := new(dns.Msg).SetNotify("example.org.")
	m.Compress = true
	m.Answer = []dns.RR{&dns.SOA{
		Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeSOA, Class: dns.ClassINET},
		Ns:  "ns1.example.org.", Mbox: "admin.example.org.", Serial: 7,
	}}
	return m.SetTsig(key.String(), hashes[key.Algorithm()].name, 300, signed.Unix())
}

// TestNotifySigned sends NOTIFYs with each algorithm, and with what is wrong, to a server without and with the tsig plugin.
func TestNotifySigned(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	secret := func(n int) string { return fmt.Sprintf("a secret of no secrecy, number %d", n) }
	names := []string{"", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
	var lines []string
	for a := config.HMACMD5; a <= config.HMACSHA512; a++ {
		name := names[a] + ".example.org."
		lines = append(lines, fmt.Sprintf("key %s %v %s", name, a, base64Of(secret(int(a)))),
			fmt.Sprintf("primary of-%s 127.0.0.%d {\n key %s\n notify_from 127.0.0.1\n}", names[a], a+10, name))
	}
	// The zone itself comes from a primary without a key.
	lines = append(lines, "allow_md5", "primary ns1 $1", "agree any")
	block := at("concord {\n"+strings.Join(lines, "\n")+"\n}", p)
	for _, plugged := range []bool{false, true} {
		before := ""
		if plugged {
			before = "tsig {\nsecret other.example.org. " + base64Of("another") + "\n}\n"
		}
		c := start(t, "example.org:0 {\nbind 127.0.0.1\n"+before+block+"\n}")
		c.awaitSerial("example.org.", "7")
		for a := config.HMACMD5; a <= config.HMACSHA512; a++ {
			if plugged && a == config.HMACMD5 {
				continue // the plugin knows no md5
			}
			key := keyOf(t, names[a]+".example.org.", a, secret(int(a)))
			for _, network := range []string{"udp", "tcp"} {
				// The client verifies the answer.
				client := &dns.Client{Net: network, TsigProvider: signer{key}}
				addr := c.Servers()[0].LocalAddr()
				if network == "tcp" {
					addr = c.Servers()[0].Addr()
				}
				m := signedNotify(key, time.Now())
				m.Compress = network == "udp" // servers do it in either way
				r, _, err := client.Exchange(m, addr.String())
				if err != nil || r.Rcode != dns.RcodeSuccess || r.IsTsig() == nil || !r.Authoritative {
					t.Errorf("%v over %s, tsig plugin %t: %v, %v", key, network, plugged, err, r)
				}
			}
		}
		good := keyOf(t, "sha256.example.org.", config.HMACSHA256, secret(int(config.HMACSHA256)))
		for _, tt := range []struct {
			what   string
			key    tsig.Key
			signed time.Time
			code   uint16
		}{
			{"unknown key", keyOf(t, "unknown.", config.HMACSHA256, secret(4)), time.Now(), dns.RcodeBadKey},
			{"wrong algorithm", keyOf(t, "sha256.example.org.", config.HMACSHA1, secret(4)), time.Now(), dns.RcodeBadKey},
			{"wrong secret", keyOf(t, "sha256.example.org.", config.HMACSHA256, "wrong"), time.Now(), dns.RcodeBadSig},
			{"slow clock", good, time.Now().Add(-time.Hour), dns.RcodeBadTime},
			{"fast clock", good, time.Now().Add(time.Hour), dns.RcodeBadTime},
		} {
			if plugged && tt.what == "wrong algorithm" {
				continue // the plugin's keys have no algorithm: the secret decides
			}
			// The answer is read as it comes: of most errors it is not signed.
			r := exchangeRaw(t, c.Servers()[0].LocalAddr().String(), signedNotify(tt.key, tt.signed), signer{tt.key})
			got := r.IsTsig()
			if r.Rcode != dns.RcodeNotAuth || got == nil || got.Error != tt.code {
				t.Errorf("%s, tsig plugin %t: %v", tt.what, plugged, r)
				continue
			}
			if tt.code == dns.RcodeBadTime != (got.MAC != "") || tt.code == dns.RcodeBadTime != (got.OtherLen == 6) {
				t.Errorf("%s, tsig plugin %t: %v", tt.what, plugged, got)
			}
		}
	}
}

// exchangeRaw sends a message over UDP, and returns the answer without a look at its signature.
func exchangeRaw(t *testing.T, addr string, m *dns.Msg, by signer) *dns.Msg {
	t.Helper()
	wire, _, err := dns.TsigGenerateWithProvider(m, by, "", false)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dns.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	r := new(dns.Msg)
	if err := r.Unpack(buf[:n]); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNotifyWantsTheKey has a primary with a key be believed with that key alone.
func TestNotifyWantsTheKey(t *testing.T) {
	key, other := keyOf(t, "a.", config.HMACSHA256, "secret a"), keyOf(t, "b.", config.HMACSHA256, "secret b")
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	p.UseKeys(primarytest.Key{Name: "a.", Algorithm: dns.HmacSHA256, Secret: base64Of("secret a")})
	c := start(t, at(`example.org:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1 {
				key a
			}
			primary ns2 127.0.0.2:53 {
				key b
			}
			key a hmac-sha256 `+base64Of("secret a")+`
			key b hmac-sha256 `+base64Of("secret b")+`
			agree any
		}
	}`, p))
	c.awaitSerial("example.org.", "7")
	until(t, func() bool { return process.running()[0].zone.Status().Primaries[0].Last.Key == "a." })
	addr := c.Servers()[0].LocalAddr().String()
	for _, tt := range []struct {
		what string
		by   *tsig.Key
		want int
	}{{"no key", nil, dns.RcodeRefused}, {"another primary's key", &other, dns.RcodeRefused}, {"its key", &key, dns.RcodeSuccess}} {
		m, client := new(dns.Msg).SetNotify("example.org."), new(dns.Client)
		if tt.by != nil {
			m, client = signedNotify(*tt.by, time.Now()), &dns.Client{TsigProvider: signer{*tt.by}}
		}
		r, _, err := client.Exchange(m, addr)
		if err != nil || r.Rcode != tt.want || (r.IsTsig() != nil) != (tt.by != nil) {
			t.Errorf("%s: %v, %v", tt.what, err, r)
		}
	}
	until(t, func() bool {
		n := process.running()[0].zone.Status().Notifies
		return n[secondary.NotifyUnsigned] == 2 && n[secondary.NotifyAccepted]+n[secondary.NotifyFolded] == 1
	})
}

// TestReloadKeys changes the secret of a key, here and at the primary: no zone is transferred again, and news comes with it.
func TestReloadKeys(t *testing.T) {
	key := func(secret string) primarytest.Key {
		return primarytest.Key{Name: "a.", Algorithm: dns.HmacSHA256, Secret: base64Of(secret)}
	}
	corefile := func(secret string) string {
		return `example.org:0 {
			bind 127.0.0.1
			concord {
				primary ns1 $1 {
					key a
				}
				key a hmac-sha256 ` + base64Of(secret) + `
			}
		}`
	}
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	p.UseKeys(key("one"))
	c := start(t, at(corefile("one"), p))
	c.awaitSerial("example.org.", "7")
	p.UseKeys(key("two"))
	if err := c.reload(at(corefile("two"), p)); err != nil {
		t.Fatal(err)
	}
	if got := c.serial("example.org."); got != "7" {
		t.Errorf("%s is served", got)
	}
	if n := p.Counts().Transfers; n != 1 {
		t.Errorf("%d transfers, want 1", n)
	}
	p.Set(primarytest.Make(t, "example.org.", 8, "@ NS ns1"))
	two := keyOf(t, "a.", config.HMACSHA256, "two")
	r, _, err := (&dns.Client{TsigProvider: signer{two}}).Exchange(signedNotify(two, time.Now()), c.Servers()[0].LocalAddr().String())
	if err != nil || r.Rcode != dns.RcodeSuccess {
		t.Errorf("%v, %v", r, err)
	}
	c.awaitSerial("example.org.", "8")
}

// TestKeyOfChangedFile has a key change in its file: what it signs is taken without a reload, and the old one no longer is.
func TestKeyOfChangedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		write := func(secret string) {
			text := fmt.Sprintf("key a. { algorithm hmac-sha256; secret %q; };\n", base64Of(secret))
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("one")
		ring, err := tsig.NewKeyring(nil, []*tsig.File{tsig.OpenFile(path)}, false)
		if err != nil {
			t.Fatal(err)
		}
		code := func(secret string) uint16 {
			key := keyOf(t, "a.", config.HMACSHA256, secret)
			m := signedNotify(key, time.Now())
			wire, _, err := dns.TsigGenerateWithProvider(m, signer{key}, "", false)
			if err != nil {
				t.Fatal(err)
			}
			r := new(dns.Msg)
			if err := r.Unpack(wire); err != nil {
				t.Fatal(err)
			}
			return verifySignature(t.Context(), ring, &test.ResponseWriter{}, r).code
		}
		if one, two := code("one"), code("two"); one != 0 || two != dns.RcodeBadSig {
			t.Errorf("before the change: %d, %d", one, two)
		}
		write("two")
		time.Sleep(10 * time.Second)
		if one, two := code("one"), code("two"); one != dns.RcodeBadSig || two != 0 {
			t.Errorf("after the change: %d, %d", one, two)
		}
	})
}

// TestKeysOfServerBlock has the tsig plugin and concord give one key two secrets.
func TestKeysOfServerBlock(t *testing.T) {
	const text = `example.org:0 {
		bind 127.0.0.1
		tsig {
			secret a. b25l
		}
		concord {
			primary ns1 127.0.0.1 {
				key a
			}
			key a hmac-sha256 dHdv
		}
	}`
	err := caddy.ValidateAndExecuteDirectives(input(text), nil, true)
	const want = "plugin/concord: zone example.org.: key a. has two secrets in this server block, which the tsig plugin cannot know both; rename one"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if err := caddy.ValidateAndExecuteDirectives(input(strings.Replace(text, "b25l", "dHdv", 1)), nil, true); err != nil {
		t.Error(err)
	}
}

// TestLogShowsNoSecret has the log be at its most talkative while keys are used, refused and wrong.
func TestLogShowsNoSecret(t *testing.T) {
	var out bytes.Buffer
	golog.SetOutput(&out)
	clog.D.Set()
	defer clog.D.Clear()
	defer clog.Discard()
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	p.UseKeys(primarytest.Key{Name: "a.", Algorithm: dns.HmacSHA256, Secret: aSecret})
	s := serve(t, nil, at(`concord example.org {
		primary ns1 $1 {
			key a
		}
		primary ns2 `+nobody(t).String()+` {
			key b
		}
		key a hmac-sha256 `+aSecret+`
		key b hmac-md5 `+aSecret+`
		allow_md5
		agree any
	}`, p))
	until(t, s.Ready)
	p.UseKeys(primarytest.Key{Name: "a.", Algorithm: dns.HmacSHA256, Secret: "b3RoZXI="})
	secret, _ := base64.StdEncoding.DecodeString(aSecret)
	key := keyOf(t, "a.", config.HMACSHA256, string(secret))
	for _, by := range []tsig.Key{key, keyOf(t, "a.", config.HMACSHA256, "wrong"), keyOf(t, "c.", config.HMACSHA1, "wrong")} {
		m := signedNotify(by, time.Now())
		if wire, _, err := dns.TsigGenerateWithProvider(m, signer{by}, "", false); err != nil {
			t.Fatal(err)
		} else if err := m.Unpack(wire); err != nil {
			t.Fatal(err)
		}
		s.ask("127.0.0.1", m)
	}
	run := s.instance.process.running()[0]
	until(t, func() bool { return run.zone.Status().Primaries[0].Err != nil })
	told := run.zone.Status()
	text := fmt.Sprintf("%+v %#v %v", told.Primaries, *run.config, run.zone.Keyring()) + strings.Join(gather(t, s.instance.process), "\n")
	if err := s.instance.stop(); err != nil { // the log is whole then
		t.Fatal(err)
	}
	text += out.String()
	for _, want := range []string{"hmac-md5", "BADSIG", "BADKEY"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %s:\n%s", want, out.String())
		}
	}
	for _, bad := range []string{aSecret, strings.ToLower(aSecret), string(secret), fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprintf("%d", secret[:10]), "[]")} {
		if strings.Contains(text, bad) {
			t.Errorf("the secret is shown as %s", bad)
		}
	}
}
