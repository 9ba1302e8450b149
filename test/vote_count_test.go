package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// judge fails the test when our answer is not that of the majority, nor what the RFCs say where decisions has the reason.
func judge(t *testing.T, b *ballot, tally map[string]int) bool {
	t.Helper()
	tally["questions"]++
	if b.typ == dns.TypeANY {
		return b.judgeAny(t, tally)
	}
	return b.judgeFields(t, tally)
}

func (b *ballot) judgeFields(t *testing.T, tally map[string]int) bool {
	t.Helper()
	ours := partsOf(b.ours)
	if !slices.ContainsFunc(b.votes(), func(r answertest.Response) bool { return !r.Equal(b.ours) }) {
		tally["all the same"]++
		return true
	}
	want, open := b.majority()
	var reasons []string
	for _, d := range decisions {
		if len(open) == 0 && want.equal(ours) {
			break
		}
		if d.applies(b) {
			if d.decide == nil {
				tally["not judged: "+d.what]++
				return true
			}
			open = d.decide(b, &want, open)
			reasons = append(reasons, d.what)
		}
	}
	if len(open) == 0 && want.equal(ours) {
		for _, what := range reasons {
			tally["decided: "+what]++
		}
		return true
	}
	t.Errorf("%s %s, DO %v, seed %d, zone signed with %q; no majority for %v; decisions: %q\n%s", b.name, dns.Type(b.typ), b.do, b.zone.seed, b.zone.signing,
		open, reasons, b.sheet(want))
	return false
}

// A field is a part of a response. The peers vote on each by itself where no two responses are the same as a whole.
type field int

const (
	header field = iota
	answers
	authority // without proofs
	proof     // NSEC and NSEC3 records of the authority section, with their signatures
	additional
	fields
)

func (f field) String() string {
	return [...]string{"header", "answer", "authority", "proof", "additional"}[f]
}

// parts are the fields of a response as lines.
type parts [fields][]string

func partsOf(r answertest.Response) (p parts) {
	p[header] = []string{fmt.Sprintf("%s aa %v tc %v", r.Rcode, r.AA, r.TC)}
	p[answers], p[additional] = r.Answer, r.Additional
	for _, line := range r.Authority {
		f := authority
		if isProof(line) {
			f = proof
		}
		p[f] = append(p[f], line)
	}
	return p
}

// isProof reports whether a record is an NSEC or NSEC3 record, or the signature of one.
func isProof(line string) bool {
	f := strings.Fields(line)
	typ := f[3]
	if typ == "rrsig" {
		typ = f[4]
	}
	return typ == "nsec" || typ == "nsec3"
}

func (p parts) equal(q parts) bool {
	for f := range fields {
		if !slices.Equal(p[f], q[f]) {
			return false
		}
	}
	return true
}

// majority returns what most peers answer, and the fields for which there is no majority.
func (b *ballot) majority() (want parts, open []field) {
	var votes []parts
	for _, r := range b.votes() {
		votes = append(votes, partsOf(r))
	}
	for i, p := range votes {
		for _, other := range votes[i+1:] {
			if p.equal(other) {
				return p, nil
			}
		}
	}
	for f := range fields {
		if !agree(f, votes, &want) {
			open = append(open, f)
		}
	}
	return want, open
}

func agree(f field, votes []parts, want *parts) bool {
	for i, p := range votes {
		for _, other := range votes[i+1:] {
			if slices.Equal(p[f], other[f]) {
				want[f] = p[f]
				return true
			}
		}
	}
	return false
}

// votes are the answers of the peers that have the zone and can tell its names.
func (b *ballot) votes() []answertest.Response {
	peers := b.peers[:]
	if b.zone.withoutBIND {
		peers = peers[:BINDVote]
	}
	if b.withoutNSD() {
		peers = peers[KnotVote:]
	}
	return peers
}

