package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A survey is what the structure check knows of a version. It is a sum over owner names, and what an owner name adds to it
// depends on its records, on those below it and, at the apex, on those of its name servers. So a version's survey comes of
// another's by taking away what the owners that differ added there, and adding what they add here.
//
// What a name server could not serve truly is a failure; what is merely odd is a warning, however forbidden: the zone is the
// primary's, and others serve it as it is. What the builder of versions refuses (records out of the zone, no SOA or several at
// the apex) never gets here.
type survey struct {
	data    int // records, without those that isData leaves out
	counts  [structureRules]int
	some    [structureRules][]Finding // up to maxExamples of them
	owners  doubled                   // of owner names below the apex
	targets doubled                   // of names in RDATA that are below the apex
}

// The rules of the structure check, each a word of Finding.Rule.
const (
	ruleApexNS = iota
	ruleSOA
	ruleCNAME
	ruleSingleton
	ruleDNAME
	ruleGlue
	ruleAddress
	ruleDoubled
	structureRules
)

var structureWords = [structureRules]struct {
	rule     string
	severity Severity
}{
	ruleApexNS:    {"apex-ns", Failure},
	ruleSOA:       {"soa", Failure},
	ruleCNAME:     {"cname", Failure},
	ruleSingleton: {"singleton", Failure},
	ruleDNAME:     {"dname", Warning},
	ruleGlue:      {"glue", Warning},
	ruleAddress:   {"address", Warning},
	ruleDoubled:   {"doubled", Warning},
}

// isData reports whether records of a type are what a zone is made for. Those that a signer makes again and again are not, nor
// are SOA and ZONEMD, which change with every version.
func isData(typ uint16) bool {
	switch typ {
	case dns.TypeSOA, dns.TypeZONEMD, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return false
	}
	return true
}

// plainTypes are types of which there is nothing to find. Most names of most zones own nothing else.
var plainTypes = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeDS, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeTLSA, dns.TypeCAA}

var (
	plain     = zone.TypesOf(plainTypes...)
	plainData = zone.TypesOf(slices.DeleteFunc(slices.Clone(plainTypes), func(typ uint16) bool { return !isData(typ) })...)
)

// surveyWhole looks at all of a version.
func surveyWhole(ctx context.Context, v *zone.Version) (*survey, error) {
	s := new(survey)
	g := newSurveyor(v, s, 1)
	sift := zone.Sift{Plain: plain, Except: g.apexKey, Counted: plainData}
	for node := range sift.Walk(v) {
		if node.IsZero() {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			continue
		}
		g.key = node.AppendKey(g.key[:0])
		g.owner(g.key, node)
	}
	s.data += sift.Records
	s.owners.all += sift.Names
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return s, nil
}

// pause is after how many names or changes a look at the context is due.
const pause = 4096

// surveyNext makes the survey of a version of that of another.
func surveyNext(ctx context.Context, from *zone.Version, before *survey, to *zone.Version) (*survey, error) {
	s := before.clone()
	less, plus := newSurveyor(from, s, -1), newSurveyor(to, s, 1)
	done := map[string]bool{}
	again := func(key zone.Key) {
		if done[string(key)] {
			return
		}
		done[string(key)] = true
		less.owner(key, from.Find(key).Node)
		plus.owner(key, to.Find(key).Node)
	}
	again(nil)
	n := 0
	var last zone.Key
	for c := range zone.Changes(from, to) {
		if n++; n%pause == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if n > 1 && string(last) == string(c.Owner) || inNSEC3(c) {
			continue
		}
		last = append(last[:0], c.Owner...)
		again(last)
		for up := last.Parent(); len(up) > 0 && !done[string(up)]; up = up.Parent() {
			if isCut(from.Find(up).Node) || isCut(to.Find(up).Node) {
				again(up)
			}
		}
	}
	for rule := range s.counts {
		if s.counts[rule] > 0 && len(s.some[rule]) == 0 {
			return surveyWhole(ctx, to) // the last example is gone, and others are somewhere in the zone
		}
	}
	return s, nil
}

func isCut(n zone.Node) bool { return n.Delegation() || n.DNAME() }

// inNSEC3 reports whether a change is one of NSEC3 records or of signatures over them, whose owner is no name of the zone.
func inNSEC3(c zone.Change) bool {
	return c.Type == dns.TypeNSEC3 || c.Before.Covered() == dns.TypeNSEC3 || c.After.Covered() == dns.TypeNSEC3
}

func (s *survey) clone() *survey {
	c := *s
	for i := range c.some {
		c.some[i] = slices.Clone(c.some[i])
	}
	return &c
}

// findings returns what was found, the failures first as the rules come.
func (s *survey) findings(v *zone.Version) []Finding {
	var found []Finding
	for rule, n := range s.counts {
		found = append(found, s.some[rule]...)
		if left := n - len(s.some[rule]); left > 0 {
			found = append(found, Finding{
				CheckStructure, structureWords[rule].rule, "", 0, fmt.Sprintf("%d more", left), structureWords[rule].severity,
			})
		}
	}
	return append(found, s.doubled(v)...)
}

// A surveyor adds owners of one version to a survey, or takes them away from it.
type surveyor struct {
	*survey
	v       *zone.Version
	sign    int
	apexKey zone.Key // the key that the zone's own name has in the root zone: with it doubled names begin
	key     zone.Key
	target  zone.Key
	found   [structureRules]bool
}

func newSurveyor(v *zone.Version, s *survey, sign int) *surveyor {
	apexKey, _ := zone.AppendKey(nil, v.Apex(), zone.Name{0})
	return &surveyor{survey: s, v: v, sign: sign, apexKey: apexKey}
}

