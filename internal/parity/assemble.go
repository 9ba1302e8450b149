package parity

import (
	"fmt"
	"time"
)

// verdict puts together what the steps before have found.
func (j *judge) verdict() Verdict {
	v := Verdict{State: j.state(), approved: j.approved, Primaries: make([]PrimaryVerdict, len(j.primaries))}
	for i := range j.primaries {
		v.Primaries[i] = j.primaryVerdict(&j.primaries[i])
	}
	v.Findings = append(j.findings(), j.flattened...)
	v.Findings = v.Findings[:min(len(v.Findings), MaxFindings)]
	v.Deadline, v.DriftSince, v.Break = j.deadline(), j.driftSince(), j.serialBreak()
	v.Reason = j.reason()
	if v.Deadline.Due {
		v.Reason += fmt.Sprintf("; what is served can wait until %s, when %s", instant(v.Deadline.At), v.Deadline.What)
	}
	v.Again = j.again
	return v
}

func (j *judge) primaryVerdict(p *primary) PrimaryVerdict {
	v := PrimaryVerdict{Name: p.Name, State: j.stateOf(p), Counts: p.counts}
	v.Reason = j.primaryReason(p, v.State)
	if p.Version == nil {
		return v
	}
	v.From, v.Regressed = j.wentBackFrom(p)
	v.Regressed = v.Regressed && (v.State == PrimaryRegressed || v.State == PrimaryAgreeing)
	if !v.Regressed {
		v.From = 0
	}
	if v.State == PrimaryLagging {
		v.LagSince = j.lagSince(p)
	}
	v.Confirms = j.confirms(p)
	base := j.ref
	if base == nil && len(j.groups) > 0 {
		base = j.groups[0]
	}
	if base != nil {
		d := j.policy.Compare.differ(base.version, p.Version)
		v.Classes, v.Differing, v.More = d.Classes, d.Compared(), d.more
		if v.State == PrimaryDiverged && d.flat.names > 0 {
			j.flattened = append(j.flattened, Finding{Rule: RuleFlattened, Primary: p.Name, Detail: p.Name + ": " + d.flat.words()})
		}
	}
	return v
}

// lagSince returns since when a primary that lags has been behind.
func (j *judge) lagSince(p *primary) time.Time {
	ahead := j.ref
	if p.group == j.ref {
		ahead = p.group.behind
	}
	if ahead == nil {
		return p.Since
	}
	if len(ahead.holders) == 0 {
		return p.partedFrom(ahead.root)
	}
	var first time.Time
	for _, i := range ahead.holders {
		if t := parted(p, &j.primaries[i]); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// serialBreak tells of a step to a serial that is not greater.
func (j *judge) serialBreak() *SerialBreak {
	s, v := j.served.Version, j.approved.version
	if s == nil || v == nil || v.Root() == s.Root() || s.Serial().Less(v.Serial()) {
		return nil
	}
	return &SerialBreak{Before: s.Serial(), After: v.Serial(), From: j.served.Source, To: j.approved.source}
}
