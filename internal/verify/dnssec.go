package verify

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/files"
	"github.com/concord-dns/concord/internal/verify/dnssec"
	"github.com/concord-dns/concord/internal/zone"
)

// signatures is the check of dnssec, which package dnssec does: here is what it is asked, and how much of the machine it has.
type signatures struct {
	limits  *Limits
	zone    any                            // whose checks they are
	anchors *files.Cached[[]dnssec.Anchor] // nil: none are configured

	// Whoever has busy looks at a copy and owns what is below: what it finds out the next primary's copy need not.
	busy   chan struct{}
	passed *dnssec.State // of the last copy that passed: the next is held against it
	failed failed        // the last copy that did not
}

// failed is what was found in a copy. Other primaries have the same one at the same time, and each would cost all its signatures.
type failed struct {
	root   zone.Hash
	at     time.Time
	report dnssec.Report
	expiry time.Time
}

// failedFor is for how long what was found in a copy is taken as said: its signatures begin and end with time.
const failedFor = time.Minute

// ruleNotSigned is the rule of a zone that has no DNSKEY, where verify dnssec wants one.
const ruleNotSigned = string(dnssec.RuleUnsigned)

func (s *signatures) init(cfg *config.Zone, l *Limits, of any) {
	s.limits, s.zone, s.busy = l, of, make(chan struct{}, 1)
	path := cfg.Verify.Anchors
	apex, err := zone.ParseName(cfg.Origin)
	if path == "" || err != nil {
		return
	}
	s.anchors = files.New(func(contents [][]byte) ([]dnssec.Anchor, error) {
		return dnssec.ParseAnchors(path, bytes.NewReader(contents[0]), apex)
	}, path)
}

// check verifies a copy, and returns when its first signature ends.
func (s *signatures) check(ctx context.Context, v *zone.Version, now time.Time) ([]Finding, time.Time, error) {
	o := dnssec.Options{Now: now}
	if s.anchors != nil {
		var err error
		if o.Anchors, err = s.anchors.Get(now); err != nil {
			return nil, time.Time{}, err
		}
	}
	if err := acquire(ctx, s.busy); err != nil {
		return nil, time.Time{}, err
	}
	defer release(s.busy, 1)
	if age := now.Sub(s.failed.at); s.failed.root == v.Root() && age >= 0 && age < failedFor {
		return signatureFindings(s.failed.report), s.failed.expiry, nil
	}

	var state *dnssec.State
	var report dnssec.Report
	err := s.limits.do(ctx, s.zone, func(ctx context.Context, t *turn) (err error) {
		o.Workers, o.Turns = t.More(math.MaxInt), t
		state, report, err = dnssec.Verify(ctx, v, s.passed, o)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	found, expiry := signatureFindings(report), state.EarliestExpiry()
	if report.OK() && !state.Signed() {
		return append(found, Finding{CheckDNSSEC, ruleNotSigned, v.Apex().String(), 0,
			"the zone has no DNSKEY records, and verify dnssec wants it signed", Failure}), expiry, nil
	}
	if report.OK() {
		s.passed = state
	} else {
		s.failed = failed{v.Root(), now, report, expiry}
	}
	return found, expiry, nil
}

// signatureFindings makes findings of a report, which is bounded as a whole, and here by rule as well.
func signatureFindings(report dnssec.Report) []Finding {
	var found []Finding
	left := report.Total - len(report.Faults)
	count := map[dnssec.Rule]int{}
	add := func(f dnssec.Fault, severity Severity) {
		if count[f.Rule]++; count[f.Rule] > maxExamples {
			left++
			return
		}
		found = append(found, Finding{CheckDNSSEC, string(f.Rule), f.Owner.String(), f.Type, f.Detail, severity})
	}
	for _, f := range report.Faults {
		add(f, Failure)
	}
	if left > 0 {
		found = append(found, Finding{CheckDNSSEC, "more", "", 0, fmt.Sprintf("%d more", left), Failure})
	}
	clear(count)
	for _, f := range report.Warnings {
		add(f, Warning)
	}
	return found
}
