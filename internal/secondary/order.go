package secondary

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/zone"
)

// words are what operators have said of a zone and what is in force. What it points to is not altered, but replaced.
type words struct {
	hold     *Decision
	pin      *Decision
	pinning  pin      // the version of pin,
	pinned   *checked // and what its checks came to; nil: there is no pin
	checking bool     // they run
	approval *Decision
	rejected []Decision // the newest last
	log      []Decision // the newest last

	replies []given // to be given once what was decided can be seen, and is on the disk
}

// pin is a version of the history with what it takes to serve it.
type pin struct {
	version *zone.Version
	content parity.Content
	source  string
}

// mostRejected is how many rejected versions are remembered.
const mostRejected = 32

// approves reports whether an operator has approved a version.
func (w *words) approves(root zone.Hash) bool { return w.approval != nil && w.approval.Root == root }

// rejects returns the decision that rejects a version, nil if none does.
func (w *words) rejects(root zone.Hash) *Decision {
	if i := slices.IndexFunc(w.rejected, func(d Decision) bool { return d.Root == root }); i >= 0 {
		return &w.rejected[i]
	}
	return nil
}

func (w *words) forgive(root zone.Hash) {
	w.rejected = slices.DeleteFunc(slices.Clone(w.rejected), func(d Decision) bool { return d.Root == root })
}

// into writes what is in force into a policy.
func (w *words) into(p *parity.Policy) {
	if w.hold != nil {
		p.Hold = w.hold.words()
	}
	if w.pin != nil {
		p.Pin = parity.Pin{Version: w.pinning.version, Content: w.pinning.content, Source: w.pinning.source, Why: w.pin.words()}
	}
	if w.approval != nil {
		p.Approve = w.approval.Root
	}
}

// decide carries out what an operator wants, or says why not.
func (l *life) decide(o *order, now time.Time) {
	d := Decision{At: now, Kind: o.kind, By: o.word.By, Why: o.word.Why, Primary: o.primary}
	var err error
	switch o.kind {
	case DecisionApprove:
		err = l.approveCopy(o, &d)
	case DecisionReject:
		err = l.rejectCopy(o, &d, now)
	case DecisionHold:
		if l.words.hold != nil {
			err = fmt.Errorf("the zone is held already: %s", l.words.hold.words())
			break
		}
		d.Result = "nothing new is served until it is released"
		l.words.hold = &d
	case DecisionRelease:
		if l.words.hold == nil {
			err = errors.New("nobody holds the zone")
			break
		}
		d.Result = "it was held " + l.words.hold.words()
		l.words.hold = nil
	case DecisionPin:
		var waits bool
		if waits, err = l.pinVersion(o, &d); waits {
			return
		}
	case DecisionUnpin:
		if l.words.pin == nil {
			err = errors.New("no version is pinned")
			break
		}
		d.Root, d.Serial, d.Result = l.words.pin.Root, l.words.pin.Serial, "it was pinned "+l.words.pin.words()
		l.unpin()
	case DecisionRefresh, DecisionRetransfer:
		err = l.askFor(o, &d, now)
	default:
		err = errors.New("nothing of that kind can be decided")
	}
	l.decided(o, &d, err)
}

// decided keeps a decision and has the operator told of it.
func (l *life) decided(o *order, d *Decision, err error) {
	if err == nil {
		l.keepDecision(d)
	}
	if o == nil {
		return
	}
	if err == nil {
		o.taken.Store(true)
	}
	l.words.replies = append(l.words.replies, given{o, reply{*d, err}, l.keep.begun + 1})
}

// keepDecision keeps a decision, and tells of it.
func (l *life) keepDecision(d *Decision) {
	l.stale, l.keep.due, l.keep.said = true, true, true
	keep := l.words.log[max(0, len(l.words.log)+1-MaxDecisions):]
	l.words.log = append(slices.Clone(keep), *d)
	l.event(Decided{Zone: l.zone.config.Origin, Decision: *d})
}

// leastDigits is how many digits of a root must be given.
const leastDigits = 4

