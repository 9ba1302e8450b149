package xfr

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// stream is what the interpreters of transfers share: it takes the messages of one answer, from the first on, and hands on
// their records.
type stream struct {
	question Question
	failed   *Error

	reader   reader
	done     bool
	messages int
	records  int // that are part of the zone or of its changes
	octets   int64
	data     []byte // canonical RDATA of the record at hand; its memory is used again for the next
}

// take reads a message and hands each record of the answer to each, which may set done.
func (s *stream) take(msg []byte, each func(record) error) error {
	if s.done {
		return streamFault("a message after the end of the transfer")
	}
	s.messages++
	s.octets += int64(len(msg))
	r := &s.reader
	if err := r.open(s.question, msg, s.messages == 1); err != nil {
		return err
	}
	count := r.sections[0]
	if count == 0 {
		return streamFault("no record in the answer") // RFC 5936 section 2.2.3
	}
	for i := range count {
		rec, err := r.next()
		if err != nil {
			return parseFault("answer record %d of %d: %w", i+1, count, err)
		}
		switch {
		case s.done:
			return streamFault("%s after the SOA record that ends the transfer", rec)
		case rec.class != dns.ClassINET:
			return streamFault("%s: class %s, want IN", rec, dns.Class(rec.class))
		}
		if s.data, err = zone.AppendRDATA(s.data[:0], rec.typ, r.msg, rec.data, rec.size); err != nil {
			return parseFault("%s %w", rec.owner, err)
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return r.close()
}

// failAt ends the transfer at the message at hand.
func (s *stream) failAt(err error) {
	s.failWhole(err)
	if s.messages > 1 {
		s.failed.Err = fmt.Errorf("message %d: %w", s.messages, s.failed.Err)
	}
}

// failWhole ends the transfer for what no single message is to blame for.
func (s *stream) failWhole(err error) {
	s.failed = s.question.asError(err)
	s.data, s.done = nil, false
}

// String returns owner name and type, as in errors.
func (r record) String() string { return fmt.Sprintf("%s %s", r.owner, dns.Type(r.typ)) }

// errEnd is the fault of a transfer that ends too early.
func errEnd() error { return streamFault("the SOA record that ends it is missing") }
