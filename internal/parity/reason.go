package parity

import (
	"fmt"
	"strings"
	"time"

	"github.com/concord-dns/concord/internal/config"
)

// Reasons name instants, never how long ago something was: a reason changes
// only when the verdict does, and can be told once.

func (j *judge) reason() string {
	switch {
	case j.policy.Pin.Version != nil:
		return fmt.Sprintf("serial %d is pinned: %s; %s", j.policy.Pin.Version.Serial(), j.policy.Pin.Why, j.holdings())
	case j.policy.Hold != "":
		text := fmt.Sprintf("the zone is held: %s; ", j.policy.Hold)
		if j.way == bySignatures {
			text += j.renewal() + "; "
		}
		return text + j.holdings()
	case j.way == byOperator:
		return fmt.Sprintf("an operator approved serial %d of %s; %s", j.approved.version.Serial(), j.approved.source, j.apart())
	case j.way == byPreference:
		return fmt.Sprintf("%s is preferred, since the drift has lasted %s; %s", j.approved.source, config.FormatDuration(j.policy.Drift.After), j.apart())
	case j.way == byExpiry:
		end := "what was served would have expired"
		if _, signed := j.until(); signed {
			end = "the first signature of what was served would have expired"
		}
		return fmt.Sprintf("%s, and the copy of %s passed its checks and nobody who answers disputes it; %s", end, j.approved.source, j.apart())
	case j.way == bySignatures:
		return j.renewal() + "; " + j.apart()
	}
	return j.apart()
}

// renewal says why another copy of what is served took its place.
func (j *judge) renewal() string {
	p := j.named(j.approved.source)
	return fmt.Sprintf("the first signature of what was served expires at %s, and the copy of %s has the same content and signatures until %s",
		instant(j.served.SignedUntil), p.Name, instant(p.SignedUntil))
}

// apart says what stands against each other, or else who holds what.
func (j *judge) apart() string {
	switch {
	case len(j.clashes) > 0:
		return j.clashReason(j.clashes[0])
	case len(j.strangers) > 0:
		return j.strangersReason(j.strangers[0])
	}
	return j.holdings()
}

// clashReason: "ns1 and ns2 hold serial 7 with different content: 3 records
// differ, first www.example.org. A".
func (j *judge) clashReason(c clash) string {
	if !j.strict() {
		return j.recastReason(c.a)
	}
	d := j.policy.Compare.differ(c.a.version, c.b.version)
	if len(c.a.holders) == 1 && len(c.b.holders) == 1 {
		return fmt.Sprintf("%s and %s hold serial %d with different content: %s", j.names(c.a), j.names(c.b), c.a.serial, d)
	}
	return fmt.Sprintf("%s %s serial %d with content different from that of %s: %s", j.names(c.a), hold(c.a), c.a.serial, j.names(c.b), d)
}

// recastReason: "ns1 changed its content and kept serial 7: 3 records differ".
func (j *judge) recastReason(g *group) string {
	var parts []string
	for _, i := range g.holders {
		parts = append(parts, fmt.Sprintf("%s changed its content and kept serial %d", j.primaries[i].Name, j.primaries[i].Version.Serial()))
	}
	text := strings.Join(parts, "; ")
	if j.ref != nil {
		text += ": " + j.policy.Compare.differ(j.ref.version, g.version).String()
	}
	return text
}

func (j *judge) strangersReason(c clash) string {
	if !j.strict() {
		return fmt.Sprintf("%s, %s, and neither content was seen to follow the other: %s", j.says(c.a, ""), j.says(c.b, ""),
			j.policy.Compare.differ(c.a.version, c.b.version))
	}
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
		adverb := ""
		if j.leftBehind(g) {
			adverb = "still "
			if j.wentBack(g) {
				adverb = "again"
			}
		}
		parts = append(parts, j.says(g, adverb))
	}
	parts = append(parts, j.rejections()...)
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
	if text := j.wanting(); j.lack != nil {
		parts = append(parts, j.lack.String())
	} else if text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// says says what a group holds: "ns1 and ns2 still hold serial 7". An
// adverb is "still ", "again" or none.
func (j *judge) says(g *group, adverb string) string {
	still, again := adverb, ""
	if adverb == "again" {
		still, again = "", " again"
	}
	if j.strict() || len(g.holders) < 2 {
		return fmt.Sprintf("%s %s%s serial %d%s", j.names(g), still, hold(g), g.serial, again)
	}
	return fmt.Sprintf("%s %shold the same content%s", j.namesAndSerials(g), still, again)
}

// rejections says which copies were rejected, and why.
func (j *judge) rejections() []string {
	var parts []string
	done := make(map[int]bool)
	for n, i := range j.rejected {
		if done[i] {
			continue
		}
		p := &j.primaries[i]
		same := &group{}
		for _, k := range j.rejected[n:] {
			if q := &j.primaries[k]; q.Version.Serial() == p.Version.Serial() && q.Rejected == p.Rejected {
				same.holders = append(same.holders, k)
				done[k] = true
			}
		}
		parts = append(parts, fmt.Sprintf("%s %s serial %d, which is rejected: %s", j.names(same), hold(same), p.Version.Serial(), p.Rejected))
	}
	return parts
}

