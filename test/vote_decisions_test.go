package test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// A decision says what is right where the peers have no majority, or where the majority is not right. They are tried in this
// order until ours is right by one of them.
type decision struct {
	what    string
	applies func(b *ballot) bool
	// decide makes want what is right, and returns the fields that are still open.
	decide func(b *ballot, want *parts, open []field) []field
}

var decisions = []decision{
	{
		"a name for which NSD has no vote, in a zone that BIND does not take",
		func(b *ballot) bool { return len(b.votes()) == 1 },
		nil,
	},
	{
		"a chain of many aliases, or one without an end: Knot follows five, BIND eleven and says SERVFAIL when there are more, NSD follows all, but not a DNAME twice that leads below " +
			"its own owner. RFC 1034 section 3.6.2: \"CNAME chains should be followed\", for which it sets no bound; ours is 16, and what NSD does with DNAME. Where the name is too long before that, RFC 6672 section 2.2 wants YXDOMAIN",
		(*ballot).longChain,
		func(b *ballot, want *parts, open []field) []field {
			if !b.withinChain() {
				return open
			}
			if !b.withoutNSD() && slices.Equal(b.ours.Answer, b.peers[NSDVote].Answer) {
				*want = partsOf(b.peers[NSDVote])
			} else {
				*want = parts{header: {"NOERROR aa true tc false"}, answers: b.ours.Answer}
			}
			if _, tooLong := b.aliases(); tooLong {
				want[header] = []string{"YXDOMAIN aa true tc false"}
			}
			if want[proof] = nil; b.do && b.zone.signing != "" {
				want[proof] = b.zone.proof(b.name, b.ours)
			}
			return nil
		},
	},
	{
		"Knot, in a zone with the octet 0 at the end of a label, where BIND does not take the zone: it takes one name for another. RFC 2181 section 11: \"any binary string " +
			"whatever can be used as the label\"",
		func(b *ballot) bool { return b.zone.withoutBIND && b.zone.zeroOctet() },
		prefer(NSDVote),
	},
	{
		"Knot, in a zone with the octet 0 at the end of a label, where NSD has no vote",
		func(b *ballot) bool {
			return !b.zone.withoutBIND && b.zone.zeroOctet() && b.withoutNSD()
		},
		prefer(BINDVote),
	},
	{
		"Knot, in a zone with the octet 0 at the end of a label, where the others refer: BIND leaves out the addresses of hosts that are not below the cut, and NSD and Knot are the majority " +
			"elsewhere",
		func(b *ballot) bool {
			nsd, bind := partsOf(b.peers[NSDVote]), partsOf(b.peers[BINDVote])
			bind[additional] = nsd[additional]
			return b.zone.zeroOctet() && len(b.votes()) == len(voters) && owns(nsd[authority], "", "ns") && nsd.equal(bind)
		},
		prefer(NSDVote),
	},
	{
		"Knot finds no closest encloser that it could prove where empty non-terminals lead to nothing but what opt-out leaves out, and says NXDOMAIN without AA and SOA. RFC 5155 section " +
			"7.2.1 has the closest provable encloser for that",
		func(b *ballot) bool {
			return len(b.votes()) == 2 && b.peers[KnotVote].Rcode == "NXDOMAIN" && !b.peers[KnotVote].AA
		},
		func(b *ballot, want *parts, open []field) []field { return prefer(b.besideKnot())(b, want, open) },
	},
	{
		"NS of a wildcard: Knot refers to it, NSD has it as data, BIND does not take the zone. RFC 4592 section 4.2 leaves it open; the owner of a referral's NS must be " +
			"the name asked for or one above it, which a wildcard is not",
		func(b *ballot) bool { return b.zone.withoutBIND && owns(b.peers[KnotVote].Authority, "*.", "ns") },
		prefer(NSDVote),
	},
	{
		"DNAME of a wildcard, asked for below the wildcard itself: Knot gives it the name asked for as its owner. RFC 6672 section 3.2: \"copy that record into the answer section\"",
		(*ballot).wildcardDNAME,
		func(b *ballot, want *parts, open []field) []field { return prefer(b.besideKnot())(b, want, open) },
	},
	{
		"the same, and NSEC or RRSIG asked for by type where a CNAME is: NSD follows it. Elsewhere Knot and BIND are the majority",
		func(b *ballot) bool { return b.standsByCNAME() && b.wildcardDNAME() && !b.zone.withoutBIND },
		prefer(BINDVote),
	},
	{
		"NSEC asked for by type where a CNAME is, in a zone with NSEC3, at a name for which NSD has no vote",
		func(b *ballot) bool { return b.typ == dns.TypeNSEC && len(b.zone.hashes) > 0 && b.withoutNSD() },
		nil,
	},
	{
		"NSEC asked for by type where a CNAME is, in a zone with NSEC3: Knot and BIND do not follow it, NSD does. Their NODATA is bogus to a validator; RFC 5155 section 8.5: \"both the " +
			"QTYPE and the CNAME type are not set\" in the NSEC3 record",
		func(b *ballot) bool {
			return b.typ == dns.TypeNSEC && len(b.zone.hashes) > 0 && owns(b.peers[NSDVote].Answer, "", "cname")
		},
		prefer(NSDVote),
	},
	{
		"NSEC or RRSIG asked for by type where a CNAME is, in a zone that BIND does not take: NSD follows it. Elsewhere Knot and BIND are the majority",
		func(b *ballot) bool {
			return b.zone.withoutBIND && b.standsByCNAME() && !owns(b.peers[KnotVote].Authority, "*.", "ns") &&
				(owns(b.peers[NSDVote].Answer, "", "cname") || owns(b.peers[KnotVote].Answer, "", "cname"))
		},
		prefer(KnotVote),
	},
	{
		"RRSIG asked for by type: Knot gives those of one type only. RFC 4035 section 2.2: they form no RRset; all of them are what was asked for, as NSD and BIND have it elsewhere",
		func(b *ballot) bool { return b.typ == dns.TypeRRSIG && len(b.votes()) == 2 },
		func(b *ballot, want *parts, open []field) []field {
			want[answers] = b.peers[b.besideKnot()].Answer
			return without(open, answers)
		},
	},
	{
		"DS at the apex, in a zone that BIND does not take: NSD has none, and a proof that says there is one. Elsewhere Knot and BIND have it as data",
		func(b *ballot) bool {
			return b.zone.withoutBIND && b.typ == dns.TypeDS && owns(b.peers[KnotVote].Answer, strings.ToLower(b.zone.Origin)+" ", "ds")
		},
		prefer(KnotVote),
	},
	{
		"addresses from below a cut, in a zone that BIND does not take: Knot adds them to MX and SRV, too. Elsewhere NSD and BIND are the majority",
		func(b *ballot) bool { return b.zone.withoutBIND && len(b.peers[KnotVote].Additional) > 0 },
		func(b *ballot, want *parts, open []field) []field {
			want[additional] = b.peers[NSDVote].Additional
			return without(open, additional)
		},
	},
	{
		"addresses that a wildcard gives to a host, in a zone that BIND does not take: NSD leaves out labels of their owner between the first and the closest encloser. RFC 1034 " +
			"section 4.3.2 step 3c: the owner is the name that was looked for",
		func(b *ballot) bool { return b.zone.withoutBIND && len(b.peers[NSDVote].Additional) > 0 },
		func(b *ballot, want *parts, open []field) []field {
			want[additional] = b.peers[KnotVote].Additional
			if len(b.ours.Authority) == 0 {
				want[additional] = slices.DeleteFunc(slices.Clone(want[additional]), func(line string) bool { return belowCut(b.zone.Zone, strings.Fields(line)[0]) })
			}
			return without(open, additional)
		},
	},
	{
		"addresses that a wildcard gives to a host, where the wildcard has NS too, in a zone that BIND does not take: NSD leaves them out as if they were below a cut. RFC 4592 section " +
			"4.2 leaves NS of a wildcard open; where it is data in answers, as with NSD itself, nothing is cut off",
		func(b *ballot) bool {
			return b.zone.withoutBIND && len(b.peers[NSDVote].Additional) == 0 && len(b.peers[KnotVote].Additional) > 0
		},
		func(b *ballot, want *parts, open []field) []field {
			want[additional] = b.zone.ofWildcardNS(b.peers[KnotVote].Additional)
			return without(open, additional)
		},
	},
	{
		"the same where Knot refers to the NS of a wildcard: the addresses of the wildcard",
		func(b *ballot) bool {
			return b.zone.withoutBIND && len(b.peers[NSDVote].Additional) == 0 && owns(b.peers[KnotVote].Authority, "*.", "ns")
		},
		func(b *ballot, want *parts, open []field) []field {
			want[additional] = b.zone.ofWildcardNS(b.ours.Additional)
			return without(open, additional)
		},
	},
	{
		"addresses that a wildcard gives to a host, of which NSD leaves out labels, where Knot refers to the NS of a wildcard: NSD's addresses, under the names that were looked for",
		func(b *ballot) bool {
			return b.zone.withoutBIND && owns(b.peers[KnotVote].Authority, "*.", "ns") && slices.Equal(withoutOwners(b.ours.Additional), withoutOwners(b.peers[NSDVote].Additional))
		},
		func(b *ballot, want *parts, _ []field) []field {
			*want = partsOf(b.peers[NSDVote])
			want[additional] = b.ours.Additional
			return nil
		},
	},
	{
		"addresses that a wildcard gives to a host, of which NSD leaves out labels, where Knot adds others from below a cut: BIND has neither fault",
		func(b *ballot) bool {
			bind := b.peers[BINDVote].Additional
			return !b.zone.withoutBIND && slices.Equal(withoutOwners(b.peers[NSDVote].Additional), withoutOwners(bind)) && subset(bind, b.peers[KnotVote].Additional)
		},
		func(b *ballot, want *parts, open []field) []field {
			want[additional] = b.peers[BINDVote].Additional
			return without(open, additional)
		},
	},
	{
		"addresses where NSD has no vote. Of name servers BIND leaves out those of siblings that a wildcard gives, or in an answer those from below a cut, and NSD and Knot are the majority elsewhere; Knot adds them from below a cut " +
			"to MX and SRV, and NSD and BIND are the majority elsewhere",
		func(b *ballot) bool { return b.withoutNSD() && len(b.peers[KnotVote].Additional) > 0 },
		func(b *ballot, want *parts, open []field) []field {
			if want[additional] = b.peers[BINDVote].Additional; owns(slices.Concat(b.peers[KnotVote].Answer, b.peers[KnotVote].Authority), "", "ns") {
				want[additional] = b.peers[KnotVote].Additional
			}
			return without(open, additional)
		},
	},
	{
		"what BIND alone adds to NAPTR, AFSDB and LP, where NSD has no vote. NSD and Knot are the majority elsewhere",
		func(b *ballot) bool {
			return b.withoutNSD() && !b.zone.withoutBIND && owns(b.peers[KnotVote].Answer, "", "naptr", "afsdb", "lp")
		},
		func(b *ballot, want *parts, open []field) []field {
			want[additional] = b.peers[KnotVote].Additional
			return without(open, additional)
		},
	},
	{
		"ANY behind an alias: each answers with what it thinks best of the name it leads to",
		func(b *ballot) bool {
			return b.typ == dns.TypeANY && owns(b.ours.Answer, "", "cname") && owns(b.ours.Answer, "", "dname")
		},
		nil,
	},
	{
		"the proof is not complete, or not the smallest, with the majority. The RFCs' sentences stand beside what answertest.Prover does",
		func(b *ballot) bool { return b.do && b.zone.signing != "" },
		func(b *ballot, want *parts, open []field) []field {
			want[proof] = b.zone.proof(b.name, b.ours)
			return without(open, proof)
		},
	},
}

