package xfr

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

const soa7 = "example.org. 3600 SOA ns1.example.org. hostmaster.example.org. 7 3600 600 86400 300"

func question(tb testing.TB, origin string, typ uint16) Question {
	tb.Helper()
	apex, err := zone.ParseName(origin)
	if err != nil {
		tb.Fatal(err)
	}
	return Question{Zone: apex, ID: 4711, Type: typ}
}

// message returns an honest answer to q with these records, as edit changes it.
func message(tb testing.TB, q Question, edit func(*dns.Msg), records ...string) []byte {
	tb.Helper()
	m := new(dns.Msg)
	m.SetQuestion(q.Zone.String(), q.Type)
	m.Id, m.Response, m.Authoritative, m.RecursionDesired, m.Compress = q.ID, true, true, false, true
	m.Answer = parseRecords(tb, records...)
	if edit != nil {
		edit(m)
	}
	msg, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return msg
}

func parseRecords(tb testing.TB, records ...string) (list []dns.RR) {
	tb.Helper()
	for _, s := range records {
		rr, err := dns.NewRR(s)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, rr)
	}
	return list
}

// run interprets messages to the end or the first error.
func run(q Question, limit int64, msgs ...[]byte) (*zone.Version, error) {
	a := NewAXFR(q, zone.NewBuilder(q.Zone, nil), limit)
	for _, msg := range msgs {
		if done, err := a.Message(msg); err != nil {
			return nil, err
		} else if done {
			break
		}
	}
	v, _, err := a.Finish()
	return v, err
}

func TestAXFR(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	const (
		www  = "www.example.org. 3600 A 192.0.2.1"
		mail = "mail.example.org. 3600 A 192.0.2.2"
	)
	other := strings.NewReplacer("ns1", "NS1", "hostmaster.example.org", "hostMASTER.Example.ORG").Replace(soa7)
	apex := "EXAMPLE.org." + strings.TrimPrefix(other, "example.org.")
	noQuestion := func(m *dns.Msg) { m.Question = nil }
	withOPT := func(m *dns.Msg) { m.SetEdns0(1232, false) }
	tests := []struct {
		name    string
		msgs    [][]byte
		records int
	}{
		{"a SOA record alone", [][]byte{message(t, q, nil, soa7, soa7)}, 1},
		{"a SOA record alone in two messages", [][]byte{message(t, q, nil, soa7), message(t, q, nil, soa7)}, 1},
		{"one message", [][]byte{message(t, q, nil, soa7, www, mail, soa7)}, 3},
		{"a record a message", [][]byte{
			message(t, q, nil, soa7), message(t, q, nil, www), message(t, q, nil, mail), message(t, q, nil, soa7),
		}, 3},
		{"no question after the first message", [][]byte{
			message(t, q, nil, soa7), message(t, q, noQuestion, www, mail), message(t, q, noQuestion, soa7),
		}, 3},
		{"SOA record repeated in another case", [][]byte{message(t, q, nil, soa7, www, mail, apex)}, 3},
		{"SOA record repeated with another TTL", [][]byte{message(t, q, nil, soa7, www, mail, strings.Replace(soa7, "3600", "60", 1))}, 3},
		{"question in another case", [][]byte{message(t, q, func(m *dns.Msg) { m.Question[0].Name = "eXample.ORG." }, soa7, www, soa7)}, 2},
		{"additional records", [][]byte{message(t, q, withOPT, soa7, www, mail), message(t, q, withOPT, soa7)}, 3},
		{"not authoritative", [][]byte{message(t, q, func(m *dns.Msg) { m.Authoritative = false }, soa7, www, soa7)}, 2},
		{"duplicates", [][]byte{message(t, q, nil, soa7, www, mail, www, soa7)}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := run(q, 0, test.msgs...)
			if err != nil {
				t.Fatal(err)
			}
			if v.Records() != test.records || v.Serial() != 7 || v.SOA().TTL != 3600 {
				t.Errorf("version of %d records with serial %d and SOA TTL %d, want %d, 7 and 3600",
					v.Records(), v.Serial(), v.SOA().TTL, test.records)
			}
		})
	}
}