// wanting says what it would take for the zone to go on.
func (j *judge) wanting() string {
	switch g := j.withheld(); {
	case j.agreed || j.way == byOperator || j.policy.Pin.Version != nil || j.policy.Hold != "":
		return ""
	case j.serving != nil && len(j.groups) == 0 && len(j.rejected) == 0:
		return fmt.Sprintf("the served serial %d stays until it expires", j.serving.Serial())
	case j.way == byPassage:
		return fmt.Sprintf("enough have held serial %d of %s, and it is served meanwhile", j.approved.version.Serial(), j.approved.source)
	case g != nil:
		return j.withheldReason(g)
	}
	text := fmt.Sprintf("agree %s needs %d with the same content", j.policy.Agree, j.need)
	if j.policy.Agree.Kind != config.Count {
		text += fmt.Sprintf(" of the %d that count", j.counted)
	}
	return text
}

// withheld returns content that enough primaries agree on and that may not be
// served all the same.
func (j *judge) withheld() *group { return j.newest(j.enough) }

func (j *judge) withheldReason(g *group) string {
	switch {
	case !j.strict() && g.old:
		return fmt.Sprintf("the content of %s was replaced before, and no primary is known to have gone back to it", j.names(g))
	case !j.strict():
		return fmt.Sprintf("content of %s that is not known to follow what is served needs a second primary", j.names(g))
	case g.old:
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
	if s == PrimaryRejected {
		return fmt.Sprintf("holds serial %d, which is rejected: %s", p.Version.Serial(), p.Rejected)
	}
	g := p.group
	holds := fmt.Sprintf("holds serial %d", p.Version.Serial())
	from, back := j.wentBackFrom(p)
	switch {
	case s == PrimaryAhead && j.lack != nil && p == j.lack.copy:
		return holds + "; " + j.lack.String()
	case s == PrimaryAgreeing && j.serving != nil && back:
		return fmt.Sprintf("%s, which is served; its serial went back from %d", holds, from)
	case s == PrimaryAgreeing && j.serving != nil:
		return holds + ", which is served"
	case s == PrimaryAgreeing:
		return holds
	case s == PrimaryRegressed && g.old:
		return fmt.Sprintf("%s again, back from %d, with content that was replaced", holds, from)
	case s == PrimaryRegressed:
		return fmt.Sprintf("%s, back from %d, with content that was not agreed on: it waits for another primary's word or an operator's", holds, from)
	case s == PrimaryLagging && g.behind != nil && g == j.ref:
		return fmt.Sprintf("still %s; %s", holds, j.says(g.behind, ""))
	case s == PrimaryLagging && !j.strict():
		return fmt.Sprintf("still %s, with content that was replaced", holds)
	case s == PrimaryLagging && g.old && j.wentBack(g):
		return fmt.Sprintf("%s again, which serial %d has replaced", holds, j.ref.serial)
	case s == PrimaryLagging && g.old:
		return fmt.Sprintf("still %s, which serial %d has replaced", holds, j.ref.serial)
	case s == PrimaryLagging:
		return holds + ", which is not newer than what others hold"
	case s == PrimaryAhead && !j.strict():
		return fmt.Sprintf("%s, with content that the others do not have yet; %d of the %d needed %s it", holds, len(g.holders), j.need, hold(g))
	case s == PrimaryAhead && j.serving != nil:
		return fmt.Sprintf("%s, newer than the served serial %d; %d of the %d needed %s it", holds, j.serving.Serial(), len(g.holders), j.need, hold(g))
	case s == PrimaryAhead:
		return fmt.Sprintf("%s, newer than what others hold; %d of the %d needed %s it", holds, len(g.holders), j.need, hold(g))
	}
	return holds + j.divergence(g)
}

// divergence says what a group stands against.
func (j *judge) divergence(g *group) string {
	for _, c := range append(j.clashes[:len(j.clashes):len(j.clashes)], j.strangers...) {
		other := c.b
		switch g {
		case c.a:
		case c.b:
			other = c.a
		default:
			continue
		}
		switch {
		case !j.strict() && g.clashed:
			return ", which it held with other content before"
		case !j.strict():
			return fmt.Sprintf(" with content that has no history in common with that of %s: %s", j.names(other), j.policy.Compare.differ(other.version, g.version))
		case g.serial == other.serial:
			return fmt.Sprintf(" with content different from that of %s: %s", j.names(other), j.policy.Compare.differ(other.version, g.version))
		}
		return fmt.Sprintf(" with content that has no history in common with serial %d of %s", other.serial, j.names(other))
	}
	return ""
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
	return j.list(g, func(p *primary) string { return p.Name })
}

// namesAndSerials returns "ns1 (serial 7) and ns2 (serial 31)".
func (j *judge) namesAndSerials(g *group) string {
	return j.list(g, func(p *primary) string { return fmt.Sprintf("%s (serial %d)", p.Name, p.Version.Serial()) })
}

func (j *judge) list(g *group, name func(*primary) string) string {
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
		b.WriteString(name(&j.primaries[i]))
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
