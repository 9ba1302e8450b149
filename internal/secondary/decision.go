package secondary

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/concord-dns/concord/internal/zone"
)

// A Decision is an operator's word that was taken, with who gave it, when and why.
type Decision struct {
	At      time.Time    `json:"at"`
	Kind    DecisionKind `json:"kind"`
	By      string       `json:"by"`
	Why     string       `json:"why"`
	Root    zone.Hash    `json:"root,omitzero"`    // of the version that it is about
	Serial  zone.Serial  `json:"serial,omitempty"` // of that
	Primary string       `json:"primary,omitempty"`
	Result  string       `json:"result"` // what it led to, in words

	// Unwritten is, in a reply, why the word is not on the disk: it is in force, and a restart would lose it unless the disk is back
	// before. Empty: it is on the disk, or there is no store.
	Unwritten string `json:"unwritten,omitempty"`
}

// String returns the decision in one line: "approve serial 8 (1a2b3c4d) by anna at 2026-11-20T15:00:00Z: moved to a new host; ...".
func (d *Decision) String() string {
	var b strings.Builder
	b.WriteString(string(d.Kind))
	if d.Root != (zone.Hash{}) {
		fmt.Fprintf(&b, " serial %d (%s)", d.Serial, d.Root.Short())
	}
	if d.Primary != "" {
		b.WriteString(" of " + d.Primary)
	}
	fmt.Fprintf(&b, " %s: %s", d.said(), d.Why)
	if d.Result != "" {
		b.WriteString("; " + d.Result)
	}
	if d.Unwritten != "" {
		b.WriteString("; it is in force, and a restart would lose it unless the disk is back before: " + d.Unwritten)
	}
	return b.String()
}

// said says whose word it is, and since when.
func (d *Decision) said() string { return "by " + d.By + " at " + d.At.UTC().Format(time.RFC3339) }

// words says whose word it is, since when, and why: parity puts it into a reason.
func (d *Decision) words() string { return d.said() + ", " + d.Why }

// DecisionKind says what an operator wanted.
type DecisionKind string

// What operators may want; see the methods of Zone.
const (
	DecisionApprove    DecisionKind = "approve"
	DecisionReject     DecisionKind = "reject"
	DecisionHold       DecisionKind = "hold"
	DecisionRelease    DecisionKind = "release"
	DecisionPin        DecisionKind = "pin"
	DecisionUnpin      DecisionKind = "unpin"
	DecisionRefresh    DecisionKind = "refresh"
	DecisionRetransfer DecisionKind = "retransfer"
)

// MaxDecisions is how many decisions are kept of a zone; the oldest go first.
const MaxDecisions = 100

// A Word is who wants something of a zone, and why. It is kept.
type Word struct{ By, Why string }

const (
	longestBy  = 100
	longestWhy = 500
)

// check returns what is wrong with the word, "" if nothing is.
func (w *Word) check() string {
	w.By, w.Why = strings.TrimSpace(w.By), strings.TrimSpace(w.Why)
	control := func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }
	switch {
	case w.By == "":
		return "say who wants it"
	case w.Why == "":
		return "say why: it is kept with the decision"
	case len(w.By) > longestBy:
		return fmt.Sprintf("who wants it takes %d octets; at most %d are kept", len(w.By), longestBy)
	case len(w.Why) > longestWhy:
		return fmt.Sprintf("the reason takes %d octets; at most %d are kept", len(w.Why), longestWhy)
	case strings.ContainsFunc(w.By+w.Why, control):
		return "write who wants it and why in one line of text"
	}
	return ""
}
