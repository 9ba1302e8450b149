package concord

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// TestExtendedErrors has zones that are not served, each for its own reason.
func TestExtendedErrors(t *testing.T) {
	soa := "@ SOA ns1 hostmaster 7 1 1 1 300"
	gone := primarytest.New(t, primarytest.Make(t, "gone.test.", 7, soa, "@ NS ns1"))
	one := primarytest.New(t, primarytest.Make(t, "split.test.", 7, soa, "@ NS ns1"))
	two := primarytest.New(t, primarytest.Make(t, "split.test.", 7, soa, "@ NS ns1"))
	bad := primarytest.New(t, primarytest.Make(t, "bad.test.", 7, soa, "@ NS ns1"))
	unchecked := primarytest.New(t, primarytest.Make(t, "unchecked.test.", 7, soa, "@ NS ns1"))
	program := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	timers := `
		refresh 1s 1s
		retry 1s 1s
		expire 1s 1s
	}`
	s := serve(t, nil, at(`concord never.test {
		primary ns1 `+nobody(t).String()+`
	}
	concord gone.test {
		primary ns1 $1`+timers+`
	concord split.test {
		primary ns1 $2
		primary ns2 $3
		agree all`+timers+`
	concord bad.test {
		primary ns1 $4`+timers+`
	concord unchecked.test {
		primary ns1 $5
		verify command `+program+timers, gone, one, two, bad, unchecked))
	snapshot := func(name string) func() bool {
		zone := s.block.zones[name].running.zone
		return func() bool { return zone.Snapshot().Version != nil }
	}
	expired := func(name string) func() bool {
		zone := s.block.zones[name].running.zone
		return func() bool { return zone.Snapshot().Expired }
	}
	until(t, snapshot("gone.test."))
	until(t, snapshot("split.test."))
	until(t, snapshot("bad.test."))
	until(t, snapshot("unchecked.test."))
	gone.Stop()
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	soa = "@ SOA ns1 hostmaster 8 1 1 1 300"
	one.Set(primarytest.Make(t, "split.test.", 8, soa, "@ NS ns1", "a A 192.0.2.1"))
	two.Set(primarytest.Make(t, "split.test.", 8, soa, "@ NS ns1", "b A 192.0.2.1"))
	bad.Set(primarytest.Make(t, "bad.test.", 8, soa, "a A 192.0.2.1"))
	unchecked.Set(primarytest.Make(t, "unchecked.test.", 8, soa, "@ NS ns1", "a A 192.0.2.1"))
	for _, name := range []string{"gone.test.", "split.test.", "bad.test.", "unchecked.test."} {
		until(t, expired(name))
	}

	for name, want := range map[string][]uint16{
		"never.test.": {dns.ExtendedErrorCodeNotReady},
		"gone.test.":  {dns.ExtendedErrorCodeInvalidData, dns.ExtendedErrorCodeNoReachableAuthority},
		"split.test.": {dns.ExtendedErrorCodeInvalidData},
		"bad.test.":   {dns.ExtendedErrorCodeInvalidData},

		"unchecked.test.": {dns.ExtendedErrorCodeInvalidData},
	} {
		// A primary that is gone is known to be when its last check has ended.
		var m *dns.Msg
		var got []uint16
		until(t, func() bool {
			m = through(t, s.Handler, with(question(name, dns.TypeSOA), &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true},
				&dns.EDNS0_ZONEVERSION{Code: dns.EDNS0ZONEVERSION}), false)
			got = nil
			for _, o := range m.IsEdns0().Option {
				if ede, ok := o.(*dns.EDNS0_EDE); ok {
					got = append(got, ede.InfoCode)
				}
			}
			return len(got) >= len(want)
		})
		if m.Rcode != dns.RcodeServerFailure || !slices.Equal(got, want) {
			t.Errorf("%s: %s %v, want SERVFAIL %v", name, dns.RcodeToString[m.Rcode], got, want)
		}
		// The version that has expired has a serial, and no expiry any more.
		if has := slices.Contains(codes(m), dns.EDNS0ZONEVERSION); has != (name != "never.test.") || slices.Contains(codes(m), dns.EDNS0EXPIRE) {
			t.Errorf("%s: options %v", name, codes(m))
		}
	}
}
