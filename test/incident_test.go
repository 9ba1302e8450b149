package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestIncidentNamesGone is .de in May 2010: an update ended half-way, and most servers had a zone without a third of its names, under
// the new serial.
//
//	NSD  serial 1 -> 2, a third gone   --\
//	Knot serial 1 -> 2, a third gone   --->--  CoreDNS, agree majority, guard shrink 30% (both are the default)
//	BIND serial 1 -> 2, whole          --/
//
// A majority agrees on what must not be served. What was served goes on.
func TestIncidentNamesGone(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, manyNames(1, 60), true)
	i.BeginServing(1)

	i.BIND.Load("example.org", manyNames(2, 60))
	i.NSD.Load("example.org", manyNames(2, 36))
	i.Knot.Load("example.org", manyNames(2, 36))
	i.WantPrimaries("rejected", "rejected", "ahead")
	i.WaitState("held")
	i.Rejected("guard shrink: 24 of 69 served records would be gone (34.8%), at most 30% may", i.NSD, i.Knot)
	i.WaitLog(0, "[WARNING]", "example.org. held", "guard shrink")
	i.GoesOn(1, "192.0.2.1")
	for n := range 60 {
		if name := fmt.Sprintf("n%d.example.org", n); len(i.Ask(name, dns.TypeA).Answer) != 1 {
			t.Errorf("%s is gone", name)
		}
	}

	i.NSD.Load("example.org", manyNames(3, 60))
	i.Knot.Load("example.org", manyNames(3, 60))
	i.WaitServes("example.org", 3)
	i.BIND.Load("example.org", manyNames(3, 60))
	i.WaitState("in_parity")
	i.WantPrimaries("agreeing", "agreeing", "agreeing")
}

// TestIncidentNoFinalDots is .se in October 2009: the program that made the zone wrote names in full and forgot the final dots, so
// that the zone's name was appended to each. All servers agreed.
//
//	NSD  serial 1 -> 2, no dots   --\
//	Knot serial 1 -> 2, no dots   --->--  CoreDNS
//	BIND serial 1 -> 2, no dots   --/
func TestIncidentNoFinalDots(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, wholeNames(1, "."), true)
	i.BeginServing(1)

	i.LoadAll(wholeNames(2, ""))
	i.WantPrimaries("rejected", "rejected", "rejected")
	i.WaitState("held")
	i.Rejected("structure dots: all name servers at the apex end in the zone's name twice", i.peers()...)
	i.WaitLog(0, "[WARNING]", "example.org. held", "structure dots")
	i.GoesOn(1, "192.0.2.1")

	i.LoadAll(wholeNames(3, "."))
	i.WaitServes("example.org", 3)
	i.WaitState("in_parity")
	i.WaitLog(0, "example.org. in parity again")
}

// TestIncidentNoFinalDotsAtFirst is the same with a server that has never had anything better:
//
//	NSD  serial 2, no dots   --\
//	                            >--  CoreDNS, new
//	Knot serial 2, no dots   --/
//
// It serves nothing rather than that, and says why.
func TestIncidentNoFinalDotsAtFirst(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, wholeNames(2, ""), false)
	i.Begin()
	i.WantPrimaries("rejected", "rejected")
	i.WaitState("held")
	i.Rejected("structure dots: all name servers at the apex end in the zone's name twice", i.peers()...)
	i.WaitLog(0, "[WARNING]", "example.org. held", "structure dots")
	i.NotServed("www.example.org", "www.example.org.example.org")

	i.LoadAll(wholeNames(3, "."))
	i.WaitServes("example.org", 3)
	i.WaitState("in_parity")
}