// named returns the one version whose root begins with some digits.
func named(digits string, all []*zone.Version, where string) (*zone.Version, error) {
	digits = strings.ToLower(strings.TrimSpace(digits))
	if len(digits) < leastDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("%q is not the beginning of a version's root; give %d or more of its hexadecimal digits", digits, leastDigits)
	}
	var found *zone.Version
	for _, v := range all {
		switch {
		case !strings.HasPrefix(v.Root().String(), digits):
		case found != nil && found.Root() != v.Root():
			return nil, fmt.Errorf("%s is the beginning of more than one version's root %s; give more digits", digits, where)
		default:
			found = v
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no version %s has a root that begins with %s", where, digits)
	}
	return found, nil
}

// copyNamed returns the version that an order is about, which some primary holds.
func (l *life) copyNamed(o *order, d *Decision) (*zone.Version, []*primary, error) {
	var all []*zone.Version
	for _, p := range l.primaries {
		if v := p.seen.Version; v != nil {
			all = append(all, v)
		}
	}
	v, err := named(o.root, all, "that a primary holds")
	if err != nil {
		return nil, nil, err
	}
	var holders []*primary
	var names []string
	for _, p := range l.primaries {
		if p.seen.Version != nil && p.seen.Version.Root() == v.Root() {
			holders, names = append(holders, p), append(names, p.config.Name)
		}
	}
	d.Root, d.Serial, d.Primary = v.Root(), v.Serial(), strings.Join(names, " and ")
	if l.serves(v) {
		return nil, nil, fmt.Errorf("serial %d of %s is what is served", v.Serial(), d.Primary)
	}
	return v, holders, nil
}

func (l *life) approveCopy(o *order, d *Decision) error {
	v, holders, err := l.copyNamed(o, d)
	if err != nil {
		return err
	}
	if l.words.pin != nil {
		return fmt.Errorf("serial %d is pinned, %s; unpin it first", l.words.pin.Serial, l.words.pin.words())
	}
	for _, p := range holders {
		c := p.current()
		if !c.done || c.passed() {
			continue
		}
		if c.err != nil {
			return fmt.Errorf("serial %d of %s could not be checked: %w", v.Serial(), p.config.Name, c.err)
		}
		if !c.result.Waivable() {
			return fmt.Errorf("serial %d of %s is at fault, not only unlikely, and cannot be approved: %s; mend it at the primary, or take the check out "+
				"of the configuration", v.Serial(), p.config.Name, c.result.Reason())
		}
	}
	l.words.forgive(v.Root())
	d.Result = "it is served as soon as it has been checked"
	l.words.approval = d
	for _, p := range holders {
		l.reconsider(p) // and vouch has it checked, with what the operator waives
	}
	return nil
}

func (l *life) rejectCopy(o *order, d *Decision, now time.Time) error {
	v, holders, err := l.copyNamed(o, d)
	if err != nil {
		return err
	}
	if l.words.rejects(v.Root()) != nil {
		return fmt.Errorf("serial %d of %s is rejected already", v.Serial(), d.Primary)
	}
	if l.words.approves(v.Root()) {
		l.words.approval = nil
	}
	d.Result = "it is not served, whoever holds it"
	l.words.rejected = append(slices.Clone(l.words.rejected[max(0, len(l.words.rejected)+1-mostRejected):]), *d)
	for _, p := range l.primaries {
		p.forget(v.Root()) // others may have held it before
	}
	for _, p := range holders {
		l.see(p, p.current(), now)
	}
	return nil
}

// reconsider has the primary's copy looked at once more, since an operator has changed what is thought of it, or it is served.
func (l *life) reconsider(p *primary) {
	if why, check := l.rejection(p.current()); why != p.seen.Rejected {
		p.seen.Rejected, p.check, p.seen.Guarded = why, check, p.current().guarded(check)
		l.stale = true
	}
}

