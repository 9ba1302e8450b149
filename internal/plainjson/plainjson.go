// Package plainjson reads and writes JSON in the very form in which encoding/json writes a struct: the fields in their order, each
// once, those left out that are zero, and no space between. It takes a fraction of the time that encoding/json takes, which counts
// where a process reads or writes ten thousand records at once.
//
// One function names the fields of a struct, in the order in which they are declared, and serves both ways. What is written any reader
// of JSON understands. Whatever is read and has another form is not understood, and is not an error: [Unmarshal] has encoding/json
// read it. So nothing that is read depends on this package but time; a field that somebody adds to a struct and forgets here would
// not be written, and the tests of the structs fail for it. They hold the package against encoding/json.
package plainjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"strconv"
	"time"
)

// Unmarshal reads a struct from the object that text is, as encoding/json does, and with its errors.
func Unmarshal[T any](text []byte, fields func(*Coder, *T)) (T, error) {
	var v T
	if Read(text, &v, fields) {
		return v, nil
	}
	v = *new(T)
	err := json.Unmarshal(text, &v)
	return v, err
}

// Marshal returns a struct as an object, for which it has room octets ready. Errors are those of encoding/json.
func Marshal[T any](v *T, room int, fields func(*Coder, *T)) ([]byte, error) {
	if b, ok := Append(make([]byte, 0, room), v, fields); ok {
		return b, nil
	}
	return json.Marshal(v)
}

// Read has fields read a struct from the object that text is, and reports whether all of it was understood. If it was not, what fields
// has set is of no use.
func Read[T any](text []byte, to *T, fields func(*Coder, *T)) bool {
	c := &Coder{text: text}
	StructValue(c, to, fields)
	return !c.lost && c.at == len(c.text)
}

// Append has fields append a struct to b as an object, and reports whether all of it could be written: instants and what writes
// itself may have values that JSON has no words for. If it was not, what was appended is of no use. The struct is not altered.
func Append[T any](b []byte, from *T, fields func(*Coder, *T)) ([]byte, bool) {
	c := &Coder{text: b, writing: true}
	StructValue(c, from, fields)
	return c.text, !c.lost
}

// A Coder is at one place of a text that is read, or at the end of one that is written. It is handed to what names the fields of a
// struct: each call reads one field, or leaves its variable alone if the text has another one there; or it writes the field, unless
// that is zero.
type Coder struct {
	text    []byte
	writing bool
	at      int  // of reading
	first   bool // an object has begun, and no field of it was read or written
	lost    bool // something is not understood, or cannot be written; nothing goes on any more

	instant []byte // the literal of the last instant: those of a record are often one
	time    time.Time
}

// String is a field that is a string.
func String[T ~string](c *Coder, name string, v *T) {
	if c.has(name, *v != "") {
		StringValue(c, v)
	}
}

// Bool is a field that is true or false.
func Bool(c *Coder, name string, v *bool) {
	switch {
	case !c.has(name, *v):
	case c.writing:
		c.text = append(c.text, "true"...)
	case c.word("true"):
		*v = true
	case c.word("false"):
		*v = false
	default:
		c.lost = true
	}
}

// Int is a field that is an integer with a sign.
func Int[T ~int | ~int64](c *Coder, name string, v *T) {
	switch {
	case !c.has(name, *v != 0):
	case c.writing:
		c.text = strconv.AppendInt(c.text, int64(*v), 10)
	default:
		n, err := strconv.ParseInt(string(c.number()), 10, 64)
		if c.lost = c.lost || err != nil || int64(T(n)) != n; !c.lost {
			*v = T(n)
		}
	}
}

// Uint is a field that is an integer without a sign.
func Uint[T ~uint8 | ~uint32 | ~uint64](c *Coder, name string, v *T) {
	if c.has(name, *v != 0) {
		UintValue(c, v)
	}
}