func TestAXFRErrors(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	const (
		www  = "www.example.org. 3600 A 192.0.2.1"
		mail = "mail.example.org. 3600 A 192.0.2.2"
	)
	soa8 := strings.Replace(soa7, " 7 ", " 8 ", 1)
	first := message(t, q, nil, soa7, www)
	edit := func(change func(*dns.Msg)) []byte { return message(t, q, change, soa7, www, soa7) }
	octets := func(change func([]byte) []byte) []byte { return change(message(t, q, nil, soa7, www, soa7)) }
	rcode := func(n int) []byte {
		return message(t, q, func(m *dns.Msg) { m.Rcode = n; m.Question = nil })
	}
	tests := []struct {
		name  string
		msgs  [][]byte
		phase Phase
		want  string
	}{
		{"nothing", nil, PhaseStream, "the SOA record that ends it is missing"},
		{"no end", [][]byte{first, message(t, q, nil, mail)}, PhaseStream, "message 2: the SOA record that ends it is missing"},

		{"id", [][]byte{edit(func(m *dns.Msg) { m.Id++ })}, PhaseStream, "an id that is not that of the query"},
		{"id later", [][]byte{first, edit(func(m *dns.Msg) { m.Id++ })}, PhaseStream, "message 2: an id that is not that of the query"},
		{"query", [][]byte{edit(func(m *dns.Msg) { m.Response = false })}, PhaseStream, "a query where an answer is due: QR is not set"},
		{"opcode", [][]byte{edit(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify })}, PhaseStream, "opcode 4, want QUERY"},
		{"TC", [][]byte{edit(func(m *dns.Msg) { m.Truncated = true })}, PhaseStream, "truncated: TC is set, which has no meaning over TCP"},

		{"REFUSED", [][]byte{rcode(dns.RcodeRefused)}, PhaseRcode, "rcode REFUSED: the primary does not serve the zone, or not to this address"},
		{"NOTAUTH", [][]byte{rcode(dns.RcodeNotAuth)}, PhaseRcode, "rcode NOTAUTH: the primary does not serve the zone"},
		{"SERVFAIL", [][]byte{rcode(dns.RcodeServerFailure)}, PhaseRcode, "rcode SERVFAIL: the primary has no usable copy of the zone"},
		{"NXDOMAIN", [][]byte{rcode(dns.RcodeNameError)}, PhaseRcode, "rcode NXDOMAIN"},
		{"unknown rcode", [][]byte{rcode(13)}, PhaseRcode, "rcode 13"},
		{"rcode later", [][]byte{first, rcode(dns.RcodeServerFailure)}, PhaseRcode,
			"message 2: rcode SERVFAIL: the primary has no usable copy of the zone"},

		{"question name", [][]byte{edit(func(m *dns.Msg) { m.Question[0].Name = "example.com." })}, PhaseStream,
			"question example.com. IN AXFR, want example.org. IN AXFR"},
		{"question type", [][]byte{edit(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeSOA })}, PhaseStream,
			"question example.org. IN SOA, want example.org. IN AXFR"},
		{"question class", [][]byte{edit(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS })}, PhaseStream,
			"question example.org. CH AXFR, want example.org. IN AXFR"},
		{"no question", [][]byte{edit(func(m *dns.Msg) { m.Question = nil })}, PhaseStream, "0 questions, want 1"},
		{"two questions", [][]byte{edit(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })}, PhaseStream,
			"2 questions, want 1"},
		{"question later", [][]byte{first, message(t, q, func(m *dns.Msg) { m.Question[0].Name = "example.com." }, soa7)}, PhaseStream,
			"message 2: question example.com. IN AXFR, want example.org. IN AXFR"},

		{"empty", [][]byte{edit(func(m *dns.Msg) { m.Answer = nil })}, PhaseStream, "no record in the answer"},
		{"empty later", [][]byte{first, edit(func(m *dns.Msg) { m.Answer = nil })}, PhaseStream, "message 2: no record in the answer"},
		{"no SOA", [][]byte{message(t, q, nil, www, soa7)}, PhaseStream, "begins with www.example.org. A, want the SOA record of the zone"},
		{"SOA of another zone", [][]byte{message(t, q, nil, "example.com."+strings.TrimPrefix(soa7, "example.org."), www, soa7)}, PhaseStream,
			"begins with example.com. SOA, want the SOA record of the zone"},
		{"other serial", [][]byte{message(t, q, nil, soa7, www, soa8)}, PhaseStream, "a second SOA record with serial 8, the first has 7"},
		{"other SOA in the middle", [][]byte{message(t, q, nil, soa7, www, soa8, mail, soa7)}, PhaseStream,
			"a second SOA record with serial 8, the first has 7"},
		{"other SOA of the same serial", [][]byte{message(t, q, nil, soa7, www, strings.Replace(soa7, " 600 ", " 601 ", 1))}, PhaseStream,
			"a second SOA record that differs from the first, both with serial 7"},
		{"SOA below the apex", [][]byte{message(t, q, nil, soa7, "sub."+soa7, soa7)}, PhaseStream,
			"sub.example.org. SOA in the zone: only its apex can have one"},
		{"records after the end", [][]byte{message(t, q, nil, soa7, www, soa7, mail)}, PhaseStream,
			"mail.example.org. A after the SOA record that ends the transfer"},
		{"third SOA", [][]byte{message(t, q, nil, soa7, soa7, soa7)}, PhaseStream,
			"example.org. SOA after the SOA record that ends the transfer"},

		{"outside the zone", [][]byte{message(t, q, nil, soa7, "www.example.com. 60 A 192.0.2.1", soa7)}, PhaseStream,
			"www.example.com. A: owner name is outside the zone example.org."},
		{"above the zone", [][]byte{first, message(t, q, nil, "org. 60 NS ns1.example.org.", soa7)}, PhaseStream,
			"message 2: org. NS: owner name is outside the zone example.org."},
		{"nearly in the zone", [][]byte{message(t, q, nil, soa7, "wwwexample.org. 60 A 192.0.2.1", soa7)}, PhaseStream,
			"wwwexample.org. A: owner name is outside the zone example.org."},
		{"class", [][]byte{message(t, q, nil, soa7, "www.example.org. 60 CH A 192.0.2.1", soa7)}, PhaseStream,
			"www.example.org. A: class CH, want IN"},
		{"class of the SOA", [][]byte{message(t, q, nil, strings.Replace(soa7, "SOA", "CH SOA", 1), soa7)}, PhaseStream,
			"example.org. SOA: class CH, want IN"},
		{"meta-type", [][]byte{edit(func(m *dns.Msg) { m.Answer[1].Header().Rrtype = dns.TypeANY })}, PhaseParse,
			"www.example.org. ANY: this is a meta-type, and no record of a zone can have it"},
		{"OPT in the answer", [][]byte{edit(func(m *dns.Msg) { m.Answer[1].Header().Rrtype = dns.TypeOPT })}, PhaseParse,
			"www.example.org. OPT: this is a meta-type, and no record of a zone can have it"},
		{"RDATA", [][]byte{edit(func(m *dns.Msg) { m.Answer[1].Header().Rrtype = dns.TypeAAAA })}, PhaseParse,
			"www.example.org. AAAA: RDATA of 4 octets, want 16"},

		{"no message", [][]byte{{}}, PhaseParse, "0 octets are too short for a message"},
		{"header cut", [][]byte{octets(func(b []byte) []byte { return b[:11] })}, PhaseParse, "11 octets are too short for a message"},
		{"question cut", [][]byte{octets(func(b []byte) []byte { return b[:27] })}, PhaseParse, "question: message ends in it"},
		{"record cut", [][]byte{octets(func(b []byte) []byte { return b[:len(b)-1] })}, PhaseParse, "answer record 3 of 3: message ends in it"},
		{"question name cut", [][]byte{octets(func(b []byte) []byte { return b[:20] })}, PhaseParse,
			"question: name runs past the end of the data"},
		{"octets after the records", [][]byte{octets(func(b []byte) []byte { return append(b, 0) })}, PhaseParse,
			"1 octets after the last record"},
		{"answer count too high", [][]byte{octets(func(b []byte) []byte { b[7]++; return b })}, PhaseParse,
			"answer record 4 of 4: name runs past the end of the data"},
		{"answer count too low", [][]byte{octets(func(b []byte) []byte { b[7]--; return b })}, PhaseParse, "36 octets after the last record"},
		{"authority count", [][]byte{octets(func(b []byte) []byte { b[9]++; return b })}, PhaseParse,
			"authority record 1 of 1: name runs past the end of the data"},
		{"additional count", [][]byte{octets(func(b []byte) []byte { b[11]++; return b })}, PhaseParse,
			"additional record 1 of 1: name runs past the end of the data"},
		{"pointer to itself", [][]byte{octets(func(b []byte) []byte { b[29], b[30] = 0xC0, 29; return b })}, PhaseParse,
			"answer record 1 of 3: compression pointer does not point backwards"},
		{"trailing octets later", [][]byte{first, append(message(t, q, nil, soa7), 1, 2)}, PhaseParse,
			"message 2: 2 octets after the last record"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := run(q, 0, test.msgs...)
			if v != nil || err == nil {
				t.Fatalf("version %v, error %v, want an error alone", v, err)
			}
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%T %v, want an *Error", err, err)
			}
			if want := "AXFR of example.org.: " + test.want; e.Phase != test.phase || e.Error() != want {
				t.Errorf("got  %v: %v\nwant %v: %v", e.Phase, e, test.phase, want)
			}
			if refused := e.Refused(); refused != (test.name == "REFUSED" || test.name == "NOTAUTH") {
				t.Errorf("Refused() is %v", refused)
			}
			if e.Timeout() {
				t.Error("Timeout() is true")
			}
		})
	}
}

