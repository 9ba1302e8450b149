package dnssec

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// A Fault is what makes a zone, or a name of it, fail with validators.
type Fault struct {
	Rule   Rule
	Owner  zone.Name
	Type   uint16 // 0: no one type
	Detail string
}

// A Rule is what was broken, in a word.
type Rule string

// The rules of keys and of the zone as a whole.
const (
	RuleUnsigned            Rule = "unsigned"             // no DNSKEY RRset, and an anchor says that there is one
	RuleKeyUnusable         Rule = "key-unusable"         // no key can be used
	RuleKeyMany             Rule = "key-many"             // more keys than are looked at
	RuleAlgorithmUnknown    Rule = "algorithm-unknown"    // nothing but algorithms that cannot be verified here
	RuleAlgorithmIncomplete Rule = "algorithm-incomplete" // a warning: some RRsets lack signatures of one of several algorithms
	RuleAnchorMismatch      Rule = "anchor-mismatch"      // no anchor fits a key that signs the DNSKEY RRset
)

// The rules of signatures.
const (
	RuleSignatureMissing Rule = "signature-missing"
	RuleSignatureBogus   Rule = "signature-bogus"
	RuleSignatureExpired Rule = "signature-expired"
	RuleSignatureFuture  Rule = "signature-future"
	RuleSignatureSigner  Rule = "signature-signer"  // the signer is not the apex
	RuleSignatureLabels  Rule = "signature-labels"  // the labels field is not that of the owner name
	RuleSignatureTTL     Rule = "signature-ttl"     // the original TTL is not that of the RRset
	RuleSignatureKey     Rule = "signature-key"     // by no key of the zone
	RuleSignatureRevoked Rule = "signature-revoked" // by a revoked key
	RuleSignatureMany    Rule = "signature-many"    // more signatures than are looked at
	RuleSignatureStray   Rule = "signature-stray"   // covers an RRset that is not there
	RuleSignedDelegation Rule = "signed-delegation" // covers NS or glue at a zone cut
	RuleSignedOccluded   Rule = "signed-occluded"   // signature or NSEC record below a zone cut or a DNAME
)

// The rules of denial.
const (
	RuleDenialMissing Rule = "denial-missing" // neither NSEC nor NSEC3
	RuleNSECMissing   Rule = "nsec-missing"
	RuleNSECExtra     Rule = "nsec-extra"
	RuleNSECNext      Rule = "nsec-next"
	RuleNSECBitmap    Rule = "nsec-bitmap"
	RuleNSEC3Param    Rule = "nsec3-param"
	RuleNSEC3Missing  Rule = "nsec3-missing"
	RuleNSEC3Extra    Rule = "nsec3-extra"
	RuleNSEC3Next     Rule = "nsec3-next"
	RuleNSEC3Bitmap   Rule = "nsec3-bitmap"
)

// String returns the fault on one line.
func (f Fault) String() string {
	s := string(f.Rule) + ": " + f.Owner.String()
	if f.Type != 0 {
		s += " " + dns.Type(f.Type).String()
	}
	return s + ": " + f.Detail
}

// MaxFaults is how many faults, and how many warnings, a Report has at most.
const MaxFaults = 100

// A Report is what Verify has found.
type Report struct {
	// Faults are the first in canonical order of their owner names: the apex first, names of NSEC3 records last.
	Faults []Fault
	// Total is how many faults there are with those that were cut.
	Total int
	// Warnings are what validators accept and whoever signs the zone should mend.
	Warnings []Fault
	// Verified is how many signatures were verified, which is most of the work.
	Verified int
}

// OK reports whether there are no faults.
func (r Report) OK() bool { return r.Total == 0 }

// String returns the first fault and how many more there are, on one line; "" for none.
func (r Report) String() string {
	if r.OK() {
		return ""
	}
	s := r.Faults[0].String()
	if r.Total > 1 {
		s += fmt.Sprintf("; and %d more", r.Total-1)
	}
	return s
}

// faults collects what workers find. It keeps the first in order, however many there are.
type faults struct {
	mu    sync.Mutex // guards list and total
	list  []placed
	total int
}

// placed is a fault with where it comes in a Report.
type placed struct {
	Fault
	place
}

// place is where a name is: names of NSEC3 records come after all others.
type place struct {
	nsec3 bool
	key   zone.Key
}

func (f *faults) add(at *place, rule Rule, owner zone.Name, typ uint16, detail string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total++
	found := Fault{rule, slices.Clone(owner), typ, detail}
	if f.list = append(f.list, placed{found, place{at.nsec3, slices.Clone(at.key)}}); len(f.list) >= 4*MaxFaults {
		f.sort()
	}
}

// sort brings the list into order and cuts it. The same fault may have been found twice, from two neighbours.
func (f *faults) sort() {
	slices.SortFunc(f.list, func(a, b placed) int {
		switch {
		case a.nsec3 && !b.nsec3:
			return 1
		case !a.nsec3 && b.nsec3:
			return -1
		}
		return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Rule, b.Rule),
			bytes.Compare(a.Owner, b.Owner), strings.Compare(a.Detail, b.Detail))
	})
	before := len(f.list)
	f.list = slices.CompactFunc(f.list, func(a, b placed) bool {
		return a.Rule == b.Rule && a.Type == b.Type && a.Detail == b.Detail && bytes.Equal(a.Owner, b.Owner)
	})
	f.total -= before - len(f.list)
	f.list = f.list[:min(len(f.list), MaxFaults)]
}

func (f *faults) clone() *faults { return &faults{list: slices.Clone(f.list), total: f.total} }

func (f *faults) report() Report {
	f.sort()
	r := Report{Total: f.total}
	for _, p := range f.list {
		r.Faults = append(r.Faults, p.Fault)
	}
	return r
}
