package concord

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	tsigplugin "github.com/coredns/coredns/plugin/tsig"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/tsig"
)

// A signature is what the TSIG record of a request comes to (RFC 8945 section 5.2).
//
// The server around us verifies what it can, with keys that it learned when it started: it does not know a key that has changed
// in its file since, nor md5. So a request is verified here too, with the keys as they are now. For that its octets
// are made again of what the server read, with compressed names and without, which is how all servers write a NOTIFY. Whatever is
// verified so has been signed by who has the key; octets that were written in a third way are left to the server's word.
type signature struct {
	key    tsig.Key  // that signed it; the zero key: none that counts
	record *dns.TSIG // nil: there is none, or the tsig plugin has taken it off and signs the answer
	code   uint16    // what is wrong with it; 0: nothing
	apart  time.Duration
}

// verifySignature verifies a request with the keys of a zone.
func verifySignature(ctx context.Context, ring *tsig.Keyring, w dns.ResponseWriter, r *dns.Msg) signature {
	now := time.Now()
	if name, ok := tsigplugin.ValidatedKeyName(ctx); ok {
		if keys, err := ring.Keys(now, name); err == nil && serverHas(ctx, keys[0]) {
			return signature{key: keys[0]}
		}
		return signature{} // signed with a key that the zone does not have, or no longer has
	}
	record := r.IsTsig()
	if record == nil {
		return signature{}
	}
	s := signature{record: record, code: dns.RcodeBadKey}
	keys, err := ring.Keys(now, record.Hdr.Name)
	if err != nil || dns.CanonicalName(record.Algorithm) != hashes[keys[0].Algorithm()].name {
		return s
	}
	err = verifyAgain(r, signer{keys[0]})
	if err != nil && !errors.Is(err, dns.ErrTime) && serverHas(ctx, keys[0]) {
		err = w.TsigStatus()
	}
	switch {
	case err == nil:
		s.key, s.code = keys[0], dns.RcodeSuccess
	case errors.Is(err, dns.ErrTime):
		s.key, s.code = keys[0], dns.RcodeBadTime
		s.apart = time.Unix(int64(record.TimeSigned), 0).Sub(now).Round(time.Second)
	default:
		s.code = dns.RcodeBadSig
	}
	return s
}

// serverHas reports whether the server around us has the key as the zone has it.
func serverHas(ctx context.Context, key tsig.Key) bool {
	server, ok := ctx.Value(dnsserver.Key{}).(*dnsserver.Server)
	if !ok {
		return false
	}
	secret, ok := server.TsigSecret[key.String()]
	return ok && key.Algorithm() != config.HMACMD5 && secret == base64.StdEncoding.EncodeToString(key.Secret().Reveal())
}

// verifyAgain makes the octets of a request anew, and verifies them.
func verifyAgain(r *dns.Msg, by signer) (err error) {
	for _, compress := range []bool{true, false} {
		m := *r
		m.Compress = compress
		wire, packed := m.Pack()
		if packed != nil {
			return packed
		}
		if err = dns.TsigVerifyWithProvider(wire, by, "", false); err == nil || errors.Is(err, dns.ErrTime) {
			return err
		}
	}
	return err
}

// answer writes the answer to the request, signed as it is to be. Of a signature that is not good it tells the error.
func (s signature) answer(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, rcode int) error {
	m := new(dns.Msg).SetRcode(r, rcode)
	m.Authoritative = rcode == dns.RcodeSuccess
	if s.record == nil {
		return w.WriteMsg(m)
	}
	state := request.Request{W: w, Req: r}
	state.SizeAndDo(m) // an OPT record has to stand before the TSIG record
	now := time.Now().Unix()
	t := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: s.record.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: s.record.Algorithm, TimeSigned: uint64(now), Fudge: uint16(tsig.Fudge / time.Second), OrigId: r.Id, Error: s.code,
	}
	if s.code == dns.RcodeBadTime { // RFC 8945 section 5.2.3
		t.TimeSigned, t.OtherLen, t.OtherData = s.record.TimeSigned, 6, fmt.Sprintf("%012x", now)
	}
	m.Extra = append(m.Extra, t)
	if s.key.IsZero() || serverHas(ctx, s.key) { // without a key nothing is signed
		return w.WriteMsg(m)
	}
	wire, _, err := dns.TsigGenerateWithProvider(m, signer{s.key}, s.record.MAC, false)
	if err != nil {
		return err
	}
	_, err = w.Write(wire)
	return err
}

// refusal returns why a request with this signature is refused.
func (s signature) refusal() refusal {
	switch s.code {
	case dns.RcodeBadKey:
		return badKey
	case dns.RcodeBadTime:
		return badTime
	}
	return badSig
}

// String says what is wrong with a signature, and what to do.
func (s signature) String() string {
	name := "key " + s.record.Hdr.Name
	switch s.code {
	case dns.RcodeBadKey:
		return name + ": BADKEY: there is no such key here, or it signs by another algorithm; add it with key or keys, or mend it at the sender"
	case dns.RcodeBadSig:
		return name + ": BADSIG: the message was changed on its way, or the sender has another secret; use the same on both ends"
	case dns.RcodeBadTime:
		apart, where := s.apart, "ahead of"
		if apart < 0 {
			apart, where = -apart, "behind"
		}
		return fmt.Sprintf("%s: BADTIME: the sender's clock is %s %s ours; set both clocks", name, config.FormatDuration(apart), where)
	}
	return name
}

// hashes are what algorithms sign with, and their names in messages.
var hashes = [...]struct {
	make func() hash.Hash
	name string
}{
	config.HMACMD5:    {md5.New, "hmac-md5.sig-alg.reg.int."},
	config.HMACSHA1:   {sha1.New, dns.HmacSHA1},
	config.HMACSHA224: {sha256.New224, dns.HmacSHA224},
	config.HMACSHA256: {sha256.New, dns.HmacSHA256},
	config.HMACSHA384: {sha512.New384, dns.HmacSHA384},
	config.HMACSHA512: {sha512.New, dns.HmacSHA512},
}

// signer signs and verifies with a key.
type signer struct{ key tsig.Key }

// Generate implements the dns.TsigProvider interface.
func (s signer) Generate(msg []byte, _ *dns.TSIG) ([]byte, error) {
	h := hmac.New(hashes[s.key.Algorithm()].make, s.key.Secret().Reveal())
	h.Write(msg)
	return h.Sum(nil), nil
}

// Verify implements the dns.TsigProvider interface. A MAC may be cut short, to half of its size (RFC 8945 section 5.2.2.1).
func (s signer) Verify(msg []byte, t *dns.TSIG) error {
	want, err := s.Generate(msg, t)
	if err != nil {
		return err
	}
	got, err := hex.DecodeString(t.MAC)
	if err != nil || len(got) > len(want) || len(got) < max(10, len(want)/2) || !hmac.Equal(got, want[:len(got)]) {
		return dns.ErrSig
	}
	return nil
}
