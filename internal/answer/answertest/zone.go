// Package answertest makes random zones and questions that aim at the edges of RFC 1034 section 4.3.2, and brings responses
// into a form in which they can be compared. Tests of package answer hold it against a reference with them, and the
// tests of the whole against other servers.
package answertest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Zone is a zone as a list of records, the SOA first.
type Zone struct {
	Origin  string
	Records []dns.RR

	names []string // the owner names that the generator played with
}

// Options say what a random zone may hold.
type Options struct {
	// Loadable leaves out what NSD or Knot refuse to load from a file: other data beside a CNAME, data below a DNAME.
	Loadable bool
}

// Generate makes a random zone.
func Generate(r *rand.Rand, origin string, o Options) *Zone {
	g := generator{
		Rand:  r,
		zone:  &Zone{Origin: origin},
		types: map[string]map[uint16]uint32{},
		seen:  map[string]bool{},
	}
	g.zone.names = []string{origin}
	for range 2 + r.IntN(4) + r.IntN(20) {
		g.zone.names = append(g.zone.names, g.owner())
	}
	g.apex()
	for range r.IntN(2 * len(g.zone.names)) {
		g.fill(pick(r, g.zone.names))
	}
	if o.Loadable {
		g.mend()
	}
	return g.zone
}

// Text returns the zone as a master file.
func (z *Zone) Text() string {
	var b strings.Builder
	for _, rr := range z.Records {
		// RFC 3597 section 5 lets a class be CLASS1 for IN; Knot does not.
		b.WriteString(decimalEscapes(strings.Replace(rr.String(), "\tCLASS1\t", "\tIN\t", 1)))
		b.WriteByte('\n')
	}
	return b.String()
}

// decimalEscapes writes every \X as \DDD: not all servers read the former as RFC 1035 section 5.1 has it.
func decimalEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || s[i+1] >= '0' && s[i+1] <= '9' || strings.HasPrefix(s[i:], `\# `) {
			b.WriteByte(s[i])
			continue
		}
		i++
		fmt.Fprintf(&b, `\%03d`, s[i])
	}
	return b.String()
}

// Version builds the zone.
func (z *Zone) Version() (*zone.Version, error) {
	apex, err := zone.ParseName(z.Origin)
	if err != nil {
		return nil, err
	}
	b := zone.NewBuilder(apex, nil)
	for _, rr := range z.Records {
		rec, err := zone.FromRR(rr)
		if err != nil {
			return nil, err
		}
		if err := b.Add(rec); err != nil {
			return nil, err
		}
	}
	v, _, err := b.Build()
	return v, err
}

