package tsig

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
)

var now = time.Unix(1_790_000_000, 0)

var secret = []byte("no secret but long enough for a test of it")

func mustKey(tb testing.TB, name string, a config.Algorithm) Key {
	tb.Helper()
	k, err := New(config.Key{Name: name, Algorithm: a, Secret: config.NewSecret(secret)})
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func query(tb testing.TB) []byte {
	tb.Helper()
	m := new(dns.Msg).SetAxfr("example.org.")
	m.Id = 4711
	m.SetEdns0(1232, false)
	msg, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return msg
}

// A server signs answers with miekg/dns, which knows nothing of this package.
type server struct {
	tb      testing.TB
	key     Key
	now     time.Time
	mac     string // of the message before
	pending []byte // unsigned messages since
	sent    int
}

// Generate signs as miekg/dns does, and what was sent unsigned before as well: [length and MAC before] messages, variables.
func (s *server) Generate(msg []byte, _ *dns.TSIG) ([]byte, error) {
	h := s.key.hash()
	prior := 0
	if s.mac != "" {
		prior = 2 + len(s.mac)/2
	}
	h.Write(msg[:prior])
	h.Write(s.pending)
	h.Write(msg[prior:])
	s.pending = nil
	return h.Sum(nil), nil
}

func (s *server) Verify(msg []byte, t *dns.TSIG) error {
	mac, err := s.Generate(msg, t)
	if err == nil && hex.EncodeToString(mac) != t.MAC {
		err = dns.ErrSig
	}
	return err
}

// accept verifies a signed query.
func (s *server) accept(msg []byte) {
	s.tb.Helper()
	if err := dns.TsigVerifyWithProvider(bytes.Clone(msg), s, "", false); err != nil && !errors.Is(err, dns.ErrTime) {
		s.tb.Fatalf("miekg/dns does not accept the query: %v", err)
	}
	var m dns.Msg
	if err := m.Unpack(msg); err != nil {
		s.tb.Fatal(err)
	}
	s.mac = m.IsTsig().MAC
}

// message returns the next message of the answer; edit may change its TSIG record before it is signed, nil leaves it unsigned.
func (s *server) message(edit func(*dns.TSIG)) []byte {
	s.tb.Helper()
	m := new(dns.Msg)
	m.Id, m.Response, m.Compress = 4711, true, true
	m.Answer = []dns.RR{&dns.TXT{
		Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{fmt.Sprint("message ", s.sent)},
	}}
	s.sent++
	if edit == nil {
		msg, err := m.Pack()
		if err != nil {
			s.tb.Fatal(err)
		}
		s.pending = append(s.pending, msg...)
		return msg
	}
	m.SetTsig(s.key.name, dns.CanonicalName(hashes[s.key.algorithm].wire.String()), 300, s.now.Unix())
	edit(m.IsTsig())
	msg, mac, err := dns.TsigGenerateWithProvider(m, s, s.mac, s.sent > 1)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.mac = mac
	return msg
}

func plain(*dns.TSIG) {}

// exchange begins one, with the server that has accepted its query.
func exchange(tb testing.TB, k Key) (*Exchange, *server) {
	tb.Helper()
	s := &server{tb: tb, key: k, now: now}
	q := query(tb)
	size := len(q)
	q, x := k.Sign(q, now)
	if len(q) != size+k.Size() {
		tb.Errorf("%v: Sign adds %d octets, Size says %d", k, len(q)-size, k.Size())
	}
	s.accept(q)
	return x, s
}

func TestAlgorithms(t *testing.T) {
	for a := config.HMACMD5; a <= config.HMACSHA512; a++ {
		k := mustKey(t, "Transfer.Example.ORG.", a)
		if k.String() != "transfer.example.org." || k.Algorithm() != a || k.IsZero() {
			t.Errorf("key %v with %v", k, k.Algorithm())
		}
		x, s := exchange(t, k)
		for range 3 {
			if err := x.Message(s.message(plain), now.Add(299*time.Second)); err != nil {
				t.Errorf("%v: %v", a, err)
			}
		}
		if err := x.End(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []config.Key{{Name: "a.", Algorithm: 0}, {Name: "a.", Algorithm: 7}, {Name: "a..b.", Algorithm: config.HMACSHA256}} {
		if k, err := New(bad); err == nil {
			t.Errorf("%+v makes %v", bad, k)
		}
	}
}

// Unsigned messages may come between signed ones, up to 99 of them.
func TestUnsignedBetween(t *testing.T) {
	k := mustKey(t, "k.", config.HMACSHA256)
	for _, gaps := range [][]int{{0}, {1}, {99}, {5, 0, 99, 1}} {
		x, s := exchange(t, k)
		if err := x.Message(s.message(plain), now); err != nil {
			t.Fatal(err)
		}
		for _, gap := range gaps {
			for range gap {
				if err := x.Message(s.message(nil), now); err != nil {
					t.Fatalf("gaps %v: %v", gaps, err)
				}
			}
			if err := x.End(); (err == nil) != (gap == 0) {
				t.Errorf("gaps %v: the end after %d unsigned messages: %v", gaps, gap, err)
			}
			if err := x.Message(s.message(plain), now); err != nil {
				t.Fatalf("gaps %v: %v", gaps, err)
			}
		}
		if err := x.End(); err != nil {
			t.Errorf("gaps %v: %v", gaps, err)
		}
	}
}

// What was changed on its way is found, wherever it was changed: at once, or when the next signed message comes.
func TestChangedAnywhere(t *testing.T) {
	k := mustKey(t, "k.", config.HMACSHA384)
	_, s := exchange(t, k)
	var msgs [][]byte
	for _, signed := range []bool{true, false, false, true, true, false, true} {
		edit := plain
		if !signed {
			edit = nil
		}
		msgs = append(msgs, s.message(edit))
	}
	verify := func(msgs [][]byte) error {
		_, x := k.Sign(query(t), now)
		for _, msg := range msgs {
			if err := x.Message(msg, now); err != nil {
				return err
			}
		}
		return x.End()
	}
	if err := verify(msgs); err != nil {
		t.Fatal(err)
	}
	for i, msg := range msgs {
		start, _, _, signed, _ := last(msg)
		from, to := 2, len(msg) // the id is the reader's to compare
		for at := from; at < to; at++ {
			for bit := range 8 {
				changed := slices.Clone(msgs)
				changed[i] = slices.Clone(msg)
				changed[i][at] ^= 1 << bit
				err := verify(changed)
				if err == nil && !(signed && harmless(i, at-start, len(k.wire), len(hashes[k.algorithm].wire))) {
					t.Fatalf("message %d of %d octets, octet %d, bit %d: nobody sees it", i, len(msg), at, bit)
				}
			}
		}
	}
	for i := range msgs {
		without := slices.Delete(slices.Clone(msgs), i, i+1)
		twice := slices.Insert(slices.Clone(msgs), i, msgs[i])
		if verify(without) == nil || verify(twice) == nil {
			t.Errorf("message %d left out or sent twice: nobody sees it", i)
		}
		if i > 0 {
			swapped := slices.Clone(msgs)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			if verify(swapped) == nil {
				t.Errorf("messages %d and %d swapped: nobody sees it", i-1, i)
			}
		}
	}
}

// harmless reports whether an octet of a TSIG record says nothing: names in it have no case.
func harmless(_ int, at, name, algorithm int) bool {
	inName := at >= 0 && at < name
	inAlgorithm := at >= name+fixedSize && at < name+fixedSize+algorithm
	return inName || inAlgorithm
}

func TestErrors(t *testing.T) {
	key := mustKey(t, "transfer.example.org.", config.HMACSHA256)
	other := mustKey(t, "other.", config.HMACSHA256)
	mac := func(change func(mac string) string) func(*server) []byte {
		return func(s *server) []byte {
			msg := s.message(plain)
			var m dns.Msg
			if err := m.Unpack(msg); err != nil {
				t.Fatal(err)
			}
			sig := m.IsTsig()
			sig.MAC = change(sig.MAC)
			sig.MACSize = uint16(len(sig.MAC) / 2)
			msg, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			return msg
		}
	}
	told := func(code uint16, other string) func(*server) []byte {
		return func(s *server) []byte {
			return s.message(func(r *dns.TSIG) { r.Error, r.OtherData, r.OtherLen = code, other, uint16(len(other)/2) })
		}
	}
	octets := func(change func(msg []byte) []byte) func(*server) []byte {
		return func(s *server) []byte { return change(s.message(plain)) }
	}
	first := func(s *server) []byte { return s.message(plain) }
	tests := []struct {
		name    string
		msgs    []func(*server) []byte
		problem Problem // 0: none
		want    string
	}{
		{"good", []func(*server) []byte{first}, 0, ""},
		{"nothing", nil, Unsigned, "the answer is not signed; have the primary sign with this key, or take the key away here"},
		{"unsigned", []func(*server) []byte{func(s *server) []byte { return s.message(nil) }}, Unsigned,
			"the answer is not signed; have the primary sign with this key, or take the key away here"},
		{"last unsigned", []func(*server) []byte{first, func(s *server) []byte { return s.message(nil) }}, Unsigned,
			"the answer is not signed throughout: its last message is not signed"},
		{"100 unsigned", append([]func(*server) []byte{first}, slices.Repeat([]func(*server) []byte{func(s *server) []byte { return s.message(nil) }}, 100)...),
			Unsigned, "the answer is not signed throughout: more than 99 messages in a row are not signed"},
		{"other key", []func(*server) []byte{func(s *server) []byte { s.key = other; return s.message(plain) }}, OtherKey,
			"the answer is signed with key other. with hmac-sha256., and this one signs with hmac-sha256; use the same on both ends"},
		{"other algorithm", []func(*server) []byte{func(s *server) []byte {
			s.key = mustKey(t, "transfer.example.org.", config.HMACSHA1)
			return s.message(plain)
		}}, OtherKey,
			"the answer is signed with key transfer.example.org. with hmac-sha1., and this one signs with hmac-sha256; use the same on both ends"},
		{"other secret", []func(*server) []byte{func(s *server) []byte { s.key.secret = config.NewSecret([]byte("x")); return s.message(plain) }}, BadSignature,
			"BADSIG: the signature of the answer is wrong: it was changed on its way, or the primary has another secret"},
		{"case of names", []func(*server) []byte{func(s *server) []byte {
			return s.message(func(r *dns.TSIG) { r.Hdr.Name, r.Algorithm = "Transfer.Example.ORG.", "HMAC-SHA256." })
		}}, 0, ""},

		{"MAC of half its size", []func(*server) []byte{mac(func(s string) string { return s[:32] })}, 0, ""},
		{"MAC of less", []func(*server) []byte{mac(func(s string) string { return s[:30] })}, Malformed, "the answer cannot be verified: its MAC has a size that none may have"},
		{"no MAC", []func(*server) []byte{mac(func(string) string { return "" })}, Malformed, "the answer cannot be verified: its MAC has a size that none may have"},
		{"MAC too long", []func(*server) []byte{mac(func(s string) string { return s + "00" })}, Malformed, "the answer cannot be verified: its MAC has a size that none may have"},
		{"MAC truncated and wrong", []func(*server) []byte{mac(func(s string) string { return strings.Repeat("00", 16) })}, BadSignature,
			"BADSIG: the signature of the answer is wrong: it was changed on its way, or the primary has another secret"},
		{"truncated in a stream", []func(*server) []byte{
			func(s *server) []byte {
				msg := mac(func(s string) string { return s[:40] })(s)
				s.mac = s.mac[:40]
				return msg
			}, first,
		}, 0, ""},

		{"BADKEY", []func(*server) []byte{told(dns.RcodeBadKey, "")}, Told,
			"BADKEY: the primary does not have this key, or has it with another algorithm than hmac-sha256"},
		{"BADSIG", []func(*server) []byte{told(dns.RcodeBadSig, "")}, Told, "BADSIG: the primary has another secret for this key"},
		{"BADTIME", []func(*server) []byte{told(dns.RcodeBadTime, fmt.Sprintf("%012x", now.Unix()+3723))}, Told,
			"BADTIME: the primary's clock is 1h2m3s ahead of ours; set both clocks"},
		{"BADTIME, behind", []func(*server) []byte{told(dns.RcodeBadTime, fmt.Sprintf("%012x", now.Unix()-86400*2))}, Told,
			"BADTIME: the primary's clock is 2d behind ours; set both clocks"},
		{"BADTIME without a time", []func(*server) []byte{told(dns.RcodeBadTime, "")}, Told, "BADTIME: the primary's clock is too far from ours; set both clocks"},
		{"BADTIME, forged", []func(*server) []byte{func(s *server) []byte {
			s.key.secret = config.NewSecret([]byte("x"))
			return told(dns.RcodeBadTime, "")(s)
		}}, BadSignature, "BADSIG: the signature of the answer is wrong: it was changed on its way, or the primary has another secret"},
		{"BADTIME, not signed", []func(*server) []byte{func(s *server) []byte {
			msg := told(dns.RcodeBadTime, fmt.Sprintf("%012x", now.Unix()+60))(s)
			var m dns.Msg
			if err := m.Unpack(msg); err != nil {
				t.Fatal(err)
			}
			m.IsTsig().MAC, m.IsTsig().MACSize = "", 0
			msg, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			return msg
		}}, Told, "BADTIME: the primary's clock is 1m ahead of ours; set both clocks"},
		{"BADTRUNC", []func(*server) []byte{told(22, "")}, Told, "BADTRUNC: the primary wants longer signatures than it gets"},
		{"some error", []func(*server) []byte{told(99, "")}, Told, "the primary tells error 99 of the signature"},

		{"just in time", []func(*server) []byte{func(s *server) []byte { s.now = now.Add(-300 * time.Second); return s.message(plain) }}, 0, ""},
		{"late", []func(*server) []byte{func(s *server) []byte { s.now = now.Add(-301 * time.Second); return s.message(plain) }}, BadTime,
			"BADTIME: the answer was signed at a time that is not ours: the primary's clock is 5m1s behind ours; set both clocks"},
		{"early", []func(*server) []byte{func(s *server) []byte { s.now = now.Add(301 * time.Second); return s.message(plain) }}, BadTime,
			"BADTIME: the answer was signed at a time that is not ours: the primary's clock is 5m1s ahead of ours; set both clocks"},
		{"late in a stream", []func(*server) []byte{first, func(s *server) []byte { s.now = now.Add(-time.Hour); return s.message(plain) }}, BadTime,
			"BADTIME: the answer was signed at a time that is not ours: the primary's clock is 1h behind ours; set both clocks"},
		{"a fudge of its own", []func(*server) []byte{func(s *server) []byte {
			s.now = now.Add(-20 * time.Second)
			return s.message(func(r *dns.TSIG) { r.Fudge = 10 })
		}}, BadTime,
			"BADTIME: the answer was signed at a time that is not ours: the primary's clock is 20s behind ours; set both clocks"},

		{"short", []func(*server) []byte{octets(func(b []byte) []byte { return b[:11] })}, Malformed, "the answer cannot be verified: the message ends in a record"},
		{"cut", []func(*server) []byte{octets(func(b []byte) []byte { return b[:len(b)-1] })}, Malformed, "the answer cannot be verified: the message ends in a record"},
		{"octets after it", []func(*server) []byte{octets(func(b []byte) []byte { return append(b, 0) })}, Malformed,
			"the answer cannot be verified: its TSIG record is not the last record"},
		{"two", []func(*server) []byte{octets(func(b []byte) []byte {
			start, _, _, _, _ := last(b)
			b[11]++
			return append(b, b[start:]...)
		})}, Malformed, "the answer cannot be verified: its TSIG record is not the last record"},
		{"class", []func(*server) []byte{octets(func(b []byte) []byte {
			start, _, _, _, _ := last(b)
			b[start+len(key.wire)+3] = 1
			return b
		})}, Malformed, "the answer cannot be verified: its TSIG record is malformed"},
		{"MAC size", []func(*server) []byte{octets(func(b []byte) []byte {
			start, _, _, _, _ := last(b)
			binary.BigEndian.PutUint16(b[start+len(key.wire)+fixedSize+len(hashes[config.HMACSHA256].wire)+8:], 0xFFFF)
			return b
		})}, Malformed, "the answer cannot be verified: its TSIG record is malformed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x, s := exchange(t, key)
			var err error
			for _, msg := range test.msgs {
				if err = x.Message(msg(s), now); err != nil {
					break
				}
			}
			if err == nil {
				err = x.End()
			}
			if test.problem == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*Error](err)
			if want := "key transfer.example.org.: " + test.want; !ok || e.Problem != test.problem || e.Error() != want {
				t.Fatalf("got  %v\nwant %s", err, want)
			}
			if want := test.name == "BADKEY" || test.name == "BADSIG"; e.Refused() != want {
				t.Errorf("Refused is %v", e.Refused())
			}
			if strings.ContainsAny(err.Error(), "\n") || strings.Contains(fmt.Sprintf("%v %+v %#v", err, e, x), string(secret)) {
				t.Errorf("more than a line, or the secret: %v", err)
			}
		})
	}
}

// FuzzMessage: whatever comes, nothing is accepted that the key has not signed.
func FuzzMessage(f *testing.F) {
	k := mustKey(f, "k.", config.HMACSHA256)
	_, s := exchange(f, k)
	f.Add(s.message(plain))
	f.Add(s.message(nil))
	f.Add(s.message(plain))
	f.Add(s.message(func(r *dns.TSIG) { r.Error = dns.RcodeBadTime }))
	f.Fuzz(func(t *testing.T, msg []byte) {
		_, x := k.Sign(query(t), now)
		err := x.Message(msg, now)
		if err == nil {
			start, _, r, _, _ := last(msg)
			h := k.hash()
			_, again := k.Sign(query(t), now)
			h.Write(again.buf)
			h.Write(binary.BigEndian.AppendUint16(nil, r.id))
			h.Write(msg[2:10])
			h.Write(binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(msg[10:])-1))
			h.Write(msg[headerSize:start])
			h.Write(k.variables(nil, &r))
			if !hmac.Equal(h.Sum(nil)[:len(r.mac)], r.mac) {
				t.Fatal("accepted, and yet the MAC is another")
			}
		}
		_ = x.Message(msg, now)
		_ = x.End()
	})
}

func BenchmarkVerify(b *testing.B) {
	k := mustKey(b, "transfer.example.org.", config.HMACSHA256)
	x, s := exchange(b, k)
	m := new(dns.Msg)
	m.Id, m.Response, m.Compress = 4711, true, true
	for i := range 500 {
		m.Answer = append(m.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: fmt.Sprintf("host%d.example.org.", i), Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 1},
		})
	}
	m.SetTsig(k.name, dns.HmacSHA256, 300, now.Unix())
	msg, _, err := dns.TsigGenerateWithProvider(m, s, s.mac, false)
	if err != nil {
		b.Fatal(err)
	}
	begin := slices.Clone(x.buf)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		x.messages = 0
		x.hash.Reset()
		x.hash.Write(begin)
		if err := x.Message(msg, now); err != nil {
			b.Fatal(err)
		}
	}
}
