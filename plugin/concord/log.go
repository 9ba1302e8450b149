package concord

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/tsig"
)

// A logbook writes what happens to a zone. It belongs to the zone's goroutine.
type logbook struct {
	warned  bool              // of drift or lag, and not yet that it is over
	instead map[string]string // why the last IXFR of each primary did not do, if it did not
	keys    string            // what is wrong with a key file
	held    bool              // it was told that the zone is held, and not yet that it is over
	rejects map[string]rejections
}

// event writes at most one line, in words that somebody can act on. What is wrong is a warning, and an error once it is felt
// by clients.
func (b *logbook) event(zone string, e secondary.Event) {
	if b.trust(zone, e) || b.kept(zone, e) {
		return
	}
	switch e := e.(type) {
	case secondary.Swapped:
		logSwapped(zone, &e)
	case secondary.StateChanged:
		b.state(zone, &e)
	case secondary.PrimaryChanged:
		if e.Before == parity.PrimaryRejected {
			delete(b.rejects, e.Primary)
		}
		log.Debugf("%s %s is %s, was %s: %s", zone, e.Primary, e.State, e.Before, e.Reason)
	case secondary.Transferred:
		b.transferred(zone, &e)
	case secondary.Failed:
		logFailed(zone, &e)
	case secondary.AXFRInstead:
		log.Warningf("%s primary %s: IXFR failed %d times in a row; asking it for whole zones until %s: %v",
			zone, e.Primary, e.Failures, e.Until.Format(time.DateTime), e.Err)
	case secondary.Recovered:
		log.Infof("%s primary %s answers again: %s", zone, e.Primary, failures(e.Failures, e.Since))
	case secondary.Notified:
		log.Infof("%s NOTIFY from %s, primary %s: asking the primaries", zone, e.From, e.Primary)
	case secondary.Expired:
		log.Errorf("%s expired: no primary has confirmed serial %d for as long as its SOA lets it be served; "+
			"answering SERVFAIL until one does", zone, e.Serial)
	case secondary.Revived:
		log.Infof("%s is served again, with serial %d", zone, e.Serial)
	}
}

func logSwapped(zone string, e *secondary.Swapped) {
	v := e.Version
	after, own := "", ""
	if e.Before != nil {
		after = fmt.Sprintf(" after %d", e.Before.Serial())
	}
	if e.Origin != v.Serial() { // serial keep
		own = fmt.Sprintf(" with serial %d", e.Origin)
	}
	log.Infof("%s serves serial %d%s, %d records, %s's copy%s: %s", zone, v.Serial(), after, v.Records(), e.Source, own, e.Reason)
}

// transferred tells what came, and how. That IXFR did not do is a warning, for the operator of that primary; the same again is
// not.
func (b *logbook) transferred(zone string, e *secondary.Transferred) {
	what := fmt.Sprintf("%d records", e.Records)
	if e.Steps > 0 {
		what = fmt.Sprintf("changes in %s, %d records deleted and %d added,", count(e.Steps, "step"), e.Deleted, e.Added)
	}
	line := fmt.Sprintf("%s %s sent serial %d: %s in %s%s%s", zone, e.Primary, e.Serial, what, brief(e.Duration), secured(e), mended(e))
	if e.Instead == nil {
		delete(b.instead, e.Primary)
		log.Info(line)
		return
	}
	why := e.Instead.Error()
	if b.instead[e.Primary] == why {
		log.Infof("%s; by AXFR, since IXFR failed as before", line)
		return
	}
	if b.instead == nil {
		b.instead = make(map[string]string)
	}
	b.instead[e.Primary] = why
	log.Warningf("%s; by AXFR, since IXFR failed: %s", line, why)
}

// secured tells what a transfer was secured by.
func secured(e *secondary.Transferred) string {
	switch {
	case e.TLS && e.Key != "":
		return ", by TLS and key " + e.Key
	case e.TLS:
		return ", by TLS"
	case e.Key != "":
		return ", by key " + e.Key
	}
	return ""
}

// keyFiles tells once that a key file can no longer be used, and once that it can again.
func (b *logbook) keyFiles(zone string, ring *tsig.Keyring) {
	problem := ""
	if err := ring.Problem(); err != nil {
		problem = err.Error()
	}
	switch {
	case problem == b.keys:
		return
	case problem != "":
		log.Warningf("%s keys: %s; the keys of the last good read are in use", zone, problem)
	default:
		log.Infof("%s keys: the file is in use again", zone)
	}
	b.keys = problem
}

func (b *logbook) state(zone string, e *secondary.StateChanged) {
	switch {
	case e.State == parity.Lagging || e.State == parity.Drift:
		b.warned = true
		log.Warningf("%s %s: %s", zone, e.State, e.Reason)
	case e.State == parity.InParity && b.warned && !b.held: // of a zone that was held, the end of that is told
		b.warned = false
		log.Infof("%s %s again: %s", zone, e.State, e.Reason)
	default: // on the way, and mostly over in a moment
		log.Debugf("%s %s: %s", zone, e.State, e.Reason)
	}
}

// logFailed tells of the first failure of its kind in a row, and then of the 2nd, 4th, 8th and so on.
func logFailed(zone string, e *secondary.Failed) {
	again := ""
	if !e.Next.IsZero() {
		again = "; asked again at " + e.Next.Format(time.TimeOnly)
	}
	switch {
	case !e.Repeated && e.Failures == 1:
		log.Warningf("%s %v%s", zone, e.Err, again)
	case !e.Repeated || bits.OnesCount(uint(e.Failures)) == 1:
		log.Warningf("%s %v; %s%s", zone, e.Err, failures(e.Failures, e.Since), again)
	}
}

func failures(n int, since time.Time) string {
	if n == 1 {
		return "it failed once, at " + since.Format(time.TimeOnly)
	}
	return fmt.Sprintf("it failed %d times, from %s on", n, since.Format(time.DateTime))
}

// count says how many there are of a thing.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// brief rounds a duration to what a person reads of it.
func brief(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// mended tells what had to be mended in a transfer, which the operator of the primary would want to know.
func mended(e *secondary.Transferred) string {
	r := e.Report
	if r.Duplicates == 0 && r.UnequalTTLs == 0 {
		return ""
	}
	return fmt.Sprintf("; dropped %d duplicates, lowered unequal TTLs of %d RRsets", r.Duplicates, r.UnequalTTLs)
}
