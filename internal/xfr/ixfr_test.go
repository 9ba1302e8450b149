package xfr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// soaOf is soa7 with another serial.
func soaOf(serial uint32) string { return strings.Replace(soa7, " 7 ", fmt.Sprintf(" %d ", serial), 1) }

func versionOf(tb testing.TB, records ...string) *zone.Version {
	tb.Helper()
	return primarytest.OfRecords(tb, parseRecords(tb, records...)...).Version(tb)
}

// runIXFR interprets messages to the end or the first error.
func runIXFR(q Question, base *zone.Version, limit int64, msgs ...[]byte) (*IXFR, *zone.Version, error) {
	x := NewIXFR(q, base, nil, limit)
	for _, msg := range msgs {
		if done, err := x.Message(msg); err != nil {
			return x, nil, err
		} else if done {
			break
		}
	}
	v, _, err := x.Finish()
	return x, v, err
}

const (
	www1  = "www.example.org. 3600 A 192.0.2.1"
	www2  = "www.example.org. 3600 A 192.0.2.2"
	www3  = "www.example.org. 3600 A 192.0.2.3"
	mail1 = "mail.example.org. 3600 A 192.0.2.4"
	nsec3 = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org. 60 NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"
	sig3  = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org. 60 RRSIG NSEC3 8 3 60 20300101000000 20260101000000 1 example.org. AAAA"
)

func TestIXFR(t *testing.T) {
	q := question(t, "example.org.", dns.TypeIXFR)
	soa8, soa9 := soaOf(8), soaOf(9)
	first := func(records ...string) []byte { return message(t, q, nil, records...) }
	caps := strings.NewReplacer("www.example.org", "WWW.Example.ORG")
	tests := []struct {
		name  string
		base  []string
		msgs  [][]byte
		want  []string
		steps int
	}{
		{"one step", []string{soa7, www1}, [][]byte{first(soa8, soa7, www1, soa8, www2, soa8)}, []string{soa8, www2}, 1},
		{"a record a message", []string{soa7, www1}, [][]byte{first(soa8), first(soa7), first(www1), first(soa8), first(www2), first(soa8)},
			[]string{soa8, www2}, 1},
		{"nothing but the serial", []string{soa7, www1}, [][]byte{first(soa8, soa7, soa8, soa8)}, []string{soa8, www1}, 1},
		{"adds alone", []string{soa7}, [][]byte{first(soa8, soa7, soa8, www1, www2, soa8)}, []string{soa8, www1, www2}, 1},
		{"deletes alone", []string{soa7, www1, www2}, [][]byte{first(soa8, soa7, www1, www2, soa8, soa8)}, []string{soa8}, 1},
		{"two steps", []string{soa7, www1}, [][]byte{first(soa9, soa7, www1, soa8, www2, soa8, www2, soa9, www3, soa9)}, []string{soa9, www3}, 2},
		{"added and deleted again", []string{soa7}, [][]byte{first(soa9, soa7, soa8, www2, soa8, www2, soa9, soa9)}, []string{soa9}, 2},
		{"deleted and added again, with another TTL", []string{soa7, www1}, [][]byte{
			first(soa9, soa7, www1, soa8, soa8, soa9, strings.Replace(www1, "3600", "60", 1), soa9)}, []string{soa9, strings.Replace(www1, "3600", "60", 1)}, 2},
		{"added, deleted, added", []string{soa7}, [][]byte{
			first(soaOf(10), soa7, soa8, nsec3, sig3, soa8, nsec3, sig3, soa9, soa9, soaOf(10), nsec3, sig3, soaOf(10))}, []string{soaOf(10), nsec3, sig3}, 3},
		{"deleted, added, deleted", []string{soa7, nsec3, sig3}, [][]byte{
			first(soaOf(10), soa7, nsec3, sig3, soa8, soa8, soa9, nsec3, sig3, soa9, nsec3, sig3, soaOf(10), soaOf(10))}, []string{soaOf(10)}, 3},
		{"names in another case", []string{soa7, www1}, [][]byte{first(soa8, soa7, caps.Replace(www1), soa8, caps.Replace(www2), soa8)}, []string{soa8, www2}, 1},
		{"a TTL that was made equal", []string{soa7, www1, strings.Replace(www2, "3600", "60", 1)}, [][]byte{
			first(soa8, soa7, www1, soa8, mail1, soa8)}, []string{soa8, strings.Replace(www2, "3600", "60", 1), mail1}, 1},
		{"the rest of an RRset keeps its TTL", []string{soa7, www1, www2}, [][]byte{
			first(soa8, soa7, strings.Replace(www1, "3600", "1", 1), soa8, soa8)}, []string{soa8, www2}, 1},

		{"the whole zone", []string{soa7, www1}, [][]byte{first(soa8, www2, mail1, soa8)}, []string{soa8, www2, mail1}, 0},
		{"the whole zone, a record a message", []string{soa7, www1}, [][]byte{first(soa8), first(www2), first(mail1), first(soa8)}, []string{soa8, www2, mail1}, 0},
		{"the whole zone, of one record", []string{soa7, www1}, [][]byte{first(soa8, soa8)}, []string{soa8}, 0},
		{"the whole zone, with the same serial", []string{soa7, www1}, [][]byte{first(soa7, www2, soa7)}, []string{soa7, www2}, 0},
		{"the whole zone, with an older serial", []string{soa9, www1}, [][]byte{first(soa7, www2, soa7)}, []string{soa7, www2}, 0},
		{"nothing newer", []string{soa7, www1}, [][]byte{first(soa7)}, []string{soa7, www1}, 0},

		{"across the wrap", []string{soaOf(4294967295), www1}, [][]byte{first(soaOf(0), soaOf(4294967295), www1, soaOf(0), www2, soaOf(0))},
			[]string{soaOf(0), www2}, 1},
		{"across the wrap, in steps", []string{soaOf(4294967290), www1}, [][]byte{
			first(soaOf(5), soaOf(4294967290), www1, soaOf(4294967295), www2, soaOf(4294967295), www2, soaOf(0), soaOf(0), soaOf(5), www3, soaOf(5))},
			[]string{soaOf(5), www3}, 3},
		{"as far as a serial can go", []string{soaOf(7), www1}, [][]byte{first(soaOf(7+1<<31-1), soaOf(7), soaOf(7+1<<31-1), soaOf(7+1<<31-1))},
			[]string{soaOf(7 + 1<<31 - 1), www1}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base := versionOf(t, test.base...)
			q.Have = base.SOA()
			x, v, err := runIXFR(q, base, 0, test.msgs...)
			if err != nil {
				t.Fatal(err)
			}
			if want := versionOf(t, test.want...); v.Root() != want.Root() {
				t.Errorf("another version: it differs by %+v", zone.Diff(v, want))
			}
			if x.steps != test.steps {
				t.Errorf("%d steps, want %d", x.steps, test.steps)
			}
			if test.name == "nothing newer" && v != base {
				t.Error("it is not the base itself")
			}
		})
	}
}

