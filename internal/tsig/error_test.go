package tsig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
)

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
		{"MAC truncated and wrong", []func(*server) []byte{mac(func(string) string { return strings.Repeat("00", 16) })}, BadSignature,
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
