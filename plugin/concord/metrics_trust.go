package concord

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/secondary"
)

// What there is to measure of checks, comparisons and what is held. A time that there is not (a zone that is not held, a zone
// without signatures) has no series.
var (
	parityDiffering = describe("parity_differing_records",
		"Records of the primary's last copy that differ from what is served: in data, in their TTL alone, or left aside or ignored by the comparison.",
		"zone", "primary", "class")
	parityIgnored = describe("parity_ignored_records", "Records of the version that is served that comparisons ignore.", "zone")
	checkFailures = describe("check_failures_total",
		"Copies of the primary that failed a check, or were rejected by an operator.", "zone", "primary", "check")
	heldSince = describe("held_since_timestamp_seconds",
		"Since when the zone is held by a check or an operator, in seconds since 1970.", "zone")
	holdDeadline = describe("hold_deadline_timestamp_seconds",
		"Until when what is served can wait for the primaries or an operator, in seconds since 1970.", "zone")
	serialRegressions = describe("serial_regressions_total", "How often the primary's serial went back.", "zone", "primary")
	rrsigExpiry       = describe("rrsig_earliest_expiry_timestamp_seconds",
		"When the first signature of the version that is served ends, in seconds since 1970; known with verify dnssec.", "zone")
	primaryLag = describe("primary_lag_seconds", "For how long the primary has been behind; 0 while it is not.", "zone", "primary")
)

func describeTrust(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		parityDiffering, parityIgnored, checkFailures, heldSince, holdDeadline, serialRegressions, rrsigExpiry, primaryLag,
	} {
		ch <- d
	}
}

func collectTrust(
	s *secondary.Status, now time.Time,
	gauge func(d *prometheus.Desc, value float64, labels ...string), counter func(d *prometheus.Desc, value uint64, labels ...string),
) {
	deadline := s.Deadline.At
	if s.State == parity.InParity && !s.Deadline.Due { // the end of signatures, which is far
		deadline = time.Time{}
	}
	for _, t := range []struct {
		desc *prometheus.Desc
		at   time.Time
	}{{heldSince, s.HeldSince}, {holdDeadline, deadline}, {rrsigExpiry, s.SignedUntil}} {
		if !t.at.IsZero() {
			gauge(t.desc, timestamp(t.at))
		}
	}
	if s.Version != nil {
		gauge(parityIgnored, float64(s.Ignored))
	}
	for i := range s.Primaries {
		p := &s.Primaries[i]
		counter(serialRegressions, p.Regressions, p.Name)
		for _, c := range p.CheckFailures {
			counter(checkFailures, c.Count, p.Name, c.Check)
		}
		if p.Version == nil {
			continue
		}
		for _, c := range []struct {
			class   string
			records int
		}{{"data", p.Classes.Data}, {"ttl", p.Classes.TTL}, {"aside", p.Classes.Aside}, {"ignored", p.Classes.Ignored}} {
			gauge(parityDiffering, float64(c.records), p.Name, c.class)
		}
		lag := 0.0
		if !p.LagSince.IsZero() {
			lag = max(0, now.Sub(p.LagSince).Seconds())
		}
		gauge(primaryLag, lag, p.Name)
	}
}
