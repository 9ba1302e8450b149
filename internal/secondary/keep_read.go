package secondary

import (
	"encoding/json"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/plainjson"
)

// readState reads the state that kept has written, or an earlier or later Concord. The quick way understands what this one writes; it
// has all fields, in the order of the structs.
func readState(text []byte) (State, error) {
	var s State
	if plainjson.Read(text, &s, readStateFields) {
		return s, nil
	}
	s = State{}
	err := json.Unmarshal(text, &s)
	return s, err
}

func readStateFields(r *plainjson.Reader, s *State) {
	plainjson.String(r, "Zone", &s.Zone)
	plainjson.Text(r, "Root", &s.Root)
	plainjson.String(r, "Source", &s.Source)
	plainjson.Text(r, "Origin", &s.Origin)
	plainjson.Uint(r, "Serial", &s.Serial)

	plainjson.Time(r, "First", &s.First)
	plainjson.Time(r, "Swapped", &s.Swapped)
	plainjson.Time(r, "NextCheck", &s.NextCheck)
	plainjson.Time(r, "ExpireAt", &s.ExpireAt)

	plainjson.Time(r, "Since", &s.Since)
	plainjson.Time(r, "SignedUntil", &s.SignedUntil)
	plainjson.Time(r, "DriftSince", &s.DriftSince)
	plainjson.Time(r, "HeldSince", &s.HeldSince)
	plainjson.Bool(r, "NearTold", &s.NearTold)
	plainjson.Bool(r, "Whole", &s.Whole)
	plainjson.String(r, "Compared", &s.Compared)

	plainjson.Pointer(r, "Hold", &s.Hold, readDecision)
	plainjson.Pointer(r, "Pin", &s.Pin, readDecision)
	plainjson.Pointer(r, "Approval", &s.Approval, readDecision)
	plainjson.List(r, "Rejections", &s.Rejections, plainjson.Structs(readDecision))
	plainjson.List(r, "Decisions", &s.Decisions, plainjson.Structs(readDecision))

	plainjson.List(r, "History", &s.History, plainjson.TextValue)
	plainjson.List(r, "Sources", &s.Sources, plainjson.StringValue)
	plainjson.List(r, "Began", &s.Began, plainjson.TimeValue)
	plainjson.Uint(r, "Swaps", &s.Swaps)
	plainjson.List(r, "Notifies", &s.Notifies, plainjson.UintValue)
	plainjson.List(r, "Primaries", &s.Primaries, plainjson.Structs(readPrimary))
}

func readDecision(r *plainjson.Reader, d *Decision) {
	plainjson.Time(r, "at", &d.At)
	plainjson.String(r, "kind", &d.Kind)
	plainjson.String(r, "by", &d.By)
	plainjson.String(r, "why", &d.Why)
	plainjson.Text(r, "root", &d.Root)
	plainjson.Uint(r, "serial", &d.Serial)
	plainjson.String(r, "primary", &d.Primary)
	plainjson.String(r, "result", &d.Result)
	plainjson.String(r, "unwritten", &d.Unwritten)
}

func readPrimary(r *plainjson.Reader, p *PrimaryState) {
	plainjson.String(r, "Name", &p.Name)
	plainjson.List(r, "Addresses", &p.Addresses, plainjson.TextValue)
	plainjson.Int(r, "Address", &p.Address)

	plainjson.Text(r, "Root", &p.Root)
	plainjson.Time(r, "Since", &p.Since)
	plainjson.Uint(r, "Step", &p.Step)
	plainjson.List(r, "Past", &p.Past, plainjson.Structs(readSighting))

	plainjson.String(r, "Rejected", &p.Rejected)
	plainjson.String(r, "Check", &p.Check)
	plainjson.Bool(r, "Guarded", &p.Guarded)
	plainjson.List(r, "CheckFailures", &p.CheckFailures, plainjson.Structs(readCheckCount))
	plainjson.Uint(r, "Regressions", &p.Regressions)

	plainjson.Uint(r, "Serial", &p.Serial)
	plainjson.Bool(r, "Told", &p.Told)
	plainjson.Int(r, "Expire", &p.Expire)
	plainjson.Time(r, "LastProbe", &p.LastProbe)
	plainjson.Time(r, "LastSuccess", &p.LastSuccess)
	plainjson.Time(r, "FailingSince", &p.FailingSince)
	plainjson.Int(r, "Failures", &p.Failures)
	plainjson.String(r, "Err", &p.Err)
	plainjson.String(r, "Phase", &p.Phase)
	plainjson.Time(r, "ErrAt", &p.ErrAt)
	plainjson.Time(r, "RetryAt", &p.RetryAt)
	plainjson.Int(r, "Tries", &p.Tries)

	plainjson.Bool(r, "Derived", &p.Derived)
	plainjson.Bool(r, "Uneven", &p.Uneven)
	plainjson.Int(r, "IXFRFailures", &p.IXFRFailures)
	plainjson.Time(r, "AXFRUntil", &p.AXFRUntil)

	plainjson.Struct(r, "Last", &p.Last, readTransfer)
	plainjson.Time(r, "LastTransfer", &p.LastTransfer)
	plainjson.List(r, "Transfers", &p.Transfers, plainjson.Structs(readTransferCount))
	plainjson.Uint(r, "Bytes", &p.Bytes)
}

func readSighting(r *plainjson.Reader, s *parity.Sighting) {
	plainjson.Text(r, "Root", &s.Root)
	plainjson.Uint(r, "Serial", &s.Serial)
	plainjson.Time(r, "Seen", &s.Seen)
	plainjson.Uint(r, "Step", &s.Step)
	plainjson.Bool(r, "Rejected", &s.Rejected)
}

func readCheckCount(r *plainjson.Reader, c *CheckCount) {
	plainjson.String(r, "Check", &c.Check)
	plainjson.Uint(r, "Count", &c.Count)
}

func readTransfer(r *plainjson.Reader, t *Transfer) {
	plainjson.String(r, "Kind", &t.Kind)
	plainjson.Text(r, "Address", &t.Address)
	plainjson.Int(r, "Messages", &t.Messages)
	plainjson.Int(r, "Records", &t.Records)
	plainjson.Int(r, "Bytes", &t.Bytes)
	plainjson.Int(r, "Duration", &t.Duration)
	plainjson.Int(r, "Steps", &t.Steps)
	plainjson.Int(r, "Deleted", &t.Deleted)
	plainjson.Int(r, "Added", &t.Added)
	plainjson.String(r, "Key", &t.Key)
	plainjson.Bool(r, "TLS", &t.TLS)
}

func readTransferCount(r *plainjson.Reader, c *TransferCount) {
	plainjson.String(r, "Kind", &c.Kind)
	plainjson.String(r, "Result", &c.Result)
	plainjson.Uint(r, "Count", &c.Count)
}
