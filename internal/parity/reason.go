package parity

import (
	"fmt"
	"strings"
	"time"

	"github.com/concord-dns/concord/internal/config"
)

// Reasons name instants, never how long ago something was: a reason changes
// only when the verdict does, and can be told once.

func (j *judge) verdict() Verdict {
	v := Verdict{State: j.state(), approved: j.approved, Primaries: make([]PrimaryVerdict, len(j.primaries))}
	for i := range j.primaries {
		v.Primaries[i] = j.primaryVerdict(&j.primaries[i])
	}
	switch {
	case len(j.clashes) > 0:
		v.Reason = j.clashReason(j.clashes[0])
	case len(j.strangers) > 0:
		v.Reason = j.strangersReason(j.strangers[0])
	default:
		v.Reason = j.holdings()
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
	v.Confirms = !p.failing && j.serving != nil && p.Version.Root() == j.serving.Root()
	base := j.ref
	if base == nil && len(j.groups) > 0 {
		base = j.groups[0]
	}
	if base != nil {
		d := j.differ(base.version, p.Version)
		v.Differing, v.More = d.records, d.more
	}
	return v
}

// clashReason: "ns1 and ns2 hold serial 7 with different content: 3 records
// differ, first www.example.org. A".
func (j *judge) clashReason(c clash) string {
	d := j.differ(c.a.version, c.b.version)
	if len(c.a.holders) == 1 && len(c.b.holders) == 1 {
		return fmt.Sprintf("%s and %s hold serial %d with different content: %s", j.names(c.a), j.names(c.b), c.a.serial, d)
	}
	return fmt.Sprintf("%s %s serial %d with content different from that of %s: %s", j.names(c.a), hold(c.a), c.a.serial, j.names(c.b), d)
}

func (j *judge) strangersReason(c clash) string {
	a, b := c.a, c.b
	if a == j.ref {
		a, b = b, a
	}
	if b == j.ref && j.serving != nil && !b.serial.Less(a.serial) {
		return fmt.Sprintf("%s %s serial %d, not newer than the served serial %d, with content that was not agreed on",
			j.names(a), hold(a), a.serial, b.serial)
	}
	return fmt.Sprintf("%s %s serial %d, %s %s serial %d, and neither content was seen to follow the other",
		j.names(c.a), hold(c.a), c.a.serial, j.names(c.b), hold(c.b), c.b.serial)
}

// holdings says who holds what, who fails, and what it would take.
func (j *judge) holdings() string {
	var parts []string
	for _, g := range j.groups {
		text := "%s %s serial %d"
		if j.leftBehind(g) {
			text = "%s still %s serial %d"
			if j.wentBack(g) {
				text = "%s %s serial %d again"
			}
		}
		parts = append(parts, fmt.Sprintf(text, j.names(g), hold(g), g.serial))
	}
	for i := range j.primaries {
		p := &j.primaries[i]
		switch {
		case p.failing && !p.counts:
			parts = append(parts, p.Name+" "+fault(p)+" and does not count")
		case p.failing && !p.until.IsZero():
			parts = append(parts, p.Name+" "+fault(p)+" and counts until "+instant(p.until))
		case p.failing:
			parts = append(parts, p.Name+" "+fault(p))
		case p.Version == nil:
			parts = append(parts, p.Name+" has not sent the zone yet")
		}
	}
	switch {
	case j.serving != nil && !j.agreed && len(j.groups) == 0:
		parts = append(parts, fmt.Sprintf("the served serial %d stays until it expires", j.serving.Serial()))
	case !j.agreed && j.held() != nil:
		parts = append(parts, j.heldReason(j.held()))
	case !j.agreed:
		parts = append(parts, fmt.Sprintf("agree %s needs %d with the same content", j.policy.Agree, j.need))
		if j.policy.Agree.Kind != config.Count {
			parts[len(parts)-1] += fmt.Sprintf(" of the %d that count", j.counted)
		}
	}
	return strings.Join(parts, "; ")
}

// held returns content that enough primaries agree on and that may not be
// served all the same.
func (j *judge) held() *group { return newest(j.groups, j.enough) }

func (j *judge) heldReason(g *group) string {
	if g.old {
		return fmt.Sprintf("serial %d was served before, and no primary is known to have gone back to it", g.serial)
	}
	return fmt.Sprintf("new content with a serial not newer than the served %d needs a second primary", j.serving.Serial())
}

func (j *judge) leftBehind(g *group) bool {
	for _, h := range j.groups {
		if h != g && j.history.before(g, h) {
			return true
		}
	}
	return g.old
}

func (j *judge) primaryReason(p *primary, s PrimaryState) string {
	switch s {
	case PrimaryUnknown:
		if p.failing {
			return "has not answered yet" + p.word()
		}
		return "has not sent the zone yet"
	case PrimaryUnreachable, PrimaryRefused:
		return fault(p) + p.because() + p.word()
	}
	g := p.group
	holds := fmt.Sprintf("holds serial %d", g.serial)
	switch {
	case s == PrimaryAgreeing && j.serving != nil:
		return holds + ", which is served"
	case s == PrimaryAgreeing:
		return holds
	case s == PrimaryLagging && g.behind != nil && g == j.ref:
		return fmt.Sprintf("still %s; %s %s serial %d", holds, j.names(g.behind), hold(g.behind), g.behind.serial)
	case s == PrimaryLagging && g.old && j.wentBack(g):
		return fmt.Sprintf("%s again, which serial %d has replaced", holds, j.ref.serial)
	case s == PrimaryLagging && g.old:
		return fmt.Sprintf("still %s, which serial %d has replaced", holds, j.ref.serial)
	case s == PrimaryLagging:
		return holds + ", which is not newer than what others hold"
	case s == PrimaryAhead && j.serving != nil:
		return fmt.Sprintf("%s, newer than the served serial %d; %d of the %d needed %s it", holds, j.serving.Serial(), len(g.holders), j.need, hold(g))
	case s == PrimaryAhead:
		return fmt.Sprintf("%s, newer than what others hold; %d of the %d needed %s it", holds, len(g.holders), j.need, hold(g))
	}
	for _, c := range append(j.clashes[:len(j.clashes):len(j.clashes)], j.strangers...) {
		other := c.b
		switch g {
		case c.a:
		case c.b:
			other = c.a
		default:
			continue
		}
		if g.serial == other.serial {
			return fmt.Sprintf("%s with content different from that of %s: %s", holds, j.names(other), j.differ(other.version, g.version))
		}
		return fmt.Sprintf("%s with content that has no history in common with serial %d of %s", holds, other.serial, j.names(other))
	}
	return holds
}

// word says what a failing primary's last word is worth.
func (p *primary) word() string {
	copied := ""
	if p.Version != nil {
		copied = fmt.Sprintf("; its last copy has serial %d", p.Version.Serial())
	}
	switch {
	case !p.counts:
		return copied + "; it does not count"
	case !p.until.IsZero():
		return copied + "; it counts until " + instant(p.until)
	}
	return copied
}

func (p *primary) because() string {
	if p.Err == nil {
		return ""
	}
	return ": " + p.Err.Error()
}

func fault(p *primary) string {
	switch {
	case p.Refused:
		return "refuses to send the zone"
	case p.Reachable:
		return "sends no usable copy"
	case p.Err != nil:
		return "is unreachable"
	}
	return "has not answered yet"
}

// names returns "ns1", "ns1 and ns2" or "ns1, ns2 and ns3".
func (j *judge) names(g *group) string {
	if len(g.holders) == 0 {
		return "the served version"
	}
	var b strings.Builder
	for n, i := range g.holders {
		switch {
		case n > 0 && n == len(g.holders)-1:
			b.WriteString(" and ")
		case n > 0:
			b.WriteString(", ")
		}
		b.WriteString(j.primaries[i].Name)
	}
	return b.String()
}

func hold(g *group) string {
	if len(g.holders) > 1 {
		return "hold"
	}
	return "holds"
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
