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
	stream
	builder *zone.Builder // nil once finished or failed
	limit   int64
	soa     []byte // RDATA of the first record; nil at the begin
}

// NewAXFR returns an interpreter of the answer to q, which puts the records into b. More than limit octets of records, as
// [zone.Builder.Size] counts them, are an error; 0 is no limit.
func NewAXFR(q Question, b *zone.Builder, limit int64) *AXFR {
	return &AXFR{stream: stream{question: q}, builder: b, limit: limit}
}

// Message takes the next message, without its length, and keeps nothing of it. done says that it was the last. After an
// error, which is an *Error without an address, the transfer is over and its records are gone.
func (a *AXFR) Message(msg []byte) (done bool, err error) {
	if a.failed != nil {
		return false, a.failed
	}
	if err := a.take(msg, a.inStream); err != nil {
		return false, a.fail(err)
	}
	return a.done, nil
}

// fail ends the transfer, and frees the records.
func (a *AXFR) fail(err error) *Error {
	a.builder = nil
	a.failAt(err)
	return a.failed
}

func (a *AXFR) inStream(rec record) error { return a.record(rec, a.data) }

// record takes a record with its canonical RDATA.
func (a *AXFR) record(rec record, data []byte) error {
	if rec.typ == dns.TypeSOA || a.soa == nil {
		if err := a.border(rec, data); err != nil || a.done {
			return err
		}
	}
	if err := a.builder.Add(zone.Record{Owner: rec.owner, Type: rec.typ, TTL: rec.ttl, Data: data}); err != nil {
		if errors.Is(err, zone.ErrOutOfZone) {
			return &fault{PhaseStream, err}
		}
		return &fault{PhaseLimit, err}
	}
	a.records++
	if a.limit > 0 && a.builder.Size() > a.limit {
		return overLimit(a.limit)
	}
	return nil
}

func overLimit(limit int64) error {
	return &fault{PhaseLimit, fmt.Errorf("more than %d octets of records, which is the limit: if the zone is that large, raise limit size", limit)}
}

// border judges the first record, and any SOA record after it. Names in a.soa and data are in lower case, so that a SOA
// record may be repeated in another.
func (a *AXFR) border(rec record, data []byte) error {
	apex := a.question.Zone.Equal(rec.owner)
	switch {
	case a.soa == nil && (rec.typ != dns.TypeSOA || !apex):
		return noBegin(rec)
	case a.soa == nil:
		a.soa = bytes.Clone(data)
		return nil
	case !apex:
		return notApex(rec)
	case bytes.Equal(a.soa, data):
		a.done = true
		return nil
	}
	first, err := zone.ParseSOA(a.soa, 0)
	if err != nil {
		return &fault{PhaseParse, err}
	}
	second, err := zone.ParseSOA(data, 0)
	if err != nil {
		return &fault{PhaseParse, err}
	}
	if first.Serial != second.Serial {
		return streamFault("a second SOA record with serial %d, the first has %d", second.Serial, first.Serial)
	}
	return streamFault("a second SOA record that differs from the first, both with serial %d", first.Serial)
}

func noBegin(rec record) error {
	return streamFault("begins with %s, want the SOA record of the zone", rec)
}

func notApex(rec record) error {
	return streamFault("%s in the zone: only its apex can have one", rec)
}

// Finish returns the version, once Message has said that it is done. An error is an *Error without an address.
func (a *AXFR) Finish() (*zone.Version, zone.BuildReport, error) {
	switch {
	case a.failed != nil:
		return nil, zone.BuildReport{}, a.failed
	case !a.done || a.builder == nil:
		return nil, zone.BuildReport{}, a.fail(errEnd())
	}
	v, report, err := a.builder.Build()
	if err != nil {
		return nil, zone.BuildReport{}, a.fail(&fault{PhaseLimit, err})
	}
	a.builder, a.data = nil, nil
	return v, report, nil
}
