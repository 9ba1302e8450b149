package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// badSignatures are what signers have done to zones that others had to serve.
var badSignatures = []struct {
	name string
	sign func(s *Signer, zone string) string
	rule string // of verify
}{
	// .de in May 2026: signatures that do not verify.
	{"broken", func(s *Signer, zone string) string {
		return breakSignature(s.Sign(zone, Signing{}))
	}, "dnssec signature-bogus"},
	{"expired", func(s *Signer, zone string) string {
		now := time.Now()
		return s.Sign(zone, Signing{From: now.Add(-20 * 24 * time.Hour), Until: now.Add(-time.Hour)})
	}, "dnssec signature-expired"},
	{"missing", func(s *Signer, zone string) string {
		return dropSignature(s.Sign(zone, Signing{}))
	}, "dnssec signature-missing"},
}

// TestIncidentSignaturesOnAll has the signer of all primaries fail:
//
//	signer --> NSD  serial 1 -> bad 2 -> 3   --\
//	       \-> Knot serial 1 -> bad 2 -> 3   --->--  CoreDNS, agree majority, verify dnssec
//	       \-> BIND serial 1 -> bad 2 -> 3   --/
//
// They agree on what no validator would take. What was served goes on.
func TestIncidentSignaturesOnAll(t *testing.T) {
	t.Parallel()
	for _, bad := range badSignatures {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			signer := NewLDNSSigner(t, ECDSAP256)
			i := NewIncident(t, signer.Sign(MasterFile{Serial: 1}.String(), Signing{}), true)
			i.BeginServing(1, "verify dnssec")

			i.LoadAll(bad.sign(signer, MasterFile{Serial: 2, WWW: "192.0.2.2"}.String()))
			i.WantPrimaries("rejected", "rejected", "rejected")
			i.WaitState("held")
			i.Rejected(bad.rule, i.peers()...)
			i.WaitLog(0, "[WARNING]", "example.org. held", bad.rule)
			i.GoesOn(1, "192.0.2.1")

			i.LoadAll(signer.Sign(MasterFile{Serial: 3, WWW: "192.0.2.3"}.String(), Signing{}))
			i.WaitServes("example.org", 3)
			i.WaitState("in_parity")
			i.wantWWW("192.0.2.3")
		})
	}
}

// TestIncidentSignaturesOnOne has one of three providers spoil what it got:
//
//	signer --> NSD  serial 1 -> bad 2 -> 3   --\
//	       \-> Knot serial 1 -> 2 -> 3       --->--  CoreDNS, agree majority, verify dnssec
//	       \-> BIND serial 1 -> 2 -> 3       --/
//
// NSD is the first in the Corefile, so that it was its copy that was served. Another's is now.
func TestIncidentSignaturesOnOne(t *testing.T) {
	t.Parallel()
	for _, bad := range badSignatures {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			signer := NewLDNSSigner(t, ECDSAP256)
			i := NewIncident(t, signer.Sign(MasterFile{Serial: 1}.String(), Signing{}), true)
			i.BeginServing(1, "verify dnssec")

			second := MasterFile{Serial: 2, WWW: "192.0.2.2"}.String()
			good := signer.Sign(second, Signing{})
			i.NSD.Load("example.org", bad.sign(signer, second))
			i.Knot.Load("example.org", good)
			i.BIND.Load("example.org", good)
			i.WaitServes("example.org", 2)
			i.WaitLog(0, "example.org. serves serial 2 after 1", "knot's copy")
			i.WantPrimaries("rejected", "agreeing", "agreeing")
			i.WaitState("in_parity")
			i.Rejected(bad.rule, i.NSD)
			i.GoesOn(2, "192.0.2.2")

			i.LoadAll(signer.Sign(MasterFile{Serial: 3, WWW: "192.0.2.3"}.String(), Signing{}))
			i.WaitServes("example.org", 3)
			i.WantPrimaries("agreeing", "agreeing", "agreeing")
		})
	}
}

// TestIncidentKeyWithoutDS has a signer take a new key-signing key into use, whose DS record the parent does not have: a roll that was
// not finished, as it has taken many zones off, or somebody else's key.
//
//	NSD  serial 1 -> 2, with other keys   --\
//	                                         >--  CoreDNS, verify dnssec FILE, with the DS record of the first key
//	Knot serial 1 -> 2, likewise          --/
func TestIncidentKeyWithoutDS(t *testing.T) {
	t.Parallel()
	signer, other := NewLDNSSigner(t, ECDSAP256), NewLDNSSigner(t, ECDSAP256)
	i := NewIncident(t, signer.Sign(MasterFile{Serial: 1}.String(), Signing{}), false)
	anchors := filepath.Join(i.CoreDNS.dir, "ds")
	if err := os.WriteFile(anchors, []byte(signer.DS), 0o644); err != nil {
		t.Fatal(err)
	}
	i.BeginServing(1, "verify dnssec "+anchors)
	i.LoadAll(other.Sign(MasterFile{Serial: 2, WWW: "192.0.2.66"}.String(), Signing{}))
	i.Rejected("dnssec anchor-mismatch", i.peers()...)
	i.WaitState("held")
	i.GoesOn(1, "192.0.2.1")
	i.LoadAll(signer.Sign(MasterFile{Serial: 3, WWW: "192.0.2.3"}.String(), Signing{}))
	i.WaitServes("example.org", 3)
	i.WaitState("in_parity")
}

