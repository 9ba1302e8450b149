package test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

var downstreamRounds = flag.Int("downstream.rounds", 50, "how often every zone of TestDownstreamPeers changes")

// downstreamZones are as many as make the changes quick: NOTIFYs for one zone lead to two checks a second.
const downstreamZones = 10

// TestDownstreamPeers has four secondaries follow us through 500 random changes, and holds their zones against ours after
// each:
//
//	                                           +-- IXFR --> NSD
//	primary --NOTIFY, IXFR--> concord, NOTIFY -+-- IXFR --> Knot
//	                                           +-- IXFR --> BIND
//	                                           +-- AXFR --> CoreDNS, secondary
func TestDownstreamPeers(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 6))
	zones := make([]*changing, downstreamZones)
	first := make(map[string]string)
	held := make([]*primarytest.Zone, len(zones))
	for i := range zones {
		zones[i] = newChanging(fmt.Sprintf("z%d.example.", i), r)
		held[i] = zones[i].zone(t)
		first[zones[i].origin] = zones[i].soa()
	}
	primary := primarytest.New(t, held...)

	ours, stock := NewCoreDNS(t), NewCoreDNS(t)
	peers := Downstream(ours.Addr)
	addrs := make([]netip.AddrPort, len(peers))
	targets := stock.Addr.String()
	for i := range peers {
		addrs[i] = FreeAddr(t, "127.0.0.1")
		targets += " " + addrs[i].String()
	}
	origins := make([]string, len(zones))
	for i, z := range zones {
		origins[i] = z.origin + ":$PORT"
	}
	ours.Start(strings.Join(origins, " ") + fmt.Sprintf(` {
	bind 127.0.0.1
	concord {
		primary p %s
	}
	transfer {
		to %s
	}
}
`, primary.Addr(), targets))
	for _, z := range zones {
		ours.WaitServes(z.origin, z.serial)
	}
	stock.Start(strings.Join(origins, " ") + fmt.Sprintf(` {
	bind 127.0.0.1
	secondary {
		transfer from %s
	}
	transfer {
		to *
	}
}
`, ours.Addr))
	secondaries := map[string]netip.AddrPort{"coredns": stock.Addr}
	var running []*Peer
	for i, kind := range peers {
		p := StartPeer(t, kind, PeerConfig{Zones: first, Addr: addrs[i]})
		running = append(running, p)
		secondaries[kind.Name] = p.Addr
	}

	asked := 0   // once more, by us
	changes := 0 // from a serial other than 0: the transfer plugin says AXFR by it
	for range *downstreamRounds {
		for i, z := range zones {
			if z.serial != 0 {
				changes++
			}
			z.change(r)
			held[i] = z.zone(t)
		}
		primary.Set(held...)
		for _, z := range zones {
			if _, err := Notify(primary.Addr().Addr(), ours.Addr, z.origin); err != nil {
				t.Fatal(err)
			}
		}
		for i, z := range zones {
			ours.WaitServes(z.origin, z.serial)
			want := held[i].Version(t).Root()
			for name, addr := range secondaries {
				var got *zone.Version
				again := time.Now().Add(lostAfter)
				Eventually(t, Patience, func() (err error) {
					if time.Now().After(again) {
						again = again.Add(Patience)
						asked++
						t.Logf("%s is told of %s %d once more", name, z.origin, z.serial)
						if _, err := Notify(ours.Addr.Addr(), addr, z.origin); err != nil {
							return err
						}
					}
					got, err = transferred(t, addr, z.origin) // NSD resets connections when it goes over to a new version
					if err == nil && got.Serial() != zone.Serial(z.serial) {
						err = fmt.Errorf("%s has %s with serial %d, want %d", name, z.origin, got.Serial(), z.serial)
					}
					return err
				})
				if got.Root() != want {
					t.Fatalf("%s %d at %s is not what we serve: %v", z.origin, z.serial, name, zone.Diff(held[i].Version(t), got))
				}
			}
		}
	}

	if asked > mostLost {
		t.Errorf("secondaries had to be told %d times more", asked)
	}
	// Each change went to NSD, Knot and BIND as a difference, which is much less than a zone, and nobody had to ask again.
	want, got := len(peers)*changes, 0
	for _, line := range ours.log.All("Outgoing transfer of") {
		var records int
		if _, err := fmt.Sscanf(line[strings.Index(line, "of "):], "of %d records", &records); err != nil {
			t.Fatal(line, err)
		}
		if records < changingRecords/2 {
			got++
		}
	}
	if got < want {
		t.Errorf("%d transfers were incremental, want %d", got, want)
	}
	for _, p := range running {
		for _, sign := range []string{"fallback to AXFR", "falling back", "bad xfr", "failed"} {
			if line, ok := p.log.Find(0, sign); ok {
				t.Errorf("%s: %s", p.Kind.Name, line)
			}
		}
	}
}

// A secondary may lose what a NOTIFY told it: stock CoreDNS asks for the SOA record once, by UDP, and NSD goes over to new processes
// for each version. One that has nothing after lostAfter is told again by the test, at most mostLost times in all.
const (
	lostAfter = 10 * time.Second
	mostLost  = 3
)

func transferred(t *testing.T, addr netip.AddrPort, origin string) (*zone.Version, error) {
	t.Helper()
	apex, err := zone.ParseName(origin)
	if err != nil {
		t.Fatal(err)
	}
	c, err := new(xfr.Client).AXFR(t.Context(), addr, apex, nil, 0)
	return c.Version(), err
}

// changingRecords is about how many records a changing zone has.
const changingRecords = 60

// changing is a zone that changes at random.
type changing struct {
	origin  string
	serial  uint32
	records map[string]bool
}

func newChanging(origin string, r *rand.Rand) *changing {
	z := &changing{origin: origin, serial: 1<<32 - 20, records: make(map[string]bool)} // across the wrap, over 0
	for range changingRecords {
		z.records[z.line(r)] = true
	}
	return z
}

func (z *changing) soa() string {
	return fmt.Sprintf("%s 300 IN SOA ns.%s host.%s %d 3600 60 604800 60", z.origin, z.origin, z.origin, z.serial)
}

func (z *changing) change(r *rand.Rand) {
	z.serial += 1 + uint32(r.IntN(3))
	for range 1 + r.IntN(4) {
		line := z.line(r)
		z.records[line] = !z.records[line]
	}
}

func (z *changing) line(r *rand.Rand) string {
	owner := []string{"", "a.", "b.", "c.b.", "*.b.", "d.c.b.", "e.", "_sip._udp."}[r.IntN(8)] + z.origin
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("%s 300 IN MX %d mail%d.example.net.", owner, r.IntN(3), r.IntN(2))
	case 1:
		return fmt.Sprintf("%s 300 IN TXT \"text %d\"", owner, r.IntN(4))
	case 2:
		return fmt.Sprintf("deleg%d.%s 300 IN NS ns%d.example.net.", r.IntN(3), z.origin, r.IntN(3))
	case 3:
		return fmt.Sprintf("%s 300 IN TYPE65280 \\# 3 0102%02x", owner, r.IntN(5))
	}
	return fmt.Sprintf("%s 300 IN A 192.0.2.%d", owner, r.IntN(6))
}

// zone returns what the primary holds now.
func (z *changing) zone(t *testing.T) *primarytest.Zone {
	t.Helper()
	lines := []string{z.soa(), z.origin + " 300 IN NS ns1.example.net."}
	for line, there := range z.records {
		if there {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	records := make([]dns.RR, len(lines))
	for i, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records[i] = rr
	}
	return primarytest.OfRecords(t, records...)
}
