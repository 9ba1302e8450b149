package test

import (
	"slices"
	"strings"
	"testing"
)

// judgeAny compares answers to ANY. NSD and Knot answer with one RRset of the name (RFC 8482 section 4.1), BIND with all of them
// and so do we, or with one when asked to.
func (b *ballot) judgeAny(t *testing.T, tally map[string]int) bool {
	t.Helper()
	if !b.ownsAll(b.ours.Answer) {
		return b.judgeFields(t, tally) // NODATA, a name error, a referral, or aliases that a DNAME makes
	}
	rest := *b // all but the RRsets
	for i := range rest.peers {
		rest.peers[i].Answer, rest.peers[i].Additional = b.ours.Answer, b.ours.Additional
	}
	if !rest.judgeFields(t, tally) {
		return false
	}
	var all []string
	for _, r := range b.votes() {
		all = append(all, r.Answer...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	ours := b.ours.Answer
	if b.zone.signing == "" { // where BIND keeps DS to itself
		ours = slices.DeleteFunc(slices.Clone(ours), func(line string) bool { return strings.Fields(line)[3] == "ds" })
	}
	wrong := ""
	switch {
	case b.zone.withoutBIND:
		if !b.minimalAny && !subset(all, b.ours.Answer) {
			wrong = "ours is not all that the name owns"
		}
	case !subset(ours, all):
		wrong = "ours is more than the name owns"
	case b.minimalAny && len(types(b.ours.Answer)) > 1:
		wrong = "ours is not one RRset"
	case !b.minimalAny && !subset(all, b.ours.Answer):
		wrong = "ours is not all that the name owns"
	}
	if wrong != "" {
		t.Errorf("%s ANY, minimal %v, DO %v, seed %d, zone signed with %q: %s\n%s", b.name, b.minimalAny, b.do, b.zone.seed, b.zone.signing, wrong, b.sheet(parts{answers: all}))
	}
	return wrong == ""
}

// ownsAll reports whether records are all those of the name asked for.
func (b *ballot) ownsAll(section []string) bool {
	name := inLine(b.name)
	return len(section) > 0 && !slices.ContainsFunc(section, func(line string) bool { return strings.Fields(line)[0] != name })
}

func types(section []string) map[string]bool {
	found := map[string]bool{}
	for _, line := range section {
		if typ := strings.Fields(line)[3]; typ != "rrsig" {
			found[typ] = true
		}
	}
	return found
}
