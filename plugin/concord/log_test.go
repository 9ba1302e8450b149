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
	"github.com/concord-dns/concord/internal/verify"
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
		{secondary.Swapped{Version: seven, Source: "ns1", Origin: 7, Reason: "ns1 and ns2 hold serial 7"},
			"[INFO] example.org. serves serial 7, 1 records, ns1's copy: ns1 and ns2 hold serial 7"},
		{secondary.Swapped{Version: eight, Before: seven, Source: "ns1", Origin: 8, Reason: "ns1 and ns2 hold serial 8"},
			"[INFO] example.org. serves serial 8 after 7, 1 records, ns1's copy: ns1 and ns2 hold serial 8"},
		{secondary.Swapped{Version: eight, Before: seven, Source: "ns1", Origin: 2026010100, Reason: "ns1 and ns2 agree"},
			"[INFO] example.org. serves serial 8 after 7, 1 records, ns1's copy with serial 2026010100: ns1 and ns2 agree"},
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

// TestLogTrust has each line be one that an operator can act on, and what comes again and again be few lines.
func TestLogTrust(t *testing.T) {
	var out bytes.Buffer
	flags := golog.Flags()
	golog.SetOutput(&out)
	golog.SetFlags(0)
	defer func() {
		clog.Discard()
		golog.SetFlags(flags)
	}()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	root := primarytest.Make(t, "example.org.", 7).Version(t).Root()
	rejected := func(serial zone.Serial, check string) secondary.Event {
		return secondary.Rejected{Primary: "ns1", Serial: serial, Root: root, Records: 33, Check: check, Reason: check + " shrink: too few"}
	}
	const guarded = " records, which is rejected: guard shrink: too few ("
	short := root.Short() + ")"
	var book logbook
	for _, tt := range []struct {
		event secondary.Event
		want  string
	}{
		{rejected(8, "guard"), "[WARNING] example.org. ns1 sent serial 8, 33" + guarded + short},
		{rejected(9, "guard"), "[WARNING] example.org. ns1 sent serial 9, 33" + guarded + short + "; the 2. copy in a row"},
		{rejected(10, "guard"), ""},
		{rejected(11, "guard"), "[WARNING] example.org. ns1 sent serial 11, 33" + guarded + short + "; the 4. copy in a row"},
		{rejected(11, "dnssec"), "[WARNING] example.org. ns1 sent serial 11, 33 records, which is rejected: dnssec shrink: too few (" + short},
		{rejected(12, "guard"), "[WARNING] example.org. ns1 sent serial 12, 33" + guarded + short},
		{secondary.PrimaryChanged{Primary: "ns1", Before: parity.PrimaryRejected, State: parity.PrimaryAgreeing}, ""},
		{rejected(13, "guard"), "[WARNING] example.org. ns1 sent serial 13, 33" + guarded + short},
		{secondary.StateChanged{State: parity.Held, Before: parity.InParity, Reason: "why"}, ""},
		{secondary.Held{Reason: "ns1 and ns2 hold serial 8, which is rejected"}, "[WARNING] example.org. held: ns1 and ns2 hold serial 8, which is rejected"},
		{secondary.DeadlineNear{At: at, What: "it expires", Reason: "ns1 and ns2 hold serial 8, which is rejected; what is served can wait until 2026-01-02 03:04:05, when it expires"},
			"[WARNING] example.org. can wait until 2026-01-02 03:04:05, when it expires: ns1 and ns2 hold serial 8, which is rejected"},
		{secondary.Warned{Primary: "ns1", Serial: 8, Finding: verify.Finding{Check: "zonemd", Rule: "unsupported", Detail: "scheme 240"}},
			"[WARNING] example.org. ns1 sent serial 8: zonemd unsupported: scheme 240"},
		{secondary.Noticed{Finding: parity.Finding{Detail: "blue denies with NSEC3, red with NSEC"}}, "[WARNING] example.org. blue denies with NSEC3, red with NSEC"},
		{secondary.Noticed{Finding: parity.Finding{Detail: "blue denies with NSEC3, red with NSEC"}, Gone: true},
			"[INFO] example.org. not any more: blue denies with NSEC3, red with NSEC"},
		{secondary.StateChanged{State: parity.InParity, Before: parity.Held, Reason: "ns1 and ns2 hold serial 9"}, ""},
		{secondary.Released{Since: time.Now().Add(-2 * time.Hour), State: parity.InParity, Reason: "ns1 and ns2 hold serial 9"},
			"[INFO] example.org. in parity again, after it was held for 2h: ns1 and ns2 hold serial 9"},
		{secondary.Held{Reason: "why"}, "[WARNING] example.org. held: why"},
		{secondary.StateChanged{State: parity.Drift, Before: parity.Held, Reason: "ns1 and ns2 differ"}, "[WARNING] example.org. drift: ns1 and ns2 differ"},
		{secondary.Released{Since: time.Now().Add(-2 * time.Hour), State: parity.Drift, Reason: "ns1 and ns2 differ"},
			"[INFO] example.org. is not held any more, after 2h; it is drift: ns1 and ns2 differ"},
		{secondary.StateChanged{State: parity.InParity, Before: parity.Drift, Reason: "they agree"}, "[INFO] example.org. in parity again: they agree"},
		{secondary.Regressed{Primary: "ns1", From: 9, Serial: 7, New: true},
			"[WARNING] example.org. primary ns1 went back from serial 9 to 7, to other content: was it restored from a backup?"},
		{secondary.Regressed{Primary: "ns1", From: 9, Serial: 7}, "[INFO] example.org. primary ns1 went back from serial 9 to 7, with the content that it had"},
		{secondary.SerialBreak{Text: "the served copy is blue's with serial 8 after red's with 9"},
			"[WARNING] example.org. the served copy is blue's with serial 8 after red's with 9"},
		{secondary.KeepFailed{Err: errors.New("the zone is signed")}, "[WARNING] example.org. serial keep: the zone is signed; the primaries' serial is served"},
		{secondary.Decided{Decision: secondary.Decision{At: at, Kind: secondary.DecisionHold, By: "anna", Why: "moving", Result: "held"}},
			"[INFO] example.org. operator: hold by anna at 2026-01-02T03:04:05Z: moving; held"},
		{secondary.Restored{HasVersion: true, Serial: 7, SavedAt: at}, "[INFO] example.org. serves serial 7 from the store, saved at 2026-01-02 03:04:05"},
		{secondary.Restored{HasVersion: true, Serial: 7, SavedAt: at, Expired: true}, "[WARNING] example.org. has serial 7 from the store, " +
			"saved at 2026-01-02 03:04:05, which has expired: answering SERVFAIL until a primary confirms it"},
		{secondary.Restored{HasVersion: true, Serial: 7, SavedAt: at, Refetch: true, Damage: []error{errors.New("page 1a2b is damaged")}},
			"[WARNING] example.org. store: page 1a2b is damaged\n" +
				"[WARNING] example.org. serves serial 7 from the store, saved at 2026-01-02 03:04:05; what was served last is damaged, and is fetched again"},
		{secondary.Restored{HasVersion: true, Serial: 7, SavedAt: at, ClockBack: 3 * time.Hour}, "[WARNING] example.org. serves serial 7 from the store, " +
			"saved at 2026-01-02 03:04:05; the clock is 3h behind that of then, and the zone's timers were moved by as much: is it right?"},
		{secondary.StoreFailed{Serial: 8, Err: errors.New("store concord.db: no space left on device")}, "[ERROR] example.org. serial 8 is not served, " +
			"since it could not be kept; what was served goes on, and it is tried again: store concord.db: no space left on device"},
		{secondary.StoreFailed{Serial: 8, Err: errors.New("store concord.db: no space left on device"), Served: true},
			"[ERROR] example.org. serial 8 is served and not kept, a restart would lose it: store concord.db: no space left on device"},
		{secondary.WordUnwritten{Decision: secondary.Decision{
			Kind: secondary.DecisionHold, By: "anna", Why: "a move", At: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Unwritten: "no space left on device",
		}}, "[ERROR] example.org. operator: hold by anna at 2026-11-20T12:00:00Z: a move; it is in force, and a restart would lose it unless the disk " +
			"is back before: no space left on device"},
		{secondary.StoreRecovered{Since: time.Now().Add(-time.Minute)}, "[INFO] example.org. is kept again, after 1m"},
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
