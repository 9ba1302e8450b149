package tsig

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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
				if err == nil && !(signed && harmless(at-start, len(k.wire), len(hashes[k.algorithm].wire))) {
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
func harmless(at, name, algorithm int) bool {
	inName := at >= 0 && at < name
	inAlgorithm := at >= name+fixedSize && at < name+fixedSize+algorithm
	return inName || inAlgorithm
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