// besideKnot is the peer that votes beside Knot, where there is only one.
func (b *ballot) besideKnot() int {
	if b.withoutNSD() {
		return BINDVote
	}
	return NSDVote
}

// standsByCNAME reports whether records of the type asked for may stand beside a CNAME (RFC 4035 section 2.5): NSEC where no NSEC3
// is, and RRSIG.
func (b *ballot) standsByCNAME() bool {
	return b.typ == dns.TypeRRSIG || b.typ == dns.TypeNSEC && len(b.zone.hashes) == 0
}

func (b *ballot) wildcardDNAME() bool { return owns(b.peers[b.besideKnot()].Answer, "*.", "dname") }

// longChain reports whether a peer says that there are more aliases than it follows, or may have stopped without that.
func (b *ballot) longChain() bool {
	growing := slices.ContainsFunc(b.ours.Answer, func(line string) bool {
		f := strings.Fields(line)
		return f[3] == "dname" && dns.IsSubDomain(f[0], f[4])
	})
	return growing || b.peers[BINDVote].Rcode == "SERVFAIL" || count(b.peers[NSDVote].Answer, "cname") >= 5 || count(b.peers[KnotVote].Answer, "cname") >= 5
}

// withinChain reports whether our aliases are the beginning of a peer's, or all of them, and go at least as far as those of another.
func (b *ballot) withinChain() bool {
	// NSD knows the aliases where it has no vote on what they lead to, too. It may go less far than we do.
	shorter, longer := b.withoutNSD() && subset(b.ours.Answer, b.peers[NSDVote].Answer), false
	if n, tooLong := b.aliases(); n == ourAliases || tooLong {
		shorter = true
	}
	for i, r := range b.votes() {
		if b.withoutNSD() {
			i += KnotVote
		}
		if i == KnotVote && (b.wildcardDNAME() || b.zone.zeroOctet()) {
			continue
		}
		shorter = shorter || subset(b.ours.Answer, r.Answer)
		longer = longer || subset(r.Answer, b.ours.Answer)
	}
	return shorter && (longer || b.withoutNSD())
}

