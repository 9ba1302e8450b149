package test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// soakContent is what a zone of the soak holds. Each value in it that can be seen by a query tells which version gave it:
// answers made of two versions are told from those of one.
type soakContent struct {
	origin string
	serial uint32
	token  string   // the TXT record at the apex and of the wildcard
	hosts  []uint32 // h0, h1 ...: the version that gave it its address
	alias  []int    // a0, a1 ...: the host that it is another name of
	extra  []bool   // x0, x1 ...: whether it is there
	cut    uint32   // the version that gave the delegation its name server
}

const (
	soakHosts   = 80
	soakAliases = 8
	soakExtras  = 12
	soakTTL     = 300
)

// newSoakContent returns the first version of a zone, a little before serials wrap.
func newSoakContent(origin string) *soakContent {
	c := &soakContent{
		origin: origin, serial: 1<<32 - 30, token: soakToken(0),
		hosts: make([]uint32, soakHosts), alias: make([]int, soakAliases), extra: make([]bool, soakExtras),
	}
	for i := range c.alias {
		c.alias[i] = i
	}
	return c
}

func soakToken(n int) string { return fmt.Sprintf("version %d", n) }

// next returns the content of version n, after c.
func (c *soakContent) next(n int, r *rand.Rand) *soakContent {
	c = c.clone()
	c.serial += 1 + uint32(r.IntN(3))
	c.token = soakToken(n)
	for range 1 + r.IntN(5) {
		switch r.IntN(6) {
		case 0:
			c.alias[r.IntN(soakAliases)] = r.IntN(soakHosts)
		case 1:
			i := r.IntN(soakExtras)
			c.extra[i] = !c.extra[i]
		case 2:
			c.cut = uint32(n)
		default:
			c.hosts[r.IntN(soakHosts)] = uint32(n)
		}
	}
	return c
}

func (c *soakContent) clone() *soakContent {
	d := *c
	d.hosts, d.alias, d.extra = slices.Clone(c.hosts), slices.Clone(c.alias), slices.Clone(c.extra)
	return &d
}

// records returns the zone, a line for each record: owner, type and RDATA.
func (c *soakContent) records() []string {
	lines := []string{
		c.soa(),
		c.origin + " NS ns1." + c.origin,
		c.origin + " NS ns2.example.net.",
		fmt.Sprintf("%s TXT %q", c.origin, c.token),
		"ns1." + c.origin + " A 192.0.2.53",
		fmt.Sprintf("*.w.%s TXT %q", c.origin, c.token),
	}
	for i := range c.hosts {
		lines = append(lines, c.host(i))
	}
	for i := range c.alias {
		lines = append(lines, c.aliasOf(i))
	}
	for i, there := range c.extra {
		if there {
			lines = append(lines, c.extraOf(i))
		}
	}
	return append(lines, c.delegation()...)
}

func (c *soakContent) soa() string {
	return fmt.Sprintf("%s SOA ns1.%[1]s host.%[1]s %d 30 2 604800 60", c.origin, c.serial)
}

func (c *soakContent) host(i int) string {
	if i >= len(c.hosts) {
		return "no such host"
	}
	return fmt.Sprintf("h%d.%s A %s", i, c.origin, addressOf(c.hosts[i]))
}

func (c *soakContent) aliasOf(i int) string {
	return fmt.Sprintf("a%d.%s CNAME h%d.%[2]s", i, c.origin, c.alias[i])
}

func (c *soakContent) extraOf(i int) string {
	return fmt.Sprintf("x%d.%s A 192.0.2.%d", i, c.origin, i)
}

func (c *soakContent) delegation() []string {
	return []string{
		fmt.Sprintf("d.%s NS ns%d.d.%[1]s", c.origin, c.cut),
		fmt.Sprintf("ns%d.d.%s A %s", c.cut, c.origin, addressOf(c.cut)),
	}
}

