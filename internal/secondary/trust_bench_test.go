package secondary

import (
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// BenchmarkVerdict measures what one changed record of a large zone costs once the three primaries that must agree have sent it:
// checks, comparison, verdict and swap.
func BenchmarkVerdict(b *testing.B) {
	for _, compare := range []config.Compare{config.CompareStrict, config.CompareContent, config.CompareMultisigner} {
		for _, records := range []int{1_000, 1_000_000} {
			b.Run(fmt.Sprintf("compare=%s/records=%d", compare, records), func(b *testing.B) { benchmarkVerdict(b, compare, records) })
		}
	}
}

func benchmarkVerdict(b *testing.B, compare config.Compare, records int) {
	cfg := config.Defaults()
	cfg.Origin, cfg.Agree, cfg.Compare = origin, config.Agree{Kind: config.All}, compare
	for i := range 3 {
		cfg.Primaries = append(cfg.Primaries, config.Primary{
			Name: fmt.Sprintf("ns%d", i+1), Addresses: []netip.AddrPort{netip.MustParseAddrPort(fmt.Sprintf("192.0.2.%d:53", i+1))},
		})
	}
	z, err := New(&cfg, Options{Client: new(xfr.Client), Limiter: NewLimiter(0)})
	if err != nil {
		b.Fatal(err)
	}
	defer z.Stop()
	l := &z.life
	arrive := func(versions []*zone.Version) {
		now := time.Now()
		for i, p := range l.primaries {
			p.reached()
			l.prepare(p)
			l.see(p, z.check(p.config.Name, versions[i], p.ask.near, p.ask.current, false), now)
			p.ask = ask{}
			l.judge(now)
		}
	}
	big := newBigZone(b, records)
	versions := []*zone.Version{big.version, big.version, big.version}
	arrive(versions)
	for b.Loop() {
		b.StopTimer()
		delta := big.change(b)
		for i := range versions { // each primary's changes are applied to its own copy
			if versions[i], err = zone.Apply(versions[i], delta); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		arrive(versions)
		if l.verdict.State != parity.InParity || l.served().Serial() != versions[0].Serial() {
			b.Fatalf("serial %d is served, %s: %s", l.served().Serial(), l.verdict.State, l.verdict.Reason)
		}
	}
}

// BenchmarkFirst measures what the first copies of three primaries cost beside their transfer.
func BenchmarkFirst(b *testing.B) {
	for _, compare := range []config.Compare{config.CompareStrict, config.CompareContent} {
		b.Run("compare="+compare.String(), func(b *testing.B) {
			big := newBigZone(b, 1_000_000)
			for b.Loop() {
				cfg := config.Defaults()
				cfg.Origin, cfg.Compare = origin, compare
				cfg.Primaries = []config.Primary{{Name: "ns1", Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}}
				z, err := New(&cfg, Options{Client: new(xfr.Client), Limiter: NewLimiter(0)})
				if err != nil {
					b.Fatal(err)
				}
				for range 3 {
					if c := z.check("ns1", big.version, nil, nil, false); !c.passed() {
						b.Fatal(c.result.Reason())
					}
				}
				z.Stop()
			}
		})
	}
}

// BenchmarkLoad measures the first load of a large zone from three primaries by AXFR, and beside it, as transfers, the same transfers
// with nothing made of them: what is on top of those is checks, comparison and verdict. The primaries' own part is in both.
func BenchmarkLoad(b *testing.B) {
	big := newBigZone(b, 1_000_000)
	var primaries []*primarytest.Primary
	cfg := config.Defaults()
	cfg.Origin, cfg.Agree = origin, config.Agree{Kind: config.All}
	for i := range 3 {
		p := primarytest.New(b, primarytest.OfVersion(b, big.version))
		primaries = append(primaries, p)
		cfg.Primaries = append(cfg.Primaries, config.Primary{Name: fmt.Sprintf("ns%d", i+1), Addresses: []netip.AddrPort{p.Addr()}})
	}
	b.Run("transfers", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			var all sync.WaitGroup
			for i := range cfg.Primaries {
				all.Go(func() {
					conn := new(xfr.Client).For(&cfg.Primaries[i], nil).Open(primaries[i].Addr())
					defer conn.Close()
					if _, err := conn.Transfer(b.Context(), big.apex, nil, nil, 1<<30); err != nil {
						b.Error(err)
					}
				})
			}
			all.Wait()
		}
	})
	b.Run("zone", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			swapped := make(chan struct{})
			z, err := New(&cfg, Options{Client: new(xfr.Client), Limiter: NewLimiter(0), Events: func(e Event) {
				if _, ok := e.(Swapped); ok {
					close(swapped)
				}
			}})
			if err != nil {
				b.Fatal(err)
			}
			z.Start()
			<-swapped
			z.Stop()
		}
	})
}

// reportCPU reports how much time of processors an operation took in all.
func reportCPU(b *testing.B) func() {
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Milliseconds())/float64(b.N), "cpu-ms/op") }
}

// bigZone is a zone of many hosts, of which one changes.
type bigZone struct {
	version *zone.Version
	apex    zone.Name
	records int
	serial  uint32
	last    byte
}

func newBigZone(b *testing.B, records int) *bigZone {
	apex, err := zone.ParseName(origin)
	if err != nil {
		b.Fatal(err)
	}
	z := &bigZone{apex: apex, records: records, serial: 1, last: 1}
	builder := zone.NewBuilder(apex, nil)
	add := func(r zone.Record) {
		if err := builder.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	add(z.soa(b, 1))
	add(zone.Record{Owner: apex, Type: dns.TypeNS, TTL: 3600, Data: z.name(b, 0)})
	for i := range records {
		add(z.host(b, i, 1))
	}
	if z.version, _, err = builder.Build(); err != nil {
		b.Fatal(err)
	}
	return z
}

// change returns the next change: another serial, and another address of one host.
func (z *bigZone) change(b *testing.B) zone.Delta {
	middle := z.records / 2
	d := zone.Delta{
		Deleted: []zone.Record{z.soa(b, z.serial), z.host(b, middle, z.last)},
		Added:   []zone.Record{z.soa(b, z.serial+1), z.host(b, middle, z.last+1)},
	}
	z.serial++
	z.last++
	return d
}

func (z *bigZone) soa(b *testing.B, serial uint32) zone.Record {
	rr, err := dns.NewRR(fmt.Sprintf("%s 3600 IN SOA ns hostmaster %d 3600 600 86400 300", origin, serial))
	if err != nil {
		b.Fatal(err)
	}
	r, err := zone.FromRR(rr)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (z *bigZone) name(b *testing.B, i int) zone.Name {
	name, err := zone.ParseName(fmt.Sprintf("host%08d.%s", i, origin))
	if err != nil {
		b.Fatal(err)
	}
	return name
}

func (z *bigZone) host(b *testing.B, i int, last byte) zone.Record {
	return zone.Record{Owner: z.name(b, i), Type: dns.TypeA, TTL: 3600, Data: []byte{192, 0, 2, last}}
}
