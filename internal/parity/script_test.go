package parity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/scripttest"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txt", func(t *testing.T) scripttest.Command {
		w := newWorld(t)
		return w.command
	})
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is what the conductor keeps of one zone: it notes what primaries hold,
// asks for verdicts and serves what they approve.
type world struct {
	t        *testing.T
	policy   Policy
	served   Served
	obs      []Observation
	now      time.Time
	versions map[string]*zone.Version
	names    map[zone.Hash]string
	restored bool // what is served was there from the start
	recent   bool // earlier copies of primaries are kept
	detail   bool // all of a verdict is shown
	expire   time.Duration
}

func newWorld(t *testing.T) *world {
	d := config.Defaults()
	return &world{
		t: t, policy: Policy{Agree: d.Agree, Settle: d.Settle, Absent: d.Absent}, now: epoch,
		versions: make(map[string]*zone.Version), names: make(map[zone.Hash]string),
	}
}

// version builds the zone with a serial and a content, which is a letter and
// the number of records that it has different from content A: B, or B3.
func (w *world) version(content string, serial zone.Serial) *zone.Version {
	key := fmt.Sprintf("%s %d", content, serial)
	if v, ok := w.versions[key]; ok {
		return v
	}
	letter, changed := int(content[0]-'A'), 1
	if len(content) > 1 {
		changed, _ = strconv.Atoi(content[1:])
	}
	if letter == 0 {
		changed = 0
	}
	text := []string{
		fmt.Sprintf("example.org. 3600 SOA ns.example.org. host.example.org. %d 7200 900 1209600 300", serial),
		"example.org. 3600 NS ns.example.org.",
	}
	for i := range max(changed, 3) {
		address := "192.0.2.1"
		if i < changed {
			address = fmt.Sprintf("198.51.100.%d", letter)
		}
		text = append(text, fmt.Sprintf("%05d.example.org. 3600 A %s", i, address))
	}
	v := build(w.t, text)
	w.versions[key] = v
	w.names[v.Root()] = key
	return v
}