func TestAXFRLimit(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	msgs := [][]byte{
		message(t, q, nil, soa7, "www.example.org. 60 A 192.0.2.1"),
		message(t, q, nil, "www.example.org. 60 A 192.0.2.2", soa7),
	}
	var size int64
	b := zone.NewBuilder(q.Zone, nil)
	for _, rr := range parseRecords(t, soa7, "www.example.org. 60 A 192.0.2.1", "www.example.org. 60 A 192.0.2.2") {
		r, err := zone.FromRR(rr)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		size = b.Size()
	}
	if _, err := run(q, size, msgs...); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
	_, err := run(q, size-1, msgs...)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Phase != PhaseLimit || !strings.Contains(err.Error(), "message 2: more than ") {
		t.Errorf("one octet less: %v", err)
	}
}

func TestAXFRRecordBounds(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	var records []dns.RR
	for i := range zone.MaxRRsetRecords + 1 {
		a := &dns.A{Hdr: dns.RR_Header{Name: "www.example.org.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}}
		a.A = []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
		records = append(records, a)
	}
	z := primarytest.OfRecords(t, append(parseRecords(t, soa7), records...)...)
	_, err := run(q, 0, messages(t, q, z, primarytest.Behaviour{})...)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Phase != PhaseLimit || !strings.Contains(err.Error(), "A RRset of 65536 records, at most 65535 are possible") {
		t.Errorf("RRset of one record too many: %v", err)
	}
}

// An error is final: nothing that comes later makes a version of the transfer, and its memory is not kept.
func TestAXFRAfterError(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	a := NewAXFR(q, zone.NewBuilder(q.Zone, nil), 0)
	if _, err := a.Message(message(t, q, nil, soa7, "www.example.com. 60 A 192.0.2.1")); err == nil {
		t.Fatal("no error")
	}
	_, second := a.Message(message(t, q, nil, soa7, soa7))
	_, _, third := a.Finish()
	if !errors.Is(second, a.failed) || !errors.Is(third, a.failed) {
		t.Errorf("errors %v and %v, want the first one again", second, third)
	}
	if a.builder != nil {
		t.Error("the records are kept")
	}
}

func TestAXFRAfterEnd(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	msg := message(t, q, nil, soa7, soa7)
	a := NewAXFR(q, zone.NewBuilder(q.Zone, nil), 0)
	if done, err := a.Message(msg); !done || err != nil {
		t.Fatal(done, err)
	}
	if _, err := a.Message(msg); err == nil {
		t.Error("a message after the end is taken")
	}
	if v, _, err := a.Finish(); v != nil || err == nil {
		t.Errorf("after it: version %v, error %v", v, err)
	}
}

// However the records of a zone are cut into messages and compressed, and whatever their order, the version is the same.
func TestAXFRAnySplit(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	r := rand.New(rand.NewPCG(1, 2))
	records := parseRecords(t, soa7,
		"example.org. 60 NS ns1.example.org.", "example.org. 60 NS ns.sub.example.org.", "ns1.example.org. 60 A 192.0.2.1",
		"*.example.org. 60 MX 10 mail.example.org.", "sub.example.org. 60 NS ns.sub.example.org.", "ns.sub.example.org. 60 AAAA 2001:db8::1",
		`txt.example.org. 60 TXT "one" "two"`, `a\.b.example.org. 60 TYPE65280 \# 3 010203`, "x.y.z.example.org. 60 SRV 1 2 3 www.example.org.",
		"www.example.org. 60 CNAME example.net.", "www.example.org. 60 RRSIG CNAME 8 3 60 20300101000000 20260101000000 1 example.org. AAAA",
		"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org. 60 NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
	)
	want := primarytest.OfRecords(t, records...).Version(t).Root()
	for range 200 {
		rest := records[1:]
		r.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		b := primarytest.Behaviour{RecordsPerMessage: r.IntN(5), MessageSize: 100 + r.IntN(400), NoQuestion: r.IntN(2) == 0}
		v, err := run(q, 0, messages(t, q, primarytest.OfRecords(t, records...), b)...)
		if err != nil {
			t.Fatalf("%+v: %v", b, err)
		}
		if v.Root() != want {
			t.Fatalf("%+v: root %v, want %v", b, v.Root(), want)
		}
	}
}

// What a transfer keeps is its own: messages may lie in a buffer that is used again.
func TestAXFRKeepsNothing(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	msgs := [][]byte{message(t, q, nil, soa7, "www.example.org. 60 A 192.0.2.1"), message(t, q, nil, "a.example.org. 60 NS b.", soa7)}
	want, err := run(q, 0, msgs...)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAXFR(q, zone.NewBuilder(q.Zone, nil), 0)
	for _, msg := range msgs {
		buf := bytes.Clone(msg)
		if _, err := a.Message(buf); err != nil {
			t.Fatal(err)
		}
		for i := range buf {
			buf[i] = 0xFF
		}
	}
	if v, _, err := a.Finish(); err != nil || v.Root() != want.Root() {
		t.Errorf("version %v, error %v", v, err)
	}
}

func TestAXFRTopBitOfTTL(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	v, err := run(q, 0, message(t, q, func(m *dns.Msg) { m.Answer[1].Header().Ttl = 1 << 31 }, soa7, "example.org. 60 NS a.", soa7))
	if err != nil {
		t.Fatal(err)
	}
	if ns, _ := v.Find(nil).Node.RRset(dns.TypeNS); ns.TTL != 0 {
		t.Errorf("TTL %d, want 0", ns.TTL)
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	q := question(t, "example.org.", dns.TypeAXFR)
	msg := message(t, q, nil, soa7, "www.example.org. 60 A 192.0.2.1", "example.org. 60 NS ns1.example.org.", `t.example.org. 60 TXT "text"`, soa7)
	var r reader
	data := make([]byte, 0, 512)
	allocs := testing.AllocsPerRun(100, func() {
		if err := r.open(q, msg, true); err != nil {
			t.Fatal(err)
		}
		for range r.sections[0] {
			rec, err := r.next()
			if err == nil {
				data, err = zone.AppendRDATA(data[:0], rec.typ, msg, rec.data, rec.size)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a message", allocs)
	}
}
