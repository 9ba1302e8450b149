package xfr

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// IXFR interprets the answer to one IXFR query (RFC 1995 section 4). It goes from left to right, and to failed from
// anywhere:
//
//	      SOA record             SOA record            SOA record           SOA record of the
//	      of the apex            of the base           it leads to          newest serial again
//	begin -----------> second ---------------> deletes -----------> adds ------------------> done
//	  |                  |                      |   ^ <-------------  |
//	  |                  |                      +---+  that of the    +--> adds: any other record
//	  |                  |               any other record   next step
//	  |                  +--any other record--> whole, an AXFR from here on ---------------> done
//	  +--alone in its message, and with the serial of the base--> current: done
//
// A step must begin where the one before it ended, the first at the base, and lead to a newer serial (RFC 1982). It belongs
// to one goroutine.
type IXFR struct {
	stream
	base  *zone.Version
	pool  func() *zone.Pool
	limit int64
	state ixfrState

	soa    []byte // RDATA of the first record
	ttl    uint32 // of the first record
	newest zone.Serial
	at     zone.Serial // where the step at hand begins, while it deletes, and where it leads, while it adds
	steps  int
	delta  delta
	whole  *AXFR
}

type ixfrState uint8

const (
	ixfrBegin ixfrState = iota
	ixfrSecond
	ixfrDeletes
	ixfrAdds
	ixfrWhole
	ixfrCurrent
)

// leastDelta is the most octets of changes that are always taken: they fit in a message or two, and by then they are here.
const leastDelta = 1 << 16

// NewIXFR returns an interpreter of the answer to q, which asks for the changes since base. If the primary sends the zone
// instead, its pages are shared with what else is in the pool, and limit bounds it as in NewAXFR. A pool takes time in
// proportion to what it knows, so it is asked for only then; the function may be nil. More changes than base itself has
// octets are an error.
func NewIXFR(q Question, base *zone.Version, pool func() *zone.Pool, limit int64) *IXFR {
	return &IXFR{stream: stream{question: q}, base: base, pool: pool, limit: limit, delta: delta{apex: base.Apex()}}
}

// Message takes the next message, without its length, and keeps nothing of it. done says that it was the last. After an
// error, which is an *Error without an address, the transfer is over: see [Error.TryAXFR].
func (x *IXFR) Message(msg []byte) (done bool, err error) {
	if x.failed != nil {
		return false, x.failed
	}
	if err := x.take(msg, x.record); err != nil {
		return false, x.fail(err)
	}
	return x.done, nil
}

// fail ends the transfer at the message at hand, and frees what came.
func (x *IXFR) fail(err error) error {
	x.failAt(err)
	return x.failure()
}

// misfit ends a transfer whose changes are not for base.
func (x *IXFR) misfit(err error) error {
	x.failWhole(&fault{PhaseStream, err})
	return x.failure()
}

func (x *IXFR) failure() error {
	x.failed.whole = x.state == ixfrWhole
	x.delta, x.whole = delta{}, nil
	return x.failed
}

func (x *IXFR) record(rec record) error {
	soa := rec.typ == dns.TypeSOA
	if soa && x.state != ixfrBegin && !x.question.Zone.Equal(rec.owner) {
		return notApex(rec)
	}
	switch {
	case x.state == ixfrBegin:
		return x.first(rec)
	case x.state == ixfrSecond:
		return x.second(rec)
	case x.state == ixfrWhole:
		return x.inWhole(rec)
	case !soa:
		return x.change(rec)
	case x.state == ixfrDeletes:
		return x.turn(rec)
	}
	return x.next(rec)
}

func (x *IXFR) serial() (zone.Serial, error) {
	soa, err := zone.ParseSOA(x.data, 0)
	if err != nil {
		return 0, &fault{PhaseParse, err}
	}
	return soa.Serial, nil
}

// first takes the SOA record of the newest version.
func (x *IXFR) first(rec record) (err error) {
	if rec.typ != dns.TypeSOA || !x.question.Zone.Equal(rec.owner) {
		return noBegin(rec)
	}
	if x.newest, err = x.serial(); err != nil {
		return err
	}
	x.soa, x.ttl, x.records = bytes.Clone(x.data), rec.ttl, 1
	x.state = ixfrSecond
	if x.reader.sections[0] > 1 {
		return nil
	}
	// Alone in its message it says that there is nothing newer, or it is the first of many messages of one record.
	order, ok := x.base.Serial().Compare(x.newest)
	switch have, _ := x.base.ApexNode().RRset(dns.TypeSOA); {
	case ok && order < 0:
		return nil
	case !ok || order > 0:
		return streamFault("the primary has serial %d and says that nothing is newer than ours, %d", x.newest, x.base.Serial())
	case !bytes.Equal(have.First(), x.soa):
		return streamFault("the primary has another SOA record than we have from it, both with serial %d", x.newest)
	}
	x.state, x.done = ixfrCurrent, true
	return nil
}

