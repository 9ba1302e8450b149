package tsig

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"hash"
	"time"

	"github.com/miekg/dns"
)

// An Exchange verifies the messages of the answer to one signed query (RFC 8945 section 5.3), one after the other:
//
//	query --first message, signed--> answered --at most 99 unsigned messages, then a signed one--> answered ...
//
// What unsigned messages say is not to be used before End has said that the last message was signed. It belongs to one
// goroutine.
type Exchange struct {
	key      Key
	hash     hash.Hash // over the MAC before and all messages since
	messages int
	unsigned int // messages since the last signed one
	buf      []byte
}

// maxUnsigned is how many messages may come between two signed ones (RFC 8945 section 5.3.1).
const maxUnsigned = 99

// Key returns the key that signed the query.
func (x *Exchange) Key() Key { return x.key }

// after begins the hash of what comes after a signed message.
func (x *Exchange) after(mac []byte) {
	x.hash.Reset()
	x.buf = append(binary.BigEndian.AppendUint16(x.buf[:0], uint16(len(mac))), mac...)
	x.hash.Write(x.buf)
	x.unsigned = 0
}

// Message verifies the next message, of which it keeps nothing. After an error, which is an *Error, the Exchange is of no use.
func (x *Exchange) Message(msg []byte, now time.Time) error {
	x.messages++
	start, owner, r, signed, err := last(msg)
	switch {
	case err != nil:
		return x.fail(&Error{Problem: Malformed, err: err})
	case !signed && x.messages == 1:
		return x.fail(&Error{Problem: Unsigned})
	case !signed:
		if x.unsigned++; x.unsigned > maxUnsigned {
			return x.fail(&Error{Problem: Unsigned, err: errTooManyUnsigned})
		}
		x.hash.Write(msg)
		return nil
	case !owner.Equal(x.key.wire) || !r.algorithm.Equal(hashes[x.key.algorithm].wire):
		return x.fail(&Error{Problem: OtherKey, other: owner.String() + " with " + r.algorithm.String()})
	case r.code != 0 && len(r.mac) == 0:
		// It could not sign an answer with a key that it does not have. NSD signs none in which it tells an error.
		return x.told(&r, now)
	}
	if err := x.verify(msg[:start], &r); err != nil {
		return x.fail(err)
	}
	return x.judge(&r, now)
}

var errTooManyUnsigned = errors.New("more than 99 messages in a row are not signed")

// verify holds the MAC against the messages since the last signed one. msg ends before the TSIG record.
func (x *Exchange) verify(msg []byte, r *record) *Error {
	size := hashes[x.key.algorithm].size
	if len(r.mac) > size || len(r.mac) < max(10, size/2) { // RFC 8945 section 5.2.2.1
		return &Error{Problem: Malformed, err: errors.New("its MAC has a size that none may have")}
	}
	additional := binary.BigEndian.Uint16(msg[10:]) - 1
	x.buf = binary.BigEndian.AppendUint16(x.buf[:0], r.id)
	x.buf = append(x.buf, msg[2:10]...)
	x.buf = binary.BigEndian.AppendUint16(x.buf, additional)
	x.hash.Write(x.buf)
	x.hash.Write(msg[headerSize:])
	if x.messages == 1 {
		x.buf = x.key.variables(x.buf[:0], r)
	} else {
		x.buf = r.timers(x.buf[:0])
	}
	x.hash.Write(x.buf)
	if mac := x.hash.Sum(x.buf[:0]); !hmac.Equal(mac[:len(r.mac)], r.mac) {
		return &Error{Problem: BadSignature}
	}
	x.after(r.mac)
	return nil
}

// judge looks at what a message with a good signature says.
func (x *Exchange) judge(r *record, now time.Time) error {
	if r.code != 0 {
		return x.told(r, now)
	}
	if apart := ahead(r.signed, now); apart.Abs() > time.Duration(r.fudge)*time.Second {
		return x.fail(&Error{Problem: BadTime, Ahead: apart, hasAhead: true})
	}
	return nil
}

// told returns the error that the primary tells.
func (x *Exchange) told(r *record, now time.Time) error {
	e := &Error{Problem: Told, Code: r.code}
	if r.code == dns.RcodeBadTime && len(r.other) == 6 {
		theirs := uint64(binary.BigEndian.Uint16(r.other))<<32 | uint64(binary.BigEndian.Uint32(r.other[2:]))
		e.Ahead, e.hasAhead = ahead(theirs, now), true
	}
	return x.fail(e)
}

// ahead returns by how much a clock that shows these seconds is ahead of ours.
func ahead(theirs uint64, now time.Time) time.Duration {
	const most = 1 << 33 // seconds, and less than a Duration can hold
	d := min(max(int64(theirs)-now.Unix(), -most), most)
	return time.Duration(d) * time.Second
}

// End must be asked after the last message: it returns an error, an *Error, unless that was signed.
func (x *Exchange) End() error {
	switch {
	case x.messages == 0:
		return x.fail(&Error{Problem: Unsigned})
	case x.unsigned > 0:
		return x.fail(&Error{Problem: Unsigned, err: errors.New("its last message is not signed")})
	}
	return nil
}

func (x *Exchange) fail(e *Error) error {
	e.Key, e.algorithm = x.key.name, x.key.algorithm
	return e
}