// owner counts what one owner name adds. A zero Node adds nothing, but for what is missing at the apex.
func (g *surveyor) owner(key zone.Key, n zone.Node) {
	g.found = [structureRules]bool{}
	g.ownerName(key, n)
	var cname, dname, others, ns bool
	for it := n.RRsets(); ; {
		s, ok := it.Next()
		if !ok {
			break
		}
		if isData(s.Type) {
			g.data += g.sign * s.Count
		}
		if s.Type != dns.TypeNS {
			g.names(key, s)
		}
		switch s.Type {
		case dns.TypeCNAME:
			cname = true
			g.single(key, s)
			continue
		case dns.TypeDNAME:
			dname = true
			g.single(key, s)
		case dns.TypeNS:
			ns = true
			g.servers(n, key, s)
		case dns.TypeSOA:
			if len(key) > 0 {
				g.add(ruleSOA, key, s.Type, func() string { return "a SOA record below the apex is another zone's; remove it, or delegate" })
			}
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeKEY, dns.TypeSIG, dns.TypeNXT:
			continue // these may be beside a CNAME
		}
		others = true
	}
	if cname && others {
		g.add(ruleCNAME, key, dns.TypeCNAME, func() string {
			return "has other records beside it, and answers could be one or the other (RFC 2181 section 10.1)"
		})
	}
	if len(key) == 0 && !ns {
		g.add(ruleApexNS, key, dns.TypeNS, func() string { return "no NS record at the apex: nobody serves the zone, as far as it says" })
	}
	if dname {
		g.dname(key, ns)
	}
}

// single wants one record, where more would mean more than one answer.
func (g *surveyor) single(key zone.Key, s zone.RRset) {
	if s.Count > 1 {
		g.add(ruleSingleton, key, s.Type, func() string {
			return fmt.Sprintf("%d records, where there can be one only (RFC 6672 section 2.4, RFC 2181 section 10.1)", s.Count)
		})
	}
}

// dname looks for what a DNAME hides. A server answers by the DNAME for whatever is below it.
func (g *surveyor) dname(key zone.Key, ns bool) {
	if below, ok := g.below(key); ok {
		g.add(ruleDNAME, key, dns.TypeDNAME, func() string {
			return "hides the records below it, for one " + g.text(below) + " (RFC 6672 section 2.4)"
		})
	}
	if ns && len(key) > 0 {
		g.add(ruleDNAME, key, dns.TypeDNAME, func() string { return "is beside NS records, which hide it (RFC 6672 section 2.3)" })
	}
}

// below returns the last owner name below a name. Nothing that owns records comes between that and the last name that there
// could be.
func (g *surveyor) below(key zone.Key) (zone.Key, bool) {
	last := append(append(zone.Key{}, key...), lastLabel...)
	m := g.v.Find(last)
	if !m.Node.IsZero() || m.Exists {
		return last, true
	}
	found := m.Pred.AppendKey(nil)
	return found, len(found) > len(key) && string(found[:len(key)]) == string(key)
}

// lastLabel comes after every other label.
var lastLabel = func() []byte {
	label := make([]byte, 64)
	for i := range label[:63] {
		label[i] = 0xff
	}
	return label
}()

// servers looks for the addresses of name servers: at the apex of those in the zone, below it of those within the delegated
// zone, which nobody can find without (RFC 9499, "in-domain"). It counts their names as well.
func (g *surveyor) servers(n zone.Node, key zone.Key, s zone.RRset) {
	for it := s.Iter(); ; {
		data, ok := it.Next()
		if !ok {
			return
		}
		if !g.inZone(data) {
			continue
		}
		if len(g.apexKey) > 0 {
			g.inRDATA(key, s.Type)
		}
		if len(key) > 0 {
			if len(g.target) >= len(key) && string(g.target[:len(key)]) == string(key) && !hasAddress(g.v.FindNear(n, g.target)) {
				g.add(ruleGlue, key, s.Type, func() string { return "no address for " + g.text(g.target) + ", which cannot be found without it" })
			}
			continue
		}
		m := g.v.Find(g.target)
		_, alias := m.Node.RRset(dns.TypeCNAME)
		switch {
		case alias:
			g.add(ruleAddress, key, s.Type, func() string {
				return g.text(g.target) + " is an alias, which a name server's name must not be (RFC 2181 section 10.3)"
			})
		case !hasAddress(m.Node) && !hasAddress(m.Wildcard):
			g.add(ruleAddress, key, s.Type, func() string { return "no address for " + g.text(g.target) })
		}
	}
}

func hasAddress(n zone.Node) bool {
	if _, a := n.RRset(dns.TypeA); a {
		return true
	}
	_, aaaa := n.RRset(dns.TypeAAAA)
	return aaaa
}

// inZone reports whether a name is in the zone, and makes its key the target.
func (g *surveyor) inZone(name zone.Name) (in bool) {
	g.target, in = zone.AppendKey(g.target[:0], name, g.v.Apex())
	return in
}

// text returns the name of a key in presentation form.
func (g *surveyor) text(key zone.Key) string {
	return zone.Name(zone.AppendOwner(nil, key, g.v.Apex())).String()
}

// add counts a finding, or takes one away.
func (g *surveyor) add(rule int, key zone.Key, typ uint16, detail func() string) {
	g.counts[rule] += g.sign
	some := g.some[rule]
	switch {
	case g.sign < 0 && len(some) > 0 && !g.found[rule]:
		owner := g.text(key)
		g.some[rule] = slices.DeleteFunc(some, func(f Finding) bool { return f.Owner == owner })
	case g.sign > 0 && len(some) < maxExamples:
		word := structureWords[rule]
		g.some[rule] = append(some, Finding{CheckStructure, word.rule, g.text(key), typ, detail(), word.severity})
	}
	g.found[rule] = true
}
