package secondary

import (
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/plainjson"
)

// readState reads the state that kept has written, or an earlier or later Concord.
func readState(text []byte) (State, error) {
	return plainjson.Unmarshal(text, stateFields)
}

// text is the state as it is written: JSON, which readState and encoding/json read.
func (s *State) text() ([]byte, error) { return plainjson.Marshal(s, 2048, stateFields) }

// stateFields has all fields, in the order of the structs.
func stateFields(c *plainjson.Coder, s *State) {
	plainjson.String(c, "Zone", &s.Zone)
	plainjson.Text(c, "Root", &s.Root)
	plainjson.String(c, "Source", &s.Source)
	plainjson.Text(c, "Origin", &s.Origin)
	plainjson.Uint(c, "Serial", &s.Serial)

	plainjson.Time(c, "First", &s.First)
	plainjson.Time(c, "Swapped", &s.Swapped)
	plainjson.Time(c, "NextCheck", &s.NextCheck)
	plainjson.Time(c, "ExpireAt", &s.ExpireAt)

	plainjson.Time(c, "Since", &s.Since)
	plainjson.Time(c, "SignedUntil", &s.SignedUntil)
	plainjson.Time(c, "DriftSince", &s.DriftSince)
	plainjson.Time(c, "HeldSince", &s.HeldSince)
	plainjson.Bool(c, "NearTold", &s.NearTold)
	plainjson.Bool(c, "Whole", &s.Whole)
	plainjson.String(c, "Compared", &s.Compared)

	plainjson.Pointer(c, "Hold", &s.Hold, decisionFields)
	plainjson.Pointer(c, "Pin", &s.Pin, decisionFields)
	plainjson.Pointer(c, "Approval", &s.Approval, decisionFields)
	plainjson.List(c, "Rejections", &s.Rejections, plainjson.Structs(decisionFields))
	plainjson.List(c, "Decisions", &s.Decisions, plainjson.Structs(decisionFields))

	plainjson.List(c, "History", &s.History, plainjson.TextValue)
	plainjson.List(c, "Sources", &s.Sources, plainjson.StringValue)
	plainjson.List(c, "Began", &s.Began, plainjson.TimeValue)
	plainjson.Uint(c, "Swaps", &s.Swaps)
	plainjson.List(c, "Notifies", &s.Notifies, plainjson.UintValue)
	plainjson.List(c, "Primaries", &s.Primaries, plainjson.Structs(primaryFields))
}

func decisionFields(c *plainjson.Coder, d *Decision) {
	plainjson.Time(c, "at", &d.At)
	plainjson.String(c, "kind", &d.Kind)
	plainjson.String(c, "by", &d.By)
	plainjson.String(c, "why", &d.Why)
	plainjson.Text(c, "root", &d.Root)
	plainjson.Uint(c, "serial", &d.Serial)
	plainjson.String(c, "primary", &d.Primary)
	plainjson.String(c, "result", &d.Result)
	plainjson.String(c, "unwritten", &d.Unwritten)
}

func primaryFields(c *plainjson.Coder, p *PrimaryState) {
	plainjson.String(c, "Name", &p.Name)
	plainjson.List(c, "Addresses", &p.Addresses, plainjson.TextValue)
	plainjson.Int(c, "Address", &p.Address)

	plainjson.Text(c, "Root", &p.Root)
	plainjson.Time(c, "Since", &p.Since)
	plainjson.Uint(c, "Step", &p.Step)
	plainjson.List(c, "Past", &p.Past, plainjson.Structs(sightingFields))

	plainjson.String(c, "Rejected", &p.Rejected)
	plainjson.String(c, "Check", &p.Check)
	plainjson.Bool(c, "Guarded", &p.Guarded)
	plainjson.List(c, "CheckFailures", &p.CheckFailures, plainjson.Structs(checkCountFields))
	plainjson.Uint(c, "Regressions", &p.Regressions)

	plainjson.Uint(c, "Serial", &p.Serial)
	plainjson.Bool(c, "Told", &p.Told)
	plainjson.Int(c, "Expire", &p.Expire)
	plainjson.Time(c, "LastProbe", &p.LastProbe)
	plainjson.Time(c, "LastSuccess", &p.LastSuccess)
	plainjson.Time(c, "FailingSince", &p.FailingSince)
	plainjson.Int(c, "Failures", &p.Failures)
	plainjson.String(c, "Err", &p.Err)
	plainjson.String(c, "Phase", &p.Phase)
	plainjson.Time(c, "ErrAt", &p.ErrAt)
	plainjson.Time(c, "RetryAt", &p.RetryAt)
	plainjson.Int(c, "Tries", &p.Tries)

	plainjson.Bool(c, "Derived", &p.Derived)
	plainjson.Bool(c, "Uneven", &p.Uneven)
	plainjson.Int(c, "IXFRFailures", &p.IXFRFailures)
	plainjson.Time(c, "AXFRUntil", &p.AXFRUntil)

	plainjson.Struct(c, "Last", &p.Last, transferFields)
	plainjson.Time(c, "LastTransfer", &p.LastTransfer)
	plainjson.List(c, "Transfers", &p.Transfers, plainjson.Structs(transferCountFields))
	plainjson.Uint(c, "Bytes", &p.Bytes)
}

func sightingFields(c *plainjson.Coder, s *parity.Sighting) {
	plainjson.Text(c, "Root", &s.Root)
	plainjson.Uint(c, "Serial", &s.Serial)
	plainjson.Time(c, "Seen", &s.Seen)
	plainjson.Uint(c, "Step", &s.Step)
	plainjson.Bool(c, "Rejected", &s.Rejected)
}

func checkCountFields(c *plainjson.Coder, n *CheckCount) {
	plainjson.String(c, "Check", &n.Check)
	plainjson.Uint(c, "Count", &n.Count)
}

func transferFields(c *plainjson.Coder, t *Transfer) {
	plainjson.String(c, "Kind", &t.Kind)
	plainjson.Text(c, "Address", &t.Address)
	plainjson.Int(c, "Messages", &t.Messages)
	plainjson.Int(c, "Records", &t.Records)
	plainjson.Int(c, "Bytes", &t.Bytes)
	plainjson.Int(c, "Duration", &t.Duration)
	plainjson.Int(c, "Steps", &t.Steps)
	plainjson.Int(c, "Deleted", &t.Deleted)
	plainjson.Int(c, "Added", &t.Added)
	plainjson.String(c, "Key", &t.Key)
	plainjson.Bool(c, "TLS", &t.TLS)
}

func transferCountFields(c *plainjson.Coder, n *TransferCount) {
	plainjson.String(c, "Kind", &n.Kind)
	plainjson.String(c, "Result", &n.Result)
	plainjson.Uint(c, "Count", &n.Count)
}
