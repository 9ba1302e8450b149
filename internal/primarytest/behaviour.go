package primarytest

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/miekg/dns"
)

// Behaviour is how a primary answers. Messages of an answer are numbered from 1. What is zero is as an honest primary does
// it; fields may be combined.
type Behaviour struct {
	// Only limits all below to queries of one type: dns.TypeSOA, dns.TypeAXFR or dns.TypeIXFR, or to Transfers, which is both
	// of the latter. Others are answered honestly.
	Only uint16

	// Seen is called with each query, as it came.
	Seen func(query []byte)

	// Delay passes before each message.
	Delay time.Duration
	// Drip passes before each octet of a message.
	Drip time.Duration
	// Silent: connections are accepted, and nothing is ever answered.
	Silent bool
	// SilentAfter so many messages nothing more is sent, and the connection stays open.
	SilentAfter int

	// ResetAt: the connection is reset in place of this message.
	ResetAt int
	// CloseAt: the connection is closed in place of this message.
	CloseAt int
	// CutAt: the connection is closed in the middle of this message.
	CutAt int
	// CloseAfterAnswer: each connection takes one query.
	CloseAfterAnswer bool

	// Rcode is the answer, with no records.
	Rcode int
	// NoEDNS: queries with an OPT record get FORMERR.
	NoEDNS bool
	// Keepalive is how long connections may be idle, as told to who asks (RFC 7828). 0: nothing is told; below 0: not at all.
	Keepalive time.Duration
	// Expire is how long, in seconds, until the own copy expires, as told to who asks (RFC 7314). 0: nothing is told.
	Expire uint32
	// Garbage: each message is random octets.
	Garbage bool
	// WrongID, WrongQuestion and Truncated (the TC bit) do that to each message.
	WrongID, WrongQuestion, Truncated bool
	// Pipelined is how queries are answered that come before others are answered.
	Pipelined Pipelined
	// LateID: each message has the id of the query before on its connection, as if answers came in another order. The first
	// query of a connection is answered honestly.
	LateID bool
	// Reversed: the messages of a transfer come last first.
	Reversed bool
	// Edit may change each message of an answer, or return another in its place.
	Edit func(n int, msg []byte) []byte

	// Serial is the serial of the answer to SOA queries: transfers still have the zone as it is. 0 is no change.
	Serial uint32
	// EndSerial is the serial of the SOA record that ends a transfer. 0 is no change.
	EndSerial uint32
	// NoEnd: transfers have no SOA record at their end; the connection is closed there.
	NoEnd bool
	// Endless adds so many valid records to the end of each transfer, of either kind, made as they are sent.
	Endless int

	// Whole: IXFR is answered with the whole zone.
	Whole bool
	// Condensed: IXFR is answered in one step, whatever lies between.
	Condensed bool
	// Records are sent as the answer to IXFR, just as they are.
	Records []dns.RR

	// TSIG is how answers are signed.
	TSIG TSIG

	// RecordsPerMessage is how many records a message of a transfer has; 0: as many as fit.
	RecordsPerMessage int
	// MessageSize is the size that messages of a transfer keep to, in octets; 0: 16,384. A single record may exceed it.
	MessageSize int
	// NoQuestion: messages of a transfer after the first repeat no question (RFC 5936 section 2.2.1).
	NoQuestion bool
}

// tamper changes a whole message as the behaviour wants it.
func (b *Behaviour) tamper(n int, msg []byte) []byte {
	const headerSize = 12
	if b.WrongID {
		binary.BigEndian.PutUint16(msg, ^binary.BigEndian.Uint16(msg))
	}
	if b.Truncated {
		msg[2] |= 0x02
	}
	if b.WrongQuestion && binary.BigEndian.Uint16(msg[4:]) > 0 {
		// Another name of the same length; all that points into it changes with it.
		if msg[headerSize] > 0 {
			msg[headerSize+1] ^= 1
		} else {
			msg[headerSize+2] ^= 1 // the root has no letter to change: another type
		}
	}
	if b.Garbage {
		for i := range msg {
			msg[i] = byte(rand.Uint32())
		}
	}
	if b.Edit != nil {
		msg = b.Edit(n, msg)
	}
	return msg
}

// of returns the behaviour for a query of this type.
func (b *Behaviour) of(qtype uint16) *Behaviour {
	transfer := qtype == dns.TypeAXFR || qtype == dns.TypeIXFR
	if b.Only == 0 || b.Only == qtype || b.Only == Transfers && transfer {
		return b
	}
	return &Behaviour{}
}

// Transfers is AXFR and IXFR, for Behaviour.Only.
const Transfers = dns.TypeANY
