package xfr

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// FuzzAXFR interprets what would come over a connection: messages, each with its length before it. The query is taken to
// have the id of the first message and the name in its question. The seeds in testdata are what BIND, Knot and NSD send for
// one small zone.
func FuzzAXFR(f *testing.F) {
	q := question(f, "example.org.", dns.TypeAXFR)
	z := exampleZone(f, 7)
	for _, b := range []primarytest.Behaviour{
		{}, {RecordsPerMessage: 1}, {MessageSize: 300, NoQuestion: true}, {EndSerial: 9}, {NoEnd: true}, {Endless: 100},
	} {
		f.Add(join(messages(f, q, z, b)...))
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		const limit = 1 << 16
		msgs := split(octets)
		q := questionOf(msgs, dns.TypeAXFR)
		a := NewAXFR(q, zone.NewBuilder(q.Zone, nil), limit)
		var failed error
		for _, msg := range msgs {
			done, err := a.Message(msg)
			if done && err != nil {
				t.Fatalf("done, and yet %v", err)
			}
			if a.builder != nil && a.builder.Size() > limit {
				t.Fatalf("%d octets of records, the limit is %d", a.builder.Size(), limit)
			}
			if failed = err; done || err != nil {
				break
			}
		}
		v, _, err := a.Finish()
		if (v == nil) == (err == nil) {
			t.Fatalf("version %v and error %v, want one of them", v, err)
		}
		if failed != nil && !errors.Is(err, failed) {
			t.Fatalf("Message gives %v, Finish gives %v", failed, err)
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T %v, want an *Error", err, err)
			}
			return
		}
		if !v.Apex().Equal(q.Zone) || v.Records() > a.records || v.Records() == 0 {
			t.Fatalf("zone %v of %d records, from %d of zone %v", v.Apex(), v.Records(), a.records, q.Zone)
		}
		again, err := run(q, 0, messagesOf(t, q, v)...)
		if err != nil || again.Root() != v.Root() {
			t.Fatalf("sent again: %v", err)
		}
	})
}

// What BIND, Knot and NSD send for one zone file is one version.
func TestRealPrimaries(t *testing.T) {
	var first *zone.Version
	for _, name := range []string{"bind", "knot", "nsd"} {
		text, err := os.ReadFile(filepath.Join("testdata", "fuzz", "FuzzAXFR", name))
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, _ := strings.Cut(string(text), "[]byte(")
		octets, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(quoted), ")"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		msgs := split([]byte(octets))
		v, err := run(questionOf(msgs, dns.TypeAXFR), 0, msgs...)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case v.Records() != 22:
			t.Errorf("%s: %d records, want 22", name, v.Records())
		case first == nil:
			first = v
		case v.Root() != first.Root():
			t.Errorf("%s: another version than that of bind: %+v", name, zone.Diff(first, v))
		}
	}
}

// FuzzParseSOA reads one message as the answer to a SOA query.
func FuzzParseSOA(f *testing.F) {
	q := question(f, "example.org.", dns.TypeSOA)
	f.Add(message(f, q, nil, soa7))
	f.Add(message(f, q, func(m *dns.Msg) { m.SetEdns0(1232, false) }, soa7))
	f.Add(message(f, q, func(m *dns.Msg) { m.Ns = parseRecords(f, soa7) }))
	f.Add(message(f, q, func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }))
	f.Fuzz(func(t *testing.T, msg []byte) {
		q := questionOf([][]byte{msg}, dns.TypeSOA)
		soa, err := ParseSOA(q, msg)
		if (soa.MName == nil) == (err == nil) {
			t.Fatalf("SOA %+v and error %v, want one of them", soa, err)
		}
		var m dns.Msg
		if err != nil || m.Unpack(msg) != nil {
			return
		}
		for _, rr := range m.Answer {
			if other, ok := rr.(*dns.SOA); ok && dns.CanonicalName(other.Hdr.Name) == dns.CanonicalName(q.Zone.String()) &&
				other.Hdr.Class == dns.ClassINET && other.Serial != uint32(soa.Serial) {
				t.Fatalf("serial %d, miekg/dns reads %d", soa.Serial, other.Serial)
			}
		}
	})
}

// questionOf returns the question that the first message answers, as far as it is one.
func questionOf(msgs [][]byte, typ uint16) Question {
	q := Question{Zone: zone.Name("\x07example\x03org\x00"), Type: typ}
	if len(msgs) > 0 && len(msgs[0]) > headerSize {
		q.ID = binary.BigEndian.Uint16(msgs[0])
		if name, _, err := zone.AppendUnpacked(nil, msgs[0], headerSize); err == nil {
			q.Zone = name
		}
	}
	return q
}

// messagesOf returns the records of a version, each in a message of its own and without any compression.
func messagesOf(tb testing.TB, q Question, v *zone.Version) (msgs [][]byte) {
	add := func(r zone.Record) {
		msg := q.Append(nil)
		binary.BigEndian.PutUint16(msg[2:], flagQR|flagAA)
		binary.BigEndian.PutUint16(msg[6:], 1)
		msg = append(msg, r.Owner...)
		msg = binary.BigEndian.AppendUint16(msg, r.Type)
		msg = binary.BigEndian.AppendUint16(msg, dns.ClassINET)
		msg = binary.BigEndian.AppendUint32(msg, r.TTL)
		msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.Data)))
		msgs = append(msgs, append(msg, r.Data...))
		if _, err := r.RR(); err != nil {
			tb.Fatalf("%v: %v", r, err)
		}
	}
	for r := range v.All() {
		add(r)
	}
	return append(msgs, msgs[0])
}

// join is the inverse of split.
func join(msgs ...[]byte) (octets []byte) {
	for _, msg := range msgs {
		octets = binary.BigEndian.AppendUint16(octets, uint16(len(msg)))
		octets = append(octets, msg...)
	}
	return octets
}
