package concord

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "www A 192.0.2.1"))
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
		primary ns2 `+nobody(t).String()+`
		settle 1s
	}`, p))
	lines := gather(t, s.instance.process)
	for _, want := range []string{
		`coredns_concord_zone_serial{zone="example.org."} 7`,
		`coredns_concord_zone_records{zone="example.org."} 2`,
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
		`coredns_concord_parity_differing_records{primary="ns1",zone="example.org."} 0`,
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
		if !slices.ContainsFunc(lines, regexp.MustCompile("^"+strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want)+"$").MatchString) {
			t.Errorf("there is no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	for _, line := range lines {
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
