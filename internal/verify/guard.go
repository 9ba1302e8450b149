package verify

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// guard holds a copy against what is served: what it would take away, and how much it would change.
//
// Percentages are of the records that the zone is made for (see isData). A zone that is signed anew has other RRSIG records
// throughout, and one whose algorithm is rolled has twice as many and then half: that is no change of what the zone
// says, and whether signatures are right is for the check of dnssec. A TTL is no record: one that differs, without the
// data, is no change, or a zone could not have its TTLs lowered. A replaced record is one change, not two.
//
// MinRecords and MaxRecords are of all records, as metrics count them.
type guard struct {
	cfg     *config.Guard
	keep    []keep
	apex    zone.Name
	changed int
	kept    int // RRsets that had to stay and are gone
	dots    dots
	found   []Finding
}

// The rules of the guard check, as the Corefile has them, and two that have no property.
const (
	ruleShrink   = "shrink"
	ruleChange   = "change"
	ruleRecords  = "records"
	ruleKeep     = "keep"
	ruleDots     = "dots"
	ruleUnsigned = "unsigned"
)

// keep is a config.RecordName in the form that changes are compared in.
type keep struct {
	key   zone.Key
	below bool // all names below it, and not itself
	typ   uint16
}

func newKeeps(cfg *config.Guard, apex zone.Name) []keep {
	var keeps []keep
	for _, r := range cfg.Keep {
		name, below := strings.CutPrefix(r.Name, "*.")
		k := keep{below: below, typ: r.Type}
		n, err := zone.ParseName(name)
		if err != nil {
			continue // config has refused it
		}
		var ok bool
		if k.key, ok = zone.AppendKey(nil, n, apex); !ok {
			continue // never in the zone, so never gone
		}
		keeps = append(keeps, k)
	}
	return keeps
}

// covers reports whether an RRset is one that must stay. Of all types, those that a signer makes are none: they go when the
// way of denial changes.
func (k *keep) covers(key zone.Key, typ uint16) bool {
	if k.typ != typ && (k.typ != 0 || !isData(typ)) {
		return false
	}
	if k.below {
		return len(key) > len(k.key) && bytes.HasPrefix(key, k.key)
	}
	return bytes.Equal(key, k.key)
}

// checkGuard compares the two, in time that goes with their difference; data says how many records of either isData. While
// nothing is served there is nothing to compare with, and MinRecords and MaxRecords alone say how much of a zone is one.
func checkGuard(ctx context.Context, cfg *config.Guard, keeps []keep, served, v *zone.Version, servedData, data int) ([]Finding, error) {
	if cfg.Off || served != nil && served.Root() == v.Root() {
		return nil, nil
	}
	g := &guard{cfg: cfg, keep: keeps, apex: v.Apex()}
	if served == nil {
		g.total(v)
		return g.found, nil
	}
	n := 0
	for c := range zone.Changes(served, v) {
		if n++; n%pause == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if isData(c.Type) {
			g.changed += differing(c)
		}
		g.dots.change(c, g.apex)
		if c.After.Count == 0 {
			g.gone(v, c)
		}
	}
	if left := g.kept - len(g.found); left > 0 {
		g.fail(ruleKeep, "%d more", left)
	}
	g.amounts(served, v, servedData, data)
	if g.dots.lost() {
		g.fail(ruleDots, "%d of %d changed names in RDATA are the served ones with the zone's name appended: "+
			"final dots are missing where the zone is made; approve it if it is meant", g.dots.appended, g.dots.changed)
	}
	return g.found, nil
}

// amounts holds the sums against their bounds.
func (g *guard) amounts(served, v *zone.Version, servedData, data int) {
	if servedData >= config.GuardFrom {
		if lost, most := servedData-data, g.cfg.Shrink; most > 0 && lost*100 > most*servedData {
			g.fail(ruleShrink, "%d of %d served records would be gone (%s), at most %d%% may; approve it if it is meant",
				lost, servedData, percent(lost, servedData), most)
		}
		if most := g.cfg.Change; most > 0 && g.changed*100 > most*servedData {
			g.fail(ruleChange, "%d records would be added, deleted or replaced, with %d served (%s), at most %d%% may; approve it if it is meant",
				g.changed, servedData, percent(g.changed, servedData), most)
		}
	}
	g.total(v)
	// Zones are made insecure on purpose, too. Who wants it held says guard keep for the apex's DNSKEY.
	if served.Signed() && !v.Signed() {
		g.found = append(g.found, Finding{CheckGuard, ruleUnsigned, "", 0,
			"the served version is signed and this one is not: validators answer SERVFAIL as long as the parent has DS records", Warning})
	}
}

// total holds how many records there are against the bounds of it.
func (g *guard) total(v *zone.Version) {
	switch n := v.Records(); {
	case g.cfg.MinRecords > 0 && n < g.cfg.MinRecords:
		g.fail(ruleRecords, "%d records, at least %d must be there; approve it if it is meant", n, g.cfg.MinRecords)
	case g.cfg.MaxRecords > 0 && n > g.cfg.MaxRecords:
		g.fail(ruleRecords, "%d records, at most %d may be there; approve it if it is meant", n, g.cfg.MaxRecords)
	}
}

func (g *guard) fail(rule, format string, args ...any) {
	g.found = append(g.found, Finding{CheckGuard, rule, "", 0, fmt.Sprintf(format, args...), Failure})
}

// gone is told of an RRset that is not there any more.
func (g *guard) gone(v *zone.Version, c zone.Change) {
	for i := range g.keep {
		if !g.keep[i].covers(c.Owner, c.Type) {
			continue
		}
		// Signatures are an RRset for each type that they cover, and one of those may go.
		if c.Type == dns.TypeRRSIG {
			if _, some := v.Find(c.Owner).Node.RRset(c.Type); some {
				continue
			}
		}
		if g.kept++; len(g.found) < maxExamples {
			owner := zone.Name(zone.AppendOwner(nil, c.Owner, g.apex)).String()
			g.found = append(g.found, Finding{CheckGuard, ruleKeep, owner, c.Type,
				"is served and would be gone; approve it if it is meant", Failure})
		}
		return
	}
}

// percent returns a share with one decimal, rounded up, so that 30.04% of at most 30% does not look like 30.0%.
func percent(n, of int) string {
	tenths := (n*1000 + of - 1) / of
	return fmt.Sprintf("%d.%d%%", tenths/10, tenths%10)
}

// differing returns how many records of a change differ in their data: the larger of how many are only before and only after.
func differing(c zone.Change) int {
	c.Before.TTL = c.After.TTL
	return c.Records()
}
