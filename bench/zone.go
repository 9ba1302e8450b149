package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// zone is a made-up zone. The same zone and serial give the same bytes, always.
type zone struct {
	name    string // as in -zones
	origin  string
	records int    // how many it has
	file    string // where it is written
	fill    func(*zoneWriter)
}

// newCompany is the zone of a company: hosts at ten sites, services, wildcards and delegations, in blocks of a hundred
// records. Questions for it are in question.go.
func newCompany(quick bool) *zone {
	z := &zone{name: "company", origin: "company.test.", records: headRecords + 999*blockRecords, fill: company}
	if quick {
		z.records = headRecords + 20*blockRecords
	}
	return z
}

// newTLD is the zone of a top-level domain: delegations with two NS each, 40 % of them to hosts of their own with an
// address, half of those with an IPv6 address too; 30 % signed.
func newTLD(quick bool) *zone {
	z := &zone{name: "tld", origin: "tld.", records: 1_000_000, fill: delegations}
	if quick {
		z.records = 20_000
	}
	return z
}

// newMany are small zones of a host each.
func newMany(quick bool, dir string) []*zone {
	n := 10_000
	if quick {
		n = 200
	}
	list := make([]*zone, n)
	for i := range list {
		origin := fmt.Sprintf("zone%05d.many.test.", i)
		list[i] = &zone{name: origin, origin: origin, file: filepath.Join(dir, origin+"zone"), records: headRecords + smallRecords, fill: small}
	}
	return list
}

// blocks is how many blocks of a company zone there are.
func (z *zone) blocks() int { return (z.records - headRecords) / blockRecords }

// writeFile writes the zone in master-file form. Who reads the file sees the old zone or the new one.
func (z *zone) writeFile(serial uint32) error {
	f, err := os.Create(z.file + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(z.write(f, serial), f.Close()); err != nil {
		return err
	}
	return os.Rename(z.file+".new", z.file)
}

func (z *zone) write(w io.Writer, serial uint32) error {
	out := &zoneWriter{w: bufio.NewWriterSize(w, 1<<16), left: z.records, blocks: z.blocks(), rand: rand.New(rand.NewPCG(1, 1034))}
	fmt.Fprintf(out.w, "$ORIGIN %s\n", z.origin)
	out.put("@", 3600, "SOA", fmt.Sprintf("ns1 hostmaster %d 3600 600 1209600 300", serial))
	out.put(changing, 3600, "TXT", fmt.Sprintf("%q", fmt.Sprint("serial ", serial)))
	for _, ns := range []string{"ns1", "ns2"} {
		out.put("@", 3600, "NS", ns)
		out.put(ns, 3600, "A", out.ipv4())
	}
	z.fill(out)
	return out.w.Flush()
}

const (
	changing     = "changing" // the owner of the record that changes
	headRecords  = 6          // records that every zone begins with
	blockRecords = 100        // records of a block of a company zone
	smallRecords = 5          // further records of a small zone
)

// zoneWriter writes records until the zone has as many as it should.
type zoneWriter struct {
	w            *bufio.Writer // keeps the first error for Flush
	left, blocks int
	rand         *rand.Rand
}

func (w *zoneWriter) put(owner string, ttl int, typ, data string) {
	if w.left > 0 {
		w.left--
		fmt.Fprintf(w.w, "%s %d IN %s %s\n", owner, ttl, typ, data)
	}
}

func (w *zoneWriter) ipv4() string {
	n := w.rand.Uint32N(1<<24-2) + 1
	return fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&0xff, n&0xff)
}

func (w *zoneWriter) ipv6() string {
	return fmt.Sprintf("2001:db8:%x:%x::%x", w.rand.Uint32N(1<<16), w.rand.Uint32N(1<<16), 1+w.rand.Uint32N(1<<16-1))
}

// What a block of a company zone holds of each.
const (
	hosts       = 44 // with an A each
	dualHosts   = 18 // the first of them have an AAAA too
	multihomed  = 4  // the last of them have a second A
	aliases     = 8
	mailDomains = 2
	services    = 2
	notes       = 4  // hosts with a TXT,
	firstNote   = 20 // from this one on
	appliances  = 6
)

