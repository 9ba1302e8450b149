package xfr

import (
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

func TestParseSOA(t *testing.T) {
	q := question(t, "example.org.", dns.TypeSOA)
	msg := message(t, q, func(m *dns.Msg) {
		m.Ns = parseRecords(t, "example.org. 60 NS ns1.example.org.")
		m.Extra = parseRecords(t, "ns1.example.org. 60 A 192.0.2.1")
		m.SetEdns0(1232, true)
	}, soa7, "example.org. 60 RRSIG SOA 8 2 60 20300101000000 20260101000000 1 example.org. AAAA")
	soa, err := ParseSOA(q, msg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		msg[i] = 0xFF // what ParseSOA returns is its own
	}
	if soa.Serial != 7 || soa.Refresh != 3600 || soa.Retry != 600 || soa.Expire != 86400 || soa.Minimum != 300 || soa.TTL != 3600 {
		t.Errorf("numbers of %+v", soa)
	}
	if soa.MName.String() != "ns1.example.org." || soa.RName.String() != "hostmaster.example.org." {
		t.Errorf("names of %+v", soa)
	}
}

func TestParseSOAErrors(t *testing.T) {
	q := question(t, "example.org.", dns.TypeSOA)
	soa8 := strings.Replace(soa7, " 7 ", " 8 ", 1)
	edit := func(change func(*dns.Msg)) []byte { return message(t, q, change, soa7) }
	tests := []struct {
		name  string
		msg   []byte
		phase Phase
		want  string
	}{
		{"id", edit(func(m *dns.Msg) { m.Id++ }), PhaseStream, "an id that is not that of the query"},
		{"question", edit(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }), PhaseStream,
			"question example.org. IN AXFR, want example.org. IN SOA"},
		{"rcode", edit(func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }), PhaseRcode, "rcode NXDOMAIN"},
		{"AA", edit(func(m *dns.Msg) { m.Authoritative = false }), PhaseStream, "the answer is not authoritative: AA is not set"},
		{"NODATA", message(t, q, func(m *dns.Msg) { m.Ns = parseRecords(t, soa7) }), PhaseStream, "no SOA record of the zone in the answer"},
		{"referral", message(t, q, func(m *dns.Msg) { m.Ns = parseRecords(t, "example.org. 60 NS a.") }), PhaseStream,
			"no SOA record of the zone in the answer"},
		{"SOA of the parent", message(t, q, nil, "org."+strings.TrimPrefix(soa7, "example.org.")), PhaseStream,
			"no SOA record of the zone in the answer"},
		{"two SOA records", message(t, q, nil, soa7, soa8), PhaseStream, "2 SOA records in the answer, want 1"},
		{"RDATA", edit(func(m *dns.Msg) {
			m.Answer = []dns.RR{&dns.RFC3597{Hdr: *m.Answer[0].Header(), Rdata: "010203"}}
		}), PhaseParse,
			"answer record 1 of 1: SOA: MNAME: name runs past the end of the RDATA"},
		{"cut", edit(nil)[:60], PhaseParse, "answer record 1 of 1: message ends in it"},
		{"trailing octets", append(edit(nil), 0), PhaseParse, "1 octets after the last record"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			soa, err := ParseSOA(q, test.msg)
			e, ok := errors.AsType[*Error](err)
			if !ok || soa.MName != nil {
				t.Fatalf("%+v, %v, want an *Error alone", soa, err)
			}
			if want := "SOA of example.org.: " + test.want; e.Phase != test.phase || e.Error() != want {
				t.Errorf("got  %v: %v\nwant %v: %v", e.Phase, e, test.phase, want)
			}
		})
	}
}

func TestQuestion(t *testing.T) {
	q := Question{Zone: zone.Name("\x07Example\x03org\x00"), ID: 4711, Type: dns.TypeAXFR}
	var m dns.Msg
	if err := m.Unpack(q.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if m.Id != 4711 || m.RecursionDesired || m.Response || m.Opcode != dns.OpcodeQuery || len(m.Extra) != 0 {
		t.Errorf("query %v", &m)
	}
	if want := (dns.Question{Name: "Example.org.", Qtype: dns.TypeAXFR, Qclass: dns.ClassINET}); m.Question[0] != want {
		t.Errorf("question %v, want %v", m.Question[0], want)
	}
}
