package main

import "fmt"

// goal is a figure that concord is held to: absolute where the figure hardly depends on the machine, else a ratio.
type goal struct {
	part, of, key string
	server, to    string  // ratio of a server to another; to none: absolute
	most          float64 // 0: not once, in any run
	what          string
}

var goals = []goal{
	{"transfer", "tld", "perRecord", "concord", "", 70, "resident bytes a record of tld, above the idle server"},
	{"transfer", "tld", "peakPerRecord", "concord", "", 2.5 * 70, "the same at its peak"},
	{"transfer", "company", "perRecord", "concord", "", 150, "resident bytes a record of company, above the idle server"},
	{"transfer", "company", "peakPerRecord", "concord", "", 2.5 * 150, "the same at its peak"},
	{"transfer", "tld", "wall", "concord", "stock", 1, "time to serve tld from two primaries, to stock CoreDNS from one"},
	{"transfer", "tld", "wall", "concord", "knot", 1, "the same, to Knot (an aim)"},
	{"transfer", "tld", "wall", "concord1", "knot", 1, "time to serve tld from one primary, to Knot"},
	{"transfer", "tld", "cpu", "concord1", "knot", 1, "CPU time for it, to Knot"},
	{"queries", "company", "cpu", "concord", "stock", 0.8, "CPU time of an answer, to stock CoreDNS"},
	{"change", "tld IXFR", "time", "concord", "", 6, "ms from NOTIFY to one changed record of tld, from two primaries that agree"},
	{"change", "tld AXFR", "peakRatio", "concord", "", 1.6, "peak memory while tld is transferred again, to that before"},
	{"change", "tld AXFR", "peakAboveIdle", "concord", "", 1.6, "the same above the idle server, from two primaries"},
	{"change", "tld AXFR", "peakAboveIdle", "concord1", "", 1.6, "the same above the idle server, from one primary"},
	{"swap", "tld", "ratio", "concord", "", 2, "p99 of queries while tld is swapped in, to the quiet p99, from two primaries"},
	{"swap", "tld", "ratio", "concord1", "", 2, "the same from one primary"},
	{"many", "zones", "wall", "concord", "nsd", 1, "time to serve 10,000 zones from two primaries, to NSD from one"},
	{"many", "zones", "wall", "concord", "stock", 1, "the same, to stock CoreDNS from one"},
	{"many", "zones", "perZone", "concord", "", 24, "KiB resident a zone, above the idle server"},
	{"many", "zones", "idleCPU", "concord", "", 1, "percent of a CPU while 10,000 zones are at rest"},
	{"restart", "company and tld", "all", "concord", "knot", 0.48, "time to serve company and tld again without a primary, to Knot"},
	{"restart", "many", "all", "concord", "", 1, "s to serve 10,000 zones again without a primary"},
	{"reload", "zones", "time", "concord", "", 2, "s to read a Corefile in which all of 10,000 zones are others"},
	{"reload", "zones", "ratio", "concord", "", 2, "p99 of queries meanwhile, to the quiet p99"},
	{"reload", "zones", "lost", "concord", "", 0, "queries that were not answered"},
	{"reload", "zones", "wrong", "concord", "", 0, "wrong answers"},
	{"reload", "zones", "sent", "concord", "", 0, "transfers"},
	{"store", "tld", "perRecord", "concord", "", 80, "bytes of the file a record of tld"},
	{"store", "tld", "written", "concord", "", 256, "KiB written for one changed record of tld"},
	{"store", "tld", "growth", "concord", "", 30, "percent that the file grows by 1,000 changes"},
	{"store", "tld", "over", "concord", "", 5, "ms to one changed record of tld, more than with the store off and an fsync"},
}

// goals says of each goal whether it is reached, as far as it was measured.
func (r *results) goals() []string {
	var list []string
	for _, g := range goals {
		values := r.values(g.part, g.of, g.server, g.key)
		if g.most == 0 && len(values) > 0 {
			values = values[len(values)-1:]
		}
		reached := median(values)
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
