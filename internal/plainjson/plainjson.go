// Package plainjson reads JSON in the very form in which encoding/json writes a struct: the fields in their order, each once, those
// left out that are zero, and no space between. It takes a fraction of the time that encoding/json takes to read it, which counts
// where a process that starts reads ten thousand records.
//
// Whatever has another form is not understood, and is not an error: [Read] says so, and its caller has encoding/json read it. So
// nothing depends on this package but time, and a field that somebody adds to a struct and forgets here costs no more. What it does
// understand it reads as encoding/json does; the tests hold the two against each other.
package plainjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"strconv"
	"time"
)

// Read has fields read a struct from the object that text is, and reports whether all of it was understood. If it was not, what fields
// has set is of no use. Nothing of it refers to text.
func Read[T any](text []byte, to *T, fields func(*Reader, *T)) bool {
	r := &Reader{text: text}
	r.object(func() { fields(r, to) })
	return !r.lost && r.at == len(r.text)
}

// A Reader is at one place of a text. It is handed to what reads the fields of a struct, in the order in which they are declared: each
// call passes over one field, or leaves its variable alone if the text has another one there.
type Reader struct {
	text  []byte
	at    int
	first bool // an object has begun, and no field of it was read
	lost  bool // something is not understood; nothing is read any more

	// The instant that was read last: several fields of a state have the same.
	instant []byte
	time    time.Time
}

// String reads a field that is a string.
func String[T ~string](r *Reader, name string, to *T) {
	if r.field(name) {
		StringValue(r, to)
	}
}

// Bool reads a field that is true or false.
func Bool(r *Reader, name string, to *bool) {
	if !r.field(name) {
		return
	}
	switch {
	case r.word("true"):
		*to = true
	case r.word("false"):
		*to = false
	default:
		r.lost = true
	}
}

// Int reads a field that is an integer with a sign.
func Int[T ~int | ~int64](r *Reader, name string, to *T) {
	if !r.field(name) {
		return
	}
	n, err := strconv.ParseInt(string(r.number()), 10, 64)
	if r.lost = r.lost || err != nil || int64(T(n)) != n; !r.lost {
		*to = T(n)
	}
}

// Uint reads a field that is an integer without a sign.
func Uint[T ~uint8 | ~uint32 | ~uint64](r *Reader, name string, to *T) {
	if r.field(name) {
		UintValue(r, to)
	}
}

// Time reads a field that is an instant.
func Time(r *Reader, name string, to *time.Time) {
	if r.field(name) {
		TimeValue(r, to)
	}
}

// Text reads a field that reads itself from a string.
func Text(r *Reader, name string, to encoding.TextUnmarshaler) {
	if r.field(name) {
		r.textValue(to)
	}
}

// Struct reads a field that is a struct.
func Struct[T any](r *Reader, name string, to *T, fields func(*Reader, *T)) {
	if r.field(name) {
		StructValue(r, to, fields)
	}
}

// Pointer reads a field that is a pointer to a struct.
func Pointer[T any](r *Reader, name string, to **T, fields func(*Reader, *T)) {
	if r.field(name) {
		*to = new(T)
		StructValue(r, *to, fields)
	}
}

// List reads a field that is a list; value reads one of its values.
func List[T any](r *Reader, name string, to *[]T, value func(*Reader, *T)) {
	if !r.field(name) {
		return
	}
	if r.expect('['); r.take(']') {
		*to = []T{}
		return
	}
	*to = make([]T, 0, 2) // one of each primary, mostly
	for !r.lost {
		*to = append(*to, *new(T))
		if value(r, &(*to)[len(*to)-1]); !r.take(',') {
			r.expect(']')
			return
		}
	}
}

// Structs returns what reads a struct where it is a value of a list.
func Structs[T any](fields func(*Reader, *T)) func(*Reader, *T) {
	return func(r *Reader, to *T) { StructValue(r, to, fields) }
}

// StructValue reads a value that is a struct.
func StructValue[T any](r *Reader, to *T, fields func(*Reader, *T)) {
	r.object(func() { fields(r, to) })
}

// StringValue reads a value that is a string.
func StringValue[T ~string](r *Reader, to *T) {
	literal, plain := r.literal()
	if r.lost {
		return
	}
	if plain {
		*to = T(literal[1 : len(literal)-1])
		return
	}
	var s string
	r.lost = json.Unmarshal(literal, &s) != nil
	*to = T(s)
}

// UintValue reads a value that is an integer without a sign.
func UintValue[T ~uint8 | ~uint32 | ~uint64](r *Reader, to *T) {
	n, err := strconv.ParseUint(string(r.number()), 10, 64)
	if r.lost = r.lost || err != nil || uint64(T(n)) != n; !r.lost {
		*to = T(n)
	}
}

// TimeValue reads a value that is an instant.
func TimeValue(r *Reader, to *time.Time) {
	literal, plain := r.literal()
	if plain && bytes.Equal(literal, r.instant) {
		*to = r.time
		return
	}
	if r.lost = r.lost || !plain || to.UnmarshalJSON(literal) != nil; !r.lost {
		r.instant, r.time = literal, *to
	}
}

// TextValue reads a value that reads itself from a string.
func TextValue[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](r *Reader, to *T) {
	r.textValue(P(to))
}

func (r *Reader) textValue(to encoding.TextUnmarshaler) {
	literal, plain := r.literal()
	r.lost = r.lost || !plain || to.UnmarshalText(literal[1:len(literal)-1]) != nil
}

// object passes over an object with the fields that are read.
func (r *Reader) object(fields func()) {
	r.expect('{')
	r.first = true
	fields()
	r.first = false
	r.expect('}')
}

// field passes over the name of a field and reports whether it stands here.
func (r *Reader) field(name string) bool {
	if r.lost {
		return false
	}
	rest := r.text[r.at:]
	start := 1 // after the comma
	if r.first {
		start = 0
	}
	end := start + 1 + len(name) // of the name
	// Most fields are not there, and that shows at once.
	if len(rest) < end+2 || rest[start+1] != name[0] || rest[end] != '"' || rest[end+1] != ':' ||
		rest[start] != '"' || start == 1 && rest[0] != ',' || string(rest[start+1:end]) != name {
		return false
	}
	r.at += end + 2
	r.first = false
	return true
}

// literal returns the string that stands here, in its quotes, and whether it is what stands between them, and ASCII.
func (r *Reader) literal() (b []byte, plain bool) {
	start := r.at
	if r.expect('"'); r.lost {
		return nil, false
	}
	plain = true
	for text, i := r.text, r.at; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			r.at = i + 1
			return text[start:r.at], plain
		case c == '\\':
			i++
			plain = false
		case c < ' ':
			r.lost = true
			return nil, false
		case c >= 0x80:
			plain = false
		}
	}
	r.lost = true
	return nil, false
}

// number returns the digits of the integer that stands here, with its sign.
func (r *Reader) number() []byte {
	start := r.at
	r.take('-')
	digits := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		r.at++
	}
	if b := r.text[digits:r.at]; len(b) > 1 && b[0] == '0' { // which is no JSON
		r.lost = true
	}
	return r.text[start:r.at]
}

// take passes over a character and reports whether it stands here.
func (r *Reader) take(c byte) bool {
	if r.lost || r.at >= len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}

// word is take of several.
func (r *Reader) word(s string) bool {
	if r.lost || len(r.text)-r.at < len(s) || string(r.text[r.at:r.at+len(s)]) != s {
		return false
	}
	r.at += len(s)
	return true
}

func (r *Reader) expect(c byte) {
	if !r.take(c) {
		r.lost = true
	}
}
