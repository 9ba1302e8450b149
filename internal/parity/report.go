package parity

import (
	"fmt"
	"slices"

	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// Report is how two versions of a zone differ, RRset by RRset. It is bounded:
// Cut says what was left out of it.
type Report struct {
	Zone       string      `json:"zone"`
	Comparison string      `json:"comparison"`
	Here       ReportSide  `json:"here"`
	There      ReportSide  `json:"there"`
	Same       bool        `json:"same"`  // nothing that is compared differs
	Total      Count       `json:"total"` // of what is compared
	Types      []TypeCount `json:"types,omitempty"`
	Sets       []SetReport `json:"sets,omitempty"` // in canonical order of owner names
	Aside      []TypeCount `json:"aside,omitempty"`
	Ignored    []TypeCount `json:"ignored,omitempty"`
	Notes      []string    `json:"notes,omitempty"`
	Cut        []string    `json:"cut,omitempty"`
}

// ReportSide is one of the two versions.
type ReportSide struct {
	Name    string `json:"name"`
	Serial  uint32 `json:"serial"`
	Records int    `json:"records"`
	Root    string `json:"root"`
}

// Count counts records that differ.
type Count struct {
	RRsets    int `json:"rrsets"`
	OnlyHere  int `json:"only_here"`  // in RRsets that the other side does not have
	OnlyThere int `json:"only_there"` // likewise
	Differing int `json:"differing"`  // in RRsets of both sides, the larger of the two
	TTL       int `json:"ttl"`        // the same but for their TTL
}

// TypeCount is the Count of one type.
type TypeCount struct {
	Type string `json:"type"`
	Count
}

// SetReport is one RRset that differs: the records that one side has and the
// other has not, in master-file form (RFC 1035 section 5.1).
type SetReport struct {
	Owner string   `json:"owner"`
	Type  string   `json:"type"`
	Kind  string   `json:"kind"` // "only here", "only there", "differing" or "ttl"
	Here  []string `json:"here,omitempty"`
	There []string `json:"there,omitempty"`
	Cut   int      `json:"cut,omitempty"` // records that were left out
}

const (
	onlyHere  = "only here"
	onlyThere = "only there"
	differing = "differing"
	onlyTTL   = "ttl"
)

// Side is a version with a name for people, such as "served" or "ns1".
type Side struct {
	Name    string
	Version *zone.Version
}

// Limits bound a Report.
type Limits struct {
	Records int // that are listed; 0 is 1,000
	Bytes   int // of their text; 0 is 256 KiB
	Count   int // records that are counted; 0 is MaxDiffering
}

func (l Limits) withDefaults() Limits {
	if l.Records == 0 {
		l.Records = 1000
	}
	if l.Bytes == 0 {
		l.Bytes = 256 << 10
	}
	if l.Count == 0 {
		l.Count = MaxDiffering
	}
	return l
}

// Report tells how two versions of one zone differ, with work that goes with
// the difference. Records whose RDATA is compared and differs are listed; what
// is left aside or ignored is counted.
func (c *Comparison) Report(here, there Side, limits Limits) *Report {
	w := reporter{comparison: c, limits: limits.withDefaults(), apex: here.Version.Apex()}
	w.report = &Report{
		Zone: w.apex.String(), Comparison: c.Kind().String(), Here: reportSide(here), There: reportSide(there),
	}
	for change := range zone.Changes(here.Version, there.Version) {
		if !w.add(change) {
			w.cut("counting ended at %d records", w.counted)
			break
		}
	}
	w.finish(here, there)
	return w.report
}

func reportSide(s Side) ReportSide {
	return ReportSide{Name: s.Name, Serial: uint32(s.Version.Serial()), Records: s.Version.Records(), Root: s.Version.Root().String()}
}

// reporter is one call of Report.
type reporter struct {
	comparison *Comparison
	limits     Limits
	apex       zone.Name
	report     *Report

	types   [3]map[uint16]*Count // by Part
	counted int
	listed  int
	bytes   int
	omitted int // RRsets that are counted and not listed
	flat    flattening
}

// add takes in one RRset, and reports whether there is room for more.
func (w *reporter) add(c zone.Change) bool {
	part := w.comparison.part(c.Owner, c.Type, covered(c))
	d := split(c)
	if w.types[part] == nil {
		w.types[part] = make(map[uint16]*Count)
	}
	n := w.types[part][c.Type]
	if n == nil {
		n = new(Count)
		w.types[part][c.Type] = n
	}
	kind := n.add(c, d)
	if part == Compared {
		w.report.Total.add(c, d)
		if w.flat.see(c) {
			w.flat.first = w.owner(c).String()
		}
		w.list(c, d, kind)
	}
	w.counted += d.records()
	return w.counted <= w.limits.Count
}

func (n *Count) add(c zone.Change, d setDifference) (kind string) {
	n.RRsets++
	switch {
	case c.After.Count == 0:
		n.OnlyHere += d.here
		return onlyHere
	case c.Before.Count == 0:
		n.OnlyThere += d.there
		return onlyThere
	}
	n.Differing += max(d.here, d.there)
	n.TTL += d.ttl
	if d.here == 0 && d.there == 0 {
		return onlyTTL
	}
	return differing
}

// list writes the records of an RRset, as many as there is room for.
func (w *reporter) list(c zone.Change, d setDifference, kind string) {
	if w.listed >= w.limits.Records || w.bytes >= w.limits.Bytes {
		w.omitted++
		return
	}
	owner := w.owner(c)
	set := SetReport{Owner: owner.String(), Type: dns.Type(c.Type).String(), Kind: kind}
	eachRDATA(c, func(data []byte, here, there bool) {
		if here && there && d.ttl == 0 {
			return
		}
		if w.listed >= w.limits.Records || w.bytes >= w.limits.Bytes {
			set.Cut++
			return
		}
		w.listed++
		if here {
			set.Here = append(set.Here, w.text(zone.Record{Owner: owner, Type: c.Type, TTL: c.Before.TTL, Data: data}))
		}
		if there {
			set.There = append(set.There, w.text(zone.Record{Owner: owner, Type: c.Type, TTL: c.After.TTL, Data: data}))
		}
	})
	w.report.Sets = append(w.report.Sets, set)
}

func (w *reporter) text(r zone.Record) string {
	s := r.String()
	w.bytes += len(s)
	return s
}

func (w *reporter) owner(c zone.Change) zone.Name {
	return zone.AppendOwner(nil, c.Owner, w.apex)
}

func (w *reporter) cut(format string, args ...any) {
	w.report.Cut = append(w.report.Cut, fmt.Sprintf(format, args...))
}

func (w *reporter) finish(here, there Side) {
	r := w.report
	r.Types, r.Aside, r.Ignored = typeCounts(w.types[Compared]), typeCounts(w.types[Aside]), typeCounts(w.types[Ignored])
	r.Same = r.Total.RRsets == 0 && len(r.Cut) == 0
	left := 0
	for _, s := range r.Sets {
		left += s.Cut
	}
	switch {
	case left > 0 && w.omitted > 0:
		w.cut("%d records of the RRsets listed and %d RRsets more are not listed", left, w.omitted)
	case left > 0:
		w.cut("%d records of the RRsets listed are not listed", left)
	case w.omitted > 0:
		w.cut("%d RRsets more are not listed", w.omitted)
	}
	if w.flat.names > 0 {
		r.Notes = append(r.Notes, w.flat.words()+": a primary that resolves aliases when it sends the zone has other data than the others, whatever is compared")
	}
	if r.Total.RRsets > 0 && r.Total.Differing+r.Total.OnlyHere+r.Total.OnlyThere == 0 {
		r.Notes = append(r.Notes, "only TTLs differ")
	}
	if !w.comparison.strict() {
		for _, f := range apexNS([]side{{name: here.Name, version: here.Version}, {name: there.Name, version: there.Version}}) {
			r.Notes = append(r.Notes, f.Detail)
		}
	}
}

// typeCounts returns the counts in the order of the types' numbers.
func typeCounts(counts map[uint16]*Count) []TypeCount {
	var types []uint16
	for typ := range counts {
		types = append(types, typ)
	}
	slices.Sort(types)
	list := make([]TypeCount, len(types))
	for i, typ := range types {
		list[i] = TypeCount{dns.Type(typ).String(), *counts[typ]}
	}
	return list
}
