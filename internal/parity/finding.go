package parity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// Finding is what copies of several providers show of how they are set up. It
// keeps nothing from being served: the operator is to know.
type Finding struct {
	Rule    Rule
	Primary string // the one that it is about
	Other   string // the one that it is held against; "" for none
	Detail  string // in words
}

// MaxFindings is how many Findings a Verdict has at most: the first of them.
const MaxFindings = 100

// Rule names what a Finding is about.
type Rule string

const (
	RuleApexNS     Rule = "apex-ns"    // the NS RRsets at the apex differ
	RuleUnsigned   Rule = "unsigned"   // one is signed, the other is not
	RuleKeys       Rule = "keys"       // a DNSKEY RRset lacks a key that a provider signs with
	RuleAlgorithms Rule = "algorithms" // signed with other algorithms
	RuleDenial     Rule = "nsec"       // NSEC on one side, NSEC3 on the other
	RuleFlattened  Rule = "cname"      // a CNAME on one side, addresses on the other
)

func (f Finding) String() string { return f.Detail }

// findings looks at the apexes of what the counted primaries hold.
func (j *judge) findings() []Finding {
	if j.strict() {
		return nil
	}
	var sides []side
	for i := range j.primaries {
		if p := &j.primaries[i]; p.counts && p.Version != nil {
			sides = append(sides, side{name: p.Name, version: p.Version})
		}
	}
	if len(sides) < 2 {
		return nil
	}
	found := apexNS(sides)
	if j.policy.Compare.Kind() == config.CompareMultisigner {
		for i := range sides {
			sides[i].read()
		}
		found = append(found, signers(sides)...)
	}
	return found
}

func apexNS(sides []side) (found []Finding) {
	first, _ := sides[0].version.ApexNode().RRset(dns.TypeNS)
	for _, s := range sides[1:] {
		set, _ := s.version.ApexNode().RRset(dns.TypeNS)
		if set.Equal(first) {
			continue
		}
		found = append(found, Finding{
			Rule: RuleApexNS, Primary: s.name, Other: sides[0].name,
			Detail: fmt.Sprintf("%s has NS %s at the apex, %s has %s", s.name, targets(set), sides[0].name, targets(first)),
		})
	}
	return found
}

// targets returns the names that an NS RRset has, a few of them.
func targets(set zone.RRset) string {
	const most = 8
	var names []string
	for data := range set.All() {
		if len(names) == most {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", set.Count-most)
		}
		names = append(names, zone.Name(data).String())
	}
	text := strings.Join(names, ", ")
	if text == "" {
		return "none"
	}
	return fmt.Sprintf("%s (TTL %d)", text, set.TTL)
}

// signers checks what RFC 8901 asks of several signers of one zone: every
// provider's DNSKEY RRset has the zone-signing keys of all (section 2.1), and
// all sign with the same algorithms (section 4). A mix of NSEC and NSEC3 is
// allowed, and caches that use either to make up answers suffer from it
// (section 5).
func signers(sides []side) (found []Finding) {
	signed := slices.IndexFunc(sides, func(s side) bool { return s.version.Signed() })
	if signed < 0 {
		return nil
	}
	base := &sides[signed]
	for i := range sides {
		s := &sides[i]
		if !s.version.Signed() {
			found = append(found, Finding{
				Rule: RuleUnsigned, Primary: s.name, Other: base.name,
				Detail: fmt.Sprintf("%s sends an unsigned zone, and %s a signed one", s.name, base.name),
			})
			continue
		}
		for _, k := range s.unknown {
			found = append(found, Finding{
				Rule: RuleKeys, Primary: s.name,
				Detail: fmt.Sprintf("%s signs with key %s, which its own DNSKEY RRset does not have", s.name, k),
			})
		}
		for k := range sides {
			other := &sides[k]
			for _, key := range other.signs {
				if len(found) >= MaxFindings {
					return found
				}
				if k != i && !s.many && !s.has(key, other) {
					found = append(found, Finding{
						Rule: RuleKeys, Primary: s.name, Other: other.name,
						Detail: fmt.Sprintf("the DNSKEY RRset of %s lacks key %s, which %s signs with: resolvers that have %s's keys find %s's answers bogus",
							s.name, key, other.name, s.name, other.name),
					})
				}
			}
		}
		if i == signed {
			continue
		}
		if a, b := s.algorithms(), base.algorithms(); !slices.Equal(a, b) && len(a) > 0 && len(b) > 0 {
			found = append(found, Finding{
				Rule: RuleAlgorithms, Primary: s.name, Other: base.name,
				Detail: fmt.Sprintf("%s signs with algorithm %s, %s with %s: every key's algorithm must sign the whole zone (RFC 8901 section 4)",
					s.name, algorithmNames(a), base.name, algorithmNames(b)),
			})
		}
		if a, b := s.version.Denial(), base.version.Denial(); a != b {
			found = append(found, Finding{
				Rule: RuleDenial, Primary: s.name, Other: base.name,
				Detail: fmt.Sprintf("%s denies with %s, %s with %s: resolvers that make up denials of what they have seen do so less (RFC 8901 section 5)",
					s.name, denialName(a), base.name, denialName(b)),
			})
		}
	}
	return found
}

func algorithmNames(all []uint8) string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = dns.AlgorithmToString[a]
		if names[i] == "" {
			names[i] = fmt.Sprint(a)
		}
	}
	return strings.Join(names, " and ")
}

func denialName(d zone.Denial) string {
	switch d {
	case zone.ByNSEC:
		return "NSEC"
	case zone.ByNSEC3:
		return "NSEC3"
	}
	return "neither NSEC nor NSEC3"
}
