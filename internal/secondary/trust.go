package secondary

import (
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/verify"
	"github.com/concord-dns/concord/internal/zone"
)

// newTrust returns what a zone's copies are checked and compared by. What the zone before it has found out stays of use where the
// same is asked for.
func newTrust(z *Zone, before *Zone) (*verify.Checker, *parity.Comparison) {
	checker, comparison := (*verify.Checker)(nil), (*parity.Comparison)(nil)
	if before != nil {
		if alikeChecks(before.config, z.config) {
			checker = before.checker
		}
		if alikeComparison(before.config, z.config) && before.options.Secret == z.options.Secret {
			comparison = before.comparison
		}
	}
	if checker == nil {
		checker = verify.New(z.config, z.options.Checks)
	}
	if comparison == nil {
		comparison = parity.NewComparison(z.config, z.apex, z.options.Secret)
	}
	return checker, comparison
}

func alikeChecks(a, b *config.Zone) bool {
	return a.Verify.ZONEMD == b.Verify.ZONEMD && a.Verify.DNSSEC == b.Verify.DNSSEC && a.Verify.Anchors == b.Verify.Anchors &&
		slices.Equal(a.Verify.Command, b.Verify.Command) &&
		a.Guard.Off == b.Guard.Off && a.Guard.Shrink == b.Guard.Shrink && a.Guard.Change == b.Guard.Change &&
		a.Guard.MinRecords == b.Guard.MinRecords && a.Guard.MaxRecords == b.Guard.MaxRecords && slices.Equal(a.Guard.Keep, b.Guard.Keep)
}

func alikeComparison(a, b *config.Zone) bool {
	return a.Compare == b.Compare && slices.Equal(a.Ignore, b.Ignore)
}

// whole reports whether a comparison looks at all of a version, so that its roots are the versions' own and mean the same in every
// process.
func whole(c *config.Zone) bool { return c.Compare == config.CompareStrict && len(c.Ignore) == 0 }

const (
	// An operator is told of a deadline a part of the zone's expire before it, within bounds: a day off should not be too long.
	noticePart  = 4
	leastNotice = time.Hour
	mostNotice  = 7 * 24 * time.Hour
	// Signers renew their signatures some days before they end; later than this one must have stopped.
	signerNotice = 48 * time.Hour
)

// policyNow is the configured policy with what operators have said.
func (l *life) policyNow() parity.Policy {
	cfg := l.zone.config
	p := parity.Policy{Agree: cfg.Agree, Settle: cfg.Settle, Absent: cfg.Absent, Compare: l.zone.comparison, Drift: cfg.Drift}
	if v := l.served(); v != nil {
		expire := cfg.Expire.Apply(time.Duration(v.SOA().Expire) * time.Second)
		p.Notice = min(max(expire/noticePart, leastNotice), mostNotice)
		if until := l.serving.signedUntil; !until.IsZero() && until.Before(l.timers.ExpireAt()) {
			p.Notice = min(p.Notice, signerNotice, max(0, until.Sub(l.swapped))/noticePart) // some live for a day or two
		}
	}
	l.words.into(&p)
	return p
}

// parityServed is what parity is told of what is served.
func (l *life) parityServed() parity.Served {
	agreed := make([]zone.Hash, len(l.history))
	for i := range l.history {
		h := &l.history[i]
		if agreed[i] = h.content.Root; agreed[i] == (zone.Hash{}) {
			agreed[i] = h.version.Root()
		}
	}
	s := &l.serving
	served := parity.Served{
		Version: s.version, Content: s.content, Source: s.source, Since: s.since, First: l.first, Agreed: agreed,
		ExpireAt: l.timers.ExpireAt(), SignedUntil: s.signedUntil, DriftSince: l.verdict.DriftSince,
	}
	if s.version != nil && s.origin != s.version.Root() {
		served.Origin = s.origin
	}
	return served
}

// keepSerial gives what is to be served a serial of our own line, where the configuration wants that, and reports whether it did.
func (l *life) keepSerial(next *serving, now time.Time) bool {
	before := l.served()
	if !l.zone.config.SerialKeep || before == nil {
		return false // a line begins with the first source's serial
	}
	v := next.version
	kept, err := parity.KeepSerial(v, before.Serial())
	if err == nil && kept.Root() != before.Root() {
		kept, err = parity.KeepSerial(v, parity.NextSerial(before.Serial(), parity.SerialLineOf(next.serial, now), now))
	}
	if err != nil {
		if !l.keepTold {
			l.event(KeepFailed{Zone: l.zone.config.Origin, Err: err})
		}
		l.keepTold = true
		return false
	}
	l.keepTold = false
	next.version = l.zone.versions.one(kept)
	return true
}