// second takes the record that tells changes from a whole zone: that of a zone is none of SOA, unless it has no other.
func (x *IXFR) second(rec record) error {
	if rec.typ == dns.TypeSOA {
		begin, err := x.serial()
		switch {
		case err != nil:
			return err
		case begin == x.newest: // the whole zone, of one record
		case begin != x.base.Serial():
			return streamFault("changes since serial %d, want them since ours, %d", begin, x.base.Serial())
		case !begin.Less(x.newest):
			return streamFault("changes from serial %d to %d, which is not newer", begin, x.newest)
		default:
			return x.begin(rec, begin)
		}
	}
	x.state, x.records = ixfrWhole, 0
	x.whole = NewAXFR(x.question, zone.NewBuilder(x.question.Zone, poolOf(x.pool)), x.limit)
	if err := x.whole.record(record{owner: x.question.Zone, typ: dns.TypeSOA, ttl: x.ttl}, x.soa); err != nil {
		return err
	}
	return x.inWhole(rec)
}

func poolOf(pool func() *zone.Pool) *zone.Pool {
	if pool == nil {
		return nil
	}
	return pool()
}

func (x *IXFR) inWhole(rec record) error {
	err := x.whole.record(rec, x.data)
	x.done, x.records = x.whole.done, x.whole.records
	return err
}

// begin takes the SOA record that a step begins with, and that it deletes.
func (x *IXFR) begin(rec record, at zone.Serial) error {
	x.state, x.at = ixfrDeletes, at
	x.steps++
	return x.change(rec)
}

// turn takes the SOA record that a step leads to, and that it adds.
func (x *IXFR) turn(rec record) error {
	to, err := x.serial()
	if err != nil {
		return err
	}
	switch {
	case !x.at.Less(to):
		return streamFault("changes from serial %d to %d, which is not newer", x.at, to)
	case to == x.newest && !bytes.Equal(x.data, x.soa):
		return otherSOA(to)
	}
	x.state, x.at = ixfrAdds, to
	return x.change(rec)
}

// next takes the SOA record after a step: the end, or the begin of the next step.
func (x *IXFR) next(rec record) error {
	at, err := x.serial()
	switch {
	case err != nil:
		return err
	case at != x.at:
		return streamFault("changes since serial %d after those up to %d", at, x.at)
	case at != x.newest:
		return x.begin(rec, at)
	case !bytes.Equal(x.data, x.soa):
		return otherSOA(at)
	}
	x.done = true
	return nil
}

func otherSOA(serial zone.Serial) error {
	return streamFault("a SOA record that differs from the first, both with serial %d", serial)
}

// change takes a record that is deleted or added.
func (x *IXFR) change(rec record) error {
	if err := x.delta.add(x.state == ixfrAdds, rec, x.data); err != nil {
		return &fault{PhaseStream, err}
	}
	x.records++
	if most := max(int64(x.base.Bytes()), leastDelta); x.delta.size() > most {
		return &fault{PhaseLimit, fmt.Errorf("more than %d octets of changes, which is more than the zone has", most)}
	}
	return nil
}

// Finish returns the version that base becomes by the changes, once Message has said that it is done; base itself when there
// are none. An error is an *Error without an address.
func (x *IXFR) Finish() (*zone.Version, zone.BuildReport, error) {
	var report zone.BuildReport
	switch {
	case x.failed != nil:
		return nil, report, x.failed
	case !x.done:
		return nil, report, x.fail(errEnd())
	case x.state == ixfrCurrent:
		return x.base, report, nil
	case x.state == ixfrWhole:
		v, report, err := x.whole.Finish()
		if err != nil {
			return nil, report, x.fail(err)
		}
		return v, report, nil
	}
	d, err := x.delta.net(x.base)
	if err != nil {
		return nil, report, x.misfit(err)
	}
	v, err := zone.Apply(x.base, d)
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // without the zone, which the Error names
		}
		return nil, report, x.misfit(err)
	}
	if x.limit > 0 && int64(v.Bytes()) > x.limit {
		x.state = ixfrWhole // AXFR would bring no less
		return nil, report, x.fail(overLimit(x.limit))
	}
	x.delta.free()
	return v, report, nil
}
