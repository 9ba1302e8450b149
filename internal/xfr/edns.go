package xfr

import (
	"encoding/binary"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// options are what a primary says in the OPT record of an answer (RFC 6891).
type options struct {
	edns         bool          // there is one
	keepalive    time.Duration // how long the connection may be idle (RFC 7828)
	hasKeepalive bool
	expire       time.Duration // until the primary's own copy expires (RFC 7314); 0: it does not say
}

// read reads the options that matter here. What is malformed is passed over: nothing of the answer depends on it.
func (o *options) read(data []byte) {
	o.edns = true
	for len(data) >= 4 {
		code, size := binary.BigEndian.Uint16(data), int(binary.BigEndian.Uint16(data[2:]))
		if data = data[4:]; size > len(data) {
			return
		}
		value := data[:size]
		data = data[size:]
		switch {
		case code == dns.EDNS0TCPKEEPALIVE && size == 2:
			const unit = 100 * time.Millisecond
			o.keepalive, o.hasKeepalive = time.Duration(binary.BigEndian.Uint16(value))*unit, true
		case code == dns.EDNS0EXPIRE && size == 4:
			o.expire = time.Duration(binary.BigEndian.Uint32(value)) * time.Second
		}
	}
}

const (
	udpSize   = 1232 // what we could take over UDP, where we never ask
	padBlock  = 128  // RFC 8467 section 4.1
	optSize   = 11   // of an OPT record without options
	emptySize = 4    // of an option without a value
)

// appendOPT appends an OPT record to a query that has no additional records yet. It asks how long the connection may be idle
// and when the primary's copy expires; pad makes the size of the query, with so many octets that are to follow, a multiple of
// 128 (RFC 7830).
func appendOPT(query []byte, pad bool, follow int) []byte {
	size := 2 * emptySize
	var padding int
	if pad {
		size += emptySize
		padding = -(len(query) + optSize + size + follow) & (padBlock - 1)
		size += padding
	}
	query = append(query, 0) // the root
	query = binary.BigEndian.AppendUint16(query, dns.TypeOPT)
	query = binary.BigEndian.AppendUint16(query, udpSize)
	query = binary.BigEndian.AppendUint32(query, 0) // extended RCODE, version and flags
	query = binary.BigEndian.AppendUint16(query, uint16(size))
	for _, code := range []uint16{dns.EDNS0TCPKEEPALIVE, dns.EDNS0EXPIRE} {
		query = binary.BigEndian.AppendUint16(query, code)
		query = binary.BigEndian.AppendUint16(query, 0)
	}
	if pad {
		query = binary.BigEndian.AppendUint16(query, dns.EDNS0PADDING)
		query = binary.BigEndian.AppendUint16(query, uint16(padding))
		query = append(query, make([]byte, padding)...)
	}
	additional := query[10:headerSize]
	binary.BigEndian.PutUint16(additional, binary.BigEndian.Uint16(additional)+1)
	return query
}

// optionsOf returns what a message says in its OPT record. Of a message that is malformed it may say anything.
func optionsOf(msg []byte) (o options) {
	if len(msg) < headerSize || binary.BigEndian.Uint16(msg[10:]) == 0 {
		return o
	}
	r := reader{msg: msg, off: headerSize}
	for range binary.BigEndian.Uint16(msg[4:]) {
		_, off, err := zone.AppendUnpacked(r.owner[:0], msg, r.off)
		if err != nil {
			return o
		}
		r.off = off + 4
	}
	count := 0
	for section := 6; section < headerSize; section += 2 {
		count += int(binary.BigEndian.Uint16(msg[section:]))
	}
	for range count {
		rec, err := r.next()
		if err != nil {
			return o
		}
		if rec.typ == dns.TypeOPT {
			o.read(msg[rec.data:r.off])
		}
	}
	return o
}
