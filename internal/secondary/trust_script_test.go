package secondary

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
)

// operators are the commands of TestScripts that are an operator's word.
var operators = []string{"approve", "reject", "pin", "unpin", "hold", "release", "refresh", "retransfer"}

// set changes the configuration of a zone that has not started.
func (s *script) set(words []string) error {
	if err := s.configure(words); err != nil {
		return err
	}
	s.zone = s.newZone(nil)
	return nil
}

// configure changes the configuration for the zone that is made next.
func (s *script) configure(words []string) (err error) {
	cfg := &s.config
	number := func(at int) int {
		n, convErr := strconv.Atoi(words[at])
		if convErr != nil {
			err = convErr
		}
		return n
	}
	switch words[0] + " " + words[1] {
	case "guard shrink":
		cfg.Guard.Shrink = number(2)
	case "guard change":
		cfg.Guard.Change = number(2)
	case "guard off":
		cfg.Guard = config.Guard{Off: true}
	case "serial keep":
		cfg.SerialKeep = true
	case "zonemd required":
		cfg.Verify.ZONEMD = config.ZONEMDRequired
	case "drift prefer":
		cfg.Drift.Prefer = words[2]
		cfg.Drift.After, err = config.ParseDuration(words[3])
	default:
		switch words[0] {
		case "compare":
			cfg.Compare, err = config.ParseCompare(words[1])
		case "history":
			cfg.History = number(1)
		case "ignore":
			var r config.RecordName
			r, err = config.ParseRecordName(words[1], words[2], origin)
			cfg.Ignore = append(cfg.Ignore, r)
		default:
			return errUnknown
		}
	}
	if err == nil {
		err = cfg.Validate()
	}
	return err
}

// operate gives an operator's word.
func (s *script) operate(words []string) (string, error) {
	w := Word{By: "anna", Why: "she has looked at it"}
	about := strings.Join(words[1:], " ")
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var d Decision
	var err error
	switch words[0] {
	case "approve":
		d, err = s.zone.Approve(ctx, s.root(about), w)
	case "reject":
		d, err = s.zone.Reject(ctx, s.root(about), w)
	case "pin":
		d, err = s.zone.Pin(ctx, s.root(about), w)
	case "unpin":
		d, err = s.zone.Unpin(ctx, w)
	case "hold":
		d, err = s.zone.Hold(ctx, w)
	case "release":
		d, err = s.zone.Release(ctx, w)
	case "refresh":
		d, err = s.zone.Refresh(ctx, about, w)
	case "retransfer":
		d, err = s.zone.Retransfer(ctx, about, w)
	}
	synctest.Wait()
	if err != nil {
		return strings.TrimSpace("refused: " + err.Error() + "\n" + s.told()), nil
	}
	if last := s.zone.Status().Decisions; len(last) == 0 || last[len(last)-1] != d {
		return "", fmt.Errorf("the decision is not in the status")
	}
	return s.told(), nil
}

// root returns the root of a primary's copy, or of the version in the history that has a serial.
func (s *script) root(what string) string {
	for _, p := range s.zone.Status().Primaries {
		if p.Name == what && p.Version != nil {
			return p.Version.Root().String()
		}
	}
	for _, v := range s.zone.History() {
		if fmt.Sprint(v.Serial()) == what {
			return v.Root().String()
		}
	}
	return what
}

func (s *script) report(here, there string) (string, error) {
	if here != ServedName {
		here = s.root(here) // so that a root is taken, too
	}
	r, err := s.zone.Report(here, there, parity.Limits{})
	if err != nil {
		return "refused: " + err.Error(), nil
	}
	if len(r.Here.Name) > len("a name") {
		r.Here.Name = "the root"
	}
	var b strings.Builder
	_, err = r.WriteTo(&b)
	return strings.TrimSpace(strings.ReplaceAll(b.String(), "\n\n", "\n")), err
}

// trust is what there is to tell of checks, comparisons and operators.
func (s *script) trust() string {
	st := s.zone.Status()
	var b strings.Builder
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Sub(s.begin).Round(time.Millisecond).String()
	}
	fmt.Fprintf(&b, "held since %s, drift since %s, deadline %s %s, ignored %d, aside %d\n",
		at(st.HeldSince), at(st.DriftSince), at(st.Deadline.At), st.Deadline.What, st.Ignored, st.Aside)
	for _, f := range st.Findings {
		fmt.Fprintf(&b, "finding: %s\n", f)
	}
	for _, d := range []*Decision{st.Hold, st.Pin, st.Approval} {
		if d != nil {
			fmt.Fprintf(&b, "in force: %s\n", d)
		}
	}
	for _, p := range st.Primaries {
		fmt.Fprintf(&b, "%s %s, counts %t, confirms %t, %+v", p.Name, p.State, p.Counts, p.Confirms, p.Classes)
		if p.Rejected != "" {
			fmt.Fprintf(&b, ", rejected by %s, waivable %t", p.Check, p.Waivable)
		}
		if len(p.CheckFailures) > 0 {
			fmt.Fprintf(&b, ", failures %v", p.CheckFailures)
		}
		if p.Regressions > 0 {
			fmt.Fprintf(&b, ", regressions %d", p.Regressions)
		}
		if p.Regressed {
			fmt.Fprintf(&b, ", from %d", p.RegressedFrom)
		}
		if !p.LagSince.IsZero() {
			fmt.Fprintf(&b, ", behind since %s", at(p.LagSince))
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