// TestIncidentSignerStopped has a signer that makes no new signatures; those that there are end in 9 seconds, and nothing else is wrong:
//
//	signer --> NSD  serial 1 -> 2   --\
//	                                   >--  CoreDNS, verify dnssec
//	       \-> Knot serial 1 -> 2   --/
//
// The metrics say when, and the log, before. There is nothing better to serve then, and who does not validate is answered still.
func TestIncidentSignerStopped(t *testing.T) {
	t.Parallel()
	Binary(t) // it may have to be built first
	signer := NewLDNSSigner(t, ECDSAP256)
	i := NewIncident(t, MasterFile{Serial: 100}.String(), false)
	from, until := time.Now().Add(-time.Hour), time.Now().Add(9*time.Second).Truncate(time.Second)
	i.LoadAll(signer.Sign(MasterFile{Serial: 1}.String(), Signing{From: from, Until: until}))
	i.BeginServing(1, "verify dnssec")
	i.WaitMetric(`coredns_concord_rrsig_earliest_expiry_timestamp_seconds{zone="example.org."}`, float64(until.Unix()))
	i.WaitLog(0, "[WARNING]", "example.org. can wait until", "when the first of its signatures expires")
	if time.Now().After(until) {
		t.Error("it was told too late")
	}
	for time.Now().Before(until) {
		i.GoesOn(1, "192.0.2.1")
	}
	i.GoesOn(1, "192.0.2.1")
	i.WantPrimaries("agreeing", "agreeing")

	i.LoadAll(signer.Sign(MasterFile{Serial: 2, WWW: "192.0.2.2"}.String(), Signing{}))
	i.WaitServes("example.org", 2)
	i.WaitState("in_parity")
}

// TestIncidentSignaturesRunOut has one of two signers stop, and its signatures end while they are served:
//
//	red  --> NSD  serial 1, signed for 9 seconds   --\
//	                                                  >--  CoreDNS, agree all, compare multisigner, verify dnssec
//	blue --> Knot serial 7, signed for 20 days     --/
//
// The other's copy, with the same content, takes its place before they end. Once they have, the copy that they are in is rejected, and
// updates wait for its signer.
func TestIncidentSignaturesRunOut(t *testing.T) {
	t.Parallel()
	Binary(t) // it may have to be built first
	red, blue := NewLDNSSigner(t, ECDSAP256), NewLDNSSigner(t, ECDSAP256)
	i := NewIncident(t, MasterFile{Serial: 100}.String(), false)
	from, until := time.Now().Add(-time.Hour), time.Now().Add(9*time.Second).Truncate(time.Second)
	i.NSD.Load("example.org", red.Sign(MasterFile{Serial: 1}.String(), Signing{Others: []string{blue.ZSK}, From: from, Until: until}))
	i.Knot.Load("example.org", blue.Sign(MasterFile{Serial: 7}.String(), Signing{Others: []string{red.ZSK}}))
	i.BeginServing(1, "agree all", "compare multisigner", "verify dnssec", "settle 1s")
	i.wantSignedBy(t, red)

	i.WaitServes("example.org", 7)
	i.WaitLog(0, "example.org. serves serial 7 after 1", "the first signature of what was served expires at", "the copy of knot has the same content and signatures until")
	i.wantSignedBy(t, blue)
	i.WantPrimaries("rejected", "agreeing")
	i.WaitLog(0, "[WARNING]", "example.org.", "nsd", "dnssec signature-expired")
	i.WaitState("held")
	i.GoesOn(7, "192.0.2.1")

	i.NSD.Load("example.org", red.Sign(MasterFile{Serial: 2, WWW: "192.0.2.2"}.String(), Signing{Others: []string{blue.ZSK}}))
	i.Knot.Load("example.org", blue.Sign(MasterFile{Serial: 8, WWW: "192.0.2.2"}.String(), Signing{Others: []string{red.ZSK}}))
	i.WaitServes("example.org", 8)
	i.WaitState("in_parity")
}

// breakSignature has zeros for the signature over the address of www.
func breakSignature(zone string) string {
	return eachRecord(zone, func(rr dns.RR) dns.RR {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeA && strings.HasPrefix(sig.Hdr.Name, "www.") {
			sig.Signature = strings.Repeat("A", len(sig.Signature)-2) + "=="
		}
		return rr
	})
}

// dropSignature takes away the one of www.
func dropSignature(zone string) string {
	return eachRecord(zone, func(rr dns.RR) dns.RR {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeA && strings.HasPrefix(sig.Hdr.Name, "www.") {
			return nil
		}
		return rr
	})
}

// eachRecord makes a master file of what f returns for each record.
func eachRecord(zone string, f func(dns.RR) dns.RR) string {
	var b strings.Builder
	parser := dns.NewZoneParser(strings.NewReader(zone), "example.org.", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if rr = f(rr); rr != nil {
			fmt.Fprintln(&b, rr)
		}
	}
	if err := parser.Err(); err != nil {
		panic(err) // what signers write can be read
	}
	return b.String()
}
