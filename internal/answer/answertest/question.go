package answertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Question makes a random question that aims at the edges of the zone.
func (z *Zone) Question(r *rand.Rand) (name string, typ uint16) {
	g := generator{Rand: r, zone: z}
	name = pick(r, z.names)
	rr := pick(r, z.Records)
	switch r.IntN(6) {
	case 0, 1:
		name = rr.Header().Name
	case 2:
		name = pick(r, z.names)
		for range 1 + r.IntN(3) {
			name = below(g.label(), name)
		}
	case 3:
		name = g.owner()
	case 4:
		if name != z.Origin {
			name = Parent(name)
		}
		name = below(g.label(), name)
	case 5:
		// A name from RDATA.
		switch rr := rr.(type) {
		case *dns.CNAME:
			name = rr.Target
		case *dns.NS:
			name = rr.Ns
		case *dns.MX:
			name = rr.Mx
		case *dns.DNAME:
			name = below(g.label(), rr.Hdr.Name)
			for range r.IntN(5) * r.IntN(2) {
				name = below(strings.Repeat("y", 50), name)
			}
		}
	}
	if !dns.IsSubDomain(z.Origin, name) {
		name = rr.Header().Name
	}
	if r.IntN(4) == 0 {
		name = flipCase(r, name)
	}
	name = Unpacked(&dns.NULL{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNULL}}).Header().Name
	return name, z.questionType(r, name)
}

func (z *Zone) questionType(r *rand.Rand, name string) uint16 {
	types := []uint16{
		dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeDNAME,
		dns.TypeSOA, dns.TypeDS, dns.TypeDS, dns.TypeANY, dns.TypeSRV, 65280, dns.TypeNULL,
	}
	if r.IntN(3) == 0 {
		// A type that the name has.
		for _, i := range r.Perm(len(z.Records)) {
			if h := z.Records[i].Header(); strings.EqualFold(h.Name, name) {
				return h.Rrtype
			}
		}
	}
	return pick(r, types)
}

// flipCase changes the case of some letters outside escapes.
func flipCase(r *rand.Rand, s string) string {
	b := []byte(s)
	for i, c := range b {
		if i > 0 && b[i-1] == '\\' {
			continue
		}
		if (c|0x20) >= 'a' && (c|0x20) <= 'z' && r.IntN(2) == 0 {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// Response is a response in a form that can be compared: names in lower case, each section sorted.
type Response struct {
	Rcode                         string
	AA, TC                        bool
	Answer, Authority, Additional []string
}

// ResponseOf brings a message into that form. Pseudo-records are left out.
func ResponseOf(m *dns.Msg) Response {
	return Response{
		Rcode:      dns.RcodeToString[m.Rcode],
		AA:         m.Authoritative,
		TC:         m.Truncated,
		Answer:     lines(m.Answer),
		Authority:  lines(m.Ns),
		Additional: lines(m.Extra),
	}
}

func lines(rrs []dns.RR) []string {
	var list []string
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			list = append(list, Line(rr))
		}
	}
	slices.Sort(list)
	return list
}

// Line returns a record as one line, in lower case, whose fields are free of spaces but in strings.
func Line(rr dns.RR) string {
	text := strings.ReplaceAll(rr.String(), `\ `, `\032`)
	return strings.ToLower(strings.Join(strings.Fields(text), " "))
}

// Equal reports whether two responses say the same.
func (a Response) Equal(b Response) bool {
	return a.Rcode == b.Rcode && a.AA == b.AA && a.TC == b.TC && slices.Equal(a.Answer, b.Answer) &&
		slices.Equal(a.Authority, b.Authority) && slices.Equal(a.Additional, b.Additional)
}

// String returns the response as lines, the way dig prints it.
func (a Response) String() string {
	var b strings.Builder
	b.WriteString(a.Rcode)
	if a.AA {
		b.WriteString(" aa")
	}
	if a.TC {
		b.WriteString(" tc")
	}
	b.WriteByte('\n')
	for _, s := range []struct {
		name  string
		lines []string
	}{{"answer", a.Answer}, {"authority", a.Authority}, {"additional", a.Additional}} {
		for _, line := range s.lines {
			fmt.Fprintf(&b, "%s: %s\n", s.name, line)
		}
	}
	return b.String()
}
