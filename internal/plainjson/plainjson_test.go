package plainjson

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type kind string

type part struct {
	Kind  kind
	Count uint64
}

// sample has a field of each kind that there can be.
type sample struct {
	Name    string         `json:",omitzero"`
	Kind    kind           `json:"kind,omitempty"`
	At      time.Time      `json:",omitzero"`
	Address netip.AddrPort `json:",omitzero"`
	Yes     bool           `json:",omitzero"`
	Small   uint8          `json:",omitzero"`
	Serial  uint32         `json:",omitzero"`
	Large   uint64         `json:",omitzero"`
	Signed  int            `json:",omitzero"`
	For     time.Duration  `json:",omitzero"`
	Part    part           `json:",omitzero"`
	Pointer *part          `json:",omitzero"`

	Names     []string         `json:",omitzero"`
	Addresses []netip.AddrPort `json:",omitzero"`
	Times     []time.Time      `json:",omitzero"`
	Numbers   []uint64         `json:",omitzero"`
	Parts     []part           `json:",omitzero"`
}

func sampleFields(c *Coder, s *sample) {
	String(c, "Name", &s.Name)
	String(c, "kind", &s.Kind)
	Time(c, "At", &s.At)
	Text(c, "Address", &s.Address)
	Bool(c, "Yes", &s.Yes)
	Uint(c, "Small", &s.Small)
	Uint(c, "Serial", &s.Serial)
	Uint(c, "Large", &s.Large)
	Int(c, "Signed", &s.Signed)
	Int(c, "For", &s.For)
	Struct(c, "Part", &s.Part, partFields)
	Pointer(c, "Pointer", &s.Pointer, partFields)
	List(c, "Names", &s.Names, StringValue)
	List(c, "Addresses", &s.Addresses, TextValue)
	List(c, "Times", &s.Times, TimeValue)
	List(c, "Numbers", &s.Numbers, UintValue)
	List(c, "Parts", &s.Parts, Structs(partFields))
}

func partFields(c *Coder, p *part) {
	String(c, "Kind", &p.Kind)
	Uint(c, "Count", &p.Count)
}

func samples() []sample {
	at := time.Date(2026, 12, 1, 3, 48, 37, 239088443, time.UTC)
	address := netip.MustParseAddrPort("[2001:db8::1]:53")
	return []sample{
		{},
		{
			Name: "p0", Kind: "axfr", At: at, Address: address, Yes: true, Small: 1, Serial: math.MaxUint32, Large: math.MaxUint64,
			Signed: math.MinInt, For: -time.Second, Part: part{"a", 1}, Pointer: &part{"b", 2}, Names: []string{"a", ""},
			Addresses: []netip.AddrPort{address, {}}, Times: []time.Time{at, {}}, Numbers: []uint64{0, 10}, Parts: []part{{"c", 3}, {}},
		},
		{Name: "\"quoted\" <html> \\ \n\u2028 Zürich \x00\x7f", Names: []string{"é", "\xff"}},
		{At: at.In(time.FixedZone("", 2*60*60)), Pointer: &part{}, Names: []string{}, Parts: []part{}},
	}
}

// TestRead reads what encoding/json writes, as encoding/json does.
func TestRead(t *testing.T) {
	for _, s := range samples() {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got sample
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if !Read(text, &got, sampleFields) {
			t.Errorf("%s: is not understood", text)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as\n%+v, want\n%+v", text, got, want)
		}
	}
}

// TestAppend writes what encoding/json reads as what it writes itself.
func TestAppend(t *testing.T) {
	for _, s := range samples() {
		whole, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		text, ok := Append([]byte("before"), &s, sampleFields)
		if !ok || !strings.HasPrefix(string(text), "before{") {
			t.Errorf("%s: is written as %s, %t", whole, text, ok)
			continue
		}
		text = text[len("before"):]
		var want, got, quick sample
		if err := errors.Join(json.Unmarshal(whole, &want), json.Unmarshal(text, &got)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as\n%+v, want\n%+v, %v", text, got, want, err)
		}
		if !Read(text, &quick, sampleFields) || !reflect.DeepEqual(quick, want) {
			t.Errorf("%s: read quickly as\n%+v, want\n%+v", text, quick, want)
		}
	}
	for _, s := range []sample{{At: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}, {Times: []time.Time{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}}} {
		if text, ok := Append(nil, &s, sampleFields); ok {
			t.Errorf("an instant that JSON has no words for is written as %s", text)
		}
	}
}

// TestReadOther leaves to encoding/json what has another form, whether that is JSON or not.
func TestReadOther(t *testing.T) {
	for _, text := range []string{
		``, `{`, `}`, `null`, `[]`, `{} `, ` {}`, `{}{}`, `{,}`, `{"Name":"a",}`, `{"Name":"a"`, `{"Name":"a}`, `{"Name":"a\`,
		`{"Name":null}`, `{"Name":1}`, `{"name":"a"}`, `{"Name" :"a"}`, `{"Name":"a" }`, `{,"Name":"a"}`, `{"Name":"a""kind":"b"}`,
		`{"kind":"a","Name":"b"}`, `{"Name":"a","Name":"b"}`, `{"Name":"a","Later":1}`, "{\"Name\":\"a\nb\"}", `{"Name":"\x"}`,
		`{"At":"yesterday"}`, `{"At":""}`, `{"Address":"nowhere"}`, `{"Address":"\u0031.0.0.1:1"}`, `{"Yes":1}`, `{"Yes":tru}`, `{"Yes":trueish}`,
		`{"Small":256}`, `{"Small":-1}`, `{"Small":01}`, `{"Small":1.5}`, `{"Small":1e1}`, `{"Small":}`, `{"Small":"1"}`, `{"Large":18446744073709551616}`,
		`{"Signed":-}`, `{"Signed":-01}`, `{"Signed":9223372036854775808}`, `{"Part":{}`, `{"Part":[]}`, `{"Part":{"Count":1,"Kind":"a"}}`,
		`{"Names":[}`, `{"Names":["a"}`, `{"Names":["a",]}`, `{"Names":["a"`, `{"Names":[,"a"]}`, `{"Names":[ ]}`, `{"Numbers":[1 ]}`, `{"Pointer":null}`,
	} {
		var s sample
		if Read([]byte(text), &s, sampleFields) {
			t.Errorf("%s: is understood as %+v", text, s)
		}
	}
}

// FuzzRead reads nothing but JSON, and as encoding/json does.
func FuzzRead(f *testing.F) {
	for _, s := range samples() {
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, want sample
		if !Read(text, &got, sampleFields) {
			return
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q: understood, though %v", text, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: read as\n%+v, want\n%+v", text, got, want)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := samples()[1]
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Append(nil, &s, sampleFields)
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = json.Marshal(&s)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	text, err := json.Marshal(samples()[1])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var s sample
			Read(text, &s, sampleFields)
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var s sample
			_ = json.Unmarshal(text, &s)
		}
	})
}
