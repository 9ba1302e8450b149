package parity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/scripttest"
	"github.com/concord-dns/concord/internal/zone"
)

// TestReports makes reports of two zones that a script writes down.
func TestReports(t *testing.T) {
	scripttest.Run(t, "testdata/report/*.txt", func(t *testing.T) scripttest.Command {
		sides := map[string][]string{}
		cfg := config.Zone{}
		limits := Limits{}
		return func(words []string) (string, error) {
			switch words[0] {
			case "here", "there", "both": // SIDE RECORD
				line := strings.Join(words[1:], " ")
				for _, name := range []string{"here", "there"} {
					if words[0] == name || words[0] == "both" {
						sides[name] = append(sides[name], line)
					}
				}
				return "", nil
			case "compare":
				var err error
				cfg.Compare, err = config.ParseCompare(words[1])
				return "", err
			case "ignore": // ignore NAME: every type
				cfg.Ignore = append(cfg.Ignore, config.RecordName{Name: words[1]})
				return "", nil
			case "limits":
				_, err := fmt.Sscan(strings.Join(words[1:], " "), &limits.Records, &limits.Bytes, &limits.Count)
				return "", err
			case "report", "json":
				a, b := build(t, sides["here"]), build(t, sides["there"])
				c := NewComparison(&cfg, a.Apex(), [32]byte{1})
				r := c.Report(Side{"served", a}, Side{"ns2", b}, limits)
				if words[0] == "json" {
					text, err := json.MarshalIndent(r, "", " ")
					return strings.ReplaceAll(string(text), "\t", " "), err
				}
				var text strings.Builder
				_, err := r.WriteTo(&text)
				return strings.ReplaceAll(strings.ReplaceAll(text.String(), "\t", " "), "\n\n", "\n"), err
			}
			return "", scripttest.ErrUnknown
		}
	})
	if files, _ := filepath.Glob("testdata/report/*.txt"); len(files) == 0 {
		t.Error(os.ErrNotExist)
	}
}

// TestReportBounds has two zones with nothing in common.
func TestReportBounds(t *testing.T) {
	long := func(first, n int) *zone.Version {
		text := []string{"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300"}
		for i := range n {
			text = append(text, fmt.Sprintf("%06d.example.org. 3600 A 192.0.2.1", first+i))
		}
		return build(t, text)
	}
	var c *Comparison
	a, b := long(0, 6000), long(6000, 6000)
	for _, tt := range []struct {
		limits          Limits
		sets, cut, most int
	}{
		{Limits{}, 1000, 2, 90 << 10},
		{Limits{Records: 10}, 10, 2, 2 << 10},
		{Limits{Bytes: 100}, 3, 2, 1 << 10},
		{Limits{Records: 1 << 20, Bytes: 1 << 30, Count: 1 << 30}, 12000, 0, 2 << 20},
	} {
		r := c.Report(Side{"a", a}, Side{"b", b}, tt.limits)
		var text strings.Builder
		n, err := r.WriteTo(&text)
		if err != nil || int(n) != text.Len() || text.Len() > tt.most || len(r.Sets) != tt.sets || len(r.Cut) != tt.cut || r.Same {
			t.Errorf("%+v: %d sets, cut %q, %d octets, %v", tt.limits, len(r.Sets), r.Cut, text.Len(), err)
		}
	}
}
