package xfr

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
)

var secret = []byte("no secret but long enough for a test of it")

func tsigKey(tb testing.TB, name string, a config.Algorithm, secret []byte) tsig.Key {
	tb.Helper()
	k, err := tsig.New(config.Key{Name: name, Algorithm: a, Secret: config.NewSecret(secret)})
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// theirs is what the primary has of a key.
func theirs(k tsig.Key, secret []byte) primarytest.Key {
	algorithm := k.Algorithm().String() + "."
	if k.Algorithm() == config.HMACMD5 {
		algorithm = "hmac-md5.sig-alg.reg.int."
	}
	return primarytest.Key{Name: k.String(), Algorithm: algorithm, Secret: base64.StdEncoding.EncodeToString(secret)}
}

func keys(list ...tsig.Key) func() ([]tsig.Key, error) {
	return func() ([]tsig.Key, error) { return list, nil }
}

// Everything is signed with every algorithm, in streams of any shape.
func TestSigned(t *testing.T) {
	old, z := exampleZone(t, 7), exampleZone(t, 8)
	for a := config.HMACMD5; a <= config.HMACSHA512; a++ {
		k := tsigKey(t, "transfer.example.org.", a, secret)
		p := primarytest.New(t, old, z)
		p.UseKeys(theirs(k, secret))
		for _, b := range []primarytest.Behaviour{
			{},
			{RecordsPerMessage: 1},
			{RecordsPerMessage: 1, TSIG: primarytest.TSIG{Every: 100}},
			{MessageSize: 300, TSIG: primarytest.TSIG{Every: 3}},
			{TSIG: primarytest.TSIG{Size: 32}},
		} {
			if b.TSIG.Size > 0 && a < config.HMACSHA256 {
				b.TSIG.Size = 16 // at least half of each
			}
			p.Behave(b)
			c := Client{Keys: keys(k)}
			conn := c.Open(p.Addr())
			if soa, err := conn.Probe(t.Context(), z.Apex()); err != nil || soa.Serial != 8 {
				t.Errorf("%v, %+v: probe: %v", a, b, err)
			}
			if got, err := conn.AXFR(t.Context(), z.Apex(), nil, 0); err != nil || got.Version().Root() != z.Version(t).Root() ||
				got.Stats().Key != "transfer.example.org." {
				t.Errorf("%v, %+v: AXFR: %v", a, b, err)
			}
			if got, err := conn.Transfer(t.Context(), z.Apex(), old.Version(t), nil, 0); err != nil || got.Stats().Kind != "IXFR" ||
				got.Version().Root() != z.Version(t).Root() {
				t.Errorf("%v, %+v: IXFR: %v", a, b, err)
			}
			conn.Close()
		}
		if n := p.Counts().Connections; n != 5 {
			t.Errorf("%v: %d connections, want 5", a, n)
		}
		p.Stop()
	}
}

func TestSignedErrors(t *testing.T) {
	z := exampleZone(t, 7)
	k := tsigKey(t, "transfer.example.org.", config.HMACSHA256, secret)
	other := tsigKey(t, "other.", config.HMACSHA256, secret)
	flip := func(at func(n int, last bool) bool, octet int) primarytest.TSIG {
		return primarytest.TSIG{Edit: func(n int, msg []byte, last bool) []byte {
			if at(n, last) {
				msg[(octet+len(msg))%len(msg)] ^= 1
			}
			return msg
		}}
	}
	first := func(n int, _ bool) bool { return n == 1 }
	lastOne := func(_ int, last bool) bool { return last }
	unsigned := "key transfer.example.org.: the answer is not signed; have the primary sign with this key, or take the key away here"
	badSig := "key transfer.example.org.: BADSIG: the signature of the answer is wrong: it was changed on its way, or the primary has another secret"
	tests := []struct {
		name      string
		keys      []primarytest.Key
		behaviour primarytest.Behaviour
		clock     time.Duration
		want      string
		refused   bool
	}{
		{"unsigned", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{TSIG: primarytest.TSIG{Unsigned: true}}, 0, unsigned, false},
		{"knows no TSIG", nil, primarytest.Behaviour{}, 0, unsigned, false},
		{"unsigned REFUSED", nil, primarytest.Behaviour{Rcode: dns.RcodeRefused}, 0, "rcode REFUSED, and not signed: " +
			"the primary does not take key transfer.example.org. or our clock, or does not serve the zone", true},
		{"unsigned SERVFAIL", nil, primarytest.Behaviour{Rcode: dns.RcodeServerFailure}, 0,
			"rcode SERVFAIL, and not signed: the primary does not sign with key transfer.example.org.", false},
		{"signed REFUSED", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{Rcode: dns.RcodeRefused}, 0,
			"rcode REFUSED: the primary does not serve the zone, or not to this address (asked with key transfer.example.org.)", true},
		{"BADKEY", []primarytest.Key{theirs(other, secret)}, primarytest.Behaviour{}, 0,
			"key transfer.example.org.: BADKEY: the primary does not have this key, or has it with another algorithm than hmac-sha256", true},
		{"BADKEY by the algorithm", []primarytest.Key{{Name: "transfer.example.org.", Algorithm: dns.HmacSHA1, Secret: "c2VjcmV0"}}, primarytest.Behaviour{}, 0,
			"key transfer.example.org.: BADKEY: the primary does not have this key, or has it with another algorithm than hmac-sha256", true},
		{"BADSIG", []primarytest.Key{theirs(k, []byte("another"))}, primarytest.Behaviour{}, 0,
			"key transfer.example.org.: BADSIG: the primary has another secret for this key", true},
		{"BADTIME", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{}, -time.Hour,
			"key transfer.example.org.: BADTIME: the primary's clock is 1h ahead of ours; set both clocks", false},
		{"its clock", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{TSIG: primarytest.TSIG{Clock: -20 * time.Minute}}, 0,
			"key transfer.example.org.: BADTIME: the primary's clock is 20m behind ours; set both clocks", false},
		{"signed with another key", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{TSIG: primarytest.TSIG{As: ptr(theirs(other, secret))}}, 0,
			"key transfer.example.org.: the answer is signed with key other. with hmac-sha256., and this one signs with hmac-sha256; use the same on both ends", false},
		{"last unsigned", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{MessageSize: 400, TSIG: primarytest.TSIG{LastUnsigned: true}}, 0,
			"key transfer.example.org.: the answer is not signed throughout: its last message is not signed", false},
		{"100 unsigned", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{RecordsPerMessage: 1, TSIG: primarytest.TSIG{Every: 101}}, 0,
			"message 101: key transfer.example.org.: the answer is not signed throughout: more than 99 messages in a row are not signed", false},
		{"MAC too short", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{TSIG: primarytest.TSIG{Size: 15}}, 0,
			"key transfer.example.org.: the answer cannot be verified: its MAC has a size that none may have", false},
		{"first changed", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{MessageSize: 400, TSIG: flip(first, 60)}, 0, badSig, false},
		{"last changed", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{RecordsPerMessage: 10, TSIG: flip(lastOne, 60)}, 0, "message 11: " + badSig, false},
		{"MAC of the last changed", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{RecordsPerMessage: 10, TSIG: flip(lastOne, -10)}, 0,
			"message 11: " + badSig, false},
		{"unsigned one changed", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{RecordsPerMessage: 10, TSIG: primarytest.TSIG{
			Every: 5, Edit: func(n int, msg []byte, _ bool) []byte {
				if n == 3 {
					msg[60] ^= 1
				}
				return msg
			}}}, 0, "message 6: " + badSig, false},
		{"in order", []primarytest.Key{theirs(k, secret)}, primarytest.Behaviour{RecordsPerMessage: 10, TSIG: primarytest.TSIG{Every: 5}}, 0, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := primarytest.New(t, z)
			p.UseKeys(test.keys...)
			p.Behave(test.behaviour)
			c := Client{Keys: keys(k), Now: func() time.Time { return time.Now().Add(test.clock) }}
			got, err := c.AXFR(t.Context(), p.Addr(), z.Apex(), nil, 0)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*Error](err)
			if !ok || got.Version() != nil {
				t.Fatalf("%v, %v", got, err)
			}
			phase := PhaseTSIG
			if test.name == "signed REFUSED" {
				phase = PhaseRcode
			}
			want := fmt.Sprintf("AXFR of example.org. from %v: %s", p.Addr(), test.want)
			// A difference of clocks is in whole seconds, and one may pass.
			if text := strings.NewReplacer("20m1s", "20m", "59m59s", "1h").Replace(e.Error()); text != want || e.Phase != phase || e.Refused() != test.refused {
				t.Errorf("got  %v (refused %v): %v\nwant %v (refused %v): %s", e.Phase, e.Refused(), text, phase, test.refused, want)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// Where the primary refuses the first of two keys the second is tried, and next time at once.
func TestSecondKey(t *testing.T) {
	old, z := exampleZone(t, 7), exampleZone(t, 8)
	one := tsigKey(t, "one.", config.HMACSHA256, secret)
	two := tsigKey(t, "two.", config.HMACSHA512, []byte("another secret"))
	onlyOne, onlyTwo := theirs(one, secret), theirs(two, []byte("another secret"))
	var conns Conns
	defer conns.Close()
	p := primarytest.New(t, old, z)
	c := Client{Keys: keys(one, two), Conns: &conns}
	for i, step := range []struct {
		has    []primarytest.Key
		probes int // how many it takes
		key    string
	}{
		{[]primarytest.Key{onlyOne}, 1, "one."},
		{[]primarytest.Key{onlyOne, onlyTwo}, 1, "one."},
		{[]primarytest.Key{onlyTwo}, 2, "two."}, // BADKEY
		{[]primarytest.Key{onlyTwo}, 1, "two."},
		{[]primarytest.Key{onlyOne, {Name: "two.", Algorithm: dns.HmacSHA512, Secret: "c2VjcmV0"}}, 2, "one."}, // BADSIG
	} {
		p.UseKeys(step.has...)
		before := p.Counts()
		conn := c.Open(p.Addr())
		if _, err := conn.Probe(t.Context(), z.Apex()); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		got, err := conn.Transfer(t.Context(), z.Apex(), old.Version(t), nil, 0)
		if err != nil || got.Stats().Key != step.key {
			t.Errorf("step %d: %v with key %v, want %v", i, err, got.Stats().Key, step.key)
		}
		conn.Close()
		if n := p.Counts().Probes - before.Probes; n != step.probes {
			// A query whose key is refused is counted as well.
			t.Errorf("step %d: %d probes, want %d", i, n, step.probes)
		}
	}
	if n := p.Counts().Connections; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}

	p.UseKeys(primarytest.Key{Name: "two.", Algorithm: dns.HmacSHA512, Secret: "c2VjcmV0"})
	_, err := c.Probe(t.Context(), p.Addr(), z.Apex())
	want := fmt.Sprintf("SOA of example.org. from %v: key two.: BADSIG: the primary has another secret for this key (and before it key one.: BADKEY: "+
		"the primary does not have this key, or has it with another algorithm than hmac-sha256)", p.Addr())
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// REFUSED is an answer to the key, too: ACLs go by it.
	p.UseKeys()
	p.Behave(primarytest.Behaviour{Rcode: dns.RcodeRefused})
	before := p.Counts().Probes
	if _, err := c.Probe(t.Context(), p.Addr(), z.Apex()); err == nil || p.Counts().Probes != before+2 {
		t.Errorf("%v after %d probes", err, p.Counts().Probes-before)
	}
}

// A Client of a primary as it is configured.
func TestFor(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	k := tsigKey(t, "k.", config.HMACSHA256, secret)
	p.UseKeys(theirs(k, secret))
	ring, err := tsig.NewKeyring([]config.Key{{Name: "k.", Algorithm: config.HMACSHA256, Secret: config.NewSecret(secret)}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	base := Client{Time: time.Minute, Keys: keys(k)}
	for _, test := range []struct {
		keys []string
		want string
	}{
		{[]string{"k."}, ""},
		{[]string{"gone.", "k."}, ""},
		{[]string{"gone."}, "key gone.: there is no such key; add a line such as: key gone. hmac-sha256 SECRET"},
		{nil, "rcode REFUSED: the primary does not serve the zone, or not to this address"},
	} {
		c := base.For(&config.Primary{Keys: test.keys}, ring)
		_, err := c.Probe(t.Context(), p.Addr(), z.Apex())
		if err == nil && test.want != "" || err != nil && !strings.HasSuffix(err.Error(), ": "+test.want) {
			t.Errorf("keys %v: %v, want %s", test.keys, err, test.want)
		}
	}
}

// Without a key that can be found nothing is asked.
func TestNoKey(t *testing.T) {
	z := exampleZone(t, 7)
	p := primarytest.New(t, z)
	c := Client{Keys: func() ([]tsig.Key, error) { return nil, errors.New("key a.: it is not in /etc/keys") }}
	_, err := c.Probe(t.Context(), p.Addr(), z.Apex())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Phase != PhaseTSIG || e.Error() != fmt.Sprintf("SOA of example.org. from %v: key a.: it is not in /etc/keys", p.Addr()) || p.Counts().Connections != 0 {
		t.Errorf("%v, %d connections", err, p.Counts().Connections)
	}
}

// A primary that knows no EDNS is asked without, and remembered.
func TestNoEDNS(t *testing.T) {
	old, z := exampleZone(t, 7), exampleZone(t, 8)
	k := tsigKey(t, "k.", config.HMACSHA256, secret)
	var conns Conns
	defer conns.Close()
	for _, c := range []Client{{Conns: &conns}, {Conns: &conns, Keys: keys(k)}} {
		p := primarytest.New(t, old, z)
		if c.Keys != nil {
			p.UseKeys(theirs(k, secret))
		}
		p.Behave(primarytest.Behaviour{NoEDNS: true})
		for i := range 2 {
			before := p.Counts()
			conn := c.Open(p.Addr())
			if _, err := conn.Probe(t.Context(), z.Apex()); err != nil {
				t.Fatal(err)
			}
			if got, err := conn.Transfer(t.Context(), z.Apex(), old.Version(t), nil, 0); err != nil || got.Stats().Kind != "IXFR" {
				t.Fatalf("%+v, %v", got.Stats(), err)
			}
			conn.Close()
			if n, want := p.Counts().Probes-before.Probes, 2-i; n != want {
				t.Errorf("%d probes, want %d", n, want)
			}
		}
		if n := p.Counts().Connections; n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	}
}

// A query has the size that its padding is to give it, whatever is signed.
func TestPadding(t *testing.T) {
	k := tsigKey(t, "k.", config.HMACSHA256, secret)
	for size := range 200 {
		q := Question{Zone: question(t, strings.Repeat("a", 1+size%60)+"."+strings.Repeat("b", 1+size/4)+".", dns.TypeIXFR).Zone, Type: dns.TypeIXFR}
		q.Have = versionOf(t, soa7).SOA()
		msg := q.Append(nil)
		plain := len(msg)
		msg = appendOPT(msg, true, k.Size())
		msg, _ = k.Sign(msg, time.Now())
		var m dns.Msg
		if err := m.Unpack(msg); err != nil || len(msg)%128 != 0 || len(msg)-plain >= 128+k.Size()+30 {
			t.Fatalf("%d octets of %d: %v", len(msg), plain, err)
		}
		if opt := m.IsEdns0(); opt == nil || len(opt.Option) != 3 || m.IsTsig() == nil {
			t.Fatalf("%v", &m)
		}
	}
	var m dns.Msg
	if err := m.Unpack(appendOPT(question(t, "a.", dns.TypeSOA).Append(nil), false, 0)); err != nil || len(m.IsEdns0().Option) != 2 {
		t.Fatalf("%v, %v", &m, err)
	}
}

func FuzzOptions(f *testing.F) {
	q := question(f, "example.org.", dns.TypeSOA)
	f.Add(message(f, q, func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE, Timeout: 100}, &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Expire: 7}}
	}, soa7))
	f.Add(message(f, q, nil, soa7))
	f.Fuzz(func(t *testing.T, msg []byte) {
		o := optionsOf(msg)
		if len(msg) >= headerSize && binary.BigEndian.Uint16(msg[10:]) == 0 && o.edns {
			t.Fatal("options, and no additional record")
		}
		if o.keepalive < 0 || o.expire < 0 {
			t.Fatalf("%+v", o)
		}
	})
}