// Time is a field that is an instant.
func Time(c *Coder, name string, v *time.Time) {
	if c.has(name, !v.IsZero()) {
		TimeValue(c, v)
	}
}

// Text is a field that reads itself from a string, and writes itself as one.
func Text[T comparable, P text[T]](c *Coder, name string, v *T) {
	if c.has(name, *v != *new(T)) {
		TextValue[T, P](c, v)
	}
}

type text[T any] interface {
	*T
	encoding.TextAppender
	encoding.TextUnmarshaler
}

// Struct is a field that is a struct.
func Struct[T any](c *Coder, name string, v *T, fields func(*Coder, *T)) {
	before, first := len(c.text), c.first
	if !c.has(name, true) {
		return
	}
	begin := len(c.text)
	StructValue(c, v, fields)
	if c.writing && len(c.text) == begin+len("{}") { // it is zero
		c.text, c.first = c.text[:before], first
	}
}

// Pointer is a field that is a pointer to a struct.
func Pointer[T any](c *Coder, name string, v **T, fields func(*Coder, *T)) {
	if !c.has(name, *v != nil) {
		return
	}
	if !c.writing {
		*v = new(T)
	}
	StructValue(c, *v, fields)
}

// List is a field that is a list; value is one of its values.
func List[T any](c *Coder, name string, v *[]T, value func(*Coder, *T)) {
	if !c.has(name, *v != nil) {
		return
	}
	if c.writing {
		c.text = append(c.text, '[')
		for i := range *v {
			if i > 0 {
				c.text = append(c.text, ',')
			}
			value(c, &(*v)[i])
		}
		c.text = append(c.text, ']')
		return
	}
	if c.expect('['); c.take(']') {
		*v = []T{}
		return
	}
	*v = make([]T, 0, 2) // one of each primary, mostly
	for !c.lost {
		*v = append(*v, *new(T))
		if value(c, &(*v)[len(*v)-1]); !c.take(',') {
			c.expect(']')
			return
		}
	}
}

// Structs returns what is a struct where it is a value of a list.
func Structs[T any](fields func(*Coder, *T)) func(*Coder, *T) {
	return func(c *Coder, v *T) { StructValue(c, v, fields) }
}

// StructValue is a value that is a struct.
func StructValue[T any](c *Coder, v *T, fields func(*Coder, *T)) {
	c.brace('{')
	c.first = true
	fields(c, v)
	c.first = false
	c.brace('}')
}

// StringValue is a value that is a string.
func StringValue[T ~string](c *Coder, v *T) {
	if c.writing {
		c.string(string(*v))
		return
	}
	literal, plain := c.literal()
	if c.lost {
		return
	}
	if plain {
		*v = T(literal[1 : len(literal)-1])
		return
	}
	var s string
	c.lost = json.Unmarshal(literal, &s) != nil
	*v = T(s)
}

// UintValue is a value that is an integer without a sign.
func UintValue[T ~uint8 | ~uint32 | ~uint64](c *Coder, v *T) {
	if c.writing {
		c.text = strconv.AppendUint(c.text, uint64(*v), 10)
		return
	}
	n, err := strconv.ParseUint(string(c.number()), 10, 64)
	if c.lost = c.lost || err != nil || uint64(T(n)) != n; !c.lost {
		*v = T(n)
	}
}

// TimeValue is a value that is an instant.
func TimeValue(c *Coder, v *time.Time) {
	if c.writing {
		if c.instant != nil && v.Equal(c.time) && v.Location() == c.time.Location() {
			c.text = append(c.text, c.instant...)
			return
		}
		begin := len(c.text)
		c.quoted(v)
		c.instant, c.time = c.text[begin:], *v
		return
	}
	literal, plain := c.literal()
	if plain && bytes.Equal(literal, c.instant) {
		*v = c.time
		return
	}
	if c.lost = c.lost || !plain || v.UnmarshalJSON(literal) != nil; !c.lost {
		c.instant, c.time = literal, *v
	}
}

