package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/plainjson"
	"github.com/concord-dns/concord/internal/zone"
)

// whole has every field, and nothing that is zero.
func whole() State {
	at := time.Date(2026, 12, 1, 3, 48, 37, 239088443, time.UTC)
	return State{
		Zone: "example.org.", SavedAt: at, LeftAt: at, Forget: time.Hour, Served: zone.Hash{1}, Source: "p0", First: at, Since: at,
		History: []Entry{{zone.Hash{2}}, {zone.Hash{1}}}, Timers: Timers{at, at}, Primaries: []Primary{{"p0", zone.Hash{3}}, {Name: "p1"}},
		Pin: &Pin{zone.Hash{4}},
	}
}

// TestReadState reads what is written without encoding/json, and as that reads it.
func TestReadState(t *testing.T) {
	s := whole()
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if v.Field(i).IsZero() != (v.Type().Field(i).Name == "Detail") {
			t.Fatalf("the test does not set State.%s", v.Type().Field(i).Name)
		}
	}
	for _, s := range []State{s, {}, {Zone: "example.org.", Pin: &Pin{}}} {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var quick State
		if !plainjson.Read(text, &quick, stateFields) {
			t.Errorf("%s: is not read quickly", text)
		}
		var want State
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(quick, want) {
			t.Errorf("%s: read as\n%+v, want\n%+v, %v", text, quick, want, err)
		}
	}
}

// TestStateText writes what encoding/json reads, and what is read quickly, without encoding/json: a field that is added to State and
// forgotten in stateFields is missed here.
func TestStateText(t *testing.T) {
	for _, want := range []State{whole(), {}, {Zone: "example.org.", Pin: &Pin{}}} {
		if _, ok := plainjson.Append(nil, &want, stateFields); !ok {
			t.Errorf("%+v: is not written quickly", want)
		}
		text, err := want.text()
		if err != nil {
			t.Fatal(err)
		}
		var quick, got State
		if !plainjson.Read(text, &quick, stateFields) || !reflect.DeepEqual(quick, want) {
			t.Errorf("%s: read as\n%+v, want\n%+v", text, quick, want)
		}
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as\n%+v, want\n%+v, %v", text, got, want, err)
		}
	}
	never := State{Zone: "example.org.", First: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if text, err := never.text(); err == nil {
		t.Errorf("an instant that JSON has no words for is %s", text)
	}
}

// TestReadStateOther reads what another Concord wrote, too.
func TestReadStateOther(t *testing.T) {
	text, err := json.Marshal(whole())
	if err != nil {
		t.Fatal(err)
	}
	later := strings.Replace(string(text), `"Served"`, `"Later":{"A":[1]},"Served"`, 1)
	if got, err := readState([]byte(later)); err != nil || !reflect.DeepEqual(got, whole()) {
		t.Errorf("%s: read as\n%+v, want\n%+v, %v", later, got, whole(), err)
	}
	inside := `{"Zone":"example.org.","Detail":{"A":1}}` // of the first format, which had it there
	if got, err := readState([]byte(inside)); err != nil || got.Zone != "example.org." || string(got.Detail) != `{"A":1}` {
		t.Errorf("%s: read as %+v, %v", inside, got, err)
	}
	if got, err := readState(text[:len(text)-1]); err == nil {
		t.Errorf("half a record is read as %+v", got)
	}
}

// FuzzReadState reads no record in another way than encoding/json does.
func FuzzReadState(f *testing.F) {
	text, err := json.Marshal(whole())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := readState(text)
		var want State
		if wrong := json.Unmarshal(text, &want); (err == nil) != (wrong == nil) {
			t.Fatalf("%q: %v, want %v", text, err, wrong)
		} else if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: read as\n%+v, want\n%+v", text, got, want)
		}
	})
}
