package zone

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// TestNear holds Below and FindNear against keys and Find, for all pairs of names of a zone.
func TestNear(t *testing.T) {
	apex := Name("\x07example\x03org\x00")
	b := NewBuilder(apex, nil)
	add := func(text string, typ uint16, data []byte) {
		owner, err := ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(Record{Owner: owner, Type: typ, TTL: 60, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	add("example.org.", dns.TypeSOA, append([]byte("\x00\x00"), make([]byte, 20)...))
	var names []string
	for i := range 60 {
		for _, below := range []string{"", "ns1.", "ns2.", "a.b.", "\\000x."} {
			if (i+len(below))%3 == 0 {
				names = append(names, fmt.Sprintf("%shost%d.example.org.", below, i))
			}
		}
	}
	for _, n := range names {
		add(n, dns.TypeA, []byte{192, 0, 2, 1})
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	keys := []Key{{}}
	for i := range 61 {
		for _, below := range []string{"", "ns1.", "ns2.", "ns3.", "b.", "a.b.", "\\000."} {
			n, err := ParseName(fmt.Sprintf("%shost%d.example.org.", below, i))
			if err != nil {
				t.Fatal(err)
			}
			k, _ := AppendKey(nil, n, apex)
			keys = append(keys, k)
		}
	}
	for n := range v.Walk() {
		own := n.AppendKey(nil)
		for _, k := range keys {
			if got, want := v.FindNear(n, k), v.Find(k).Node; got.IsZero() != want.IsZero() || !got.IsZero() && string(got.AppendKey(nil)) != string(k) {
				t.Fatalf("near %q: %q is found %t, want %t", own, k, !got.IsZero(), !want.IsZero())
			}
			if got, want := n.Below(k), len(own) >= len(k) && string(own[:len(k)]) == string(k); got != want {
				t.Fatalf("%q is below %q: %t", own, k, got)
			}
		}
	}
	if k := keys[1]; string(v.FindNear(Node{}, k).AppendKey(nil)) != string(k) {
		t.Errorf("%q is not found near nothing", k)
	}
}