// Parse reads a zone from a master file.
func Parse(origin, text string) (*Zone, error) {
	z := &Zone{Origin: origin}
	p := dns.NewZoneParser(strings.NewReader(text), origin, "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		z.Records = append(z.Records, Unpacked(rr))
		z.names = append(z.names, rr.Header().Name)
	}
	return z, p.Err()
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

type generator struct {
	*rand.Rand
	zone  *Zone
	types map[string]map[uint16]uint32 // TTLs by owner name, in lower case, and type
	seen  map[string]bool
}

func (g *generator) apex() {
	o := g.zone.Origin
	g.add(fmt.Sprintf("%s %d IN SOA %s %s %d 3600 600 86400 %d", o, pick(g.Rand, ttls), below("ns1", o), below("hostmaster", o), g.Uint32(), pick(g.Rand, ttls)))
	g.addType(o, dns.TypeNS)
	g.addType(o, dns.TypeNS)
}

var (
	ttls   = []uint32{0, 1, 60, 300, 300, 3600, 86400}
	labels = []string{"a", "a", "b", "b", "c", "d", "ns1", "*", "*", "*", "A", "Bb"}
	odd    = []string{`\000`, `\001`, `a\000`, `x\.y`, `\.`, `\\`, `\ `, `\255`, `\@`, `a\"b`, `*a`, `**`, `_tcp`, `\200x`, strings.Repeat("l", 63)}
	// outside are names that are in no zone that is made here.
	outside = []string{"ns.outside.test.", "a.b.outside.test.", "host.invalid."}
)

func (g *generator) label() string {
	if g.IntN(24) == 0 {
		return pick(g.Rand, odd)
	}
	return pick(g.Rand, labels)
}

// below joins a label and a name; a name that would be too long stays as it is.
func below(label, name string) string {
	joined := label + "." + name
	if name == "." {
		joined = label + "."
	}
	if _, ok := dns.IsDomainName(joined); !ok || len(joined) > 250 {
		return name
	}
	return joined
}

// owner makes a name near one that is there: names in a zone have much to do with each other here.
func (g *generator) owner() string {
	name := pick(g.Rand, g.zone.names)
	for g.IntN(3) > 0 && name != g.zone.Origin {
		name = Parent(name)
	}
	for range 1 + g.IntN(2)*g.IntN(3) {
		name = below(g.label(), name)
	}
	return name
}

// target makes a name for RDATA.
func (g *generator) target() string {
	switch g.IntN(8) {
	case 0:
		return pick(g.Rand, outside)
	case 1:
		return below(g.label(), below(g.label(), g.zone.Origin))
	case 2:
		return below(g.label(), pick(g.Rand, g.zone.names))
	case 3:
		return pick(g.Rand, g.zone.names)
	}
	return g.owner()
}

// fill gives a name an RRset or two.
func (g *generator) fill(name string) {
	kinds := [][]uint16{
		{dns.TypeA}, {dns.TypeA}, {dns.TypeA, dns.TypeAAAA}, {dns.TypeAAAA}, {dns.TypeTXT}, {dns.TypeMX}, {dns.TypeMX, dns.TypeA},
		{dns.TypeNS}, {dns.TypeNS}, {dns.TypeNS, dns.TypeDS}, {dns.TypeNS, dns.TypeA}, {dns.TypeSRV}, {dns.TypeDS},
		{dns.TypeCNAME}, {dns.TypeCNAME}, {dns.TypeCNAME}, {dns.TypeCNAME}, {dns.TypeDNAME}, {dns.TypeDNAME},
		{dns.TypePTR}, {dns.TypeHINFO}, {dns.TypeCAA}, {dns.TypeNAPTR}, {65280},
	}
	for _, t := range pick(g.Rand, kinds) {
		if name == g.zone.Origin && (t == dns.TypeCNAME || t == dns.TypeDNAME && g.IntN(4) > 0) {
			continue
		}
		n := 1
		if t != dns.TypeCNAME && t != dns.TypeDNAME {
			n += g.IntN(3) * g.IntN(2)
		}
		for range n {
			g.addType(name, t)
		}
	}
}

func (g *generator) addType(name string, t uint16) {
	var data string
	switch t {
	case dns.TypeA:
		data = fmt.Sprintf("192.0.2.%d", g.IntN(256))
	case dns.TypeAAAA:
		data = fmt.Sprintf("2001:db8::%x", g.IntN(1<<16))
	case dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypePTR:
		data = g.target()
		if t == dns.TypeNS && g.IntN(2) == 0 {
			data = below(g.label(), name) // glue in the delegated zone
			g.zone.names = append(g.zone.names, data)
		}
	case dns.TypeMX:
		data = fmt.Sprintf("%d %s", g.IntN(3), g.target())
	case dns.TypeSRV:
		data = fmt.Sprintf("%d %d %d %s", g.IntN(3), g.IntN(3), g.IntN(65536), g.target())
	case dns.TypeTXT:
		data = fmt.Sprintf(`"text %d" "\000\"\\\255"`, g.IntN(100))
	case dns.TypeDS:
		data = fmt.Sprintf("%d 13 2 %064x", g.IntN(65536), g.Uint64())
	case dns.TypeHINFO:
		data = `"PDP-11/70" "UNIX"`
	case dns.TypeCAA:
		data = `0 issue "ca.test"`
	case dns.TypeNAPTR:
		data = fmt.Sprintf(`1 %d "s" "SIP+D2U" "" %s`, g.IntN(10), g.target())
	default:
		data = fmt.Sprintf(`\# 3 0102%02x`, g.IntN(256))
	}
	at := strings.ToLower(name)
	if g.types[at] == nil {
		g.types[at] = map[uint16]uint32{}
	}
	ttl, ok := g.types[at][t]
	if !ok {
		ttl = pick(g.Rand, ttls)
		g.types[at][t] = ttl
	}
	typ := dns.Type(t).String()
	g.add(fmt.Sprintf("%s %d IN %s %s", name, ttl, typ, data))
}

func (g *generator) add(text string) {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(fmt.Sprintf("answertest: record %q: %v", text, err))
	}
	if key := strings.ToLower(text); !g.seen[key] {
		g.seen[key] = true
		g.zone.Records = append(g.zone.Records, Unpacked(rr))
	}
}

// Unpacked returns a record as it comes out of a message: names have the escapes that miekg/dns gives them.
func Unpacked(rr dns.RR) dns.RR {
	buf := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic(fmt.Sprintf("answertest: %v", err))
	}
	rr, _, err = dns.UnpackRR(buf[:end], 0)
	if err != nil {
		panic(fmt.Sprintf("answertest: %v", err))
	}
	return rr
}

// mend drops the records that keep peers from loading the zone.
func (g *generator) mend() {
	has := func(name string, t uint16) bool {
		_, ok := g.types[name][t]
		return ok
	}
	first := map[string]bool{}
	kept := g.zone.Records[:0]
	for _, rr := range g.zone.Records {
		name, t := strings.ToLower(rr.Header().Name), rr.Header().Rrtype
		drop := false
		apex := strings.EqualFold(name, g.zone.Origin)
		switch {
		case t == dns.TypeDNAME:
			drop = has(name, dns.TypeCNAME) || !apex && has(name, dns.TypeNS) || first[name]
			first[name] = true
		case t == dns.TypeCNAME:
			drop = first[name]
			first[name] = true
		default:
			drop = has(name, dns.TypeCNAME)
		}
		for up := name; !drop && up != "." && !strings.EqualFold(up, g.zone.Origin); {
			up = Parent(up)
			drop = has(up, dns.TypeDNAME)
		}
		if !drop {
			kept = append(kept, rr)
		}
	}
	g.zone.Records = kept
}

// Parent returns a name without its first label; the root is its own parent.
func Parent(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}