// TestIncidentOldZoneRestored is a provider that restores its servers from a backup, as happened at AWS in 2025: one has a plan that is
// older than what all have.
//
//	NSD  serial 1 -> 2 -> 1   --\
//	                             >--  CoreDNS, agree all
//	Knot serial 1 -> 2        --/
//
// The newer one stays, and the zone goes on once the provider has it again. It has grown by so much that a guard is against the older
// one: that is known, and so the provider is behind, and not rejected.
func TestIncidentOldZoneRestored(t *testing.T) {
	t.Parallel()
	var hosts []string
	for n := range 20 {
		hosts = append(hosts, fmt.Sprintf("host%d A 192.0.2.%d", n, n))
	}
	older := MasterFile{Serial: 1, Records: hosts[:11]}.String()
	i := NewIncident(t, older, false)
	i.BeginServing(1, "agree all", "settle 1s")
	newer := MasterFile{Serial: 2, WWW: "192.0.2.2", Records: hosts}.String()
	i.LoadAll(newer)
	i.WaitServes("example.org", 2)

	i.NSD.Load("example.org", older)
	i.WantPrimaries("regressed", "agreeing")
	i.WaitMetric(`coredns_concord_serial_regressions_total{primary="nsd",zone="example.org."}`, 1)
	i.WaitState("lagging")
	i.WaitLog(0, "[WARNING]", "example.org. lagging", "nsd", "serial 1 again", "knot holds serial 2")
	i.GoesOn(2, "192.0.2.2")

	i.NSD.Load("example.org", newer)
	i.WantPrimaries("agreeing", "agreeing")
	i.WaitState("in_parity")
}

// TestIncidentOldZoneNeverSeen is the same with a backup that this server has never seen, and with a serial that went back:
//
//	NSD  serial 5 -> 4, with other content   --\
//	Knot serial 5                            --->--  CoreDNS, agree majority
//	BIND serial 5                            --/
func TestIncidentOldZoneNeverSeen(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 5}.String(), true)
	i.BeginServing(5)
	i.NSD.Load("example.org", MasterFile{Serial: 4, WWW: "192.0.2.4"}.String())
	i.WantPrimaries("regressed", "agreeing", "agreeing")
	i.WaitMetric(`coredns_concord_serial_regressions_total{primary="nsd",zone="example.org."}`, 1)
	i.GoesOn(5, "192.0.2.1")
	if err := i.IsState("in_parity"); err != nil {
		t.Error(err)
	}
	// It follows once it is newer than the others.
	i.LoadAll(MasterFile{Serial: 6, WWW: "192.0.2.6"}.String())
	i.WaitServes("example.org", 6)
	i.WantPrimaries("agreeing", "agreeing", "agreeing")
}

// TestIncidentOldZoneAtMost is the same at most of the primaries, with what all of them had before:
//
//	NSD  serial 1 -> 2 -> 1   --\
//	Knot serial 1 -> 2 -> 1   --->--  CoreDNS, agree majority
//	BIND serial 1 -> 2        --/
//
// A majority has gone back to content that was agreed on once: that is taken for meant, and told, since those downstream do not
// follow by themselves.
func TestIncidentOldZoneAtMost(t *testing.T) {
	t.Parallel()
	old := MasterFile{Serial: 1}.String()
	i := NewIncident(t, old, true)
	i.BeginServing(1, "settle 1s")
	i.LoadAll(MasterFile{Serial: 2, WWW: "192.0.2.2"}.String())
	i.WaitServes("example.org", 2)
	i.WantPrimaries("agreeing", "agreeing", "agreeing")

	i.NSD.Load("example.org", old)
	i.WantPrimaries("regressed", "agreeing", "agreeing")
	i.GoesOn(2, "192.0.2.2")
	i.Knot.Load("example.org", old)
	i.WaitServes("example.org", 1)
	i.wantWWW("192.0.2.1")
	i.WaitLog(0, "[WARNING]", "example.org.", "primary knot went back from serial 2 to 1")
	i.WaitLog(0, "[WARNING]", "example.org.", "serial goes from 2 to 1, which is not greater")
	i.WantPrimaries("agreeing", "agreeing", "lagging")
	i.GoesOn(1, "192.0.2.1")
}

