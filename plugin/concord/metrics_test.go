package concord

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/concord-dns/concord/internal/primarytest"
)

// gather returns the metrics of a registry as lines, without the buckets.
func gather(t *testing.T, r *registry) []string {
	t.Helper()
	p := prometheus.NewPedanticRegistry()
	p.MustRegister(collector{r}, transferDuration)
	families, err := p.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	var lines []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if h := m.GetHistogram(); h != nil {
				value = float64(h.GetSampleCount())
			}
			lines = append(lines, fmt.Sprintf("%s{%s} %v", f.GetName(), strings.Join(labels, ","), value))
		}
	}
	return lines
}

func TestMetrics(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "www A 192.0.2.1"))
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
		primary ns2 `+nobody(t).String()+`
		settle 1s
	}`, p))
	lines := gather(t, s.instance.process)
	for _, want := range []string{
		`coredns_concord_zone_serial{zone="example.org."} 7`,
		`coredns_concord_zone_records{zone="example.org."} 3`,
		`coredns_concord_zone_bytes{zone="example.org."} \d+`,
		`coredns_concord_zone_state{state="in_parity",zone="example.org."} 1`,
		`coredns_concord_zone_state{state="loading",zone="example.org."} 0`,
		`coredns_concord_zone_state{state="settling",zone="example.org."} 0`,
		`coredns_concord_zone_state{state="lagging",zone="example.org."} 0`,
		`coredns_concord_zone_state{state="drift",zone="example.org."} 0`,
		`coredns_concord_zone_state{state="expired",zone="example.org."} 0`,
		`coredns_concord_zone_last_swap_timestamp_seconds{zone="example.org."} 1\.\d+e\+09`,
		`coredns_concord_zone_expire_timestamp_seconds{zone="example.org."} 1\.\d+e\+09`,
		`coredns_concord_primary_serial{primary="ns1",zone="example.org."} 7`,
		`coredns_concord_primary_state{primary="ns1",state="agreeing",zone="example.org."} 1`,
		`coredns_concord_primary_state{primary="ns1",state="unreachable",zone="example.org."} 0`,
		`coredns_concord_primary_state{primary="ns2",state="unreachable",zone="example.org."} 1`,
		`coredns_concord_primary_last_success_timestamp_seconds{primary="ns1",zone="example.org."} 1\.\d+e\+09`,
		`coredns_concord_zone_state{state="held",zone="example.org."} 0`,
		`coredns_concord_zone_state{state="pinned",zone="example.org."} 0`,
		`coredns_concord_primary_state{primary="ns1",state="rejected",zone="example.org."} 0`,
		`coredns_concord_primary_state{primary="ns1",state="regressed",zone="example.org."} 0`,
		`coredns_concord_parity_differing_records{class="data",primary="ns1",zone="example.org."} 0`,
		`coredns_concord_parity_differing_records{class="ttl",primary="ns1",zone="example.org."} 0`,
		`coredns_concord_parity_differing_records{class="aside",primary="ns1",zone="example.org."} 0`,
		`coredns_concord_parity_differing_records{class="ignored",primary="ns1",zone="example.org."} 0`,
		`coredns_concord_parity_ignored_records{zone="example.org."} 0`,
		`coredns_concord_serial_regressions_total{primary="ns1",zone="example.org."} 0`,
		`coredns_concord_primary_lag_seconds{primary="ns1",zone="example.org."} 0`,
		`coredns_concord_transfers_total{kind="axfr",primary="ns1",result="success",zone="example.org."} 1`,
		`coredns_concord_transfer_duration_seconds{kind="axfr"} \d+`,
		`coredns_concord_transfer_bytes_total{primary="ns1",zone="example.org."} \d+`,
		`coredns_concord_swaps_total{zone="example.org."} 1`,
		`coredns_concord_notifies_total{result="accepted",zone="example.org."} 0`,
		`coredns_concord_notifies_total{result="folded",zone="example.org."} 0`,
		`coredns_concord_notifies_total{result="refused",zone="example.org."} 0`,
		`coredns_concord_notifies_total{result="unsigned",zone="example.org."} 0`,
		`coredns_concord_notifies_total{result="bad_signature",zone="example.org."} 0`,
		`coredns_concord_failures_total{phase="dial",primary="ns2",zone="example.org."} [1-9]\d*`,
		`coredns_concord_primary_failures{primary="ns1",zone="example.org."} 0`,
		`coredns_concord_primary_failures{primary="ns2",zone="example.org."} [1-9]\d*`,
		`coredns_concord_primary_axfr_instead{primary="ns1",zone="example.org."} 0`,
		`coredns_concord_connections_kept{} [01]`,
	} {
		if !hasMetric(lines, want) {
			t.Errorf("there is no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	for _, line := range lines {
		for _, not := range []string{"held_since", "hold_deadline", "rrsig_earliest", "check_failures"} {
			if strings.Contains(line, not) {
				t.Errorf("%s, of a zone in which all is well", line)
			}
		}
		if strings.Contains(line, "last_success") && strings.Contains(line, "ns2") || strings.Contains(line, "primary_serial{primary=\"ns2") {
			t.Errorf("%s, of a primary that never answered", line)
		}
	}

	// A zone that has left leaves nothing.
	if err := s.instance.stop(); err != nil {
		t.Fatal(err)
	}
	for _, line := range gather(t, s.instance.process) {
		if strings.Contains(line, "example.org.") {
			t.Errorf("%s, of a zone that is gone", line)
		}
	}
}

// hasMetric looks for a line that matches whole; braces stand for themselves.
func hasMetric(lines []string, want string) bool {
	return slices.ContainsFunc(lines, regexp.MustCompile("^"+strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want)+"$").MatchString)
}

// TestMetricsOfTrust has a zone whose primaries disagree, and send what must not be served.
func TestMetricsOfTrust(t *testing.T) {
	records := []string{"@ NS ns1", "ns1 A 192.0.2.53", "_acme TXT old"}
	for i := range 20 {
		records = append(records, fmt.Sprintf("host%d A 192.0.2.%d", i, i))
	}
	a, b := primarytest.New(t, primarytest.Make(t, "example.org.", 7, records...)), primarytest.New(t, primarytest.Make(t, "example.org.", 7, records...))
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
		primary ns2 $2
		compare content
		ignore _acme TXT
		settle 10ms
	}`, a, b))
	want := func(what string, metrics ...string) {
		t.Helper()
		var lines []string
		defer func() {
			if t.Failed() {
				t.Logf("%s: want\n%s\nin\n%s", what, strings.Join(metrics, "\n"), strings.Join(lines, "\n"))
			}
		}()
		until(t, func() bool {
			lines = gather(t, s.instance.process)
			return !slices.ContainsFunc(metrics, func(m string) bool { return !hasMetric(lines, m) })
		})
	}
	want("agreed", `coredns_concord_parity_ignored_records{zone="example.org."} 1`)

	// One is without most of its names, with a serial that went back, and another ignored record.
	a.Set(primarytest.Make(t, "example.org.", 6, append(slices.Clone(records[:8]), "_acme TXT new", "host4 60 A 192.0.2.4")...))
	s.ask("127.0.0.1", new(dns.Msg).SetNotify("example.org."))
	want("one sent less",
		`coredns_concord_check_failures_total{check="guard",primary="ns1",zone="example.org."} 1`,
		`coredns_concord_primary_state{primary="ns1",state="rejected",zone="example.org."} 1`,
		`coredns_concord_serial_regressions_total{primary="ns1",zone="example.org."} 1`,
		`coredns_concord_parity_differing_records{class="data",primary="ns1",zone="example.org."} [1-9]\d*`,
		`coredns_concord_parity_differing_records{class="aside",primary="ns1",zone="example.org."} 1`,
		`coredns_concord_parity_differing_records{class="ignored",primary="ns1",zone="example.org."} 1`,
		`coredns_concord_parity_differing_records{class="ttl",primary="ns1",zone="example.org."} 1`,
		`coredns_concord_parity_differing_records{class="data",primary="ns2",zone="example.org."} 0`,
	)
	// Then the other.
	b.Set(primarytest.Make(t, "example.org.", 8, records[:8]...))
	s.ask("127.0.0.1", new(dns.Msg).SetNotify("example.org."))
	want("both sent less",
		`coredns_concord_zone_state{state="held",zone="example.org."} 1`,
		`coredns_concord_held_since_timestamp_seconds{zone="example.org."} 1\.\d+e\+09`,
		`coredns_concord_hold_deadline_timestamp_seconds{zone="example.org."} 1\.\d+e\+09`,
		`coredns_concord_zone_serial{zone="example.org."} 7`,
	)
}

