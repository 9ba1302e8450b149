package answer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// TestWire asks random zones, signed and not, random questions, and holds the wire form against the message, at random sizes.
func TestWire(t *testing.T) {
	eachSeed(t, *randomZones/4, wireZone)
}

func wireZone(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 9))
	origin := []string{"example.", ".", "a.b.c.", "16/28.2.0.192.in-addr.arpa.", `\000.\255\.x.`, longName(250)}[r.IntN(6)]
	z := answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: r.IntN(2) == 0})
	if r.IntN(2) == 0 {
		z = z.Signed(answertest.RandomSigning(r))
	}
	v, err := z.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for range questionsPerZone {
		name, typ, do := z.SignedQuestion(r)
		h := Head{ID: uint16(r.Uint32()), Flags: uint16(r.Uint32()), Size: 512 + r.IntN(1200)}
		if r.IntN(2) == 0 {
			h.OPT = []byte{0, 0, byte(dns.TypeOPT), 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0}
		}
		checkWire(t, v, Question{Name: name, Type: typ, DO: do, MinimalAny: r.IntN(2) == 0}, h)
	}
}

// longName is a name of so many octets on the wire.
func longName(size int) string {
	var b strings.Builder
	for size--; size > 0; {
		n := min(size, 64)
		if size-n == 1 {
			n--
		}
		b.WriteString(strings.Repeat("x", n-1) + ".")
		size -= n
	}
	return b.String()
}

// checkWire holds all renderings of one answer against each other: the message, the wire form without a limit, and the wire
// form within one.
func checkWire(t *testing.T, v *zone.Version, q Question, h Head) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s, DO %v, size %d: %s", q.Name, dns.Type(q.Type), q.DO, h.Size, fmt.Sprintf(format, args...))
	}
	req := new(dns.Msg).SetQuestion(q.Name, q.Type)
	req.Id, req.RecursionDesired, req.CheckingDisabled, req.Opcode = h.ID, h.Flags&0x100 != 0, h.Flags&0x10 != 0, int(h.Flags>>11&0xF)

	r := Answer(v, q)
	whole, bound, truncated := r.Msg(req), r.Bound(), r.Truncated
	sets := len(r.answer) + len(r.authority) + len(r.additional)
	wantBound, units := whole.Len(), unitsOf(r)
	if wantBound > bound {
		fail("Bound says %d, and the message has %d octets", bound, wantBound)
	}
	full := r.AppendWire(nil, Head{ID: h.ID, Flags: h.Flags, Size: maxMessage})
	if sets == len(r.answer)+len(r.authority)+len(r.additional) {
		compareWire(fail, full, whole)
	}
	compareWire(fail, full, r.Msg(req))
	r.Release()

	// Within the limit it is the beginning of the same, to the end of an RRset.
	r = Answer(v, q)
	dst := append(make([]byte, 0, 2+maxMessage), "##"...)
	out := r.AppendWire(dst, h)
	msg := out[2:]
	if string(out[:2]) != "##" || &out[0] != &dst[0] {
		fail("not appended")
	}
	if len(msg) > h.Size {
		fail("%d octets", len(msg))
	}
	compareWire(fail, msg, withOPT(r.Msg(req), h.OPT))
	body := msg[headerSize : len(msg)-len(h.OPT)]
	if !bytes.Equal(msg[len(msg)-len(h.OPT):], h.OPT) {
		fail("no OPT record at its end")
	}
	if !bytes.HasPrefix(full[headerSize:], body) {
		fail("not the beginning of the whole message:\n% x\n% x", body, full[headerSize:])
	}
	ends := recordEnds(full)
	cut, next, must := 0, 0, false
	for _, u := range units {
		cut += u.records
		end := maxMessage + 1
		if cut < len(ends) {
			end = ends[cut]
		}
		if end > headerSize+len(body) {
			if next == 0 {
				next = end
			}
			must = must || u.required
		} else if next > 0 {
			fail("an RRset after one that was left out")
		}
	}
	if next > 0 && next <= h.Size-len(h.OPT) {
		fail("an RRset was left out that ends at %d", next)
	}
	if tc := msg[2]&2 != 0; tc != (must || truncated) {
		fail("TC %v, want %v", tc, must)
	}
	r.Release()

	// Fit is the same without the octets.
	r = Answer(v, q)
	if size := r.Fit(max(h.Size, 512) - len(h.OPT)); size != len(msg)-len(h.OPT) || r.Truncated != (must || truncated) {
		fail("Fit makes it %d octets, and AppendWire %d", size, len(msg)-len(h.OPT))
	}
	if again := r.AppendWire(nil, h); !bytes.Equal(again, msg) {
		fail("after Fit:\n% x\nbefore:\n% x", again, msg)
	}
	r.Release()
}

