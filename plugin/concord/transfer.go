package concord

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// Transfer implements the transfer.Transferer interface: AXFR, and IXFR. An IXFR gets the single SOA record if its client is up
// to date, what has changed since if the history has the client's version, and otherwise the whole zone, as RFC 1995
// section 2 allows.
func (h *Handler) Transfer(origin string, serial uint32) (<-chan []dns.RR, error) {
	e := h.block.exact(origin)
	if e == nil {
		return nil, transfer.ErrNotAuthoritative
	}
	s := e.running.zone.Snapshot()
	switch {
	case s.Version == nil:
		return nil, fmt.Errorf("zone %s: nothing to transfer, no version yet", e.config.Origin)
	case s.Expired:
		return nil, fmt.Errorf("zone %s: not transferred, it has expired", e.config.Origin)
	}
	v, history := s.Version, e.running.zone.History()
	// A serial of 0 is how the transfer plugin says AXFR. A client that holds 0 gets the whole zone.
	if serial == 0 {
		return h.block.streams.start(e.config.Origin, whole(v))
	}
	if order, ok := zone.Serial(serial).Compare(v.Serial()); ok && order >= 0 {
		return h.block.streams.start(e.config.Origin, slices.Values([]zone.Record{soaOf(v)}))
	}
	// The history may have gone on since the snapshot was taken: what leads to it ends with its version.
	if at := slices.Index(history, v); at >= 0 {
		if inc, ok := xfr.NewIncrement(history[:at+1], zone.Serial(serial)); ok {
			return h.block.streams.start(e.config.Origin, inc.Records())
		}
	}
	return h.block.streams.start(e.config.Origin, whole(v))
}

// whole yields all records of a version as AXFR has them, the SOA record at both ends (RFC 5936 section 2.2).
func whole(v *zone.Version) iter.Seq[zone.Record] {
	return func(yield func(zone.Record) bool) {
		for record := range v.All() {
			if !yield(record) {
				return
			}
		}
		yield(soaOf(v))
	}
}

func soaOf(v *zone.Version) zone.Record {
	set, _ := v.ApexNode().RRset(dns.TypeSOA)
	return zone.Record{Owner: v.Apex(), Type: dns.TypeSOA, TTL: set.TTL, Data: set.First()}
}

// streams are the transfers out that run.
type streams struct {
	mu      sync.Mutex // guards what follows
	running sync.WaitGroup
	ended   chan struct{} // closed by stop; nil before the first transfer
	stopped bool
}

const (
	// streamBatch is how many records exist at a time; the transfer plugin makes messages of them.
	streamBatch = 100
	// streamIdle is how long the receiver may take for a batch. It has no way to say that it is gone.
	streamIdle = 2 * time.Minute
)

var errStopping = errors.New("the server is stopping")

// start returns a channel with the records.
func (s *streams) start(origin string, records iter.Seq[zone.Record]) (<-chan []dns.RR, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errStopping
	}
	if s.ended == nil {
		s.ended = make(chan struct{})
	}
	ch := make(chan []dns.RR)
	s.running.Go(func() {
		defer close(ch)
		if err := stream(ch, s.ended, records); err != nil {
			// Without the SOA record at its end the receiver's copy is not whole, and it knows.
			log.Warningf("%s transfer out given up: %v", origin, err)
		}
	})
	return ch, nil
}

func (s *streams) stop() {
	s.mu.Lock()
	if !s.stopped && s.ended != nil {
		close(s.ended)
	}
	s.stopped = true
	s.mu.Unlock()
	s.running.Wait()
}

// stream sends the records in batches, each made when the receiver has taken the one before.
func stream(ch chan<- []dns.RR, ended <-chan struct{}, records iter.Seq[zone.Record]) error {
	idle := time.NewTimer(streamIdle)
	defer idle.Stop()
	send := func(batch []dns.RR) error {
		idle.Reset(streamIdle)
		select {
		case ch <- batch:
			return nil
		case <-ended:
			return errStopping
		case <-idle.C:
			return fmt.Errorf("nobody took the next records for %v", streamIdle)
		}
	}
	batch := make([]dns.RR, 0, streamBatch)
	for record := range records {
		rr, err := record.RR()
		if err != nil {
			return err
		}
		if batch = append(batch, rr); len(batch) == streamBatch {
			if err := send(batch); err != nil {
				return err
			}
			batch = make([]dns.RR, 0, streamBatch) // the other one is the receiver's
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return send(batch)
}
