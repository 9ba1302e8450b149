package dnssec

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Options say how a version is verified.
type Options struct {
	Now time.Time
	// Anchors lead to the keys that may sign the DNSKEY RRset; without any, each key of the zone may.
	Anchors []Anchor
	// Workers is how many goroutines verify; 0 is one for each processor that Go uses.
	Workers int
	// Turns, if any, lets others have the processors from time to time.
	Turns Turns
}

// Turns are the processors that a verification has, and shares with others. They are asked for by one goroutine.
type Turns interface {
	// Wanted reports whether it is time to let others have them.
	Wanted() bool
	// Yield gives all of them back, waits for the next turn, and returns how many there are then.
	Yield(ctx context.Context) int
	// More takes what nobody wants, up to most in all, and returns how many there are.
	More(most int) int
}

// Verify says what is wrong with the signatures of a version, its keys and its chain of denial. Of a version that has no DNSKEY
// RRset nothing is wrong unless there are anchors: State.Signed tells.
//
// before is the State of another version of the zone. What did not change since needs no verifying again, as long as that
// version had no faults; with nil, everything is verified. The error is the cause of the end of ctx, or of options that make no
// sense.
func Verify(ctx context.Context, v *zone.Version, before *State, o Options) (*State, Report, error) {
	if o.Now.IsZero() {
		return nil, Report{}, errors.New("dnssec: verify: the time is not given")
	}
	c := &checker{v: v, apex: v.Apex(), now: o.Now.Unix(), epoch: o.Now.Unix(), faults: &faults{}, workers: o.Workers}
	if c.workers <= 0 {
		c.workers = runtime.GOMAXPROCS(0)
	}
	if o.Turns != nil {
		c.turns, c.yield = o.Turns, func() int { return o.Turns.Yield(ctx) }
	}
	stop := context.AfterFunc(ctx, func() { c.stopped.Store(true) })
	defer stop()
	if before.usable(c) {
		c.before, c.epoch = before, before.epoch
	}
	if c.setKeys() {
		c.setAnchors(o.Anchors)
		c.setDenial()
		c.run()
	} else if !v.Signed() && len(o.Anchors) > 0 {
		c.faults.add(&place{}, RuleUnsigned, c.apex, dns.TypeDNSKEY, "the zone has no keys, and a trust anchor says that it is signed")
	}
	if ctx.Err() != nil {
		return nil, Report{}, fmt.Errorf("dnssec: verify %s with serial %d: %w", c.apex, v.Serial(), context.Cause(ctx))
	}
	return c.finish()
}

// A State is what is known of the signatures of a version, so that the next is verified faster. It never changes.
type State struct {
	v        *zone.Version
	keys     *keySet
	required mask
	nsec     bool
	chains   []chain
	epoch    int64
	tally    tally
	whole    bool // without faults
}

// Signed reports whether the zone has a DNSKEY RRset, without which it is unsigned.
func (s *State) Signed() bool { return s.v.Signed() }

// Version returns the version that was verified.
func (s *State) Version() *zone.Version { return s.v }

// EarliestExpiry returns when the first RRset will have no valid signature unless it gets a new one; zero when there is no signature.
func (s *State) EarliestExpiry() time.Time {
	at, ok := s.tally.until.earliest()
	if !ok {
		return time.Time{}
	}
	return time.Unix(at, 0)
}

// usable reports whether anything may be concluded from what is known.
func (s *State) usable(c *checker) bool {
	// Times of signatures have 32 bits and are read as near to the epoch.
	const far = 20 * 365 * 24 * 3600
	return s != nil && s.whole && s.Signed() && s.v.Apex().Equal(c.apex) && max(c.now-s.epoch, s.epoch-c.now) < far &&
		c.now >= s.tally.inception
}

// A checker is one call of Verify. Workers only read it.
type checker struct {
	v        *zone.Version
	apex     zone.Name
	keys     *keySet
	required mask // algorithms that anchors signal
	nsec     bool // NSEC denies
	chains   []chain
	now      int64
	epoch    int64 // a Unix time that signatures' times are near
	workers  int
	turns    Turns // nil: the processors are ours
	yield    func() int
	warnings []Fault
	faults   *faults
	tally    tally
	stopped  atomic.Bool
	failures atomic.Int64 // signatures that did not verify

	before   *State // nil: everything is verified
	sameKeys bool   // as before
	all      bool   // every name is looked at
	change   *change
}