// TextValue is a value that reads itself from a string, and writes itself as one.
func TextValue[T any, P text[T]](c *Coder, v *T) {
	if c.writing {
		c.quoted(P(v))
		return
	}
	literal, plain := c.literal()
	c.lost = c.lost || !plain || P(v).UnmarshalText(literal[1:len(literal)-1]) != nil
}

// quoted writes what writes itself, in quotes; it has nothing in it that must not stand there.
func (c *Coder) quoted(v encoding.TextAppender) {
	b, err := v.AppendText(append(c.text, '"'))
	if c.lost = c.lost || err != nil; !c.lost {
		c.text = append(b, '"')
	}
}

// string writes a string. What has to be escaped in it is left to encoding/json.
func (c *Coder) string(s string) {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b >= 0x7f || b == '"' || b == '\\' || b == '<' || b == '>' || b == '&' {
			literal, err := json.Marshal(s)
			c.lost = c.lost || err != nil
			c.text = append(c.text, literal...)
			return
		}
	}
	c.text = append(append(append(c.text, '"'), s...), '"')
}

// brace passes over a brace, or writes one.
func (c *Coder) brace(b byte) {
	if c.writing {
		c.text = append(c.text, b)
		return
	}
	c.expect(b)
}

// has reports whether a field is there. If it is, its name is passed over or, where some says that it is not zero, written.
func (c *Coder) has(name string, some bool) bool {
	if !c.writing {
		return c.field(name)
	}
	if !some || c.lost {
		return false
	}
	if !c.first {
		c.text = append(c.text, ',')
	}
	c.first = false
	c.text = append(append(append(c.text, '"'), name...), `":`...)
	return true
}

// field passes over the name of a field and reports whether it stands here.
func (c *Coder) field(name string) bool {
	if c.lost {
		return false
	}
	rest := c.text[c.at:]
	start := 1 // after the comma
	if c.first {
		start = 0
	}
	end := start + 1 + len(name) // of the name
	// Most fields are not there, and that shows at once.
	if len(rest) < end+2 || rest[start+1] != name[0] || rest[end] != '"' || rest[end+1] != ':' ||
		rest[start] != '"' || start == 1 && rest[0] != ',' || string(rest[start+1:end]) != name {
		return false
	}
	c.at += end + 2
	c.first = false
	return true
}

// literal returns the string that stands here, in its quotes, and whether it is what stands between them, and ASCII.
func (c *Coder) literal() (b []byte, plain bool) {
	start := c.at
	if c.expect('"'); c.lost {
		return nil, false
	}
	plain = true
	for text, i := c.text, c.at; i < len(text); i++ {
		switch b := text[i]; {
		case b == '"':
			c.at = i + 1
			return text[start:c.at], plain
		case b == '\\':
			i++
			plain = false
		case b < ' ':
			c.lost = true
			return nil, false
		case b >= 0x80:
			plain = false
		}
	}
	c.lost = true
	return nil, false
}

// number returns the digits of the integer that stands here, with its sign.
func (c *Coder) number() []byte {
	start := c.at
	c.take('-')
	digits := c.at
	for c.at < len(c.text) && '0' <= c.text[c.at] && c.text[c.at] <= '9' {
		c.at++
	}
	if b := c.text[digits:c.at]; len(b) > 1 && b[0] == '0' { // which is no JSON
		c.lost = true
	}
	return c.text[start:c.at]
}

// take passes over a character and reports whether it stands here.
func (c *Coder) take(b byte) bool {
	if c.lost || c.at >= len(c.text) || c.text[c.at] != b {
		return false
	}
	c.at++
	return true
}

// word is take of several.
func (c *Coder) word(s string) bool {
	if c.lost || len(c.text)-c.at < len(s) || string(c.text[c.at:c.at+len(s)]) != s {
		return false
	}
	c.at += len(s)
	return true
}

func (c *Coder) expect(b byte) {
	if !c.take(b) {
		c.lost = true
	}
}