// pinVersion pins a version of the history. waits says that it is checked first.
func (l *life) pinVersion(o *order, d *Decision) (waits bool, err error) {
	if l.words.pin != nil {
		return false, fmt.Errorf("serial %d is pinned already, %s; unpin it first", l.words.pin.Serial, l.words.pin.words())
	}
	var all []*zone.Version
	for i := range l.history {
		all = append(all, l.history[i].version)
	}
	v, err := named(o.root, all, "of the history")
	if err != nil {
		return false, err
	}
	for i := range l.history {
		if h := &l.history[i]; h.version.Root() == v.Root() {
			o.pin = pin{version: h.version, content: h.content, source: h.source}
		}
	}
	c := &checked{version: o.pin.version, content: o.pin.content}
	if l.serves(v) {
		l.pinTo(o, d, c)
		return false, nil
	}
	l.startPinCheck(c, o)
	return true, nil
}

// pinTo puts a pin in force.
func (l *life) pinTo(o *order, d *Decision, c *checked) {
	d.Root, d.Serial = c.version.Root(), c.version.Serial()
	d.Result = "it is served until it is unpinned"
	l.words.pin, l.words.pinning, l.words.pinned, l.words.approval = d, o.pin, c, nil
}

// pinChecked goes on with a pin whose version has been checked.
func (l *life) pinChecked(c *checked, o *order, now time.Time) {
	if o == nil { // one that was in force when the process ended
		l.words.checking = false
		if l.words.pin == nil || l.words.pin.Root != c.version.Root() {
			return
		}
		if l.words.pinned = c; c.passed() {
			return
		}
		d := Decision{At: now, Kind: DecisionUnpin, By: "concord", Why: faultOf(c), Root: l.words.pin.Root, Serial: l.words.pin.Serial}
		l.unpin()
		l.keepDecision(&d)
		return
	}
	d := Decision{At: now, Kind: o.kind, By: o.word.By, Why: o.word.Why}
	switch {
	case l.words.pin != nil:
		l.decided(o, &d, fmt.Errorf("serial %d has been pinned meanwhile, %s; unpin it first", l.words.pin.Serial, l.words.pin.words()))
	case !c.passed():
		l.decided(o, &d, fmt.Errorf("serial %d was served before, and cannot be now: %s", c.version.Serial(), faultOf(c)))
	default:
		l.pinTo(o, &d, c)
		l.decided(o, &d, nil)
	}
}

// checkPin has the pinned version checked, of which nothing is known since the process began.
func (l *life) checkPin() {
	if !l.words.checking {
		l.words.checking = true
		l.startPinCheck(&checked{version: l.words.pinning.version, content: l.words.pinning.content}, nil)
	}
}

func (l *life) unpin() { l.words.pin, l.words.pinning, l.words.pinned = nil, pin{}, nil }

// faultOf says why a version did not pass.
func faultOf(c *checked) string {
	if c.err != nil {
		return "it could not be checked: " + c.err.Error()
	}
	return c.result.Reason()
}

// askFor has primaries asked since an operator wants it.
func (l *life) askFor(o *order, d *Decision, now time.Time) error {
	known := false
	for _, p := range l.primaries {
		if o.primary != "" && p.config.Name != o.primary {
			continue
		}
		known = true
		p.tries = 0
		p.whole = p.whole || o.kind == DecisionRetransfer
		if p.asking {
			p.again = true
		} else {
			l.ask(p, now)
		}
	}
	if !known {
		return fmt.Errorf("the zone has no primary %s", o.primary)
	}
	d.Result = "asked"
	if o.kind == DecisionRetransfer {
		d.Result = "asked for the whole zone"
	}
	return nil
}

// outlived ends an approval that has done its work: nobody holds the copy any more, or the primaries have come to agree on
// another content since.
func (l *life) outlived(policy parity.Policy, now time.Time) bool {
	a := l.words.approval
	if a == nil {
		return false
	}
	held := slices.ContainsFunc(l.primaries, func(p *primary) bool { return p.seen.Version != nil && p.seen.Version.Root() == a.Root })
	if held && l.serving.origin != a.Root {
		return false // it has yet to be served
	}
	if held {
		policy.Approve = zone.Hash{}
		verdict := parity.Judge(policy, l.parityServed(), l.observations(), now)
		other, ok := verdict.Approved()
		held = !ok || l.serves(other.Version()) || !other.Since().After(a.At)
	}
	if !held {
		l.words.approval = nil
	}
	return !held
}
