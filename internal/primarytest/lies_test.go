package primarytest

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// increment asks for what changed since a serial, and returns the records that come until the primary has sent what it wants to.
func increment(t *testing.T, p *Primary, serial uint32, messages int) (list []dns.RR) {
	t.Helper()
	c := connect(t, p)
	q := query("example.org.", dns.TypeIXFR)
	q.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: ".", Mbox: ".", Serial: serial}}
	if err := (&dns.Conn{Conn: c}).WriteMsg(q); err != nil {
		t.Fatal(err)
	}
	for range messages {
		m, err := readMessage(c)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m.Answer...)
	}
	return list
}

// Each lie is sent as it is, and none of them is the truth.
func TestLies(t *testing.T) {
	from, to := Make(t, "example.org.", 7, hosts...), Make(t, "example.org.", 8, "@ NS ns1", "ns1 A 192.0.2.1", "www 60 A 192.0.2.3")
	p := New(t, from, to)
	text := func(list []dns.RR) (s []string) {
		for _, rr := range list {
			s = append(s, rr.String())
		}
		return s
	}
	truth := text(increment(t, p, 7, 1))
	seen := map[string]bool{}
	for _, lie := range append(Lies(t, from, to), Plausible(t, from, to)) {
		p.Behave(Behaviour{Records: lie.Records})
		got := text(increment(t, p, 7, 1))
		if slices.Equal(got, truth) || !slices.Equal(got, text(lie.Records)) || seen[lie.Name] {
			t.Errorf("%s: %q", lie.Name, got)
		}
		seen[lie.Name] = true
	}
	p.Behave(Behaviour{Endless: 50, RecordsPerMessage: 10})
	if list := increment(t, p, 7, 6); len(list) != len(truth)+50 || list[len(list)-2].Header().Name != "endless00000049.example.org." {
		t.Errorf("%d records, want %d and 50 more: %v", len(list), len(truth), list)
	}
}

// An id comes late, and messages come in reverse.
func TestOrder(t *testing.T) {
	p := New(t, Make(t, "example.org.", 7, hosts...))
	p.Behave(Behaviour{LateID: true, RecordsPerMessage: 2, Reversed: true})
	c := connect(t, p)
	for i, id := range []uint16{queryID, 12} {
		q := query("example.org.", dns.TypeAXFR)
		q.Id = id
		if err := (&dns.Conn{Conn: c}).WriteMsg(q); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			m, err := readMessage(c)
			if err != nil || m.Id != queryID {
				t.Fatalf("query %d: %v, %v, want id %d", i, m, err, queryID)
			}
			if first := m.Answer[0].Header().Rrtype == dns.TypeSOA; first != (n == 2) {
				t.Errorf("query %d, message %d: %v", i, n, m)
			}
		}
	}
}
