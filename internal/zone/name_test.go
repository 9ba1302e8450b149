package zone

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// mustName parses names that a test has written down.
func mustName(tb testing.TB, s string) Name {
	tb.Helper()
	n, err := ParseName(s)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// randomName has labels of every octet value, and many of those that keys and presentation forms treat specially.
func randomName(r *rand.Rand, below Name) Name {
	const odd = "\x00\x01\x02.\\aAbBzZ@[`{*- \"0129\xff"
	for {
		n := Name{}
		for range r.IntN(5) {
			l := 1 + r.IntN(4)
			if r.IntN(10) == 0 {
				l = 1 + r.IntN(maxLabel)
			}
			n = append(n, byte(l))
			for range l {
				c := byte(r.IntN(256))
				if r.IntN(2) == 0 {
					c = odd[r.IntN(len(odd))]
				}
				n = append(n, c)
			}
		}
		if n = append(n, below...); len(n) <= maxName {
			return n
		}
	}
}

// randomCase changes the case of letters.
func randomCase(r *rand.Rand, n Name) Name {
	n = bytes.Clone(n)
	for i, c := range n {
		if c|0x20 >= 'a' && c|0x20 <= 'z' && r.IntN(2) == 0 {
			n[i] ^= 0x20
		}
	}
	return n
}

func TestParseName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	longest := strings.Repeat(label63+".", 3) + strings.Repeat("a", 61) + "."
	for _, tc := range []struct{ in, want, err string }{
		{in: ".", want: "."},
		{in: "example.org.", want: "example.org."},
		{in: "example.org", want: "example.org."},
		{in: "ExAmple.ORG.", want: "ExAmple.ORG."},
		{in: `a\.b.c.`, want: `a\.b.c.`},
		{in: `\065\000\255.`, want: `A\000\255.`},
		{in: `\a\@\ \\.`, want: `a\@\ \\.`},
		{in: `a\.`, want: `a\..`},
		{in: "*.example.", want: "*.example."},
		{in: "_25._tcp.example.", want: "_25._tcp.example."},
		{in: label63 + ".", want: label63 + "."},
		{in: longest, want: longest},
		{in: "", err: "empty"},
		{in: "..", err: "empty label"},
		{in: ".a.", err: "empty label"},
		{in: "a..b.", err: "empty label"},
		{in: label63 + "a.", err: "longer than 63"},
		{in: strings.Repeat(label63+".", 3) + strings.Repeat("a", 62) + ".", err: "longer than 255"},
		{in: "a." + longest, err: "longer than 255"},
		{in: strings.Repeat("a.", 127), want: strings.Repeat("a.", 127)},
		{in: strings.Repeat("a.", 127) + "a", err: "longer than 255"},
		{in: `a\`, err: "three digits"},
		{in: `a\25.`, err: "three digits"},
		{in: `a\256.`, err: "three digits"},
		{in: `a\2x5.`, err: "three digits"},
	} {
		n, err := ParseName(tc.in)
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("ParseName(%q) = %v, %v, want an error with %q", tc.in, n, err, tc.err)
			}
		case err != nil || n.String() != tc.want:
			t.Errorf("ParseName(%q) = %v, %v, want %s", tc.in, n, err, tc.want)
		case len(n) > maxName || n[len(n)-1] != 0:
			t.Errorf("ParseName(%q) is not a name in wire form: %x", tc.in, []byte(n))
		}
	}
}

// Names read as miekg/dns reads them, and are written as it writes them.
func TestNameAsMiekg(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		n := randomName(r, Name{0})
		want, _, err := dns.UnpackDomainName(n, 0)
		if err != nil {
			t.Fatalf("%x: %v", []byte(n), err)
		}
		if got := n.String(); got != want {
			t.Fatalf("%x is %s, want %s", []byte(n), got, want)
		}
		back, err := ParseName(want)
		if err != nil || !bytes.Equal(back, n) {
			t.Fatalf("%s is %x again, want %x (%v)", want, []byte(back), []byte(n), err)
		}
		if got := n.Labels(); got != dns.CountLabel(want) {
			t.Fatalf("%s has %d labels, want %d", want, got, dns.CountLabel(want))
		}
	}
}

func TestNameEqualInZone(t *testing.T) {
	for _, tc := range []struct {
		n, m          string
		equal, inZone bool
	}{
		{".", ".", true, true},
		{"example.org.", ".", false, true},
		{"example.org.", "EXAMPLE.org.", true, true},
		{"www.Example.org.", "eXample.org.", false, true},
		{"wwwexample.org.", "example.org.", false, false},
		{`www\007example.org.`, "example.org.", false, false},
		{"org.", "example.org.", false, false},
		{"example.net.", "example.org.", false, false},
		{"a@.", "a`.", false, false},
		{"a[.", "a{.", false, false},
	} {
		n, m := mustName(t, tc.n), mustName(t, tc.m)
		if n.Equal(m) != tc.equal || m.Equal(n) != tc.equal {
			t.Errorf("%s Equal %s: want %v", n, m, tc.equal)
		}
		if n.InZone(m) != tc.inZone {
			t.Errorf("%s InZone %s: want %v", n, m, tc.inZone)
		}
	}
}

func TestAppendUnpacked(t *testing.T) {
	// The pieces of a message that has seven octets in front of its first name.
	const head = "\x00\x01\x02\x03\x04\x05\x06"
	for _, tc := range []struct {
		label     string
		msg       string
		off, next int
		want      string
		err       error
	}{
		{label: "root", msg: "\x00", next: 1, want: "."},
		{label: "plain", msg: "\x03wWw\x07example\x00rest", next: 13, want: "wWw.example."},
		{label: "pointer alone", msg: head + "\x03org\x00\xC0\x07", off: 12, next: 14, want: "org."},
		{label: "labels, then a pointer", msg: head + "\x03org\x00\x01a\xC0\x07", off: 12, next: 16, want: "a.org."},
		{label: "two pointers", msg: head + "\x03org\x00\x01a\xC0\x07\x01b\xC0\x0c", off: 16, next: 20, want: "b.a.org."},
		{label: "pointer to the root", msg: head + "\x00\x01a\xC0\x07", off: 8, next: 12, want: "a."},
		{label: "into a label, as some servers do", msg: "\x05\x03org\x00\xC0\x01", off: 6, next: 8, want: "org."},
		{label: "to itself", msg: head + "\xC0\x07", off: 7, err: errNamePointer},
		{label: "to its own label", msg: head + "\x01a\xC0\x07", off: 7, err: errNamePointer},
		{label: "forwards", msg: head + "\xC0\x0a\x00\x00", off: 7, err: errNamePointer},
		{label: "past the end", msg: head + "\xFF\xFF", off: 7, err: errNamePointer},
		{label: "loop of two", msg: "\x01a\xC0\x04\x01b\xC0\x00", off: 4, err: errNamePointer},
		{label: "label type 0x40", msg: "\x41a\x00", err: errNameType},
		{label: "label type 0x80", msg: "\x81a\x00", err: errNameType},
		{label: "half a pointer", msg: "\x00\xC0", off: 1, err: errNameShort},
		{label: "no end", msg: "\x01a", err: errNameShort},
		{label: "half a label", msg: "\x05abc", err: errNameShort},
		{label: "nothing", msg: "", err: errNameShort},
		{label: "off the end", msg: "\x00", off: 2, err: errNameShort},
		{label: "before the start", msg: "\x00", off: -1, err: errNameShort},
	} {
		t.Run(tc.label, func(t *testing.T) {
			out, next, err := AppendUnpacked([]byte("dst"), []byte(tc.msg), tc.off)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if tc.err != nil {
				if string(out) != "dst" {
					t.Errorf("dst has become %q", out)
				}
				return
			}
			if got := Name(out[3:]).String(); got != tc.want || next != tc.next || string(out[:3]) != "dst" {
				t.Errorf("%s, next %d, want %s, %d", got, next, tc.want, tc.next)
			}
		})
	}
}

func TestAppendUnpackedBounds(t *testing.T) {
	longest := bytes.Repeat([]byte("\x01a"), 127)
	if out, _, err := AppendUnpacked(nil, append(bytes.Clone(longest), 0), 0); err != nil || len(out) != maxName {
		t.Errorf("a name of 255 octets: %d octets, %v", len(out), err)
	}
	if _, _, err := AppendUnpacked(nil, append(append([]byte("\x01a"), longest...), 0), 0); !errors.Is(err, errNameLong) {
		t.Errorf("a name of 257 octets: %v", err)
	}
	// Two pieces that are too long only together.
	msg := append(bytes.Clone(longest[:200]), 0)
	msg = append(append(msg, longest[:60]...), 0xC0, 0)
	if _, _, err := AppendUnpacked(nil, msg, 201); !errors.Is(err, errNameLong) {
		t.Errorf("a name of 261 octets in two pieces: %v", err)
	}
	// A chain of pointers to pointers.
	msg = []byte{0}
	chain := func(hops int) int {
		msg = append(msg[:1], 0xC0, 0)
		for len(msg) < 1+2*hops {
			at := len(msg) - 2
			msg = append(msg, 0xC0|byte(at>>8), byte(at))
		}
		return len(msg) - 2
	}
	off := chain(maxHops)
	if out, next, err := AppendUnpacked(nil, msg, off); err != nil || len(out) != 1 || next != len(msg) {
		t.Errorf("126 pointers: %x, %v", out, err)
	}
	off = chain(maxHops + 1)
	if _, _, err := AppendUnpacked(nil, msg, off); !errors.Is(err, errNameHops) {
		t.Errorf("127 pointers: %v", err)
	}
}

// axfrOwner is the owner name of a record in a transfer: a label and a pointer.
var axfrOwner = []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\xfc\x00\x01" +
	"\x08name1234\xC0\x0C")

func BenchmarkAppendUnpacked(b *testing.B) {
	buf := make([]byte, 0, maxName)
	for label, off := range map[string]int{"compressed": 29, "plain": 12} {
		b.Run(label, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := AppendUnpacked(buf, axfrOwner, off); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
