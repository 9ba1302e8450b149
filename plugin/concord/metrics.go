package concord

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/secondary"
)

// The metrics of a zone are not kept but collected: when they are asked for, each running zone tells its status. So they take
// no memory, which for ten thousand zones would be hundreds of MiB, and they end with the zone.
var (
	zoneSerial  = describe("zone_serial", "Serial of the version that is served.", "zone")
	zoneState   = describe("zone_state", "1 for the state that the zone is in, 0 for all others.", "zone", "state")
	zoneRecords = describe("zone_records", "Records in the version that is served.", "zone")
	zoneBytes   = describe("zone_bytes",
		"Bytes of memory that the version that is served takes. Versions share what is equal in them.", "zone")
	zoneLastSwap = describe("zone_last_swap_timestamp_seconds",
		"When the version that is served took the place of the one before it, in seconds since 1970.", "zone")
	zoneExpire = describe("zone_expire_timestamp_seconds",
		"When the zone expires unless a primary confirms it before, in seconds since 1970.", "zone")
	primarySerial = describe("primary_serial", "Serial that the primary told last.", "zone", "primary")
	primaryState  = describe("primary_state",
		"1 for the state that the primary is in, 0 for all others.", "zone", "primary", "state")
	primaryLastSuccess = describe("primary_last_success_timestamp_seconds",
		"When the primary answered last, in seconds since 1970.", "zone", "primary")
	transfersTotal = describe("transfers_total",
		"Transfers that ended, by kind, and by result: success or the phase in which it failed.", "zone", "primary", "kind", "result")
	transferBytes = describe("transfer_bytes_total", "Bytes received in transfers that succeeded.", "zone", "primary")
	swapsTotal    = describe("swaps_total", "Versions that took the place of another or were the first.", "zone")
	notifiesTotal = describe("notifies_total",
		"NOTIFY messages received, by what became of them: accepted, folded, refused, unsigned or bad_signature.", "zone", "result")
	primaryFailures = describe("primary_failures",
		"How often in a row the primary failed to answer or to send the zone; 0 while it does.", "zone", "primary")
	failuresTotal = describe("failures_total",
		"Checks of the primary that failed, by the phase in which they did: of the question for its serial and of transfers.",
		"zone", "primary", "phase")
	primaryAXFR = describe("primary_axfr_instead",
		"1 while the primary is asked for whole zones, since its IXFR keeps failing; else 0.", "zone", "primary")
	keyFileProblem = describe("key_file_problem",
		"1 while a key file of the zone cannot be read, and the keys of the last good read are in use; else 0.", "zone")

	connectionsKept = describe("connections_kept", "Idle connections to primaries that are kept for the next question.")

	transferDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   pluginName,
		Name:                        "transfer_duration_seconds",
		Buckets:                     prometheus.ExponentialBuckets(0.001, 4, 10), // from 1ms to 262s
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
		Help:                        "Histogram of the time that each successful transfer took.",
	}, []string{"kind"})
)

func init() { prometheus.MustRegister(collector{process}) }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, name), help, labels, nil)
}

// collector makes metrics of what runs.
type collector struct{ *registry }

// Describe implements the prometheus.Collector interface.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		zoneSerial, zoneState, zoneRecords, zoneBytes, zoneLastSwap, zoneExpire,
		primarySerial, primaryState, primaryLastSuccess,
		transfersTotal, transferBytes, swapsTotal, notifiesTotal,
		failuresTotal, primaryFailures, primaryAXFR, keyFileProblem, connectionsKept,
	} {
		ch <- d
	}
	describeTrust(ch)
	describeStore(ch)
}

// Collect implements the prometheus.Collector interface.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, run := range c.running() {
		s := run.zone.Status()
		collectZone(ch, run, &s)
	}
	c.collectStores(ch)
	ch <- prometheus.MustNewConstMetric(connectionsKept, prometheus.GaugeValue, float64(c.kept()))
}

func collectZone(ch chan<- prometheus.Metric, run *running, s *secondary.Status) {
	zone := *run.label.Load()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{zone}, labels...)...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), append([]string{zone}, labels...)...)
	}
	for _, state := range parity.AllStates() {
		gauge(zoneState, oneIf(state == s.State && !s.Expired), label(state.String()))
	}
	gauge(zoneState, oneIf(s.Expired), stateExpired)
	counter(swapsTotal, s.Swaps)
	for result, n := range s.Notifies {
		counter(notifiesTotal, n, secondary.NotifyResult(result).String())
	}
	counter(notifiesTotal, run.refused.badSignatures(), "bad_signature")
	for f, n := range run.failures.all() {
		counter(failuresTotal, n, f.primary, f.phase)
	}
	if len(run.config.KeyFiles) > 0 {
		gauge(keyFileProblem, oneIf(s.KeyProblem != nil))
	}
	if v := s.Version; v != nil {
		gauge(zoneSerial, float64(v.Serial()))
		gauge(zoneRecords, float64(v.Records()))
		gauge(zoneBytes, float64(v.Bytes()))
		gauge(zoneLastSwap, timestamp(s.LastSwap))
		gauge(zoneExpire, timestamp(s.ExpireAt))
	}
	for i := range s.Primaries {
		p := &s.Primaries[i]
		for _, state := range parity.AllPrimaryStates() {
			gauge(primaryState, oneIf(state == p.State), p.Name, label(state.String()))
		}
		if p.Told {
			gauge(primarySerial, float64(p.Serial), p.Name)
		}
		if !p.LastSuccess.IsZero() {
			gauge(primaryLastSuccess, timestamp(p.LastSuccess), p.Name)
		}
		for _, t := range p.Transfers {
			counter(transfersTotal, t.Count, p.Name, t.Kind, t.Result)
		}
		counter(transferBytes, p.Bytes, p.Name)
		gauge(primaryFailures, float64(p.Failures), p.Name)
		gauge(primaryAXFR, oneIf(!p.AXFRUntil.IsZero()), p.Name)
	}
	collectTrust(s, time.Now(), gauge, counter)
	collectKept(s, gauge)
}

// countEvent counts what no status tells.
func (run *running) countEvent(e secondary.Event) {
	switch e := e.(type) {
	case secondary.Transferred:
		transferDuration.WithLabelValues(e.Kind).Observe(e.Duration.Seconds())
	case secondary.Failed:
		run.failures.add(failure{e.Primary, e.Phase})
	}
}

// failure is where the check of a primary failed.
type failure struct{ primary, phase string }

// failureCounts counts them. The zero value is ready to use.
type failureCounts struct {
	mu     sync.Mutex // guards counts
	counts map[failure]uint64
}

func (c *failureCounts) add(f failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[failure]uint64)
	}
	c.counts[f]++
}

// all returns a copy.
func (c *failureCounts) all() map[failure]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// label makes a label's value of a state's words.
func label(words string) string { return strings.ReplaceAll(words, " ", "_") }

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func timestamp(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
