// Package answer answers questions from a version of a zone: the algorithm of RFC 1034 section 4.3.2, as RFC 2181, 2308,
// 4592, 6604, 6672 and 9471 clarify it, from question to sections, and then to a message for the plugin chain or to octets.
//
// The sections of a [Result] refer to the version and hold no copies; [Result.Msg] makes fresh records of them, so that
// no message shares memory with the version or with another message. What the RFCs leave open is decided as NSD and Knot
// do; where those differ, the place in the code says whom we follow and why.
//
// The package refuses whatever is not a value in memory: it knows no socket, disk or clock and starts no goroutine.
// EDNS is the server's around it, which says the size that a response may have; classes and opcodes have been looked at before it.
package answer

import (
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A Question is what is asked of a zone, in class IN.
type Question struct {
	Name string // as in a dns.Msg: absolute, escaped, in the case that the client chose
	Type uint16
	// DO asks for signatures and proofs (RFC 4035 section 3.1). It means nothing to an unsigned zone.
	DO bool
	// MinimalAny answers ANY with one RRset (RFC 8482 section 4.1), as NSD and Knot do. Without it all RRsets of the name
	// are the answer, as with BIND.
	MinimalAny bool
	// Elsewhere, if not nil, is asked for the zone in which to go on with the target of an alias: the version of the
	// closest zone that holds it, or nil if there is none. Without it an alias that leads out of the zone ends the answer.
	Elsewhere func(target zone.Name) *zone.Version
}

// A Result is the answer to one question: the header's fields, and the sections as references into the version. It belongs to
// one goroutine, from [Answer] until [Result.Release].
type Result struct {
	Rcode         int
	Authoritative bool // AA: the first name of the answer is data of this zone (RFC 1035 section 4.1.1)
	Truncated     bool // TC: required records do not fit in the largest possible message

	version  *zone.Version
	question Question
	signed   bool        // the zone is, and DO asks for what belongs to it
	denial   zone.Denial // how to prove what does not exist; NoDenial if that is not asked for

	answer     []entry
	authority  []entry
	additional []entry

	// chain holds the name asked for, and then the target of each alias that the answer holds. The first is nil until
	// something needs its wire form.
	chain []zone.Name
	room  int // octets that the largest message may still have room for

	key      zone.Key // of the name that is looked up
	wildcard zone.Key // of a wildcard
	target   zone.Key // of a name in RDATA, or of a node
	names    []byte   // names that lie in no RDATA
	hashes   []hashed // names that were hashed for proofs
	keys     []byte   // of hashes

	// collision says that a name which does not exist has an NSEC3 record.
	collision bool

	links []string // chain, for the message
	text  strings.Builder
	buf   []byte
	wire  wire
}

var results = sync.Pool{New: func() any {
	return &Result{
		answer:     make([]entry, 0, 4),
		authority:  make([]entry, 0, 4),
		additional: make([]entry, 0, 8),
		chain:      make([]zone.Name, 0, 4),
		key:        make(zone.Key, 0, zone.MaxKey),
		wildcard:   make(zone.Key, 0, zone.MaxKey),
		target:     make(zone.Key, 0, zone.MaxKey),
		names:      make([]byte, 0, 512),
		links:      make([]string, 0, 4),
	}
}}

// Answer answers a question from a version of a zone. A name outside the zone, or one that is no name, is REFUSED.
func Answer(v *zone.Version, q Question) *Result {
	r := results.Get().(*Result)
	r.question = q
	r.use(v)
	r.Rcode, r.Authoritative, r.Truncated, r.collision = dns.RcodeSuccess, false, false, false
	r.room = maxMessage - headerSize - len(q.Name) - questionSize
	r.resolve()
	return r
}

// use makes v the version that is answered from.
func (r *Result) use(v *zone.Version) {
	r.version = v
	r.signed = r.question.DO && v.Signed()
	if r.denial = zone.NoDenial; r.signed {
		r.denial = v.Denial()
	}
	r.hashes, r.keys = r.hashes[:0], r.keys[:0]
}

const (
	maxMessage   = dns.MaxMsgSize
	headerSize   = 12
	questionSize = 5 // the root label, type and class
)

// NameError reports whether the name asked for does not exist and no alias led away from it: the case in which a
// handler may pass the question on.
func (r *Result) NameError() bool { return r.Rcode == dns.RcodeNameError && len(r.answer) == 0 }

// Release hands the Result back, for another question. Messages made of it stay as they are.
func (r *Result) Release() {
	// The entries refer to pages, which would otherwise stay in memory with a Result that is not in use.
	clear(r.answer)
	clear(r.authority)
	clear(r.additional)
	clear(r.chain)
	clear(r.links)
	r.answer, r.authority, r.additional = r.answer[:0], r.authority[:0], r.additional[:0]
	r.chain, r.links, r.names = r.chain[:0], r.links[:0], r.names[:0]
	r.version, r.question = nil, Question{}
	r.text.Reset()
	if cap(r.answer)+cap(r.authority)+cap(r.additional) <= maxPooled {
		results.Put(r)
	}
}

// maxPooled is how many entries a Result may have room for and still be kept.
const maxPooled = 256