var sites = strings.Fields("aqaba bergen cusco dakar evora fukuoka gdansk hobart izmir jaffna")

// block is the number of a block; its methods name what is in it.
type block int

func (b block) site() string       { return sites[int(b)%len(sites)] }
func (b block) host(i int) string  { return fmt.Sprintf("host%d-%d.%s", b, i, b.site()) }
func (b block) alias(i int) string { return fmt.Sprintf("www%d-%d", b, i) }
func (b block) mail(i int) string  { return fmt.Sprintf("mail%d-%d", b, i) }
func (b block) sip(i int) string   { return fmt.Sprintf("_sip._tcp.svc%d-%d", b, i) }
func (b block) child() string      { return fmt.Sprintf("dept%d", b) }
func (b block) wild() string       { return fmt.Sprintf("wild%d", b) }

// addresses is how many A records a host of any block has.
func addresses(host int) int {
	if host >= hosts-multihomed {
		return 2
	}
	return 1
}

func small(w *zoneWriter) {
	for n := range smallRecords {
		w.put(fmt.Sprintf("host%d", n), 300, "A", w.ipv4())
	}
}

func company(w *zoneWriter) {
	for n := range w.blocks {
		b := block(n)
		for i := range hosts {
			for range addresses(i) {
				w.put(b.host(i), 3600, "A", w.ipv4())
			}
			if i < dualHosts {
				w.put(b.host(i), 3600, "AAAA", w.ipv6())
			}
		}
		for i := range aliases {
			w.put(b.alias(i), 600, "CNAME", b.host(i))
		}
		for i := range mailDomains {
			w.put(b.mail(i), 3600, "MX", "10 "+b.host(i))
			w.put(b.mail(i), 3600, "MX", "20 "+b.host(i+1))
			w.put(b.mail(i), 3600, "TXT", fmt.Sprintf(`"v=spf1 mx ip4:%s -all"`, w.ipv4()))
		}
		for i := range services {
			w.put(b.sip(i), 3600, "SRV", "0 5 5060 "+b.host(i))
			w.put(b.sip(i), 3600, "SRV", "10 5 5060 "+b.host(i+1))
		}
		for i := range notes {
			w.put(b.host(firstNote+i), 3600, "TXT", fmt.Sprintf(`"rack %d, team %d"`, w.rand.IntN(400), w.rand.IntN(200)))
		}
		for _, ns := range []string{"ns1.", "ns2."} {
			w.put(b.child(), 3600, "NS", ns+b.child())
			w.put(ns+b.child(), 3600, "A", w.ipv4())
		}
		w.put("*."+b.wild(), 300, "A", w.ipv4())
		w.put("*."+b.wild(), 300, "TXT", fmt.Sprintf(`"wild %d"`, n))
		for i := range appliances {
			w.put(fmt.Sprintf("printer%d-%d.%s", n, i, b.site()), 3600, "A", w.ipv4())
		}
	}
}

// delegation is the name of the n-th delegation of a tld zone.
func delegation(n int) string { return fmt.Sprintf("d%07d%s", n, "aeiou"[:n%5]) }

func delegations(w *zoneWriter) {
	for n := 0; w.left > 0; n++ {
		child := delegation(n)
		ns := "." + child
		if w.rand.IntN(10) < 4 {
			w.put("ns1"+ns, 86400, "A", w.ipv4())
			if w.rand.IntN(2) == 0 {
				w.put("ns1"+ns, 86400, "AAAA", w.ipv6())
			}
		} else {
			ns = fmt.Sprintf(".hoster%d.example.", w.rand.IntN(2000))
		}
		w.put(child, 86400, "NS", "ns1"+ns)
		w.put(child, 86400, "NS", "ns2"+ns)
		if w.rand.IntN(10) < 3 {
			w.put(child, 86400, "DS", fmt.Sprintf("%d 13 2 %016X%016X%016X%016X", w.rand.IntN(1<<16),
				w.rand.Uint64(), w.rand.Uint64(), w.rand.Uint64(), w.rand.Uint64()))
		}
	}
}