// TestIncidentUnknownZONEMD is 1.1.1.1 in October 2023: the root zone came with a ZONEMD record, of a kind that the resolvers' program did
// not know, and they went on with an old zone until it expired.
//
//	NSD  serial 1 -> 2, with a ZONEMD record of an unknown scheme   --\
//	                                                                   >--  CoreDNS
//	Knot serial 1 -> 2, likewise                                    --/
//
// It is told and holds nothing up.
func TestIncidentUnknownZONEMD(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 1}.String(), false)
	i.BeginServing(1)
	digest := strings.Repeat("0123456789abcdef", 6)
	i.LoadAll(MasterFile{Serial: 2, WWW: "192.0.2.2", Records: []string{"@ ZONEMD 2 240 1 " + digest, "@ ZONEMD 2 1 240 " + digest}}.String())
	i.WaitServes("example.org", 2)
	i.WaitState("in_parity")
	i.WantPrimaries("agreeing", "agreeing")
	i.wantWWW("192.0.2.2")
	i.WaitLog(0, "example.org.", "zonemd unsupported")
	for _, line := range i.log.All("[WARNING]", "example.org. held") {
		t.Error(line)
	}
}

// TestIncidentProviderDead is Dyn in October 2016: one of two providers cannot be reached for a day, which is 2 seconds here.
//
//	NSD  serial 1, dead, back with 1   --\
//	                                      >--  CoreDNS, agree all, absent 2s
//	Knot serial 1 -> 2 -> 3            --/
//
// The other's updates go on once the dead one has stopped counting. When it comes back, it is behind, and that is all.
func TestIncidentProviderDead(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 1}.String(), false)
	i.BeginServing(1, "agree all", "absent 2s", "settle 1s")

	i.NSD.Kill()
	i.WantPrimaries("unreachable", "agreeing")
	i.WaitLog(0, "[WARNING]", "example.org.", "primary nsd", i.NSD.Addr.String(), "connection refused")
	i.Knot.Load("example.org", MasterFile{Serial: 2, WWW: "192.0.2.2"}.String())
	i.WaitServes("example.org", 2)
	i.WaitLog(0, "example.org. serves serial 2 after 1", "nsd", "does not count")
	i.WaitState("in_parity")
	i.Knot.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	i.WaitServes("example.org", 3)
	i.GoesOn(3, "192.0.2.3")
	i.WantPrimaries("unreachable", "agreeing")

	i.NSD.Restart()
	i.WaitLog(0, "example.org. primary nsd answers again")
	i.WantPrimaries("lagging", "agreeing")
	i.WaitState("lagging")
	i.WaitLog(0, "[WARNING]", "example.org. lagging", "nsd still holds serial 1", "knot holds serial 3")
	if lag, err := i.Metric(`coredns_concord_primary_lag_seconds{primary="nsd",zone="example.org."}`); err != nil || lag < 1 {
		t.Errorf("it lags behind for %vs: %v", lag, err)
	}
	i.GoesOn(3, "192.0.2.3")
	i.NSD.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	i.WaitState("in_parity")
	i.WantPrimaries("agreeing", "agreeing")
}

