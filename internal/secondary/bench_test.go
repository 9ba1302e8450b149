package secondary

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// BenchmarkChange measures one changed record of a large zone, from the NOTIFY until it is served, with two primaries that must
// agree and do IXFR, and how much more that is with a store. The primaries' own part is in it.
func BenchmarkChange(b *testing.B) {
	for _, records := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) { benchmarkChange(b, records, nil) })
		b.Run(fmt.Sprintf("records=%d/store", records), func(b *testing.B) {
			db, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "concord.db")})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close(context.Background())
			benchmarkChange(b, records, db)
		})
	}
}

func benchmarkChange(b *testing.B, records int, db *store.DB) {
	soa := func(serial uint32) zone.Record {
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
	apex, err := zone.ParseName(origin)
	if err != nil {
		b.Fatal(err)
	}
	ns := zone.Record{Owner: apex, Type: dns.TypeNS, TTL: 3600, Data: apex} // the apex itself: a name that is there
	builder := zone.NewBuilder(apex, nil)
	add := func(r zone.Record) {
		if err := builder.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	host := func(i int, last byte) zone.Record {
		name, err := zone.ParseName(fmt.Sprintf("host%08d.%s", i, origin))
		if err != nil {
			b.Fatal(err)
		}
		return zone.Record{Owner: name, Type: dns.TypeA, TTL: 3600, Data: []byte{192, 0, 2, last}}
	}
	add(soa(1))
	add(ns)
	for i := range records {
		add(host(i, 1))
	}
	v, _, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	cfg := config.Defaults()
	cfg.Origin, cfg.Agree = origin, config.Agree{Kind: config.All}
	var primaries []*primarytest.Primary
	for i := range 2 {
		p := primarytest.New(b, primarytest.OfVersion(b, v))
		primaries = append(primaries, p)
		cfg.Primaries = append(cfg.Primaries, config.Primary{Name: fmt.Sprintf("ns%d", i+1), Addresses: []netip.AddrPort{p.Addr()}})
	}
	var conns xfr.Conns
	defer conns.Close()
	swapped := make(chan zone.Serial, 16)
	z, err := New(&cfg, Options{Client: &xfr.Client{Conns: &conns}, Limiter: NewLimiter(0), Store: db, Events: func(e Event) {
		if s, ok := e.(Swapped); ok {
			swapped <- s.Version.Serial()
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer z.Stop()
	z.Start()
	<-swapped
	serial, last := uint32(1), byte(1)
	for b.Loop() {
		b.StopTimer()
		d := zone.Delta{
			Deleted: []zone.Record{soa(serial), host(records/2, last)},
			Added:   []zone.Record{soa(serial + 1), host(records/2, last+1)},
		}
		if v, err = zone.Apply(v, d); err != nil {
			b.Fatal(err)
		}
		serial++
		last++
		for _, p := range primaries {
			p.Set(primarytest.OfVersion(b, v))
		}
		z.forgive()
		b.StartTimer()
		z.Notify(Notice{From: primaries[0].Addr().Addr()})
		if got := <-swapped; uint32(got) != serial {
			b.Fatalf("serial %d is served, want %d", got, serial)
		}
	}
}

// forgive waits until the zone's goroutine has ended, and has it forget how many NOTIFYs there were.
func (z *Zone) forgive() {
	for {
		z.mu.Lock()
		rests := !z.working
		if rests {
			for _, p := range z.life.primaries {
				p.bucket = bucket{}
			}
		}
		z.mu.Unlock()
		if rests {
			return
		}
		runtime.Gosched()
	}
}
