package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// results is what a run has found.
type results struct {
	Machine  string
	Primary  string
	Versions []string
	Notes    []string
	Runs     int
	Quick    bool // zones too small to say anything
	Samples  []sample
}

// sample is one figure, or several that were taken together, of one server.
type sample struct {
	Part   string // as in -only
	Case   string // the zone; for a change also how it came
	Server string
	Run    int
	Values map[string]float64
}

// add keeps a sample, or a note that there is none.
func (r *results) add(part, of string, s *server, run int, values map[string]float64, err error) {
	if err != nil {
		r.note("%s, %s: %s: %v", part, of, s.name, err)
		return
	}
	r.Samples = append(r.Samples, sample{part, of, s.name, run, values})
}

// note keeps a sentence for the end of the report, once.
func (r *results) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, n) {
		r.Notes = append(r.Notes, n)
	}
}

func (r *results) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// column is one figure of a table.
type column struct {
	key, title string
	digits     int
	ratio      bool // print it as a ratio to the peer, too
}

var columns = map[string][]column{
	"transfer": {
		{"wall", "wall s", 3, true}, {"cpu", "CPU s", 2, true}, {"resident", "RSS MiB", 1, false}, {"idle", "idle", 1, false},
		{"peak", "peak", 1, false}, {"perRecord", "bytes/record", 0, true}, {"peakPerRecord", "at peak", 0, true},
	},
	"queries": {
		{"cpu", "CPU us", 2, true}, {"user", "user", 2, true}, {"sys", "sys", 2, true},
		{"rate", "answers/s", 0, true}, {"busy", "busy %", 0, false}, {"lost", "lost %", 2, false},
	},
	"change": {
		{"time", "ms", 1, true}, {"cpu", "CPU s", 2, true}, {"resident", "RSS MiB", 1, false}, {"peak", "peak", 1, false},
		{"peakRatio", "peak/RSS", 2, false}, {"peakAboveIdle", "above idle", 2, false},
	},
	"swap": {
		{"quiet", "quiet p99 ms", 2, false}, {"swap", "in the swap", 2, false}, {"ratio", "swap/quiet", 2, false},
		{"worst", "worst ms", 1, true}, {"wireQuiet", "quiet, from send", 2, false}, {"wireSwap", "in the swap, from send", 2, false},
		{"time", "swap ms", 0, true}, {"lost", "lost", 0, false}, {"late", "load late", 1, false},
	},
	"many": {
		{"wall", "wall s", 2, true}, {"cpu", "CPU s", 2, true}, {"resident", "RSS MiB", 1, false}, {"peak", "peak", 1, false},
		{"perZone", "KiB/zone", 1, true}, {"idleCPU", "idle CPU %", 2, false},
	},
	"restart": {
		{"all", "all s", 3, true}, {"first", "first s", 3, true}, {"cpu", "CPU s", 2, true}, {"resident", "RSS MiB", 1, false},
		{"peak", "peak", 1, false},
	},
	"reload": {
		{"time", "wall s", 2, true}, {"cpu", "CPU s", 2, false}, {"quiet", "quiet p99 ms", 2, false}, {"reload", "in the reload", 2, false},
		{"ratio", "reload/quiet", 2, false}, {"worst", "worst ms", 1, false}, {"behind", "p99 behind it", 2, false}, {"lost", "lost", 0, false},
		{"wrong", "wrong", 0, false}, {"sent", "transfers", 0, false}, {"peakRatio", "peak/RSS", 2, false}, {"late", "load late", 1, false},
	},
	"store": {
		{"on", "ms, on", 2, false}, {"off", "off", 2, false}, {"more", "more", 2, false}, {"fsync", "fsync", 2, false},
		{"over", "more less fsync", 2, false}, {"written", "KiB written", 0, false}, {"perRecord", "bytes/record", 1, false},
		{"growth", "growth %", 1, false}, {"changes", "after changes", 0, false},
	},
}

var titles = map[string]string{
	"transfer": "Transfer in, from exec to the first right SOA",
	"queries":  "An answer over UDP, the server on one CPU",
	"change":   "One record changed, from NOTIFY to the new serial",
	"swap":     "5,000 questions a second while one record changes and the whole zone comes",
	"many":     "Small zones, from exec to an answer for all of them",
	"restart":  "Killed and started again without a primary, from exec to an answer for all zones",
	"reload":   "5,000 questions a second for small zones while a Corefile is read that changes all of them",
	"store":    "One record changed, from NOTIFY to the new serial, with the store on and off; and what the store writes",
}

// write prints a table for each part and case: medians, and ratios to one server.
func (r *results) write(w io.Writer, to string) error {
	out := new(bytes.Buffer)
	fmt.Fprintf(out, "%s\n%s\n", r.Machine, strings.Join(r.Versions, "\n"))
	fmt.Fprintf(out, "runs: %d, medians; x: ratio to %s; least-most: of the first column\n", r.Runs, to)
	if r.Primary != "" {
		fmt.Fprintf(out, "primary: %s\n", r.Primary)
	}
	for _, part := range parts {
		for _, of := range r.cases(part) {
			fmt.Fprintf(out, "\n%s: %s\n", titles[part], of)
			r.table(out, part, of, to)
		}
	}
	if goals := r.goals(); len(goals) > 0 && !r.Quick {
		fmt.Fprintf(out, "\nWhat concord must reach\n%s\n", strings.Join(goals, "\n"))
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(out, "\n%s\n", strings.Join(r.Notes, "\n"))
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (r *results) table(w io.Writer, part, of, to string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer t.Flush()
	row := []string{""}
	for i, c := range columns[part] {
		row = append(row, c.title)
		if i == 0 {
			row = append(row, "least-most")
		}
		if c.ratio {
			row = append(row, "x")
		}
	}
	fmt.Fprintln(t, strings.Join(row, "\t")+"\t")
	for _, name := range r.names(part, of) {
		row := []string{name}
		for i, c := range columns[part] {
			v := r.values(part, of, name, c.key)
			row = append(row, format(median(v), c.digits))
			if i == 0 {
				row = append(row, spread(v, c.digits))
			}
			if c.ratio {
				row = append(row, format(median(v)/median(r.values(part, of, to, c.key)), 2))
			}
		}
		fmt.Fprintln(t, strings.Join(row, "\t")+"\t")
	}
}

func (r *results) cases(part string) []string {
	return r.distinct(func(s sample) (string, bool) { return s.Case, s.Part == part })
}

// names returns the servers that have a sample, in the order of servers.
func (r *results) names(part, of string) []string {
	names := r.distinct(func(s sample) (string, bool) { return s.Server, s.Part == part && s.Case == of })
	place := func(name string) int {
		first, _, _ := strings.Cut(name, " ")
		return slices.Index(serverNames(), first)
	}
	slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
	return names
}

func (r *results) distinct(of func(sample) (string, bool)) []string {
	var list []string
	for _, s := range r.Samples {
		if v, ok := of(s); ok && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// values returns all samples of a figure, sorted.
func (r *results) values(part, of, server, key string) []float64 {
	var list []float64
	for _, s := range r.Samples {
		if v, ok := s.Values[key]; ok && s.Part == part && s.Case == of && s.Server == server {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

// median returns the median of sorted values; not a number if there are none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func format(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

func spread(v []float64, digits int) string {
	if len(v) == 0 {
		return "-"
	}
	return format(v[0], digits) + "-" + format(v[len(v)-1], digits)
}
