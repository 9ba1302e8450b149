package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Result is what a copy of a zone came to.
type Result struct {
	findings []Finding
	err      error
	version  *zone.Version
	expiry   time.Time
}

// Verified returns the copy as one that may be served, and false when a check failed or could not be done.
func (r Result) Verified() (Verified, bool) {
	if r.version == nil || r.err != nil || slices.ContainsFunc(r.findings, isFailure) {
		return Verified{}, false
	}
	return Verified{r.version, r.expiry}, true
}

// Findings returns what the checks found, in their order. Of one rule there are at most ten, and one more that says how many
// were left out.
func (r Result) Findings() []Finding { return slices.Clone(r.findings) }

// Reason returns the first failure in one line, "" if there is none.
func (r Result) Reason() string {
	if i := slices.IndexFunc(r.findings, isFailure); i >= 0 {
		return r.findings[i].String()
	}
	return ""
}

// Failed returns the checks that failed, each once.
func (r Result) Failed() []string {
	var failed []string
	for _, f := range r.findings {
		if isFailure(f) && !slices.Contains(failed, f.Check) {
			failed = append(failed, f.Check)
		}
	}
	return failed
}

// Waivable reports whether an operator's word would let the copy pass, as far as is known: something failed, and all of it can be
// meant.
func (r Result) Waivable() bool {
	hard := func(f Finding) bool { return isFailure(f) && !f.canBeMeant() }
	return r.err == nil && r.Reason() != "" && !slices.ContainsFunc(r.findings, hard)
}

// Err returns why a check could not be done, nil if all were. The copy is then neither verified nor, unless there is a Reason as
// well, at fault.
func (r Result) Err() error { return r.err }

// Expiry returns when the first signature of the zone ends, a zero time if none is known of.
func (r Result) Expiry() time.Time { return r.expiry }

// Verified is a version that passed all checks. Only this package makes one that has a version.
type Verified struct {
	version *zone.Version
	expiry  time.Time
}

// Version returns the version, nil for the zero Verified.
func (v Verified) Version() *zone.Version { return v.version }

// Expiry returns when the first signature of the zone ends, a zero time if none is known of.
func (v Verified) Expiry() time.Time { return v.expiry }

// Finding is one thing that a check found.
type Finding struct {
	Check    string // one of Checks
	Rule     string // a word that stays: of scripts and of the documentation
	Owner    string // in presentation form; "" is the zone as a whole
	Type     uint16 // 0: no one type
	Detail   string // what is wrong and, where it is not plain, what to do, in one line
	Severity Severity
}

// String returns the finding in one line: "structure cname: www.example.org. CNAME: has other records beside it".
func (f Finding) String() string {
	s := f.Check + " " + f.Rule + ": "
	if f.Owner != "" {
		s += f.Owner
		if f.Type != 0 {
			s += " " + dns.Type(f.Type).String()
		}
		s += ": "
	}
	return s + f.Detail
}

func isFailure(f Finding) bool { return f.Severity == Failure }

// canBeMeant reports whether a finding is about what is unlikely and not about what is wrong: a guard's, and that final dots seem
// to be missing. An operator may know better.
func (f Finding) canBeMeant() bool {
	return f.Check == CheckGuard || f.Check == CheckStructure && f.Rule == ruleDots
}

// Severity says what a finding does.
type Severity uint8

const (
	// Warning is told, and does nothing.
	Warning Severity = iota
	// Failure keeps the copy from being served.
	Failure
)

// String returns "warning" or "failure".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Failure:
		return "failure"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// The checks, as findings and metrics name them.
const (
	CheckStructure = "structure"
	CheckGuard     = "guard"
	CheckZONEMD    = "zonemd"
	CheckDNSSEC    = "dnssec"
	CheckCommand   = "command"
)

// Checks returns the names of all checks in their order.
func Checks() []string {
	return []string{CheckStructure, CheckGuard, CheckZONEMD, CheckDNSSEC, CheckCommand}
}

// maxExamples is how many findings of one rule are kept as they are.
const maxExamples = 10