type unit struct {
	records  int
	required bool
}

// unitsOf returns what is sent as a whole or not at all: in the additional section signatures stand alone.
func unitsOf(r *Result) (units []unit) {
	for i, section := range [][]entry{r.answer, r.authority, r.additional} {
		for j := range section {
			e := &section[j]
			if e.signature && i < 2 {
				units[len(units)-1].records += e.set.Count
				continue
			}
			units = append(units, unit{e.set.Count, i < 2 || e.glue})
		}
	}
	return units
}

func withOPT(m *dns.Msg, opt []byte) *dns.Msg {
	if len(opt) > 0 {
		rr, _, err := dns.UnpackRR(opt, 0)
		if err != nil {
			panic(err)
		}
		m.Extra = append(m.Extra, rr)
	}
	return m
}

// compareWire holds a message in wire form against one of miekg/dns: they are the same when unpacked, but for the case of
// letters, since a compressed name has that of the name to which it points.
func compareWire(fail func(string, ...any), wire []byte, want *dns.Msg) {
	got := new(dns.Msg)
	if err := got.Unpack(wire); err != nil {
		fail("%v\n% x", err, wire)
		return
	}
	if got.MsgHdr != want.MsgHdr {
		fail("header %v, want %v", got.MsgHdr, want.MsgHdr)
	}
	if len(got.Question) != 1 || got.Question[0] != want.Question[0] {
		fail("question %v, want %v", got.Question, want.Question)
	}
	for i, section := range [][2][]dns.RR{{got.Answer, want.Answer}, {got.Ns, want.Ns}, {got.Extra, want.Extra}} {
		a, b := section[0], section[1]
		if len(a) != len(b) {
			fail("section %d has %d records, want %d", i, len(a), len(b))
			return
		}
		for j := range a {
			if !zone.Name(packed(a[j])).Equal(packed(b[j])) {
				fail("record\n%v, want\n%v", a[j], b[j])
			}
		}
	}
	names(fail, wire)
}

func packed(rr dns.RR) []byte {
	buf := make([]byte, dns.Len(rr)+10)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic(err)
	}
	return buf[:end]
}

// names checks that names are compressed in owners and in RDATA of the types of RFC 1035 only, and point backwards.
func names(fail func(string, ...any), wire []byte) {
	for _, at := range recordStarts(wire) {
		owner, off, err := zone.AppendUnpacked(nil, wire, at)
		if err != nil {
			fail("owner at %d: %v", at, err)
			return
		}
		typ, size := binary.BigEndian.Uint16(wire[off:]), int(binary.BigEndian.Uint16(wire[off+8:]))
		off += fixedSize
		if typ == dns.TypeOPT {
			continue
		}
		data, err := zone.AppendRDATA(nil, typ, wire, off, size)
		if err != nil {
			fail("%s at %d: %v", zone.Name(owner), at, err)
		}
		if !compressible(typ) && len(data) != size {
			fail("%s: %s is compressed", zone.Name(owner), dns.Type(typ))
		}
	}
}

// recordStarts returns where the records of a message begin.
func recordStarts(wire []byte) (starts []int) {
	_, off, err := zone.AppendUnpacked(nil, wire, headerSize)
	if err != nil {
		panic(err)
	}
	for off += 4; off < len(wire); {
		starts = append(starts, off)
		if _, off, err = zone.AppendUnpacked(nil, wire, off); err != nil {
			panic(err)
		}
		off += fixedSize + int(binary.BigEndian.Uint16(wire[off+8:]))
	}
	return starts
}

// recordEnds returns where the first n records of a message end, for each n.
func recordEnds(wire []byte) []int {
	starts := append(recordStarts(wire), len(wire))
	return starts
}

// Every type that is known, and some that are not.
func TestWireTypes(t *testing.T) {
	z, v := allTypesZone(t)
	for _, rr := range z.Records {
		for _, typ := range []uint16{rr.Header().Rrtype, dns.TypeANY} {
			for _, name := range []string{rr.Header().Name, strings.ToUpper(rr.Header().Name)} {
				checkWire(t, v, Question{Name: name, Type: typ}, Head{Size: 4096})
			}
		}
	}
}

