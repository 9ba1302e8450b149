package test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// A limit is a class of right answers that Unbound 1.17 holds bogus, or cannot bring to an end. It does so with those of NSD,
// Knot and BIND, too, where they answer the same.
type limit struct {
	what string
	is   func(a *judged) bool
}

// judged is an answer of ours from a signed zone.
type judged struct {
	zone  *answertest.Zone
	notes answertest.Notes
	name  string
	typ   uint16
	ours  answertest.Response
}

var limits = []limit{
	{
		"a name that begins with an asterisk and comes from a wildcard: it takes a label too few off it. RFC 4035 section 5.3.2 takes only as many " +
			"labels as the RRSIG record says",
		func(a *judged) bool {
			return a.anyAnswer(func(f []string) bool { return strings.HasPrefix(f[0], "*.") && !exists(a.zone, f[0]) })
		},
	},
	{
		"DNAME or CNAME asked for below a DNAME: it takes the CNAME that comes with it for one that should be signed. RFC 6672 section 5.3.1: \"the CNAME will never be " +
			"signed\"",
		func(a *judged) bool {
			return (a.typ == dns.TypeCNAME || a.typ == dns.TypeDNAME) && owns(a.ours.Answer, "", "dname")
		},
	},
	{
		"two CNAMEs of one DNAME, which it is in for if the DNAME leads below its own owner, too: it skips only the one right behind the DNAME. RFC 2181 section 5: the DNAME RRset cannot " +
			"come twice",
		func(a *judged) bool {
			return a.anyAnswer(func(f []string) bool {
				return f[3] == "dname" && (dns.IsSubDomain(f[0], f[4]) || count(a.redirected(f[0]), "cname") > 1)
			})
		},
	},
	{
		"an alias that a wildcard makes, whose proof is the NSEC record of the cut that it leads to: of that and the child's NSEC record of the same name it keeps one. RFC 4035 section " +
			"2.3 has both: \"Each owner name in the zone that has authoritative data or a delegation point NS RRset MUST have an NSEC resource record\"",
		func(a *judged) bool {
			return owns(a.ours.Answer, "", "cname") && slices.ContainsFunc(a.ours.Authority, func(line string) bool {
				f := strings.Fields(line)
				return f[3] == "ns" && owns(a.ours.Authority, f[0]+" ", "nsec")
			})
		},
	},
	{
		"a wildcard that exists and does not count, as opt-out leaves an empty non-terminal between without NSEC3 record. RFC 5155 section 7.1: the zone has no proof that anyone could send",
		func(a *judged) bool { return a.notes.Hidden },
	},
	{
		"an empty non-terminal that an alias leads to: it thinks that the name is denied. RFC 4035 section 3.1.3.2 has the NSEC record before it for that",
		func(a *judged) bool { return (a.notes.Empty || a.notes.EmptyWildcard) && len(a.ours.Answer) > 0 },
	},
	{
		"an alias of a wildcard that leads to NODATA: it takes the NSEC record that proves the one for a proof of the other. RFC 4035 section 3.1.3.3: the server \"MUST include\" it",
		func(a *judged) bool {
			return len(a.ours.Answer) > 0 && a.ours.Rcode == "NOERROR" && count(a.ours.Authority, "nsec") > 1
		},
	},
	{
		"a name that opt-out has left out, with the NSEC3 record of the wildcard beside it in the proof, which has CNAME or the type: it thinks that the wildcard should have stood for the name. RFC " +
			"5155 section 8.6: \"the NSEC3 RR that covers the 'next closer' name has the Opt-Out bit set\" is the proof",
		func(a *judged) bool {
			return slices.ContainsFunc(a.ours.Authority, func(line string) bool {
				f := strings.Fields(line)
				return f[3] == "nsec3" && slices.Contains(a.notes.Beside, f[0]) && (slices.Contains(f[9:], "cname") || slices.Contains(f[9:], strings.ToLower(dns.Type(a.typ).String())))
			})
		},
	},
	{
		"a wildcard that is an empty non-terminal, with the NSEC record of a wildcard before it: it takes one for the other. RFC 4592 section 4.9 has no error for it, and no data",
		func(a *judged) bool {
			return a.notes.EmptyWildcard && slices.ContainsFunc(a.ours.Authority, func(line string) bool { return isProof(line) && strings.HasPrefix(line, "*.") })
		},
	},
}

// beyondUnbound returns what keeps Unbound from judging an answer, or nothing.
func (a *judged) beyondUnbound() string {
	for _, l := range limits {
		if l.is(a) {
			return l.what
		}
	}
	return ""
}

func (a *judged) anyAnswer(is func(fields []string) bool) bool {
	return slices.ContainsFunc(a.ours.Answer, func(line string) bool { return is(strings.Fields(line)) })
}

// redirected are the records of the answer below a name.
func (a *judged) redirected(owner string) []string {
	return slices.DeleteFunc(slices.Clone(a.ours.Answer), func(line string) bool {
		f := strings.Fields(line)
		return f[0] == owner || !dns.IsSubDomain(owner, f[0])
	})
}
