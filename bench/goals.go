package main

import "fmt"

// goal is a figure that concord is held to: absolute where the figure hardly depends on the machine, else a ratio.
type goal struct {
	part, of, key string
	to            string // ratio to this server; none: absolute
	most          float64
	what          string
}

var goals = []goal{
	{"transfer", "tld", "perRecord", "", 70, "resident bytes a record of tld, above the idle server"},
	{"transfer", "tld", "peakPerRecord", "", 2.5 * 70, "the same at its peak"},
	{"transfer", "company", "perRecord", "", 150, "resident bytes a record of company, above the idle server"},
	{"transfer", "company", "peakPerRecord", "", 2.5 * 150, "the same at its peak"},
	{"transfer", "tld", "wall", "stock", 1, "time to serve tld from two primaries, to stock CoreDNS from one"},
	{"transfer", "tld", "wall", "knot", 1, "the same, to Knot (an aim)"},
	{"queries", "company", "cpu", "stock", 0.8, "CPU time of an answer, to stock CoreDNS"},
}

// goals says of each goal whether it is reached, as far as it was measured.
func (r *results) goals() []string {
	var list []string
	for _, g := range goals {
		reached := median(r.values(g.part, g.of, "concord", g.key))
		if g.to != "" {
			reached /= median(r.values(g.part, g.of, g.to, g.key))
		}
		switch {
		case reached <= g.most:
			list = append(list, fmt.Sprintf("  reached  %6.2f, at most %6.2f: %s", reached, g.most, g.what))
		case reached > g.most:
			list = append(list, fmt.Sprintf("  MISSED   %6.2f, at most %6.2f: %s", reached, g.most, g.what))
		}
	}
	return list
}
