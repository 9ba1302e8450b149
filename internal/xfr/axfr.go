package xfr

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// AXFR interprets the messages of one transfer (RFC 5936 section 2.2). It goes from left to right, and to failed from
// anywhere:
//
//	begin --SOA record of the apex--> inside --the same SOA record again--> done
//	                                  |    ^
//	                                  +----+ any other record of the zone
//
// It belongs to one goroutine.
type AXFR struct {
	question Question
	builder  *zone.Builder // nil once finished or failed
	limit    int64
	failed   *Error

	reader   reader
	soa      []byte // RDATA of the first record; nil at the begin
	done     bool
	messages int
	records  int
	octets   int64
	data     []byte // RDATA of one record, used again for the next
}

// NewAXFR returns an interpreter of the answer to q, which puts the records into b. More than limit octets of records, as
// [zone.Builder.Size] counts them, are an error; 0 is no limit.
func NewAXFR(q Question, b *zone.Builder, limit int64) *AXFR {
	return &AXFR{question: q, builder: b, limit: limit}
}

// Message takes the next message, without its length, and keeps nothing of it. done says that it was the last. After an
// error, which is an *Error without an address, the transfer is over and its records are gone.
func (a *AXFR) Message(msg []byte) (done bool, err error) {
	switch {
	case a.failed != nil:
		return false, a.failed
	case a.done:
		return false, a.fail(streamFault("a message after the end of the transfer"))
	}
	a.messages++
	a.octets += int64(len(msg))
	if err := a.message(msg); err != nil {
		return false, a.fail(err)
	}
	return a.done, nil
}

// fail ends the transfer, and frees the records.
func (a *AXFR) fail(err error) error {
	a.failed = a.question.asError(err)
	if a.messages > 1 {
		a.failed.Err = fmt.Errorf("message %d: %w", a.messages, a.failed.Err)
	}
	a.builder, a.data, a.done = nil, nil, false
	return a.failed
}

func (a *AXFR) message(msg []byte) error {
	r := &a.reader
	if err := r.open(a.question, msg, a.messages == 1); err != nil {
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
		if a.done {
			return streamFault("%s after the SOA record that ends the transfer", rec)
		}
		if err := a.record(rec); err != nil {
			return err
		}
	}
	return r.close()
}

func (a *AXFR) record(rec record) error {
	if rec.class != dns.ClassINET {
		return streamFault("%s: class %s, want IN", rec, dns.Class(rec.class))
	}
	var err error
	if a.data, err = zone.AppendRDATA(a.data[:0], rec.typ, a.reader.msg, rec.data, rec.size); err != nil {
		return parseFault("%s %w", rec.owner, err)
	}
	if rec.typ == dns.TypeSOA || a.soa == nil {
		if err := a.border(rec); err != nil || a.done {
			return err
		}
	}
	if err := a.builder.Add(zone.Record{Owner: rec.owner, Type: rec.typ, TTL: rec.ttl, Data: a.data}); err != nil {
		if errors.Is(err, zone.ErrOutOfZone) {
			return &fault{PhaseStream, err}
		}
		return &fault{PhaseLimit, err}
	}
	a.records++
	if a.limit > 0 && a.builder.Size() > a.limit {
		return &fault{PhaseLimit, fmt.Errorf("more than %d octets of records, which is the limit: if the zone is that large, raise limit size", a.limit)}
	}
	return nil
}

// border judges the first record, and any SOA record after it. Names in a.soa and a.data are in lower case, so that a SOA
// record may be repeated in another.
func (a *AXFR) border(rec record) error {
	apex := a.question.Zone.Equal(rec.owner)
	switch {
	case a.soa == nil && (rec.typ != dns.TypeSOA || !apex):
		return streamFault("begins with %s, want the SOA record of the zone", rec)
	case a.soa == nil:
		a.soa = bytes.Clone(a.data)
		return nil
	case !apex:
		return streamFault("%s in the zone: only its apex can have one", rec)
	case bytes.Equal(a.soa, a.data):
		a.done = true
		return nil
	}
	first, err := zone.ParseSOA(a.soa, 0)
	if err != nil {
		return &fault{PhaseParse, err}
	}
	second, err := zone.ParseSOA(a.data, 0)
	if err != nil {
		return &fault{PhaseParse, err}
	}
	if first.Serial != second.Serial {
		return streamFault("a second SOA record with serial %d, the first has %d", second.Serial, first.Serial)
	}
	return streamFault("a second SOA record that differs from the first, both with serial %d", first.Serial)
}

// String returns owner name and type, as in errors.
func (r record) String() string { return fmt.Sprintf("%s %s", r.owner, dns.Type(r.typ)) }

// Finish returns the version, once Message has said that it is done. An error is an *Error without an address.
func (a *AXFR) Finish() (*zone.Version, zone.BuildReport, error) {
	switch {
	case a.failed != nil:
		return nil, zone.BuildReport{}, a.failed
	case !a.done || a.builder == nil:
		return nil, zone.BuildReport{}, a.fail(streamFault("the SOA record that ends it is missing"))
	}
	v, report, err := a.builder.Build()
	if err != nil {
		return nil, zone.BuildReport{}, a.fail(&fault{PhaseLimit, err})
	}
	a.builder, a.data = nil, nil
	return v, report, nil
}
