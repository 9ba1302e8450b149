package test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// A difference is a case in which a peer does not answer as we do, and what decides.
type difference struct {
	who, what string
	is        func(a *asked) bool
}

var knownDifferences = []difference{
	{
		"NSD", "the owner of addresses that a wildcard gives to a host lacks the labels between its first and the closest encloser; RFC 1034 section 4.3.2 step 3c: the owner is the name that was looked for",
		func(a *asked) bool {
			theirs := a.nsd
			theirs.Additional = a.ours.Additional
			return sameAnswer(a, theirs) && slices.ContainsFunc(a.ours.Additional, func(line string) bool {
				return !exists(a.zone, strings.Fields(line)[0])
			})
		},
	},
	{
		"NSD", "a DS RRset at the apex is no answer; RFC 4035 section 2.4 has none there, and what is there all the same is data for Knot, BIND and us",
		func(a *asked) bool {
			return a.typ == dns.TypeDS && owns(a.ours.Answer, strings.ToLower(a.zone.Origin)+" ", "ds")
		},
	},
	{
		"Knot", "the NS RRset of a wildcard makes a referral, whose owner is the wildcard and not a name above the one asked for; RFC 4592 section 4.2 leaves it open, NSD has it as data",
		func(a *asked) bool { return wildcardOwns(a.zone, dns.TypeNS) && owns(a.knot.Authority, "*.", "ns") },
	},
	{
		"Knot", "the DNAME RRset of a wildcard has the name asked for as its owner; RFC 6672 section 3.2: \"copy that record into the answer section\"",
		func(a *asked) bool { return wildcardOwns(a.zone, dns.TypeDNAME) && owns(a.ours.Answer, "*.", "dname") },
	},
	{
		"NSD", "aliases are followed beyond the sixteenth, or not so far when DNAMEs have made a thousand names; RFC 1034 section 3.6.2, \"CNAME chains should be followed\", sets no bound",
		func(a *asked) bool { return count(a.ours.Answer, "cname") == 16 && count(a.nsd.Answer, "cname") != 16 },
	},
	{
		"Knot", "no more than five aliases are followed; RFC 1034 section 3.6.2, \"CNAME chains should be followed\", sets no bound",
		func(a *asked) bool { return count(a.ours.Answer, "cname") > 5 && count(a.knot.Answer, "cname") <= 5 },
	},
	{
		"Knot", "addresses from below a cut for MX and SRV; RFC 1034 section 4.2.1: glue RRs \"are only used as part of a referral response\"",
		func(a *asked) bool {
			theirs := a.knot
			theirs.Additional = slices.DeleteFunc(slices.Clone(theirs.Additional), func(line string) bool {
				return belowCut(a.zone, strings.Fields(line)[0])
			})
			return owns(a.ours.Answer, "", "mx", "srv") && sameAnswer(a, theirs)
		},
	},
	{
		"Knot", "a DNAME that leads below its own owner is followed until the fifth alias or YXDOMAIN; RFC 6672 section 3.2 has no end but YXDOMAIN, NSD and we stop when it comes again",
		func(a *asked) bool {
			return slices.ContainsFunc(a.ours.Answer, func(line string) bool {
				f := strings.Fields(line)
				return f[3] == "dname" && dns.IsSubDomain(f[0], f[4])
			})
		},
	},
	{
		"Knot", "a name next to one with the octet 0 at the end of a label is not found, or is taken for it; RFC 2181 section 11: \"any binary string whatever can be used as the label\"",
		func(a *asked) bool {
			return strings.Contains(a.name, `\000`) || slices.ContainsFunc(a.zone.Records, func(rr dns.RR) bool {
				return strings.Contains(rr.Header().Name, `\000`)
			})
		},
	},
	{
		"Knot", "after YXDOMAIN it goes on at the DNAME's target; RFC 6672 section 3.2: \"set RCODE to YXDOMAIN [RFC2136] and exit\"",
		func(a *asked) bool { return a.ours.Rcode == "YXDOMAIN" && a.nsd.Rcode == "YXDOMAIN" },
	},
}

func wildcardOwns(z *answertest.Zone, typ uint16) bool {
	return slices.ContainsFunc(z.Records, func(rr dns.RR) bool {
		return rr.Header().Rrtype == typ && strings.HasPrefix(rr.Header().Name, "*.")
	})
}

// exists reports whether a name owns records of the zone.
func exists(z *answertest.Zone, name string) bool {
	return slices.ContainsFunc(z.Records, func(rr dns.RR) bool { return strings.Fields(answertest.Line(rr))[0] == name })
}

// owns reports whether a section has a record of one of the types whose owner name begins so.
func owns(section []string, prefix string, types ...string) bool {
	return slices.ContainsFunc(section, func(line string) bool {
		return strings.HasPrefix(line, prefix) && slices.Contains(types, strings.Fields(line)[3])
	})
}

func count(section []string, typ string) int {
	n := 0
	for _, line := range section {
		if strings.Fields(line)[3] == typ {
			n++
		}
	}
	return n
}

// belowCut reports whether a name lies at or below a cut of the zone.
func belowCut(z *answertest.Zone, name string) bool {
	return slices.ContainsFunc(z.Records, func(rr dns.RR) bool {
		owner := rr.Header().Name
		return rr.Header().Rrtype == dns.TypeNS && !strings.EqualFold(owner, z.Origin) && dns.IsSubDomain(owner, name)
	})
}