func build(t testing.TB, text []string) *zone.Version {
	t.Helper()
	apex, err := zone.ParseName("example.org.")
	if err != nil {
		t.Fatal(err)
	}
	b := zone.NewBuilder(apex, nil)
	for _, line := range text {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		r, err := zone.FromRR(rr)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// see notes that a primary answered and holds v.
func (w *world) see(o *Observation, v *zone.Version) { w.seeRejected(o, v, "") }

func (w *world) seeRejected(o *Observation, v *zone.Version, rejected string) {
	o.Reachable, o.Refused, o.Err, o.FailingSince = true, false, nil, time.Time{}
	o.See(v, w.policy.Compare.Content(v), rejected, w.now)
	if !w.recent {
		o.Recent = nil
	}
}

// fail notes that a primary failed; without an error it is waited for.
func (w *world) fail(o *Observation, refused bool, err error) {
	o.Reachable, o.Refused, o.Err = false, refused, err
	if o.FailingSince.IsZero() {
		o.FailingSince = w.now
	}
}

// serve serves what a verdict approved.
func (w *world) serve(v *Verdict) (swapped bool) {
	a, ok := v.Approved()
	if !ok {
		return false
	}
	was, root := w.served.Version, zone.Hash{}
	if was != nil {
		root = w.served.root()
	}
	swapped = was == nil || was.Root() != a.Version().Root()
	content := a.Content()
	switch {
	case was == nil && !w.restored:
		w.served.First = w.now
	case was != nil && root != contentRoot(a.Version(), &content):
		w.served.Agreed = append(w.served.Agreed[:len(w.served.Agreed):len(w.served.Agreed)], root)
		w.served.Agreed = w.served.Agreed[max(0, len(w.served.Agreed)-16):]
	}
	w.served.Version, w.served.Content, w.served.Source, w.served.Since = a.Version(), content, a.Source(), a.Since()
	if swapped {
		w.served.SignedUntil = time.Time{}
		w.fresh()
	}
	return swapped
}

// fresh notes that what is served was confirmed.
func (w *world) fresh() {
	if w.expire > 0 {
		w.served.ExpireAt = w.now.Add(w.expire)
	}
}

// judge judges and serves.
func (w *world) judge() (v Verdict, swapped bool) {
	v = Judge(w.policy, w.served, w.obs, w.now)
	w.served.DriftSince = v.DriftSince
	swapped = w.serve(&v)
	if v.Confirmed() {
		w.fresh()
	}
	return v, swapped
}

func (w *world) command(words []string) (string, error) {
	switch words[0] {
	case "policy": // policy [agree=all] [settle=30s] [absent=1h]
		return "", w.setPolicy(words[1:])
	case "primaries": // primaries NAME...: nothing is known of them
		for _, name := range words[1:] {
			w.obs = append(w.obs, Observation{Name: name})
		}
		return "", nil
	case "restore": // restore CONTENT SERIAL SOURCE: served from the start
		serial, err := strconv.ParseUint(words[2], 10, 32)
		if err != nil {
			return "", err
		}
		v := w.version(words[1], zone.Serial(serial))
		w.served, w.restored = Served{Version: v, Content: w.policy.Compare.Content(v), Source: words[3]}, true
		return "", nil
	case "see": // see PRIMARY,... CONTENT SERIAL
		serial, err := strconv.ParseUint(words[3], 10, 32)
		if err != nil {
			return "", err
		}
		return "", w.each(words[1], func(o *Observation) { w.see(o, w.version(words[2], zone.Serial(serial))) })
	case "fail": // fail PRIMARY,... ERROR...
		return "", w.each(words[1], func(o *Observation) { w.fail(o, false, errors.New(strings.Join(words[2:], " "))) })
	case "spoil": // spoil PRIMARY,... ERROR...: it answers, with nothing of use
		return "", w.each(words[1], func(o *Observation) {
			w.fail(o, false, errors.New(strings.Join(words[2:], " ")))
			o.Reachable = true
		})
	case "refuse": // refuse PRIMARY,...
		return "", w.each(words[1], func(o *Observation) { w.fail(o, true, errors.New("REFUSED")) })
	case "await": // await PRIMARY,...: the first check has begun
		return "", w.each(words[1], func(o *Observation) { w.fail(o, false, nil) })
	case "advance": // advance DURATION
		d, err := config.ParseDuration(words[1])
		w.now = w.now.Add(d)
		return "", err
	case "judge":
		v, swapped := w.judge()
		return w.show(&v, swapped), nil
	case "state": // judge, in one line
		v, _ := w.judge()
		return w.line(&v), nil
	}
	return w.operator(words)
}

// operator carries out what is said of the zone rather than of a primary.
func (w *world) operator(words []string) (string, error) {
	version := func() (*zone.Version, error) {
		serial, err := strconv.ParseUint(words[2], 10, 32)
		return w.version(words[1], zone.Serial(serial)), err
	}
	switch words[0] {
	case "reject", "guard": // reject|guard PRIMARY,... CONTENT SERIAL WHY...: it holds that, which fails a check, or a guard alone
		serial, err := strconv.ParseUint(words[3], 10, 32)
		if err != nil {
			return "", err
		}
		v := w.version(words[2], zone.Serial(serial))
		return "", w.each(words[1], func(o *Observation) {
			w.seeRejected(o, v, strings.Join(words[4:], " "))
			o.Guarded = words[0] == "guard"
		})
	case "hold": // hold [WHY...]: without why the zone is released
		w.policy.Hold = strings.Join(words[1:], " ")
		return "", nil
	case "pin": // pin CONTENT SERIAL SOURCE WHY...
		v, err := version()
		w.policy.Pin = Pin{Version: v, Content: w.policy.Compare.Content(v), Source: words[3], Why: strings.Join(words[4:], " ")}
		return "", err
	case "release": // release: hold, pin and approve
		w.policy.Hold, w.policy.Pin, w.policy.Approve = "", Pin{}, zone.Hash{}
		return "", nil
	case "approve": // approve CONTENT SERIAL
		v, err := version()
		w.policy.Approve = v.Root()
		return "", err
	case "signed": // signed [PRIMARY] DURATION: the first signature of what is served, or of its copy, expires then
		d, err := config.ParseDuration(words[len(words)-1])
		if len(words) == 2 {
			w.served.SignedUntil = w.now.Add(d)
			return "", err
		}
		for i := range w.obs {
			if w.obs[i].Name == words[1] {
				w.obs[i].SignedUntil = w.now.Add(d)
			}
		}
		return "", err
	}
	return "", scripttest.ErrUnknown
}

func (w *world) each(names string, do func(*Observation)) error {
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(w.obs, func(o Observation) bool { return o.Name == name })
		if i < 0 {
			return fmt.Errorf("no primary %s", name)
		}
		do(&w.obs[i])
	}
	return nil
}

func (w *world) setPolicy(words []string) (err error) {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "agree":
			w.policy.Agree, err = config.ParseAgree(value)
		case "compare":
			var kind config.Compare
			kind, err = config.ParseCompare(value)
			w.compare(kind)
		case "prefer":
			var after string
			w.policy.Drift.Prefer, after, _ = strings.Cut(value, ":")
			w.policy.Drift.After, err = config.ParseDuration(after)
		case "detail":
			w.detail = value == "yes"
		case "recent":
			w.recent = value == "yes"
		case "expire":
			w.expire, err = config.ParseDuration(value)
		case "notice":
			w.policy.Notice, err = config.ParseDuration(value)
		case "settle":
			w.policy.Settle, err = config.ParseDuration(value)
		case "absent":
			if value == "never" {
				w.policy.Absent = config.Never
				break
			}
			w.policy.Absent, err = config.ParseDuration(value)
		default:
			err = scripttest.ErrUnknown
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) compare(kind config.Compare) {
	apex, err := zone.ParseName("example.org.")
	if err != nil {
		w.t.Fatal(err)
	}
	w.policy.Compare = NewComparison(&config.Zone{Compare: kind}, apex, [32]byte{1})
}

func (w *world) show(v *Verdict, swapped bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.State, v.Reason)
	switch _, approved := v.Approved(); {
	case w.served.Version == nil:
		b.WriteString("serves nothing")
	case swapped:
		fmt.Fprintf(&b, "swaps to %s from %s", w.names[w.served.Version.Root()], w.served.Source)
	case approved:
		fmt.Fprintf(&b, "serves %s from %s", w.names[w.served.Version.Root()], w.served.Source)
	default:
		fmt.Fprintf(&b, "keeps %s", w.names[w.served.Version.Root()])
	}
	if !v.Again.IsZero() {
		fmt.Fprintf(&b, "; again in %s", config.FormatDuration(v.Again.Sub(w.now)))
	}
	b.WriteByte('\n')
	for _, p := range v.Primaries {
		fmt.Fprintf(&b, "%s %s: %s", p.Name, p.State, p.Reason)
		if p.Differing > 0 {
			fmt.Fprintf(&b, " (%d differ)", p.Differing)
		}
		if p.Confirms {
			b.WriteString(" (confirms)")
		}
		b.WriteByte('\n')
	}
	if !w.detail {
		return b.String()
	}
	if v.Break != nil {
		fmt.Fprintf(&b, "break: %s\n", v.Break)
	}
	if d := v.Deadline; !d.At.IsZero() {
		fmt.Fprintf(&b, "deadline: %s, when %s", instant(d.At), d.What)
		if d.Due {
			b.WriteString("; due")
		}
		b.WriteByte('\n')
	}
	if !v.DriftSince.IsZero() {
		fmt.Fprintf(&b, "drift since %s\n", instant(v.DriftSince))
	}
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Rule, f)
	}
	return b.String()
}

func (w *world) line(v *Verdict) string {
	serving := "nothing"
	if w.served.Version != nil {
		serving = w.names[w.served.Version.Root()] + " from " + w.served.Source
	}
	states := make([]string, len(v.Primaries))
	for i, p := range v.Primaries {
		states[i] = p.Name + " " + p.State.String()
	}
	return fmt.Sprintf("%s; serves %s; %s", v.State, serving, strings.Join(states, ", "))
}