// Names as short, as long, as deep and as odd as they get.
func TestWireNames(t *testing.T) {
	deep := strings.Repeat("a.", 127)
	long := longName(255)
	for _, c := range []struct{ origin, text, name string }{
		{".", ". 60 IN SOA . . 1 1 1 1 1\n. 60 IN NS .\n. 60 IN MX 1 .\n", "."},
		{".", ". 60 IN SOA a. b.a. 1 1 1 1 1\n. 60 IN NS a.\na. 60 IN A 192.0.2.1\n", "."},
		{".", ". 60 IN SOA . . 1 1 1 1 1\n. 60 IN NS " + deep + "\n" + deep + " 60 IN MX 1 b." + deep[2:] + "\n", deep},
		{deep, deep + " 60 IN SOA " + deep + " " + deep + " 1 1 1 1 1\n" + deep + " 60 IN NS " + deep + "\n", deep},
		{long[64:], long[64:] + " 60 IN SOA " + long + " . 1 1 1 1 1\n" + long + " 60 IN NS " + long + "\n", long},
		{"x.", `x. 60 IN SOA \000\001.x. \255\.\\.x. 1 1 1 1 1` + "\n" + `\000.x. 60 IN MX 1 \000.X.` + "\n", `\000.X.`},
		{"x.", "x. 60 IN SOA a.x. a.x. 1 1 1 1 1\n*.x. 60 IN MX 1 y.x.\n*.x. 60 IN MX 1 Z.y.x.\n", "Q.Z.Y.X."},
		{"x.", "x. 60 IN SOA abcdefghij.x. abcdXXghij.x. 1 1 1 1 1\nx. 60 IN NS abcdYYghij.x.\nx. 60 IN NS abcd1234ghij.x.\n", "x."},
	} {
		z, err := answertest.Parse(c.origin, c.text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := z.Version()
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeMX, dns.TypeA, dns.TypeANY} {
			for size := 512; size < 1600; size += 31 {
				checkWire(t, v, Question{Name: c.name, Type: typ}, Head{Size: size})
			}
		}
	}
}

// More names than the table holds, and names beyond what a pointer reaches.
func TestWireManyNames(t *testing.T) {
	var text strings.Builder
	text.WriteString("big. 60 IN SOA ns. h. 1 1 1 1 1\nbig. 60 IN NS ns.\n")
	for i := range 1500 {
		fmt.Fprintf(&text, "mx.big. 60 IN MX %d h%d.p%d.big.\nptr.big. 60 IN PTR same.p%d.big.\n", i, i, i%200, i%200)
		fmt.Fprintf(&text, "cut.big. 60 IN NS n%d.cut.big.\nn%[1]d.cut.big. 60 IN A 192.0.2.2\nn%[1]d.cut.big. 60 IN AAAA 2001:db8::2\n", i)
	}
	v := mustZone(t, "big.", text.String())
	for _, q := range []Question{{Name: "mx.big.", Type: dns.TypeMX}, {Name: "ptr.big.", Type: dns.TypePTR}, {Name: "x.cut.BIG.", Type: dns.TypeA}} {
		for _, size := range []int{512, 1232, 4096, 16384, 17000, 40000, maxMessage} {
			checkWire(t, v, q, Head{Size: size})
		}
	}
}

func TestWireRefused(t *testing.T) {
	v := mustZone(t, "example.", rfc4592Zone)
	for _, name := range []string{"Other.", "a..b.", ""} {
		r := Answer(v, Question{Name: name, Type: dns.TypeA})
		msg := r.AppendWire(nil, Head{ID: 7})
		r.Release()
		got := new(dns.Msg)
		if err := got.Unpack(msg); err != nil || got.Rcode != dns.RcodeRefused || got.Id != 7 || got.Authoritative {
			t.Errorf("%q: %v, %v", name, err, got)
		}
		if has := len(got.Question) == 1; has != (name == "Other.") {
			t.Errorf("%q: question %v", name, got.Question)
		}
	}
}

// FuzzWire is TestWire with the fuzzer's choice of zones and sizes.
func FuzzWire(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, 512+int(seed)*40, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, size int, signed bool) {
		r := rand.New(rand.NewPCG(seed, 10))
		z := answertest.GenerateDelegations(r, []string{"example.", ".", "a.b."}[r.IntN(3)], answertest.Options{})
		if signed {
			z = z.Signed(answertest.RandomSigning(r))
		}
		v, err := z.Version()
		if err != nil {
			t.Fatal(err)
		}
		name, typ, do := z.SignedQuestion(r)
		checkWire(t, v, Question{Name: name, Type: typ, DO: do}, Head{Size: min(max(size, 512), maxMessage)})
	})
}