// TestIncidentProvidersSplit is a tool that reaches one provider with one change, and the other with another, for a day, which is
// longer than settle here:
//
//	NSD  serial 2026112001 -> 02, www 192.0.2.2         --\
//	                                                       >--  CoreDNS, agree all, compare content
//	Knot serial 7 -> 8, www 192.0.2.3, then 9 192.0.2.2 --/
//
// What both had goes on until they have the same again. However long it takes, neither stops counting.
func TestIncidentProvidersSplit(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 2026112001}.String(), false)
	i.Knot.Load("example.org", MasterFile{Serial: 7}.String())
	i.BeginServing(2026112001, "agree all", "compare content", "settle 1s", "absent 1s")

	i.NSD.Load("example.org", MasterFile{Serial: 2026112002, WWW: "192.0.2.2"}.String())
	i.Knot.Load("example.org", MasterFile{Serial: 8, WWW: "192.0.2.3"}.String())
	i.WaitState("drift")
	i.WantPrimaries("diverged", "diverged")
	i.WaitLog(0, "[WARNING]", "example.org. drift", "nsd holds serial 2026112002", "knot holds serial 8", "www.example.org. A")
	for _, primary := range []string{"nsd", "knot"} {
		i.WaitMetric(`coredns_concord_parity_differing_records{class="data",primary="`+primary+`",zone="example.org."}`, 1)
	}
	i.GoesOn(2026112001, "192.0.2.1")
	i.GoesOn(2026112001, "192.0.2.1") // longer than absent
	i.WantPrimaries("diverged", "diverged")

	i.Knot.Load("example.org", MasterFile{Serial: 9, WWW: "192.0.2.2"}.String())
	i.WaitServes("example.org", 2026112002)
	i.WaitState("in_parity")
	i.wantWWW("192.0.2.2")
	i.WaitLog(0, "example.org. in parity again")
}

// TestIncidentLyingPrimary has one of three primaries in somebody else's hands, with a serial that is greater than all:
//
//	NSD  serial 1 -> 2 -> 3                                --\
//	Knot serial 1 -> 2 -> 3                                --->--  CoreDNS, agree 2
//	BIND serial 1 -> 2000000000, www elsewhere, then 3     --/
//
// Its copy is never served, and keeps the others' from nothing.
func TestIncidentLyingPrimary(t *testing.T) {
	t.Parallel()
	i := NewIncident(t, MasterFile{Serial: 1}.String(), true)
	i.BeginServing(1, "agree 2", "settle 1s")

	i.BIND.Load("example.org", MasterFile{Serial: 2000000000, WWW: "192.0.2.66"}.String())
	i.WantPrimaries("agreeing", "agreeing", "ahead")
	i.GoesOn(1, "192.0.2.1")
	i.NSD.Load("example.org", MasterFile{Serial: 2}.String())
	i.Knot.Load("example.org", MasterFile{Serial: 2}.String())
	i.WaitServes("example.org", 2)
	i.WantPrimaries("agreeing", "agreeing", "diverged")
	i.WaitState("drift")
	i.WaitLog(0, "[WARNING]", "example.org. drift", "bind holds serial 2000000000", "neither content was seen to follow the other")
	i.NSD.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	i.Knot.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	i.WaitServes("example.org", 3)
	i.GoesOn(3, "192.0.2.3")

	i.BIND.Load("example.org", MasterFile{Serial: 3, WWW: "192.0.2.3"}.String())
	i.WantPrimaries("agreeing", "agreeing", "agreeing")
	i.WaitState("in_parity")
}

// manyNames is a zone with n0, n1 and so on.
func manyNames(serial uint32, names int) string {
	m := MasterFile{Serial: serial}
	for n := range names {
		m.Records = append(m.Records, fmt.Sprintf("n%d A 192.0.2.7", n))
	}
	return m.String()
}

// wholeNames is a zone whose names are written in full, with the final dot or without.
func wholeNames(serial uint32, dot string) string {
	names := []string{"ns1", "ns2", "mail", "www", "api", "a", "b", "c", "d", "e", "f"}
	lines := []string{
		fmt.Sprintf("$TTL 300\n@ SOA ns1.example.org%s hostmaster.example.org%[1]s %d 3600 60 604800 300", dot, serial),
		"@ NS ns1.example.org" + dot, "@ NS ns2.example.org" + dot, "@ MX 10 mail.example.org" + dot,
	}
	for _, name := range names {
		lines = append(lines, name+".example.org"+dot+" A 192.0.2.1")
	}
	return "$ORIGIN example.org.\n" + strings.Join(lines, "\n") + "\n"
}