func TestIXFRErrors(t *testing.T) {
	q := question(t, "example.org.", dns.TypeIXFR)
	soa8, soa9 := soaOf(8), soaOf(9)
	base := versionOf(t, soa7, www1)
	msg := func(records ...string) []byte { return message(t, q, nil, records...) }
	rcode := func(n int) []byte { return message(t, q, func(m *dns.Msg) { m.Rcode = n }) }
	tests := []struct {
		name  string
		msgs  [][]byte
		axfr  bool // AXFR may do better
		phase Phase
		want  string
	}{
		{"nothing", nil, true, PhaseStream, "the SOA record that ends it is missing"},
		{"no record", [][]byte{msg()}, true, PhaseStream, "no record in the answer"},
		{"no SOA", [][]byte{msg(www1)}, true, PhaseStream, "begins with www.example.org. A, want the SOA record of the zone"},
		{"an older serial", [][]byte{msg(soaOf(6))}, true, PhaseStream, "the primary has serial 6 and says that nothing is newer than ours, 7"},
		{"an undefined order", [][]byte{msg(soaOf(7 + 1<<31))}, true, PhaseStream,
			"the primary has serial 2147483655 and says that nothing is newer than ours, 7"},
		{"another SOA record of the same serial", [][]byte{msg(strings.Replace(soa7, " 600 ", " 601 ", 1))}, true, PhaseStream,
			"the primary has another SOA record than we have from it, both with serial 7"},
		{"the end is missing", [][]byte{msg(soa8, soa7, www1, soa8, www2)}, true, PhaseStream, "the SOA record that ends it is missing"},
		{"wrong begin", [][]byte{msg(soa9, soa8, soa9, soa9)}, true, PhaseStream, "changes since serial 8, want them since ours, 7"},
		{"to the past", [][]byte{msg(soaOf(6), soa7, soaOf(6), soaOf(6))}, true, PhaseStream, "changes from serial 7 to 6, which is not newer"},
		{"to an undefined order", [][]byte{msg(soaOf(7+1<<31), soa7, soaOf(7+1<<31), soaOf(7+1<<31))}, true, PhaseStream,
			"changes from serial 7 to 2147483655, which is not newer"},
		{"a step back", [][]byte{msg(soa9, soa7, soaOf(6), soaOf(6), soa9, soa9)}, true, PhaseStream, "changes from serial 7 to 6, which is not newer"},
		{"a step on the spot", [][]byte{msg(soa9, soa7, soa7, soa7, soa9, soa9)}, true, PhaseStream, "changes from serial 7 to 7, which is not newer"},
		{"a gap in the chain", [][]byte{msg(soa9, soa7, soa8, soa9, soa9)}, true, PhaseStream, "changes since serial 9 after those up to 8"},
		{"beyond the end", [][]byte{msg(soa8, soa7, soa9, soa8)}, true, PhaseStream, "changes since serial 8 after those up to 9"},
		{"another SOA record at the end", [][]byte{msg(soa8, soa7, soa8, strings.Replace(soa8, " 600 ", " 601 ", 1))}, true, PhaseStream,
			"a SOA record that differs from the first, both with serial 8"},
		{"another SOA record in between", [][]byte{msg(soa8, soa7, strings.Replace(soa8, " 600 ", " 601 ", 1), soa8)}, true, PhaseStream,
			"a SOA record that differs from the first, both with serial 8"},
		{"another SOA record deleted", [][]byte{msg(soa8, strings.Replace(soa7, " 600 ", " 601 ", 1), soa8, soa8)}, true, PhaseStream,
			"deletes a record that is absent: example.org.\t3600\tIN\tSOA\tns1.example.org. hostmaster.example.org. 7 3600 601 86400 300"},
		{"deletes what is absent", [][]byte{msg(soa8, soa7, www2, soa8, soa8)}, true, PhaseStream,
			"deletes a record that is absent: www.example.org.\t3600\tIN\tA\t192.0.2.2"},
		{"deletes twice", [][]byte{msg(soa8, soa7, www1, www1, soa8, soa8)}, true, PhaseStream,
			"deletes a record that is absent: www.example.org.\t3600\tIN\tA\t192.0.2.1"},
		{"deletes twice, in two steps", [][]byte{msg(soa9, soa7, www1, soa8, soa8, www1, soa9, soa9)}, true, PhaseStream,
			"deletes a record that is absent: www.example.org.\t3600\tIN\tA\t192.0.2.1"},
		{"adds what is present", [][]byte{msg(soa8, soa7, soa8, www1, soa8)}, true, PhaseStream,
			"adds a record that is present: www.example.org. A"},
		{"adds what is present, with another TTL", [][]byte{msg(soa8, soa7, soa8, strings.Replace(www1, "3600", "60", 1), soa8)}, true, PhaseStream,
			"adds a record that is present: www.example.org. A"},
		{"adds twice", [][]byte{msg(soa8, soa7, soa8, www2, www2, soa8)}, true, PhaseStream,
			"adds a record that is present: www.example.org.\t3600\tIN\tA\t192.0.2.2"},
		{"adds what is present, and deletes it again", [][]byte{msg(soa9, soa7, soa8, www1, soa8, www1, soa9, soa9)}, true, PhaseStream,
			"adds a record that is present: www.example.org.\t3600\tIN\tA\t192.0.2.1"},
		{"outside the zone", [][]byte{msg(soa8, soa7, soa8, "www.example.com. 60 A 192.0.2.1", soa8)}, true, PhaseStream,
			"www.example.com. A: owner name is outside the zone example.org."},
		{"a SOA record below the apex", [][]byte{msg(soa8, soa7, "sub."+soa7, soa8, soa8)}, true, PhaseStream,
			"sub.example.org. SOA in the zone: only its apex can have one"},
		{"class", [][]byte{msg(soa8, soa7, soa8, "www.example.org. 60 CH A 192.0.2.1", soa8)}, true, PhaseStream, "www.example.org. A: class CH, want IN"},
		{"after the end", [][]byte{msg(soa8, soa7, soa8, soa8, www1)}, true, PhaseStream,
			"www.example.org. A after the SOA record that ends the transfer"},
		{"malformed", [][]byte{msg(soa8, soa7, www1, soa8, www2, soa8)[:100]}, true, PhaseParse, "answer record 2 of 6: message ends in it"},
		{"malformed later", [][]byte{msg(soa8, soa7, www1), msg(soa8, www2, soa8)[:60]}, true, PhaseParse,
			"message 2: answer record 1 of 3: message ends in it"},
		{"id", [][]byte{message(t, q, func(m *dns.Msg) { m.Id++ }, soa7)}, true, PhaseStream, "an id that is not that of the query"},
		{"SERVFAIL", [][]byte{rcode(dns.RcodeServerFailure)}, true, PhaseRcode, "rcode SERVFAIL: the primary has no usable copy of the zone"},
		{"NOTIMP", [][]byte{rcode(dns.RcodeNotImplemented)}, true, PhaseRcode, "rcode NOTIMP"},
		{"FORMERR", [][]byte{rcode(dns.RcodeFormatError)}, true, PhaseRcode, "rcode FORMERR"},
		{"REFUSED", [][]byte{rcode(dns.RcodeRefused)}, true, PhaseRcode, "rcode REFUSED: the primary does not serve the zone, or not to this address"},
		{"NOTAUTH", [][]byte{rcode(dns.RcodeNotAuth)}, false, PhaseRcode, "rcode NOTAUTH: the primary does not serve the zone"},
		{"an rcode later", [][]byte{msg(soa8, soa7), rcode(dns.RcodeServerFailure)}, true, PhaseRcode,
			"message 2: rcode SERVFAIL: the primary has no usable copy of the zone"},

		{"the whole zone, broken", [][]byte{msg(soa8, www1, soa9)}, false, PhaseStream, "a second SOA record with serial 9, the first has 8"},
		{"the whole zone, unfinished", [][]byte{msg(soa8, www1)}, false, PhaseStream, "the SOA record that ends it is missing"},
		{"the whole zone, too large", [][]byte{msg(soa8, `t.example.org. 60 TXT "`+strings.Repeat("x", 250)+`"`, soa8)}, false, PhaseLimit,
			"more than 256 octets of records, which is the limit: if the zone is that large, raise limit size"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := q
			q.Have = base.SOA()
			x, v, err := runIXFR(q, base, 256, test.msgs...)
			e, ok := errors.AsType[*Error](err)
			if !ok || v != nil {
				t.Fatalf("%v, %v, want an *Error alone", v, err)
			}
			got, want := e.Error(), "IXFR of example.org.: "+test.want
			if e.Phase != test.phase || got != want {
				t.Errorf("got  %v: %v\nwant %v: %v", e.Phase, e, test.phase, want)
			}
			if e.TryAXFR() != test.axfr {
				t.Errorf("TryAXFR is %v", e.TryAXFR())
			}
			if _, again := x.Message(msg(soa8)); !errors.Is(again, e) {
				t.Errorf("after it: %v", again)
			}
			if x.delta.octets != nil || x.whole != nil {
				t.Error("what came is kept")
			}
		})
	}
}