// setKeys reads the DNSKEY RRset, and reports whether there is anything to verify with.
func (c *checker) setKeys() bool {
	set, ok := c.v.ApexNode().RRset(dns.TypeDNSKEY)
	if !ok {
		return false
	}
	fail := func(rule Rule, detail string) bool {
		c.faults.add(&place{}, rule, c.apex, dns.TypeDNSKEY, detail)
		return false
	}
	var err error
	if c.keys, err = newKeySet(set); err != nil {
		return fail(RuleKeyMany, err.Error())
	}
	for _, err := range c.keys.unusable {
		c.warn(RuleKeyUnusable, dns.TypeDNSKEY, err.Error())
	}
	switch {
	case c.keys.all != 0:
		return true
	case len(c.keys.unknown) > 0:
		return fail(RuleAlgorithmUnknown, fmt.Sprintf("none of the zone's algorithms (%v) can be verified here", c.keys.unknown))
	}
	return fail(RuleKeyUnusable, "no key can be used")
}

// setDenial finds out what proves that names do not exist.
func (c *checker) setDenial() {
	chains, why := newChains(c.v)
	_, nsec := c.v.ApexNode().RRset(dns.TypeNSEC)
	c.chains, c.nsec = chains, nsec && len(chains) == 0
	switch {
	case why != "" && (len(chains) == maxChains || !nsec && len(chains) == 0):
		c.faults.add(&place{}, RuleNSEC3Param, c.apex, dns.TypeNSEC3PARAM, why)
	case len(chains) == 0 && !nsec:
		c.faults.add(&place{}, RuleDenialMissing, c.apex, dns.TypeNSEC, "the apex has neither an NSEC record nor the parameters of an NSEC3 chain")
	}
}

func (c *checker) warn(rule Rule, typ uint16, detail string) {
	if len(c.warnings) < MaxFaults {
		c.warnings = append(c.warnings, Fault{rule, slices.Clone(c.apex), typ, detail})
	}
}

// run verifies what has to be.
func (c *checker) run() {
	first := c.faults
	if c.before != nil {
		b := c.before
		c.sameKeys = b.keys.set.Equal(c.keys.set)
		if c.change = c.changes(); c.change == nil {
			c.before = nil
		} else if c.sameKeys && b.required == c.required && b.nsec == c.nsec && slices.EqualFunc(b.chains, c.chains, chain.equal) && c.explained() {
			c.faults = first.clone()
			c.runChanged()
			if c.failures.Load() > maxFailures {
				return
			}
			if at, ok := c.tally.until.earliest(); c.tally.until.known() && (!ok || at >= c.now) {
				return
			}
			// Signatures have expired, or it is not known any more which will be the first.
			c.faults = first
		}
	}
	c.runAll()
}

// finish makes the State and the Report.
func (c *checker) finish() (*State, Report, error) {
	s := &State{v: c.v, keys: c.keys, required: c.required, nsec: c.nsec, epoch: c.epoch, tally: c.tally}
	for _, c := range c.chains { // without what was made of them for this call
		s.chains = append(s.chains, chain{param: c.param})
	}
	if c.keys == nil || c.tally.rrsets == 0 {
		s.tally = newTally()
	}
	if c.failures.Load() > maxFailures {
		c.faults.add(&place{}, RuleSignatureMany, c.apex, 0, fmt.Sprintf("more than %d signatures do not verify, and nothing more is looked at", maxFailures))
	}
	if n := len(c.tally.odd); n > maxOdd {
		c.faults.add(&place{}, RuleSignatureBogus, c.apex, 0, fmt.Sprintf("more than %d RRsets have signatures that do not verify beside one that does", maxOdd))
	} else if n > 0 {
		c.warn(RuleSignatureBogus, 0, fmt.Sprintf("%d RRsets have signatures that do not verify, or not yet, beside one that does", n))
	}
	for i, n := range c.tally.lacking {
		if m := mask(1) << i; n > 0 && c.required&m == 0 {
			c.warn(RuleAlgorithmIncomplete, 0, fmt.Sprintf("%d of %d RRsets have no good signature of %v, of which the zone has keys", n, c.tally.rrsets, m))
		}
	}
	r := c.faults.report()
	r.Warnings, r.Verified = c.warnings, c.tally.verified
	s.whole = r.OK()
	return s, r, nil
}
