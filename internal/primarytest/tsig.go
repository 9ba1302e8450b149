package primarytest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"time"

	"github.com/miekg/dns"
)

// Key is a TSIG key that a primary has. The algorithm is as in messages, dns.HmacSHA256 and the like; the secret is base64.
type Key struct{ Name, Algorithm, Secret string }

// TSIG is how a primary signs its answers. What is zero is as an honest primary does it, which signs each message.
type TSIG struct {
	// Unsigned: nothing is signed.
	Unsigned bool
	// Every: of a long answer the first message is signed, every so-manieth after it, and the last. 0 is 1.
	Every int
	// LastUnsigned: the last of several messages is not signed.
	LastUnsigned bool
	// Size is how many octets of MACs are sent; 0: all.
	Size int
	// Clock is how far the primary's clock is ahead of ours.
	Clock time.Duration
	// As has the answer signed with another key.
	As *Key
	// Edit may change each message after it is signed, or left unsigned.
	Edit func(n int, msg []byte, last bool) []byte
}

// UseKeys has queries over connections refused unless they are signed with one of the keys; with none, signatures do not
// matter.
func (p *Primary) UseKeys(keys ...Key) {
	if len(keys) == 0 {
		p.keys.Store(nil)
		return
	}
	m := make(map[string]Key)
	for _, k := range keys {
		m[dns.CanonicalName(k.Name)] = k
	}
	p.keys.Store(&m)
}

// signer signs the messages of one answer. It does so by hand, and shares nothing with what it is to test.
type signer struct {
	TSIG
	key      Key
	prior    []byte // MAC of the query or of the last signed message
	unsigned []byte // messages since
	since    int
	code     uint16
	other    []byte
	at       uint64 // seconds; 0: the time of signing
	empty    bool   // a TSIG record without a MAC
}

// Generate is for the verification of queries by miekg/dns.
func (k Key) Generate(msg []byte, _ *dns.TSIG) ([]byte, error) {
	h := k.hash()
	h.Write(msg)
	return h.Sum(nil), nil
}

// Verify is for the verification of queries by miekg/dns.
func (k Key) Verify(msg []byte, t *dns.TSIG) error {
	mac, _ := k.Generate(msg, t)
	if hex.EncodeToString(mac) != t.MAC {
		return dns.ErrSig
	}
	return nil
}

func (k Key) hash() hash.Hash {
	secret, _ := base64.StdEncoding.DecodeString(k.Secret)
	return hmac.New(map[string]func() hash.Hash{
		"hmac-md5.sig-alg.reg.int.": md5.New, dns.HmacSHA1: sha1.New, dns.HmacSHA224: sha256.New224, dns.HmacSHA256: sha256.New,
		dns.HmacSHA384: sha512.New384, dns.HmacSHA512: sha512.New,
	}[k.Algorithm], secret)
}

// admit verifies the query, and has what is answered signed. It answers itself what it does not admit.
func (w *writer) admit(octets []byte) bool {
	keys := w.keys.Load()
	if keys == nil {
		return true
	}
	t := w.query.IsTsig()
	if t == nil {
		w.rcode(dns.RcodeRefused)
		return false
	}
	key, ok := (*keys)[dns.CanonicalName(t.Hdr.Name)]
	s := &signer{TSIG: w.behaviour.TSIG, key: key}
	now := time.Now().Add(s.Clock).Unix()
	switch {
	case !ok || dns.CanonicalName(t.Algorithm) != key.Algorithm:
		s.key = Key{Name: t.Hdr.Name, Algorithm: dns.CanonicalName(t.Algorithm)}
		s.code, s.empty = dns.RcodeBadKey, true
	default:
		err := dns.TsigVerifyWithProvider(octets, key, "", false)
		s.prior, _ = hex.DecodeString(t.MAC)
		if apart := now - int64(t.TimeSigned); apart < -300 || apart > 300 {
			err = errors.Join(err, dns.ErrTime)
		}
		switch {
		case errors.Is(err, dns.ErrSig):
			s.code, s.empty = dns.RcodeBadSig, true
		case errors.Is(err, dns.ErrTime):
			s.code, s.at = dns.RcodeBadTime, t.TimeSigned
			s.other = binary.BigEndian.AppendUint64(nil, uint64(now))[2:]
		}
	}
	if s.Unsigned {
		return true
	}
	w.signer = s
	if s.code != 0 {
		w.rcode(dns.RcodeNotAuth)
		return false
	}
	if s.As != nil {
		s.key = *s.As
	}
	return true
}

// sign returns the n-th message of an answer with a TSIG record, where it is due one.
func (s *signer) sign(n int, msg []byte, last bool) []byte {
	s.since++
	if n > 1 && (last && s.LastUnsigned || !last && s.Every > 1 && s.since < s.Every) {
		s.unsigned = append(s.unsigned, msg...)
		return s.edit(n, msg, last)
	}
	s.since = 0
	at := s.at
	if at == 0 {
		at = uint64(time.Now().Add(s.Clock).Unix())
	}
	timers := binary.BigEndian.AppendUint64(nil, at)[2:]
	timers = binary.BigEndian.AppendUint16(timers, 300)
	name, algorithm := wireName(s.key.Name), wireName(s.key.Algorithm)
	var mac []byte
	if !s.empty {
		h := s.key.hash()
		h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s.prior))))
		h.Write(s.prior)
		h.Write(s.unsigned)
		h.Write(msg)
		if n == 1 {
			variables := append(append([]byte(nil), name...), 0, 255, 0, 0, 0, 0)
			variables = append(append(variables, algorithm...), timers...)
			variables = binary.BigEndian.AppendUint16(variables, s.code)
			variables = binary.BigEndian.AppendUint16(variables, uint16(len(s.other)))
			h.Write(append(variables, s.other...))
		} else {
			h.Write(timers)
		}
		mac = h.Sum(nil)
		if s.Size > 0 {
			mac = mac[:s.Size]
		}
	}
	s.prior, s.unsigned = mac, nil

	data := append(append([]byte(nil), algorithm...), timers...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(mac)))
	data = append(data, mac...)
	data = append(data, msg[:2]...) // original id
	data = binary.BigEndian.AppendUint16(data, s.code)
	data = binary.BigEndian.AppendUint16(data, uint16(len(s.other)))
	data = append(data, s.other...)
	msg = append(append([]byte(nil), msg...), name...)
	msg = append(msg, 0, 250, 0, 255, 0, 0, 0, 0)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(data)))
	msg = append(msg, data...)
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	return s.edit(n, msg, last)
}

func (s *signer) edit(n int, msg []byte, last bool) []byte {
	if s.Edit == nil {
		return msg
	}
	return s.Edit(n, msg, last)
}

func wireName(s string) []byte {
	buf := make([]byte, 256)
	n, err := dns.PackDomainName(dns.CanonicalName(s), buf, 0, nil, false)
	if err != nil {
		panic("primarytest: " + s + ": " + err.Error())
	}
	return buf[:n]
}
