package concord

import (
	"bytes"
	"errors"
	golog "log"
	"net/netip"
	"strings"
	"testing"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/zone"
)

func TestLog(t *testing.T) {
	var out bytes.Buffer
	flags := golog.Flags()
	golog.SetOutput(&out)
	golog.SetFlags(0)
	defer func() {
		clog.Discard()
		golog.SetFlags(flags)
	}()
	seven, eight := primarytest.Make(t, "example.org.", 7).Version(t), primarytest.Make(t, "example.org.", 8).Version(t)
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failed := errors.New("primary ns1: SOA of example.org. from 192.0.2.1:53: connection refused")
	lied := errors.New("IXFR of example.org. from 192.0.2.1:53: it deletes www.example.org. A, which is not there")
	var book logbook
	for _, tt := range []struct {
		event secondary.Event
		want  string
	}{
		{secondary.Swapped{Version: seven, Source: "ns1", Reason: "ns1 and ns2 hold serial 7"},
			"[INFO] example.org. serves serial 7, 1 records, ns1's copy: ns1 and ns2 hold serial 7"},
		{secondary.Swapped{Version: eight, Before: seven, Source: "ns1", Reason: "ns1 and ns2 hold serial 8"},
			"[INFO] example.org. serves serial 8 after 7, 1 records, ns1's copy: ns1 and ns2 hold serial 8"},
		{secondary.StateChanged{State: parity.Drift, Reason: "ns1 and ns2 differ"}, "[WARNING] example.org. drift: ns1 and ns2 differ"},
		{secondary.StateChanged{State: parity.Lagging, Reason: "ns2 is behind"}, "[WARNING] example.org. lagging: ns2 is behind"},
		{secondary.StateChanged{State: parity.Settling, Before: parity.InParity}, ""},
		{secondary.StateChanged{State: parity.InParity, Before: parity.Settling, Reason: "ns1 and ns2 hold serial 8"},
			"[INFO] example.org. in parity again: ns1 and ns2 hold serial 8"},
		{secondary.StateChanged{State: parity.Settling, Before: parity.InParity}, ""},
		{secondary.StateChanged{State: parity.InParity, Before: parity.Settling}, ""},
		{secondary.PrimaryChanged{Primary: "ns1"}, ""},
		{secondary.Transferred{Primary: "ns1", Serial: 7, Records: 3, Duration: 12345 * time.Microsecond},
			"[INFO] example.org. ns1 sent serial 7: 3 records in 12ms"},
		{secondary.Transferred{Primary: "ns1", Serial: 7, Records: 3, Duration: 1234 * time.Microsecond, Report: zone.BuildReport{Duplicates: 2, UnequalTTLs: 1}},
			"[INFO] example.org. ns1 sent serial 7: 3 records in 1.23ms; dropped 2 duplicates, lowered unequal TTLs of 1 RRsets"},
		{secondary.Transferred{Primary: "ns1", Kind: "ixfr", Serial: 8, Records: 3, Duration: time.Millisecond, Steps: 1, Deleted: 2, Added: 3, Key: "a."},
			"[INFO] example.org. ns1 sent serial 8: changes in 1 step, 2 records deleted and 3 added, in 1ms, by key a."},
		{secondary.Transferred{Primary: "ns1", Kind: "ixfr", Serial: 8, Records: 3, Duration: time.Millisecond, TLS: true},
			"[INFO] example.org. ns1 sent serial 8: 3 records in 1ms, by TLS"},
		{secondary.Transferred{Primary: "ns1", Kind: "axfr", Serial: 8, Records: 3, Duration: time.Millisecond, Instead: lied, TLS: true, Key: "a."},
			"[WARNING] example.org. ns1 sent serial 8: 3 records in 1ms, by TLS and key a.; by AXFR, since IXFR failed: " + lied.Error()},
		{secondary.Transferred{Primary: "ns1", Kind: "axfr", Serial: 9, Records: 3, Duration: time.Millisecond, Instead: lied},
			"[INFO] example.org. ns1 sent serial 9: 3 records in 1ms; by AXFR, since IXFR failed as before"},
		{secondary.Transferred{Primary: "ns1", Kind: "ixfr", Serial: 10, Records: 3, Duration: time.Millisecond, Steps: 2, Deleted: 2, Added: 2},
			"[INFO] example.org. ns1 sent serial 10: changes in 2 steps, 2 records deleted and 2 added, in 1ms"},
		{secondary.Transferred{Primary: "ns1", Kind: "axfr", Serial: 11, Records: 3, Duration: time.Millisecond, Instead: lied},
			"[WARNING] example.org. ns1 sent serial 11: 3 records in 1ms; by AXFR, since IXFR failed: " + lied.Error()},
		{secondary.AXFRInstead{Primary: "ns1", Failures: 3, Until: since, Err: lied},
			"[WARNING] example.org. primary ns1: IXFR failed 3 times in a row; asking it for whole zones until 2026-01-02 03:04:05: " + lied.Error()},
		{secondary.Failed{Err: failed, Failures: 1, Since: since, Next: since.Add(time.Minute)},
			"[WARNING] example.org. " + failed.Error() + "; asked again at 03:05:05"},
		{secondary.Failed{Err: failed, Failures: 1, Since: since}, "[WARNING] example.org. " + failed.Error()},
		{secondary.Failed{Err: failed, Failures: 2, Since: since, Repeated: true},
			"[WARNING] example.org. " + failed.Error() + "; it failed 2 times, from 2026-01-02 03:04:05 on"},
		{secondary.Failed{Err: failed, Failures: 3, Since: since, Repeated: true}, ""},
		{secondary.Failed{Err: failed, Failures: 5, Since: since, Repeated: false},
			"[WARNING] example.org. " + failed.Error() + "; it failed 5 times, from 2026-01-02 03:04:05 on"},
		{secondary.Recovered{Primary: "ns1", Failures: 1, Since: since}, "[INFO] example.org. primary ns1 answers again: it failed once, at 03:04:05"},
		{secondary.Expired{Serial: 7},
			"[ERROR] example.org. expired: no primary has confirmed serial 7 for as long as its SOA lets it be served; answering SERVFAIL until one does"},
		{secondary.Revived{Serial: 7}, "[INFO] example.org. is served again, with serial 7"},
	} {
		out.Reset()
		book.event("example.org.", tt.event)
		if got := strings.TrimSuffix(strings.ReplaceAll(out.String(), "plugin/concord: ", ""), "\n"); got != tt.want {
			t.Errorf("%T\ngot  %s\nwant %s", tt.event, got, tt.want)
		}
	}
}

// TestStrangers has NOTIFYs from nowhere be told once a minute.
func TestStrangers(t *testing.T) {
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer clog.Discard()
	var s refusals
	for range 1000 {
		s.tell("example.org.", stranger, netip.MustParseAddr("203.0.113.9"), "")
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, out.String())
	}
}
