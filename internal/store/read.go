package store

import (
	"encoding/json"

	"github.com/concord-dns/concord/internal/plainjson"
)

// readState reads the JSON of a record. The quick way understands what this Concord writes; it has all fields, in the order of the
// structs, save Detail, which stands apart.
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
	plainjson.Time(r, "SavedAt", &s.SavedAt)
	plainjson.Time(r, "LeftAt", &s.LeftAt)
	plainjson.Int(r, "Forget", &s.Forget)
	plainjson.Text(r, "Served", &s.Served)
	plainjson.String(r, "Source", &s.Source)
	plainjson.Time(r, "First", &s.First)
	plainjson.Time(r, "Since", &s.Since)
	plainjson.List(r, "History", &s.History, plainjson.Structs(readEntry))
	plainjson.Struct(r, "Timers", &s.Timers, readTimers)
	plainjson.List(r, "Primaries", &s.Primaries, plainjson.Structs(readPrimary))
	plainjson.Pointer(r, "Pin", &s.Pin, readPin)
}

func readEntry(r *plainjson.Reader, e *Entry) { plainjson.Text(r, "Root", &e.Root) }
func readPin(r *plainjson.Reader, p *Pin)     { plainjson.Text(r, "Root", &p.Root) }

func readTimers(r *plainjson.Reader, t *Timers) {
	plainjson.Time(r, "Expire", &t.Expire)
	plainjson.Time(r, "Refresh", &t.Refresh)
}

func readPrimary(r *plainjson.Reader, p *Primary) {
	plainjson.String(r, "Name", &p.Name)
	plainjson.Text(r, "Root", &p.Root)
}
