package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

func BenchmarkCommitLarge(b *testing.B) {
	v := tld()
	for b.Loop() {
		db := open(b, fresh(b))
		commit(b, db, v)
		s := db.Stats()
		b.ReportMetric(float64(s.FileBytes)/float64(v.Records()), "file-bytes/record")
		b.ReportMetric(float64(s.PageBytes)/float64(v.Records()), "page-bytes/record")
		b.ReportMetric(float64(s.Pages), "pages")
		shut(b, db)
	}
}

func BenchmarkLoadLarge(b *testing.B) {
	path := fresh(b)
	db := open(b, path)
	commit(b, db, tld())
	shut(b, db)
	for b.Loop() {
		db := open(b, path)
		l, err := db.Load(b.Context(), "tld.")
		if err != nil || l.Served == nil || l.Served.Root() != tld().Root() {
			b.Fatal(err, l.Damage)
		}
		b.StopTimer()
		shut(b, db)
		b.StartTimer()
	}
}

func BenchmarkOpenLarge(b *testing.B) {
	path := fresh(b)
	db := open(b, path)
	commit(b, db, tld())
	shut(b, db)
	for b.Loop() {
		db := open(b, path)
		b.StopTimer()
		shut(b, db)
		b.StartTimer()
	}
}

// BenchmarkChange commits a change of one record of the large zone, with a history of 16.
func BenchmarkChange(b *testing.B) {
	db := open(b, fresh(b))
	history := []*zone.Version{tld()}
	commit(b, db, history...)
	r := rand.New(rand.NewPCG(5, 5))
	var owners []zone.Name // all over the zone
	for node := range tld().Walk() {
		if r.IntN(50) == 0 {
			owners = append(owners, zone.AppendOwner(nil, node.AppendKey(nil), tld().Apex()))
		}
	}
	first := db.Stats()
	v := tld()
	n := 0
	for b.Loop() {
		b.StopTimer()
		v = touch(b, v, owners[r.IntN(len(owners))], n)
		if history = append(history, v); len(history) > 16 {
			history = history[1:]
		}
		b.StartTimer()
		commit(b, db, history...)
		n++
	}
	s := db.Stats()
	b.ReportMetric(float64(s.Written-first.Written)/float64(n), "written-bytes/op")
	b.ReportMetric(100*float64(s.FileBytes-first.FileBytes)/float64(first.FileBytes), "%growth")
	b.ReportMetric(float64(s.Collected), "collected")
}

// touch changes one record of an owner name, and the serial.
func touch(b *testing.B, v *zone.Version, owner zone.Name, n int) *zone.Version {
	key, _ := zone.AppendKey(nil, owner, v.Apex())
	var d zone.Delta
	if s, ok := v.Find(key).Node.RRset(dns.TypeTXT); ok {
		d.Deleted = append(d.Deleted, zone.Record{Owner: owner, Type: dns.TypeTXT, TTL: s.TTL, Data: s.First()})
	}
	text := fmt.Sprint(n)
	d.Added = append(d.Added, zone.Record{Owner: owner, Type: dns.TypeTXT, TTL: 300, Data: append([]byte{byte(len(text))}, text...)})
	set, _ := v.ApexNode().RRset(dns.TypeSOA)
	d.Deleted = append(d.Deleted, zone.Record{Owner: v.Apex(), Type: dns.TypeSOA, TTL: set.TTL, Data: set.First()})
	d.Added = append(d.Added, soa(v.Apex(), uint32(v.Serial())+1))
	w, err := zone.Apply(v, d)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

func zones(b *testing.B, n int) []*zone.Version {
	list := make([]*zone.Version, n)
	for i := range list {
		list[i] = small(b, fmt.Sprintf("zone%05d.example.", i), uint32(i), 5+i%20)
	}
	return list
}

const many = 10_000

// commitAll commits every zone by itself, as many conductors would.
func commitAll(b *testing.B, db *DB, list []*zone.Version) {
	var wg sync.WaitGroup
	for _, v := range list {
		wg.Go(func() {
			if _, err := db.Commit(context.Background(), recordOf(v)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkCommitMany(b *testing.B) {
	list := zones(b, many)
	for b.Loop() {
		b.StopTimer()
		db := open(b, fresh(b))
		b.StartTimer()
		commitAll(b, db, list)
		b.ReportMetric(float64(db.Stats().Commits), "transactions")
		b.ReportMetric(float64(db.Stats().FileBytes)/1e6, "MB")
		b.StopTimer()
		shut(b, db)
		b.StartTimer()
	}
}

func BenchmarkLoadMany(b *testing.B) {
	list := zones(b, many)
	path := fresh(b)
	db := open(b, path)
	commitAll(b, db, list)
	shut(b, db)
	for b.Loop() {
		db := open(b, path)
		names := names(b, db)
		var at atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for i := at.Add(1) - 1; i < int64(len(names)); i = at.Add(1) - 1 {
					if l, err := db.Load(context.Background(), names[i]); err != nil || l.Served == nil {
						b.Error(err, l.Damage)
					}
				}
			})
		}
		wg.Wait()
		b.StopTimer()
		shut(b, db)
		b.StartTimer()
	}
}
