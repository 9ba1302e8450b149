package main

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // in the error; none: no error
	}{
		{nil, ""},
		{[]string{"-quick", "-only", "queries,change", "-peers", "stock,concord", "-zones", "tld"}, ""},
		{[]string{"-only", "speed"}, `-only speed: "speed" is none of transfer, queries, change, swap, many, restart, reload, store`},
		{[]string{"-peers", "knot,dnsmasq"}, `"dnsmasq" is none of knot, nsd, bind, stock, concord`},
		{[]string{"-to", "fastest"}, `"fastest" is none of`},
		{[]string{"quick"}, `"quick" is no flag`},
	} {
		o, err := parse(tt.args)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%q: %v", tt.args, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%q: error %v, want %s", tt.args, err, tt.want)
		case err == nil && o.quick && (o.runs != 1 || o.settle > time.Second):
			t.Errorf("%q: %d runs, settling for %v, which is not quick", tt.args, o.runs, o.settle)
		}
	}
}

func TestParseStat(t *testing.T) {
	const line = "42 (a) b (c) S 1 77 77 0 -1 4194560 1 2 3 4 150 50 25 75 20 0 1 0 9 1000 10\n"
	s, err := parseStat(line)
	if err != nil {
		t.Fatal(err)
	}
	if want := (stat{77, 1.75, 1.25}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if _, err := parseStat("42 (a) S 1"); err == nil {
		t.Error("a short line gave no error")
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	group, err := syscall.Getpgid(0)
	if err != nil {
		t.Fatal(err)
	}
	u, err := usageOf(group)
	if os.IsNotExist(err) {
		t.Skip("no /proc")
	}
	if err != nil {
		t.Fatal(err)
	}
	if u.rss < mib || u.pss <= 0 || u.peak < u.rss || u.processes < 1 {
		t.Errorf("%+v", u)
	}
}

func TestParseCPUs(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []int
	}{{"0", []int{0}}, {"0-2,5", []int{0, 1, 2, 5}}, {"", nil}, {"a", nil}, {"0-99999999", nil}} {
		got, err := parseCPUs(tt.list)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%q: %v, %v; want %v", tt.list, got, err, tt.want)
		}
	}
}

// A process is stopped with its children, also when it has ended by itself.
func TestProcessStops(t *testing.T) {
	for _, script := range []string{"sleep 600 & echo here; wait", "exit 3"} {
		dir := filepath.Join(t.TempDir(), "p")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		p, err := startProcess(dir, anyCPU, "/bin/sh", "-c", script)
		if err != nil {
			t.Fatal(err)
		}
		p.stop()
		if err := p.ended(); err == nil || !strings.Contains(err.Error(), "sh has ended") {
			t.Errorf("%s: %v, want that it has ended", script, err)
		}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // a child that was killed is init's to reap
			if errors.Is(syscall.Kill(-p.group(), 0), syscall.ESRCH) {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%s: somebody is left of the group", script)
				break
			}
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: its files are still there", script)
		}
	}
}

func TestFreeAddr(t *testing.T) {
	addr, err := freeAddr("127.0.0.1", "127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	if addr.Addr() != netip.MustParseAddr("127.0.0.1") || addr.Port() == 0 {
		t.Errorf("%v", addr)
	}
}

func TestConfigsOfAllServers(t *testing.T) {
	conf := setup{Addr: netip.MustParseAddrPort("127.0.0.1:5300"), Workers: 1, Pprof: "127.0.0.1:6060"}
	for i := range 2 {
		conf.Primaries = append(conf.Primaries, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}), 5301))
	}
	for _, s := range servers {
		for _, zones := range [][]string{nil, {"a.test."}, {"a.test.", "b.test."}} {
			conf.Dir, conf.Zones = t.TempDir(), zones
			if err := writeConfig(s.config, conf.Dir, conf); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
			text, _ := os.ReadFile(filepath.Join(conf.Dir, "conf"))
			for i, name := range []string{"a.test.", "b.test."} {
				if got := strings.Contains(string(text), name); got != (i < len(zones)) {
					t.Errorf("%s with zones %q: its configuration is\n%s", s.name, zones, text)
				}
			}
		}
	}
}

func TestReport(t *testing.T) {
	r := results{Machine: "a machine", Runs: 3}
	stock, ours := &server{name: "stock"}, &server{name: "concord"}
	for run := range 3 {
		r.add("queries", "company", ours, run, map[string]float64{"cpu": 12 + float64(run), "rate": 50_000}, nil)
		r.add("queries", "company", stock, run, map[string]float64{"cpu": 20 + float64(run), "rate": 40_000}, nil)
		r.add("change", "tld AXFR", stock, run, nil, errors.New("it fell over"))
	}
	var out strings.Builder
	if err := r.write(&out, "stock"); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"stock 21.00 20.00-22.00 1.00 - - - - 40000 1.00",
		"concord 13.00 12.00-14.00 0.62 - - - - 50000 1.25",
		"reached 0.62, at most 0.80",
		"change, tld AXFR: stock: it fell over",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Count(text, "it fell over") != 1 || strings.Index(text, "stock 21.00") > strings.Index(text, "concord 13.00") {
		t.Errorf("notes are repeated, or servers are out of order:\n%s", out.String())
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{1, 2, 4, 9}); m != 3 {
		t.Errorf("%v, want 3", m)
	}
	if m := median(nil); !math.IsNaN(m) {
		t.Errorf("%v of nothing", m)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