// withoutNSD reports whether NSD has no vote. It takes the owner names of NSEC3 records for names of the zone, which can be the
// closest encloser of others; RFC 5155 section 7.2.8 has them as names only if they own something else. And it does not follow
// a CNAME when asked for NSEC3, which no name owns.
func (b *ballot) withoutNSD() bool {
	return b.atHash() || b.typ == dns.TypeNSEC3 && (owns(b.peers[KnotVote].Answer, "", "cname") || owns(b.peers[BINDVote].Answer, "", "cname") ||
		slices.ContainsFunc(b.peers[NSDVote].Authority, func(line string) bool { return isProof(line) && strings.Contains(line, " cname ") }))
}

// atHash reports whether the name asked for, or one that aliases led to, is the owner name of an NSEC3 record or lies below.
func (b *ballot) atHash() bool {
	names := []string{strings.ToLower(b.name)}
	for _, line := range slices.Concat(b.peers[NSDVote].Answer, b.peers[KnotVote].Answer) {
		if f := strings.Fields(line); f[3] == "cname" {
			names = append(names, f[4])
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		labels := dns.CountLabel(name) - dns.CountLabel(b.zone.Origin)
		for range labels - 1 {
			name = answertest.Parent(name)
		}
		return labels > 0 && b.zone.hashes[name]
	})
}

// normalise takes out of the answers what a peer may say or not, and what is no difference.
func (b *ballot) normalise() {
	for i := range b.peers {
		r := &b.peers[i]
		// RFC 2181 section 5: an RRset has no record twice. The CNAME of a wildcard that leads to itself has from NSD and Knot, and
		// the address of a host that two SRV records name has from Knot.
		r.Answer, r.Authority, r.Additional = slices.Compact(r.Answer), slices.Compact(r.Authority), slices.Compact(r.Additional)
	}
	b.dropApexNS(&b.peers[NSDVote])
}

// dropApexNS drops the NS RRset of the apex, which NSD adds to the authority section of every positive answer unless it is
// told not to add anything, and the addresses that come with it. Neither Knot nor the examples of RFC 1034 sections 6.2.1 to
// 6.2.3 have it.
func (b *ballot) dropApexNS(r *answertest.Response) {
	apex := strings.ToLower(b.zone.Origin)
	hosts := map[string]bool{}
	if len(r.Answer) == 0 || !r.AA || r.Rcode != "NOERROR" {
		return
	}
	r.Authority = slices.DeleteFunc(r.Authority, func(line string) bool {
		f := strings.Fields(line)
		if f[0] == apex && f[3] == "ns" {
			hosts[f[4]] = true
		}
		return f[0] == apex && (f[3] == "ns" || f[3] == "rrsig" && f[4] == "ns")
	})
	for _, line := range r.Answer {
		// The answer names it, too: then its addresses belong there, but those from below a cut only to name servers.
		if f := strings.Fields(line); slices.Contains([]string{"ns", "mx", "srv"}, f[3]) && (f[3] == "ns" || !belowCut(b.zone.Zone, f[len(f)-1])) {
			delete(hosts, f[len(f)-1])
		}
	}
	r.Additional = slices.DeleteFunc(r.Additional, func(line string) bool { return hosts[strings.Fields(line)[0]] })
}

// sheet shows who says what: a line for each record, with the letters of those that have it. Signatures are left out unless all
// else is the same.
func (b *ballot) sheet(want parts) string {
	columns := []parts{partsOf(b.peers[NSDVote]), partsOf(b.peers[KnotVote]), partsOf(b.peers[BINDVote]), partsOf(b.ours), want}
	for _, signatures := range []bool{false, true} {
		who := map[string][]byte{}
		for i, p := range columns {
			for f, section := range p {
				for _, line := range section {
					if !signatures && strings.Contains(line, " in rrsig ") {
						continue
					}
					line = fmt.Sprint(field(f), ": ", line)
					if who[line] == nil {
						who[line] = []byte(".....")
					}
					who[line][i] = "NKBow"[i]
				}
			}
		}
		differ := false
		var lines []string
		for line, letters := range who {
			lines = append(lines, string(letters)+" "+line)
			differ = differ || (letters[3] == 'o') != (letters[4] == 'w')
		}
		if differ || signatures {
			slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[6:], b[6:]) })
			return "NSD, Knot, BIND, ours, wanted\n" + strings.Join(lines, "\n") + "\n"
		}
	}
	return ""
}
