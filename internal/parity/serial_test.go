package parity

import (
	"errors"
	"testing"
	"testing/quick"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

func TestNextSerial(t *testing.T) {
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		last zone.Serial
		line SerialLine
		want zone.Serial
	}{
		{0, SerialCounter, 1},
		{7, SerialCounter, 8},
		{1<<32 - 1, SerialCounter, 0},
		{2026111900, SerialDate, 2026112000},
		{2026111999, SerialDate, 2026112000},
		{2026112000, SerialDate, 2026112001},
		{2026112099, SerialDate, 2026112100}, // ahead of the calendar
		{2027010100, SerialDate, 2027010101},
		{7, SerialDate, 2026112000},
		{2026112000 + 1<<31, SerialDate, 2026112000 + 1<<31 + 1}, // no order
		{1<<32 - 1, SerialDate, 2026112000},
		{4294967000, SerialDate, 2026112000},
	} {
		if got := NextSerial(tt.last, tt.line, now); got != tt.want {
			t.Errorf("%d, line %d: got %d, want %d", tt.last, tt.line, got, tt.want)
		}
	}
	greater := func(last uint32, date bool, hours uint16) bool {
		line := SerialCounter
		if date {
			line = SerialDate
		}
		return zone.Serial(last).Less(NextSerial(zone.Serial(last), line, now.Add(time.Duration(hours)*time.Hour)))
	}
	if err := quick.Check(greater, nil); err != nil {
		t.Error(err)
	}
}

func TestSerialLineOf(t *testing.T) {
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	for serial, want := range map[zone.Serial]SerialLine{
		0: SerialCounter, 7: SerialCounter, 1763650800: SerialCounter, // seconds since 1970
		2026112001: SerialDate, 2026112100: SerialDate, 2026112200: SerialCounter, 1999010100: SerialDate,
		2026022900: SerialCounter, 2026130100: SerialCounter, 2026000000: SerialCounter, 1<<32 - 1: SerialCounter,
	} {
		if got := SerialLineOf(serial, now); got != want {
			t.Errorf("%d: got %d, want %d", serial, got, want)
		}
	}
}

func TestKeepSerial(t *testing.T) {
	base := []string{
		"example.org. 3600 SOA ns.example.org. host.example.org. 7 7200 900 1209600 300",
		"example.org. 3600 NS ns.example.org.",
		"www.example.org. 3600 A 192.0.2.1",
	}
	v := build(t, base)
	kept, err := KeepSerial(v, 1<<32-1)
	if err != nil {
		t.Fatal(err)
	}
	want := v.SOA()
	want.Serial = 1<<32 - 1
	if got := kept.SOA(); got.Serial != want.Serial || !got.MName.Equal(want.MName) || !got.RName.Equal(want.RName) || got.Expire != want.Expire ||
		got.Minimum != want.Minimum || got.TTL != want.TTL || kept.Records() != v.Records() {
		t.Errorf("%+v", got)
	}
	c := comparison(t, config.CompareContent)
	if c.Content(kept).Root != c.Content(v).Root {
		t.Error("the content is another")
	}
	if again, err := KeepSerial(kept, 7); err != nil || again.Root() != v.Root() {
		t.Errorf("does not come back: %v", err)
	}
	if same, err := KeepSerial(v, 7); err != nil || same != v {
		t.Errorf("the same serial: %v", err)
	}
	for _, tt := range []struct {
		line string
		want error
	}{
		{"example.org. 3600 DNSKEY 256 3 13 c2lnbmF0dXJl", ErrSigned},
		{"example.org. 3600 RRSIG SOA 13 2 3600 20300101000000 20200101000000 1 example.org. c2lnbmF0dXJl", ErrSigned},
		{"example.org. 3600 ZONEMD 7 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f", ErrDigest},
	} {
		if _, err := KeepSerial(build(t, append(base[:3:3], tt.line)), 8); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.line, err)
		}
	}
}

// TestKept: what is served under a serial of our own is still the source's
// copy, and approved anew only as that changes.
func TestKept(t *testing.T) {
	w := newWorld(t)
	c := comparison(t, config.CompareContent)
	a := w.version("A", 7)
	kept, err := KeepSerial(a, 100)
	if err != nil {
		t.Fatal(err)
	}
	var o Observation
	o.Name, o.Reachable = "ns1", true
	o.See(a, c.Content(a), "", epoch)
	served := Served{Version: kept, Content: c.Content(kept), Origin: a.Root(), Source: "ns1", Since: epoch}
	v := Judge(Policy{Compare: c}, served, []Observation{o}, epoch)
	if got, ok := v.Approved(); !ok || got.Version() != kept || v.Break != nil || !v.Confirms("ns1") {
		t.Errorf("%+v", v)
	}
	next := w.version("A", 8)
	o.See(next, c.Content(next), "", epoch)
	v = Judge(Policy{Compare: c}, served, []Observation{o}, epoch)
	if got, ok := v.Approved(); !ok || got.Version() != next {
		t.Errorf("%+v", v)
	}
}
