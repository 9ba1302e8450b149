package test

import (
	"strings"

	"github.com/miekg/dns"
)

// A difference is a case in which a peer does not answer as we do, and what decides.
type difference struct {
	who, what string
	is        func(a *asked) bool
}

var knownDifferences = []difference{
	{
		who:  "Knot",
		what: "DS at the apex: RFC 4035 section 2.4, \"A DS RRset SHOULD be present at a delegation point\", and never at an apex",
		is:   func(a *asked) bool { return a.typ == dns.TypeDS && strings.EqualFold(a.name, a.zone.Origin) },
	},
}
var _ = dns.TypeA
