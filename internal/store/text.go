package store

import "github.com/concord-dns/concord/internal/plainjson"

// readState reads the JSON of a record.
func readState(text []byte) (State, error) {
	return plainjson.Unmarshal(text, stateFields)
}

// text is the JSON of a record. Detail is no part of it.
func (s *State) text() ([]byte, error) {
	plain := *s
	plain.Detail = nil
	return plainjson.Marshal(&plain, 1024, stateFields)
}

// stateFields has all fields, in the order of the structs, save Detail, which stands apart.
func stateFields(c *plainjson.Coder, s *State) {
	plainjson.String(c, "Zone", &s.Zone)
	plainjson.Time(c, "SavedAt", &s.SavedAt)
	plainjson.Time(c, "LeftAt", &s.LeftAt)
	plainjson.Int(c, "Forget", &s.Forget)
	plainjson.Text(c, "Served", &s.Served)
	plainjson.String(c, "Source", &s.Source)
	plainjson.Time(c, "First", &s.First)
	plainjson.Time(c, "Since", &s.Since)
	plainjson.List(c, "History", &s.History, plainjson.Structs(entryFields))
	plainjson.Struct(c, "Timers", &s.Timers, timersFields)
	plainjson.List(c, "Primaries", &s.Primaries, plainjson.Structs(primaryFields))
	plainjson.Pointer(c, "Pin", &s.Pin, pinFields)
}

func entryFields(c *plainjson.Coder, e *Entry) { plainjson.Text(c, "Root", &e.Root) }
func pinFields(c *plainjson.Coder, p *Pin)     { plainjson.Text(c, "Root", &p.Root) }

func timersFields(c *plainjson.Coder, t *Timers) {
	plainjson.Time(c, "Expire", &t.Expire)
	plainjson.Time(c, "Refresh", &t.Refresh)
}

func primaryFields(c *plainjson.Coder, p *Primary) {
	plainjson.String(c, "Name", &p.Name)
	plainjson.Text(c, "Root", &p.Root)
}
