package concord

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/concord-dns/concord/internal/secondary"
)

// What there is to measure of stores: of each file, and of the zones that are kept in one.
var (
	storeHealthy = describe("store_healthy", "1 while the last write of the store has succeeded and none is stuck; else 0.", "path")
	storeCommits = describe("store_commits_total", "Transactions that the store has written.", "path")
	storeWritten = describe("store_written_bytes_total", "Bytes that these have written.", "path")
	storeWaiting = describe("store_waiting_commits", "Versions that wait for the disk.", "path")
	storeBusy    = describe("store_write_under_way_seconds", "How long the write under way has taken so far; 0: there is none.", "path")
	storeFile    = describe("store_file_bytes", "Size of the store's file.", "path")
	storeFree    = describe("store_free_bytes", "Bytes of the file that hold nothing, and will be used again.", "path")
	storePages   = describe("store_pages", "Pages that the store holds, which zones and their versions share.", "path")
	storeZones   = describe("store_zones", "Zones that the store holds.", "path")

	storeHeld = describe("store_held",
		"1 while a version that is agreed on is not served, since it could not be written; else 0.", "zone")
	storeUnwritten = describe("store_unwritten",
		"1 while what is served is not in the store, and a restart would not find it; else 0.", "zone")
)

// slowWrite is how long a write may take before a store is told to be ill.
const slowWrite = 5 * time.Second

func describeStore(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		storeHealthy, storeCommits, storeWritten, storeWaiting, storeBusy, storeFile, storeFree, storePages, storeZones,
		storeHeld, storeUnwritten,
	} {
		ch <- d
	}
}

func (c collector) collectStores(ch chan<- prometheus.Metric) {
	for _, s := range c.storeStatuses() {
		tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
			ch <- prometheus.MustNewConstMetric(d, kind, value, s.Path)
		}
		tell(storeHealthy, prometheus.GaugeValue, oneIf(s.Health.Err == nil && s.Health.Slow < slowWrite))
		tell(storeCommits, prometheus.CounterValue, float64(s.Stats.Commits))
		tell(storeWritten, prometheus.CounterValue, float64(s.Stats.Written))
		tell(storeWaiting, prometheus.GaugeValue, float64(s.Health.Waiting))
		tell(storeBusy, prometheus.GaugeValue, s.Health.Slow.Seconds())
		tell(storeFile, prometheus.GaugeValue, float64(s.Stats.FileBytes))
		tell(storeFree, prometheus.GaugeValue, float64(s.Stats.FreeBytes))
		tell(storePages, prometheus.GaugeValue, float64(s.Stats.Pages))
		tell(storeZones, prometheus.GaugeValue, float64(s.Stats.Zones))
	}
}

// collectKept tells of a zone that is kept in a store.
func collectKept(s *secondary.Status, gauge func(d *prometheus.Desc, value float64, labels ...string)) {
	if s.Kept.Path != "" {
		gauge(storeHeld, oneIf(s.Kept.Holds))
		gauge(storeUnwritten, oneIf(s.Version != nil && !s.Kept.Written))
	}
}
