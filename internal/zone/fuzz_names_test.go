package zone

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// FuzzAppendUnpacked reads names of messages. What is accepted, miekg/dns reads as the same name of the same size.
func FuzzAppendUnpacked(f *testing.F) {
	f.Add([]byte("\x00"), 0)
	f.Add(axfrOwner, 29)
	f.Add([]byte("\x01a\xC0\x04\x01b\xC0\x00"), 4)
	f.Add([]byte("\x00\xC0\x00\xC0\x01\xC0\x03"), 5)
	f.Add(append(bytes.Repeat([]byte("\x01a"), 127), 0), 0)
	f.Add([]byte("\x41a\x00"), 0)
	f.Fuzz(func(t *testing.T, msg []byte, off int) {
		out, next, err := AppendUnpacked([]byte("dst"), msg, off)
		if string(out[:3]) != "dst" || err != nil && len(out) != 3 {
			t.Fatalf("dst has become %q", out)
		}
		if err != nil {
			return
		}
		n := Name(out[3:])
		if size, err := nameSize(n); err != nil || size != len(n) || len(n) > maxName {
			t.Fatalf("%x is no name: %v", []byte(n), err)
		}
		if s, end, err := dns.UnpackDomainName(msg, off); err != nil || s != n.String() || end != next {
			t.Fatalf("%s, next %d; miekg/dns reads %s, %d, %v", n, next, s, end, err)
		}
		if back, err := ParseName(n.String()); err != nil || !bytes.Equal(back, n) {
			t.Fatalf("%s has become %x, %v", n, []byte(back), err)
		}
	})
}

// FuzzParseName reads presentation forms. What is accepted is a name that is written so that it is read again.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", ".", "a", "a.", "a..b", `a\.b.`, `\000.\255.`, `\256.`, `a\`, "*.Example.org.", "\x00.\xff."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if size, err := nameSize(n); err != nil || size != len(n) {
			t.Fatalf("%q is %x, which is no name: %v", s, []byte(n), err)
		}
		back, err := ParseName(n.String())
		if err != nil || !bytes.Equal(back, n) {
			t.Fatalf("%q is %s is %x, %v", s, n, []byte(back), err)
		}
		// Where miekg/dns reads s, it reads the same; save that it misses that a final dot after an octet of UTF-8 is escaped.
		if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return
		}
		buf := make([]byte, 300)
		if end, err := dns.PackDomainName(dns.Fqdn(s), buf, 0, nil, false); err == nil && !bytes.Equal(buf[:end], n) {
			t.Fatalf("%q is %x, miekg/dns has %x", s, []byte(n), buf[:end])
		}
	})
}

// FuzzKey compares the order of keys with the order of names, and follows names to keys and back.
func FuzzKey(f *testing.F) {
	f.Add("a.example.", "Z.a.example.", "example.")
	f.Add(`\001.z.example.`, "*.z.example.", "EXAMPLE.")
	f.Add(`a\000.`, `\000.a.`, ".")
	f.Add(`a\.example.`, "a.example.", "example.")
	f.Add("example.", "www\x00.example", "example.")
	f.Fuzz(func(t *testing.T, a, b, apexText string) {
		apex, err := ParseName(apexText)
		if err != nil {
			return
		}
		names, keys := []Name{}, []Key{}
		for _, s := range []string{a, b} {
			n, err := ParseName(s)
			fromText, okText := AppendKeyString(nil, s, apex)
			if err != nil {
				if okText {
					t.Fatalf("%q is malformed (%v), but has key %x", s, err, fromText)
				}
				return
			}
			k, ok := AppendKey(nil, n, apex)
			if ok != okText || !bytes.Equal(k, fromText) {
				t.Fatalf("%q has key %x (%v), as a string %x (%v)", s, k, ok, fromText, okText)
			}
			if ok != n.InZone(apex) {
				t.Fatalf("%s in %s: the key says %v", n, apex, ok)
			}
			if !ok {
				return
			}
			if back := Name(AppendOwner(nil, k, apex)); !back.Equal(n) {
				t.Fatalf("%s has become %s", n, back)
			}
			if Key(k).Labels() != n.Labels()-apex.Labels() || len(k) > MaxKey {
				t.Fatalf("key %x of %s", k, n)
			}
			names, keys = append(names, n), append(keys, k)
		}
		if got, want := bytes.Compare(keys[0], keys[1]), canonicalCompare(names[0], names[1]); got != want {
			t.Fatalf("keys of %s and %s compare as %d, want %d", a, b, got, want)
		}
		common := keys[0].Common(keys[1])
		if !bytes.Equal(keys[0].First(common), keys[1].First(common)) ||
			common < min(keys[0].Labels(), keys[1].Labels()) && bytes.Equal(keys[0].First(common+1), keys[1].First(common+1)) {
			t.Fatalf("%s and %s have %d labels in common", a, b, common)
		}
	})
}

// FuzzRDATA reads RDATA of any type. What is accepted is canonical, and has an RR that packs to the same octets.
func FuzzRDATA(f *testing.F) {
	for _, s := range rrExamples {
		r, ok := mustParse(f, s)
		if !ok {
			f.Fatalf("%s does not parse", s)
		}
		f.Add(r.Type, r.Data, 0)
	}
	for _, rd := range benchRDATA {
		f.Add(rd.typ, rd.msg, rd.off)
	}
	f.Fuzz(func(t *testing.T, typ uint16, msg []byte, off int) {
		out, err := AppendRDATA([]byte("dst"), typ, msg, off, len(msg)-off)
		if string(out[:3]) != "dst" || err != nil && len(out) != 3 {
			t.Fatalf("dst has become %q", out)
		}
		if err == nil {
			holdRDATA(t, typ, out[3:])
		}
		_ = Record{Owner: Name{0}, Type: typ, Data: msg}.String() // whether it is accepted or not
	})
}
