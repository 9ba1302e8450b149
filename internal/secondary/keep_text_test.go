package secondary

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/plainjson"
)

// fill sets every exported field in a value, however deep, to something that is not zero. Lists get two values.
func fill(t *testing.T, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 12, 1, 3, 48, 37, 239088443, time.UTC)))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("[2001:db8::1]:53")))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.String:
		v.SetString("a \"word\" <of> Zürich")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(200)
	default:
		t.Fatalf("the test cannot set a %s", v.Type())
	}
}

func wholeState(t *testing.T) State {
	var s State
	fill(t, reflect.ValueOf(&s).Elem())
	return s
}

// TestReadState reads what is written without encoding/json, and as that reads it: a field that is added to State and forgotten in
// stateFields is missed here.
func TestReadState(t *testing.T) {
	for _, s := range []State{wholeState(t), {}, {Zone: "example.org.", Pin: &Decision{}, Primaries: []PrimaryState{{}}}} {
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
	for _, want := range []State{wholeState(t), {}, {Zone: "example.org.", Pin: &Decision{}, Primaries: []PrimaryState{{}}}} {
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
	s := wholeState(t)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	later := strings.Replace(string(text), `"Root"`, `"Later":{"A":[1]},"Root"`, 1)
	if got, err := readState([]byte(later)); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("%s: read as\n%+v, want\n%+v, %v", later, got, s, err)
	}
	for _, text := range []string{"", string(text[:len(text)-1]), string(text) + "}"} {
		if got, err := readState([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// FuzzReadState reads no state in another way than encoding/json does.
func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"Zone":"example.org.","Root":"622ce7b5e6ab8a4986bc486a664e2ed45f6739b7c8f242d0e22b2136e02e3f7c","Serial":1,` +
		`"First":"2026-12-01T03:48:37.130672532Z","Whole":true,"Hold":{"at":"2026-12-01T03:48:37Z","kind":"hold","by":"a","why":"b","result":"c"},` +
		`"Notifies":[0,1],"Primaries":[{"Name":"p0","Addresses":["127.0.0.1:53"],"Step":1,"Past":[{"Root":` +
		`"622ce7b5e6ab8a4986bc486a664e2ed45f6739b7c8f242d0e22b2136e02e3f7c","Serial":1,"Seen":"2026-12-01T03:48:37Z","Step":0,"Rejected":false}],` +
		`"Expire":1209600000000000,"Last":{"Kind":"AXFR","Messages":1},"Transfers":[{"Kind":"axfr","Result":"success","Count":1}]}]}`))
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