// ourAliases is how many aliases internal/answer follows.
const ourAliases = 16

// aliases follows our aliases from the name asked for on, as the CNAME and DNAME records of the zone make them. It returns how many
// there are, and whether a DNAME record makes a name of the last that is too long (RFC 6672 section 2.2).
func (b *ballot) aliases() (n int, tooLong bool) {
	name := inLine(b.name)
	for {
		target := ""
		if i := slices.IndexFunc(b.ours.Answer, func(line string) bool { f := strings.Fields(line); return f[0] == name && f[3] == "cname" }); i >= 0 {
			target = strings.Fields(b.ours.Answer[i])[4]
		}
		made := false
		for _, rr := range b.zone.Records {
			f := strings.Fields(answertest.Line(rr))
			above, below := strings.CutSuffix(name, "."+f[0])
			if below = below && f[3] == "dname"; below {
				_, err := zone.ParseName(above + "." + f[4])
				tooLong = tooLong || target == "" && n < ourAliases && err != nil
			}
			made = made || below && above+"."+f[4] == target || f[3] == "cname" && f[0] == name && f[4] == target
		}
		if target == "" || !made || n == ourAliases {
			return n, tooLong
		}
		name, n = target, n+1
	}
}

// prefer decides for a peer.
func prefer(peer int) func(*ballot, *parts, []field) []field {
	return func(b *ballot, want *parts, _ []field) []field {
		*want = partsOf(b.peers[peer])
		return nil
	}
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(line string) bool { return !slices.Contains(all, line) })
}

