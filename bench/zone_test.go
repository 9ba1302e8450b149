package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// parsed reads a zone as the servers will.
func parsed(t *testing.T, z *zone) []dns.RR {
	t.Helper()
	var text bytes.Buffer
	if err := z.write(&text, 7); err != nil {
		t.Fatal(err)
	}
	var list []dns.RR
	p := dns.NewZoneParser(&text, "", z.name)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		list = append(list, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestZoneShapes(t *testing.T) {
	for _, tt := range []struct {
		zone     *zone
		share    map[uint16]int // least number of records of a type
		distinct int            // owner names, at least
	}{
		{newCompany(true), map[uint16]int{
			dns.TypeA: 1140, dns.TypeAAAA: 360, dns.TypeCNAME: 160, dns.TypeMX: 80, dns.TypeTXT: 140, dns.TypeSRV: 80, dns.TypeNS: 40,
		}, 1320},
		{newTLD(true), map[uint16]int{dns.TypeNS: 13_500, dns.TypeA: 2_500, dns.TypeAAAA: 1_200, dns.TypeDS: 1_900}, 9_000},
	} {
		t.Run(tt.zone.name, func(t *testing.T) {
			list := parsed(t, tt.zone)
			if len(list) != tt.zone.records {
				t.Errorf("%d records, want %d", len(list), tt.zone.records)
			}
			if soa, ok := list[0].(*dns.SOA); !ok || soa.Serial != 7 {
				t.Errorf("begins with %v, want the SOA record", list[0])
			}
			types, names, seen := map[uint16]int{}, map[string]bool{}, map[string]bool{}
			for _, rr := range list {
				types[rr.Header().Rrtype]++
				names[rr.Header().Name] = true
				if seen[rr.String()] {
					t.Errorf("twice: %v", rr)
				}
				seen[rr.String()] = true
			}
			for typ, least := range tt.share {
				if types[typ] < least {
					t.Errorf("%d records of type %s, want %d and more", types[typ], dns.Type(typ), least)
				}
			}
			if len(names) < tt.distinct {
				t.Errorf("%d names, want %d and more", len(names), tt.distinct)
			}
		})
	}
}

func TestZonesAreTheSameAlways(t *testing.T) {
	sum := func(w func(io.Writer) error) [32]byte {
		var text bytes.Buffer
		if err := w(&text); err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(text.Bytes())
	}
	write := func(w io.Writer) error { return newTLD(true).write(w, 1) }
	ask := func(w io.Writer) error { return writeQuestions(w, questions(newCompany(true), 1000)) }
	for _, w := range []func(io.Writer) error{write, ask} {
		if a, b := sum(w), sum(w); a != b {
			t.Error("the same zone or questions gave other text")
		}
	}
}

func TestSmallZones(t *testing.T) {
	for _, z := range newMany(true, "dir")[:3] {
		if list := parsed(t, z); len(list) != z.records || list[0].Header().Name != z.origin {
			t.Errorf("%s has %d records, want %d, and begins with %v", z.origin, len(list), z.records, list[0])
		}
	}
}

// Every question for a tld zone has the answer that it should have.
func TestDelegationQuestions(t *testing.T) {
	z := newTLD(true)
	cuts := map[string]bool{}
	for _, rr := range parsed(t, z) {
		cuts[rr.Header().Name] = true
	}
	for _, q := range delegationQuestions(z, 1000) {
		below := cuts[strings.TrimPrefix(q.name, "www.")]
		if below != (q.rcode == dns.RcodeSuccess) || q.answers != 0 {
			t.Errorf("%+v: below a delegation: %t", q, below)
		}
	}
}

// Questions for small zones are of all of them, and have the answer that they should have.
func TestSmallQuestions(t *testing.T) {
	zones := newMany(true, "dir")
	hosts, asked := map[string]bool{}, map[string]bool{}
	for _, z := range zones {
		for _, rr := range parsed(t, z) {
			hosts[rr.Header().Name] = hosts[rr.Header().Name] || rr.Header().Rrtype == dns.TypeA
		}
	}
	for _, q := range smallQuestions(zones, len(zones)) {
		_, zone, _ := strings.Cut(q.name, ".")
		asked[zone] = true
		if there := hosts[q.name]; there != (q.rcode == dns.RcodeSuccess) || there != (q.answers == 1) {
			t.Errorf("%+v: there: %t", q, there)
		}
	}
	if len(asked) != len(zones) {
		t.Errorf("%d of %d zones are asked for", len(asked), len(zones))
	}
}

// Every question is answered from the zone, by a look-up that is as plain as can be.
func TestQuestionsFitTheZone(t *testing.T) {
	z := newCompany(true)
	sets, names := map[string]int{}, map[string]bool{}
	for _, rr := range parsed(t, z) {
		h := rr.Header()
		sets[h.Name+dns.TypeToString[h.Rrtype]]++
		for off, end := 0, false; !end; off, end = dns.NextLabel(h.Name, off) {
			names[h.Name[off:]] = true
		}
		if c, ok := rr.(*dns.CNAME); ok {
			sets[h.Name+"A"] = 1 + sets[c.Target+"A"] // hosts come before their aliases
		}
	}
	count := map[int]int{}
	for _, q := range questions(z, 20_000) {
		count[q.rcode]++
		if got := names[q.name]; q.rcode == dns.RcodeNameError && got {
			t.Errorf("%s exists", q.name)
		}
		if got := sets[q.name+q.qtype]; names[q.name] && got != q.answers {
			t.Errorf("%s %s: %d records, want %d", q.name, q.qtype, got, q.answers)
		}
		if !names[q.name] && q.rcode == dns.RcodeSuccess {
			_, parent, _ := bytes.Cut([]byte(q.name), []byte("."))
			wild, cut := sets["*."+string(parent)+"A"] == q.answers, sets[string(parent)+"NS"] == 2 && q.answers == 0
			if !wild && !cut {
				t.Errorf("%s %s: neither below a wildcard nor below a delegation", q.name, q.qtype)
			}
		}
	}
	if n := count[dns.RcodeNameError]; n < 1800 || n > 2200 {
		t.Errorf("%d of 20000 questions are for names that do not exist, want about 2000", n)
	}
}
