package secondary

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/concord-dns/concord/internal/xfr"
)

// outages are the primaries that nothing comes from. Of the thousands of zones that such a primary may have, one after the
// other tries it, and the others take its word: else they would queue, each for as long as it takes to give up, and all come at
// once when the primary is back. A zone that a NOTIFY woke always tries, and so does the one that tried last.
type outages struct {
	mu   sync.Mutex // guards down
	down map[netip.AddrPort]*outage
}

type outage struct {
	by    string // the zone that tried last,
	err   *xfr.Error
	until time.Time // and for how long others take its word
}

// outageTime is how long the word of a zone that tried is good for others. Their own retries are much longer.
const outageTime = 5 * time.Second

// word returns the error that p is spared to find out itself; nil: it is to try.
func (o *outages) word(p *primary, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.down[p.job.key]
	if out == nil || out.by == p.zone.config.Origin || p.job.urgent {
		return nil
	}
	if !out.until.After(now) {
		out.by, out.until = p.zone.config.Origin, now.Add(probeTime) // until it knows
		return nil
	}
	e := *out.err
	e.Zone = p.zone.config.Origin
	e.Err = fmt.Errorf("%w%s", e.Err, elsewhere)
	return &e
}

// elsewhere is said of an error that another zone found.
const elsewhere = " (found for another zone)"

// alike reports whether two errors say the same, whoever found it.
func alike(a, b error) bool {
	return a != nil && b != nil && strings.TrimSuffix(a.Error(), elsewhere) == strings.TrimSuffix(b.Error(), elsewhere)
}

// learn takes in how p fared.
func (o *outages) learn(p *primary, err error, now time.Time) {
	_, _, reached := explain(err)
	e, ok := errors.AsType[*xfr.Error](err)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil || reached:
		delete(o.down, p.job.key)
	case ok && e.Phase != xfr.PhaseCancelled:
		for key, out := range o.down {
			if now.Sub(out.until) > time.Hour {
				delete(o.down, key) // nobody asks it any more
			}
		}
		if o.down == nil {
			o.down = make(map[netip.AddrPort]*outage)
		}
		o.down[p.job.key] = &outage{by: p.zone.config.Origin, err: e, until: now.Add(outageTime)}
	}
}