// Whatever the history of a zone, an honest primary's answer leads from any version of it to the newest, in one step or in
// all, however it is cut into messages; and with one record left out, turned round or sent twice it leads nowhere else.
func TestIXFRHistory(t *testing.T) {
	q := question(t, "example.org.", dns.TypeIXFR)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		serial := uint32(r.IntN(3)) - 2 // across the wrap
		held := make(map[string]bool)
		var history []*primarytest.Zone
		for range 2 + r.IntN(4) {
			for range r.IntN(20) {
				rec := randomLine(r)
				held[rec] = !held[rec]
			}
			list := []string{soaOf(serial)}
			for rec, there := range held {
				if there {
					list = append(list, rec)
				}
			}
			history = append(history, primarytest.OfRecords(t, parseRecords(t, list...)...))
			serial += 1 + uint32(r.IntN(100))
		}
		p := primarytest.New(t, history...)
		newest := history[len(history)-1].Version(t)
		for _, from := range history {
			base := from.Version(t)
			p.Behave(primarytest.Behaviour{Condensed: r.IntN(2) == 0, RecordsPerMessage: r.IntN(4), NoQuestion: r.IntN(2) == 0, Whole: r.IntN(8) == 0})
			conn := new(Client).Open(p.Addr())
			got, err := conn.IXFR(t.Context(), base, nil, 0)
			conn.Close()
			if err != nil || got.Version().Root() != newest.Root() {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		p.Stop()

		records := []dns.RR{parseRecords(t, soaOf(uint32(newest.Serial())))[0]}
		for i := 1; i < len(history); i++ {
			records = append(records, primarytest.Changes(history[i-1], history[i])...)
		}
		records = append(records, records[0])
		base := history[0].Version(t)
		q.Have = base.SOA()
		for range 50 {
			lie := slices.Clone(records)
			switch at := r.IntN(len(lie)); r.IntN(3) {
			case 0:
				lie = slices.Delete(lie, at, at+1)
			case 1:
				lie = slices.Insert(lie, at, lie[at])
			default:
				other := r.IntN(len(lie))
				lie[at], lie[other] = lie[other], lie[at]
			}
			msg := message(t, q, func(m *dns.Msg) { m.Answer = lie })
			_, v, err := runIXFR(q, base, 0, msg)
			if err != nil {
				continue
			}
			// It may be that the lie is none, or is the answer of another zone with the same SOA records.
			if v.Serial() != newest.Serial() && v != base {
				t.Fatalf("seed %d: serial %d from %v", seed, v.Serial(), lie)
			}
		}
	}
}

func randomLine(r *rand.Rand) string {
	owner := []string{"", "a.", "b.", "A.b.", "*.b.", "c.b.a."}[r.IntN(6)] + "example.org."
	switch r.IntN(6) {
	case 0:
		return owner + " 60 NS ns" + fmt.Sprint(r.IntN(3)) + ".example.org."
	case 1:
		return owner + " 60 RRSIG " + []string{"A", "NS", "NSEC3"}[r.IntN(3)] + " 8 3 60 20300101000000 20260101000000 " + fmt.Sprint(r.IntN(3)) + " example.org. AAAA"
	case 2:
		return nsec3
	}
	return fmt.Sprintf("%s 60 A 192.0.2.%d", owner, r.IntN(4))
}

// More changes than the zone has octets are not taken, and neither are they kept.
func TestIXFRLarge(t *testing.T) {
	q := question(t, "example.org.", dns.TypeIXFR)
	base := versionOf(t, soa7, www1)
	q.Have = base.SOA()
	x := NewIXFR(q, base, nil, 0)
	if _, err := x.Message(message(t, q, nil, soaOf(8), soa7, soaOf(8))); err != nil {
		t.Fatal(err)
	}
	var err error
	sent := 0
	for n := 0; err == nil && n < 100_000; n++ {
		rec := fmt.Sprintf("host%d.example.org. 60 A 192.0.2.1", n)
		msg := message(t, q, nil, rec)
		sent += len(msg)
		_, err = x.Message(msg)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Phase != PhaseLimit || !e.TryAXFR() || !strings.Contains(err.Error(), "more than 65536 octets of changes, which is more than the zone has") {
		t.Fatalf("after %d octets: %v", sent, err)
	}
	if x.delta.octets != nil {
		t.Error("they are kept")
	}
}

// What a zone grows to by changes is bounded as what comes whole.
func TestIXFRLimit(t *testing.T) {
	q := question(t, "example.org.", dns.TypeIXFR)
	base := versionOf(t, soa7)
	q.Have = base.SOA()
	msg := message(t, q, nil, soaOf(8), soa7, soaOf(8), `t.example.org. 60 TXT "`+strings.Repeat("x", 250)+`"`, soaOf(8))
	if _, _, err := runIXFR(q, base, 1000, msg); err != nil {
		t.Error(err)
	}
	_, _, err := runIXFR(q, base, 300, msg)
	if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseLimit || e.TryAXFR() {
		t.Error(err)
	}
}

func TestQuestionIXFR(t *testing.T) {
	base := versionOf(t, soa7)
	q := question(t, "Example.ORG.", dns.TypeIXFR)
	q.Have = base.SOA()
	var m dns.Msg
	if err := m.Unpack(q.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if len(m.Ns) != 1 || m.Ns[0].(*dns.SOA).Serial != 7 || m.Ns[0].Header().Name != "Example.ORG." || m.Question[0].Qtype != dns.TypeIXFR {
		t.Errorf("query %v", &m)
	}
}