// addressOf is the address that a version gives.
func addressOf(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// masterFile is the zone for a peer.
func (c *soakContent) masterFile() string {
	return fmt.Sprintf("$TTL %d\n%s\n", soakTTL, strings.Join(c.records(), "\n"))
}

// zone is the zone for a scripted primary.
func (c *soakContent) zone(t testing.TB) *primarytest.Zone {
	t.Helper()
	lines := c.records()
	records := make([]dns.RR, len(lines))
	for i, line := range lines {
		records[i] = soakRecord(t, line)
	}
	return primarytest.OfRecords(t, records...)
}

func (c *soakContent) soaRecord(t testing.TB) dns.RR { return soakRecord(t, c.soa()) }

func soakRecord(t testing.TB, line string) dns.RR {
	t.Helper()
	owner, rest, _ := strings.Cut(line, " ")
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s", owner, soakTTL, rest))
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// soakQuestion is what a client asks.
type soakQuestion struct {
	name  string
	qtype uint16
	want  func(c *soakContent) (rcode int, records []string) // of the sections that matter
}

// question draws one. Each answer has more than one part that changes, or the serial beside one, wherever DNS allows.
func (c *soakContent) question(r *rand.Rand) soakQuestion {
	at := func(format string, args ...any) string { return fmt.Sprintf(format, args...) + "." + c.origin }
	negative := func(c *soakContent, rcode int) (int, []string) { return rcode, []string{c.soa()} }
	switch r.IntN(8) {
	case 0, 1: // everything at the apex: serial and token in one answer
		return soakQuestion{c.origin, dns.TypeANY, func(c *soakContent) (int, []string) { return dns.RcodeSuccess, c.records()[:4] }}
	case 2: // an alias and its target, which are at two places of the zone
		i := r.IntN(soakAliases)
		return soakQuestion{at("a%d", i), dns.TypeA, func(c *soakContent) (int, []string) {
			return dns.RcodeSuccess, []string{c.aliasOf(i), c.host(c.alias[i])}
		}}
	case 3: // a name that comes and goes
		i := r.IntN(soakExtras)
		return soakQuestion{at("x%d", i), dns.TypeA, func(c *soakContent) (int, []string) {
			if c.extra[i] {
				return dns.RcodeSuccess, []string{c.extraOf(i)}
			}
			return negative(c, dns.RcodeNameError)
		}}
	case 4:
		name := at("n%d.w", r.IntN(1000))
		return soakQuestion{name, dns.TypeTXT, func(c *soakContent) (int, []string) {
			return dns.RcodeSuccess, []string{fmt.Sprintf("%s TXT %q", name, c.token)}
		}}
	case 5:
		return soakQuestion{at("www.d"), dns.TypeA, func(c *soakContent) (int, []string) { return dns.RcodeSuccess, c.delegation() }}
	case 6:
		return soakQuestion{at("h%d", r.IntN(soakHosts)), dns.TypeMX, func(c *soakContent) (int, []string) { return negative(c, dns.RcodeSuccess) }}
	}
	i := r.IntN(soakHosts)
	return soakQuestion{at("h%d", i), dns.TypeA, func(c *soakContent) (int, []string) { return dns.RcodeSuccess, []string{c.host(i)} }}
}

// soakAnswer returns the records that an answer consists of: the answer section, or all others where it is empty.
func soakAnswer(m *dns.Msg) (records []string) {
	list := m.Answer
	if len(list) == 0 {
		list = append(slices.Clone(m.Ns), m.Extra...)
	}
	for _, rr := range list {
		h := rr.Header()
		if h.Rrtype == dns.TypeOPT {
			continue
		}
		rdata := strings.TrimPrefix(rr.String(), h.String())
		records = append(records, fmt.Sprintf("%s %s %s", strings.ToLower(h.Name), dns.Type(h.Rrtype), rdata))
	}
	return records
}

// matches reports whether an answer is what the version would give.
func (q soakQuestion) matches(c *soakContent, rcode int, sorted []string) bool {
	wantRcode, want := q.want(c)
	slices.Sort(want)
	return rcode == wantRcode && slices.Equal(want, sorted)
}