// withoutOwners returns records without their owner names, sorted.
func withoutOwners(section []string) (rest []string) {
	for _, line := range section {
		_, data, _ := strings.Cut(line, " ")
		rest = append(rest, data)
	}
	slices.Sort(rest)
	return rest
}

// zeroOctet reports whether a label of the zone ends with the octet 0.
func (z *votedZone) zeroOctet() bool {
	return slices.ContainsFunc(z.Records, func(rr dns.RR) bool { return strings.Contains(rr.Header().Name, `\000.`) })
}

// ofWildcardNS returns the records that wildcards with NS records make, for names that do not lie below a cut.
func (z *votedZone) ofWildcardNS(section []string) (made []string) {
	makes := func(wildcard dns.RR, line string) bool {
		name, data, _ := strings.Cut(line, " ")
		owner, own, _ := strings.Cut(answertest.Line(wildcard), " ")
		return strings.HasPrefix(owner, "*.") && data == own && dns.IsSubDomain(owner[2:], name) &&
			slices.ContainsFunc(z.Records, func(rr dns.RR) bool {
				return rr.Header().Rrtype == dns.TypeNS && strings.EqualFold(rr.Header().Name, owner)
			})
	}
	for _, line := range section {
		if !belowCut(z.Zone, strings.Fields(line)[0]) && slices.ContainsFunc(z.Records, func(rr dns.RR) bool { return makes(rr, line) }) {
			made = append(made, line)
		}
	}
	return made
}

// without returns the fields that are open when one is decided.
func without(open []field, decided field) []field {
	return slices.DeleteFunc(slices.Clone(open), func(f field) bool { return f == decided })
}

// proof returns the records that the RFCs want as a proof in a response.
func (z *votedZone) proof(name string, r answertest.Response) []string {
	if z.prover == nil {
		z.prover = answertest.NewProver(z.Zone)
	}
	owners := z.prover.Proof(name, r)
	var lines []string
	for _, rr := range z.Records {
		if line := answertest.Line(rr); isProof(line) && slices.Contains(owners, strings.Fields(line)[0]) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}
