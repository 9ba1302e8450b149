package parity

import (
	"fmt"
	"io"
	"strings"
)

// WriteTo writes the report for people, as a master file whose comments say
// what the records are. It makes an io.WriterTo of a Report.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "; "+format+"\n", args...) }
	line("%s: %s (serial %d, %d records) against %s (serial %d, %d records), compare %s", r.Zone,
		r.Here.Name, r.Here.Serial, r.Here.Records, r.There.Name, r.There.Serial, r.There.Records, r.Comparison)
	if r.Same {
		line("nothing that is compared differs")
	} else {
		line("%s", r.Total.words(r.Here.Name, r.There.Name))
		for _, t := range r.Types {
			line("  %s: %s", t.Type, t.words(r.Here.Name, r.There.Name))
		}
	}
	for _, left := range [...]struct {
		what  string
		types []TypeCount
	}{{"left aside", r.Aside}, {"ignored", r.Ignored}} {
		for _, t := range left.types {
			line("%s: %s: %s", left.what, t.Type, t.words(r.Here.Name, r.There.Name))
		}
	}
	for _, note := range r.Notes {
		line("note: %s", note)
	}
	for _, cut := range r.Cut {
		line("cut: %s", cut)
	}
	for i := range r.Sets {
		r.writeSet(&b, &r.Sets[i])
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (r *Report) writeSet(b *strings.Builder, s *SetReport) {
	records := func(name string, list []string) {
		if len(list) > 0 {
			fmt.Fprintf(b, "; %s\n%s\n", name, strings.Join(list, "\n"))
		}
	}
	fmt.Fprintf(b, "\n; %s %s: %s\n", s.Owner, s.Type, s.words(r.Here.Name, r.There.Name))
	records(r.Here.Name, s.Here)
	records(r.There.Name, s.There)
	if s.Cut > 0 {
		fmt.Fprintf(b, "; %d records more\n", s.Cut)
	}
}

func (s *SetReport) words(here, there string) string {
	switch s.Kind {
	case onlyHere:
		return "only " + here + " has it"
	case onlyThere:
		return "only " + there + " has it"
	case onlyTTL:
		return "differs in TTL alone"
	}
	return "differs"
}

// words returns "3 RRsets: 2 records only in served, 1 record differing".
func (n Count) words(here, there string) string {
	text := fmt.Sprintf("%d RRsets:", n.RRsets)
	if n.RRsets == 1 {
		text = "1 RRset:"
	}
	sep := " "
	add := func(count int, how string) {
		switch {
		case count == 1:
			text += sep + "1 record " + how
		case count > 1:
			text += sep + fmt.Sprintf("%d records %s", count, how)
		default:
			return
		}
		sep = ", "
	}
	add(n.OnlyHere, "only in "+here)
	add(n.OnlyThere, "only in "+there)
	add(n.Differing, "differing")
	add(n.TTL, "differing in TTL")
	return text
}
