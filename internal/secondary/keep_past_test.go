package secondary

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/zone"
)

// TestKeepPast has a primary go on that is not the source, and the process end: that the other is behind is known all the same, though
// roots of contents mean nothing any more.
func TestKeepPast(t *testing.T) {
	for _, compare := range []config.Compare{config.CompareStrict, config.CompareContent} {
		cfg := policy(all)
		cfg.Compare = compare
		onDisk(t, cfg, func(d *disk) {
			d.hold("ns2", "8", "ab")
			d.notify("ns2")
			d.advance(time.Minute)
			d.want("7, lagging")
			for _, crash := range []bool{false, true} {
				d.reboot(crash, time.Minute)
				d.want("7, lagging")
				d.zone.Start()
				d.advance(time.Minute)
				d.want("7, lagging")
			}
			if past := d.zone.life.primaries[1].seen.Past; len(past) != 1 || past[0].Serial != 7 {
				t.Errorf("%s: past %+v", compare, past)
			}
			d.hold("ns1", "8", "ab")
			d.notify("ns1")
			d.advance(time.Second)
			d.want("8, in parity")

			// Of another comparison, or without the version, nothing is known.
			d.zone.Stop()
			d.zone.Keep()
			d.config.Ignore = append(d.config.Ignore, config.RecordName{Name: "q.example.org.", Type: dns.TypeA})
			d.shut()
			d.open()
			d.process++
			d.zone = d.zoneWith(Options{Kept: d.load()})
			d.want("8, in parity")
			if past := d.zone.life.primaries[1].seen.Past; len(past) != 0 {
				t.Errorf("%s: past of another comparison %+v", compare, past)
			}
		})
	}
}

func TestTranslate(t *testing.T) {
	root := func(b byte) zone.Hash { return zone.Hash{b} }
	const f, b, k = parity.Forward, parity.Back, parity.Kept
	for _, tt := range []struct {
		name  string
		steps []parity.Step // to 1, 2, 3, and to what it holds
		known string
		want  []parity.Step // of those that are known, and of what it holds
	}{
		{"all", []parity.Step{f, k, b, f}, "123", []parity.Step{f, k, b, f}},
		{"none", []parity.Step{f, b, f, f}, "", []parity.Step{b}},
		{"a gap that goes forward", []parity.Step{f, f, f, f}, "13", []parity.Step{f, f, f}},
		{"a gap that went back", []parity.Step{f, b, f, f}, "13", []parity.Step{f, b, f}},
		{"a gap that kept its serial", []parity.Step{f, k, f, f}, "13", []parity.Step{f, k, f}},
		{"a gap at the end", []parity.Step{f, f, b, k}, "12", []parity.Step{f, f, b}},
		{"back after a kept one", []parity.Step{f, k, b, f}, "13", []parity.Step{f, b, f}},
	} {
		var past []parity.Sighting
		for i, s := range tt.steps[:3] {
			past = append(past, parity.Sighting{Root: root(byte(1 + i)), Serial: zone.Serial(i), Step: s})
		}
		line, last := translate(past, tt.steps[3], func(h zone.Hash) zone.Hash {
			for _, c := range tt.known {
				if h == root(byte(c-'0')) {
					return root(h[0] + 100)
				}
			}
			return zone.Hash{}
		})
		got := make([]parity.Step, 0, 4)
		for i, s := range line {
			if s.Root != root(tt.known[i]-'0'+100) {
				t.Errorf("%s: root %v", tt.name, s.Root)
			}
			got = append(got, s.Step)
		}
		got = append(got, last)
		if len(got) != len(tt.want) {
			t.Fatalf("%s: %v, want %v", tt.name, got, tt.want)
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
	}
}
