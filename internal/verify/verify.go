package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// A Checker checks the copies of one zone, for as long as its configuration lasts. Any number of goroutines may use it. The zero
// Checker is of no use: see New.
type Checker struct {
	cfg    *config.Zone
	limits *Limits
	keep   []keep
	known  memory
	dnssec signatures
}

// New returns a Checker for a zone whose configuration has been validated. Limits belong to the process; nil is the default,
// for this zone alone.
func New(cfg *config.Zone, l *Limits) *Checker {
	if l == nil {
		l = NewLimits(0, 0)
	}
	c := &Checker{cfg: cfg, limits: l}
	if apex, err := zone.ParseName(cfg.Origin); err == nil {
		c.keep = newKeeps(&cfg.Guard, apex)
	}
	c.dnssec.init(cfg, l, c)
	return c
}

// Subject is what is to be checked.
type Subject struct {
	// Primary is the name of the primary that sent the copy.
	Primary   string
	Candidate *zone.Version
	// Served is what is served; nil: nothing is, and guards do not apply.
	Served *zone.Version
	// Now is the time by which signatures are valid or not.
	Now time.Time
	// Waive: an operator has approved this very content. What guards find is a warning then, and that final dots seem to be missing.
	Waive bool
}

// Check runs all checks on a copy. It waits until the process has room for them, and then each may take WorkTime, the command
// CommandTime: it is not for a goroutine that has anything else to do. A check that takes longer could not be done, which is
// an error. The end of ctx ends it.
func (c *Checker) Check(ctx context.Context, s Subject) Result {
	r := Result{version: s.Candidate}
	failed := func() bool { return slices.ContainsFunc(r.findings, isFailure) }
	for _, check := range []struct {
		name string
		run  func(context.Context, Subject, *Result) ([]Finding, error)
		only bool // where nothing has failed
	}{
		{CheckStructure, c.structure, false},
		{CheckGuard, c.guard, false},
		{CheckZONEMD, c.zonemd, false},
		{CheckDNSSEC, c.signatures, false},
		{CheckCommand, c.command, true},
	} {
		if check.only && failed() {
			continue
		}
		found, err := check.run(ctx, s, &r)
		found = s.waive(found)
		r.findings = append(r.findings, found...)
		if err != nil {
			r.err = c.notDone(s, check.name, err)
			break
		}
		if check.name == CheckStructure && failed() && !r.Waivable() {
			break
		}
	}
	return r
}

// Guard runs the guards again on a version that passed, since what is served has become another one. The Candidate of s is not
// looked at.
func (c *Checker) Guard(ctx context.Context, v Verified, s Subject) Result {
	s.Candidate = v.version
	r := Result{version: v.version, expiry: v.expiry}
	if v.version == nil {
		return r
	}
	found, err := c.guard(ctx, s, &r)
	if r.findings = s.waive(found); err != nil {
		r.err = c.notDone(s, CheckGuard, err)
	}
	return r
}

// waive makes warnings of what the operator has overruled. What is remembered of a content stays as it is.
func (s *Subject) waive(found []Finding) []Finding {
	if !s.Waive {
		return found
	}
	found = slices.Clone(found)
	for i := range found {
		if found[i].canBeMeant() {
			found[i].Severity = Warning
		}
	}
	return found
}

func (c *Checker) notDone(s Subject, check string, err error) error {
	return fmt.Errorf("zone %s: primary %s: serial %d: check %s could not be done: %w", c.cfg.Origin, s.Primary, s.Candidate.Serial(), check, err)
}

func (c *Checker) structure(ctx context.Context, s Subject, _ *Result) ([]Finding, error) {
	survey, err := c.survey(ctx, s.Candidate, s.Served)
	if err != nil {
		return nil, err
	}
	return survey.findings(s.Candidate), nil
}

// survey returns what is known of a version, from what differs to another one where there is one.
func (c *Checker) survey(ctx context.Context, v, near *zone.Version) (*survey, error) {
	var before *survey
	if near != nil && near.Root() != v.Root() {
		var err error
		if before, err = c.survey(ctx, near, nil); err != nil {
			return nil, err
		}
	}
	m, done, err := c.known.open(ctx, v.Root())
	if err != nil {
		return nil, err
	}
	defer done()
	if m.survey != nil {
		return m.survey, nil
	}
	err = c.limits.do(ctx, c, func(ctx context.Context, _ *turn) (err error) {
		if before == nil {
			m.survey, err = surveyWhole(ctx, v)
		} else {
			m.survey, err = surveyNext(ctx, near, before, v)
		}
		return err
	})
	return m.survey, err
}

func (c *Checker) guard(ctx context.Context, s Subject, _ *Result) ([]Finding, error) {
	if c.cfg.Guard.Off {
		return nil, nil
	}
	if s.Served == nil {
		return checkGuard(ctx, &c.cfg.Guard, c.keep, nil, s.Candidate, 0, 0)
	}
	served, err := c.survey(ctx, s.Served, nil)
	if err != nil {
		return nil, err
	}
	survey, err := c.survey(ctx, s.Candidate, s.Served)
	if err != nil {
		return nil, err
	}
	// It is done in the time of a change, and waits for no processor, so that it can be asked for again at any time.
	ctx, cancel := c.limits.timed(ctx)
	defer cancel()
	return checkGuard(ctx, &c.cfg.Guard, c.keep, s.Served, s.Candidate, served.data, survey.data)
}

func (c *Checker) zonemd(ctx context.Context, s Subject, _ *Result) ([]Finding, error) {
	m, done, err := c.known.open(ctx, s.Candidate.Root())
	if err != nil {
		return nil, err
	}
	defer done()
	if m.digested {
		return m.zonemd, nil
	}
	err = c.limits.do(ctx, c, func(ctx context.Context, _ *turn) (err error) {
		m.zonemd, err = checkZONEMD(ctx, c.cfg.Verify.ZONEMD, s.Candidate)
		return err
	})
	m.digested = err == nil
	return m.zonemd, err
}

func (c *Checker) signatures(ctx context.Context, s Subject, r *Result) ([]Finding, error) {
	if !c.cfg.Verify.DNSSEC {
		return nil, nil
	}
	found, expiry, err := c.dnssec.check(ctx, s.Candidate, s.Now)
	r.expiry = expiry
	return found, err
}

func (c *Checker) command(ctx context.Context, s Subject, _ *Result) ([]Finding, error) {
	if len(c.cfg.Verify.Command) == 0 {
		return nil, nil
	}
	return checkCommand(ctx, c.limits, c.cfg.Verify.Command, s)
}