// TestServedFromDisk has a zone outlive its process, and all of its primaries.
func TestServedFromDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "concord.db")
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "www A 192.0.2.1"))
	corefile := at(`concord example.org {
		primary ns1 $1
		store `+path+`
	}`, p)
	s := loaded(t, nil, corefile)
	if err := s.instance.stop(); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	s = serve(t, nil, corefile)
	if !s.Ready() {
		t.Error("it is not ready, with what it has from the disk")
	}
	if m, _ := s.ask("192.0.2.7", question("www.example.org.", dns.TypeA)); m == nil || len(m.Answer) != 1 {
		t.Errorf("got %v", m)
	}
	lines := gather(t, s.instance.process)
	for _, want := range []string{
		`coredns_concord_store_healthy{path="` + path + `"} 1`,
		`coredns_concord_store_zones{path="` + path + `"} 1`,
		`coredns_concord_store_pages{path="` + path + `"} [1-9]\d*`,
		`coredns_concord_store_file_bytes{path="` + path + `"} [1-9]\S*`,
		`coredns_concord_store_free_bytes{path="` + path + `"} \S+`,
		`coredns_concord_store_commits_total{path="` + path + `"} \d+`,
		`coredns_concord_store_written_bytes_total{path="` + path + `"} \S+`,
		`coredns_concord_store_waiting_commits{path="` + path + `"} 0`,
		`coredns_concord_store_write_under_way_seconds{path="` + path + `"} \S+`,
		`coredns_concord_store_held{zone="example.org."} 0`,
		`coredns_concord_store_unwritten{zone="example.org."} 0`,
	} {
		if !hasMetric(lines, want) {
			t.Errorf("there is no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

// TestMetricsAreRegistered finds them where the prometheus plugin does.
func TestMetricsAreRegistered(t *testing.T) {
	if err := prometheus.Register(collector{process}); err == nil {
		prometheus.Unregister(collector{process})
		t.Error("they were not")
	}
}

// allDescriptions are the descriptions of all metrics.
func allDescriptions() []string {
	ch := make(chan *prometheus.Desc, 100)
	collector{process}.Describe(ch)
	transferDuration.Describe(ch)
	close(ch)
	var all []string
	for d := range ch {
		all = append(all, d.String())
	}
	return all
}
