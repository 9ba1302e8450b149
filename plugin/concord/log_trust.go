package concord

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/secondary"
)

// rejections are copies of a primary that one check rejected, in a row.
type rejections struct {
	check string
	count int
}

// trust writes what came of checks, comparisons and an operator's word, and reports whether it was that.
func (b *logbook) trust(zone string, e secondary.Event) bool {
	switch e := e.(type) {
	case secondary.Rejected:
		b.rejected(zone, &e)
	case secondary.Warned:
		log.Warningf("%s %s sent serial %d: %v", zone, e.Primary, e.Serial, e.Finding)
	case secondary.Noticed:
		if e.Gone {
			log.Infof("%s not any more: %v", zone, e.Finding)
		} else {
			log.Warningf("%s %v", zone, e.Finding)
		}
	case secondary.Held:
		b.held = true
		log.Warningf("%s held: %s", zone, e.Reason)
	case secondary.Released:
		b.held = false
		lasted := config.FormatDuration(time.Since(e.Since).Round(time.Second))
		if e.State == parity.InParity {
			b.warned = false
			log.Infof("%s %s again, after it was held for %s: %s", zone, e.State, lasted, e.Reason)
		} else {
			log.Infof("%s is not held any more, after %s; it is %s: %s", zone, lasted, e.State, e.Reason)
		}
	case secondary.DeadlineNear:
		why, _, _ := strings.Cut(e.Reason, "; what is served can wait until") // which is said first here
		log.Warningf("%s can wait until %s, when %s: %s", zone, e.At.Format(time.DateTime), e.What, why)
	case secondary.Regressed:
		regressed(zone, &e)
	case secondary.SerialBreak:
		log.Warningf("%s %s", zone, e.Text)
	case secondary.KeepFailed:
		log.Warningf("%s serial keep: %v; the primaries' serial is served", zone, e.Err)
	case secondary.Decided:
		log.Infof("%s operator: %v", zone, &e.Decision)
	default:
		return false
	}
	return true
}

// kept writes what came of the store, and reports whether it was that.
func (b *logbook) kept(zone string, e secondary.Event) bool {
	switch e := e.(type) {
	case secondary.Restored:
		restored(zone, &e)
	case secondary.StoreFailed:
		if e.Served {
			log.Errorf("%s serial %d is served and not kept, a restart would lose it: %v", zone, e.Serial, e.Err)
		} else {
			log.Errorf("%s serial %d is not served, since it could not be kept; what was served goes on, and it is tried again: %v", zone, e.Serial, e.Err)
		}
	case secondary.WordUnwritten:
		log.Errorf("%s operator: %v", zone, &e.Decision)
	case secondary.StoreRecovered:
		log.Infof("%s is kept again, after %s", zone, config.FormatDuration(time.Since(e.Since).Round(time.Second)))
	default:
		return false
	}
	return true
}

// restored tells what a zone began with.
func restored(zone string, e *secondary.Restored) {
	for _, err := range e.Damage {
		log.Warningf("%s store: %v", zone, err)
	}
	what, tell := "has no version in the store", log.Infof
	if e.HasVersion {
		what = fmt.Sprintf("serves serial %d from the store, saved at %s", e.Serial, e.SavedAt.Format(time.DateTime))
		if e.Expired {
			what = fmt.Sprintf("has serial %d from the store, saved at %s, which has expired: answering SERVFAIL until a primary confirms it",
				e.Serial, e.SavedAt.Format(time.DateTime))
			tell = log.Warningf
		}
	}
	if e.Refetch {
		what += "; what was served last is damaged, and is fetched again"
		tell = log.Warningf
	}
	if e.ClockBack > 0 {
		what += fmt.Sprintf("; the clock is %s behind that of then, and the zone's timers were moved by as much: is it right?",
			config.FormatDuration(e.ClockBack.Round(time.Second)))
		tell = log.Warningf
	}
	tell("%s %s", zone, what)
}

// rejected tells of the first copy of a primary that a check rejected, and of the 2nd, 4th, 8th and so on of those that follow it:
// a zone that changes every minute and fails each time is told of, and the rest of the log stays legible.
func (b *logbook) rejected(zone string, e *secondary.Rejected) {
	r := b.rejects[e.Primary]
	if r.check != e.Check {
		r = rejections{check: e.Check}
	}
	r.count++
	if b.rejects == nil {
		b.rejects = make(map[string]rejections)
	}
	b.rejects[e.Primary] = r
	if bits.OnesCount(uint(r.count)) != 1 {
		return
	}
	again := ""
	if r.count > 1 {
		again = fmt.Sprintf("; the %d. copy in a row", r.count)
	}
	log.Warningf("%s %s sent serial %d, %d records, which is rejected: %s (%s)%s", zone, e.Primary, e.Serial, e.Records, e.Reason, e.Root.Short(), again)
}

// regressed tells that a serial went back. What becomes of the content the state of the zone says.
func regressed(zone string, e *secondary.Regressed) {
	if e.New {
		log.Warningf("%s primary %s went back from serial %d to %d, to other content: was it restored from a backup?", zone, e.Primary, e.From, e.Serial)
		return
	}
	log.Infof("%s primary %s went back from serial %d to %d, with the content that it had", zone, e.Primary, e.From, e.Serial)
}
