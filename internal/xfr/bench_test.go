package xfr

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// tldRecords is the size of the zone in benchmarks, which is like that of a top-level domain: delegations with two NS each,
// glue for 40 % of them, DS for 30 %.
const tldRecords = 1_000_000

var tld = sync.OnceValue(func() *zone.Version {
	r := rand.New(rand.NewPCG(1, 1))
	apex := zone.Name("\x03tld\x00")
	names := make([]string, tldRecords/2)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", []string{"shop", "my", "the", "x", "web", "go"}[r.IntN(6)], r.IntN(1<<30))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	b := zone.NewBuilder(apex, nil)
	add := func(owner zone.Name, typ uint16, data []byte) {
		if b.Records() < tldRecords {
			if err := b.Add(zone.Record{Owner: owner, Type: typ, TTL: 86400, Data: data}); err != nil {
				panic(err)
			}
		}
	}
	soa := []byte("\x03ns1\x03tld\x00\x01h\x03tld\x00")
	for _, n := range []uint32{1, 3600, 600, 1209600, 300} {
		soa = binary.BigEndian.AppendUint32(soa, n)
	}
	add(apex, dns.TypeSOA, soa)
	for _, n := range names {
		owner := append(append(zone.Name{byte(len(n))}, n...), apex...)
		glue := r.IntN(10) < 4
		for i := range 2 {
			ns := append([]byte{3, 'n', 's', byte('1' + i)}, owner...)
			if !glue {
				host := fmt.Sprintf("hoster%d", r.IntN(500))
				ns = append(append([]byte{3, 'n', 's', byte('1' + i), byte(len(host))}, host...), "\x03net\x00"...)
			}
			add(owner, dns.TypeNS, ns)
		}
		if r.IntN(10) < 3 {
			ds := make([]byte, 36)
			for i := range ds {
				ds[i] = byte(r.UintN(256))
			}
			add(owner, dns.TypeDS, ds)
		}
		for i := range 2 {
			if glue {
				host := append(zone.Name{3, 'n', 's', byte('1' + i)}, owner...)
				add(host, dns.TypeA, []byte{192, byte(r.UintN(256)), 2, byte(i)})
			}
		}
	}
	v, _, err := b.Build()
	if err != nil {
		panic(err)
	}
	return v
})

// messages returns what a primary sends for a transfer.
func messages(tb testing.TB, q Question, z *primarytest.Zone, b primarytest.Behaviour) [][]byte {
	return messagesBy(tb, q, b, z)
}

// messagesBy is messages for a primary that has held some zones, the newest last.
func messagesBy(tb testing.TB, q Question, b primarytest.Behaviour, held ...*primarytest.Zone) [][]byte {
	tb.Helper()
	p := primarytest.New(tb, held...)
	defer p.Stop()
	b.CloseAfterAnswer = true
	p.Behave(b)
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	query := q.Append(make([]byte, 2))
	binary.BigEndian.PutUint16(query, uint16(len(query)-2))
	if _, err := conn.Write(query); err != nil {
		tb.Fatal(err)
	}
	octets, err := io.ReadAll(conn)
	if err != nil {
		tb.Fatal(err)
	}
	return split(octets)
}

// split cuts what comes over a connection into messages. A message that is not whole is left out.
func split(octets []byte) (msgs [][]byte) {
	for len(octets) >= 2 {
		n := 2 + int(binary.BigEndian.Uint16(octets))
		if n > len(octets) {
			break
		}
		msgs = append(msgs, octets[2:n])
		octets = octets[n:]
	}
	return msgs
}

func interpret(tb testing.TB, q Question, pool *zone.Pool, msgs [][]byte) *AXFR {
	a := NewAXFR(q, zone.NewBuilder(q.Zone, pool), 0)
	for _, msg := range msgs {
		if _, err := a.Message(msg); err != nil {
			tb.Fatal(err)
		}
	}
	return a
}

// BenchmarkInterpret is a whole transfer without the network: messages in, version out.
func BenchmarkInterpret(b *testing.B) {
	q := Question{Zone: zone.Name("\x03tld\x00"), ID: 1, Type: dns.TypeAXFR}
	msgs := messages(b, q, primarytest.OfVersion(b, tld()), primarytest.Behaviour{})
	b.ReportAllocs()
	for b.Loop() {
		a := interpret(b, q, nil, msgs)
		if _, _, err := a.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(tldRecords*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkBuild is the part of BenchmarkInterpret that the builder has in it.
func BenchmarkBuild(b *testing.B) {
	v := tld()
	var list []zone.Record
	for r := range v.All() {
		r.Owner = slices.Clone(r.Owner)
		list = append(list, r)
	}
	b.ReportAllocs()
	for b.Loop() {
		builder := zone.NewBuilder(v.Apex(), nil)
		for _, r := range list {
			if err := builder.Add(r); err != nil {
				b.Fatal(err)
			}
		}
		if _, _, err := builder.Build(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse is the rest of it: everything up to the builder.
func BenchmarkParse(b *testing.B) {
	q := Question{Zone: zone.Name("\x03tld\x00"), ID: 1, Type: dns.TypeAXFR}
	msgs := messages(b, q, primarytest.OfVersion(b, tld()), primarytest.Behaviour{})
	b.ReportAllocs()
	for b.Loop() {
		var r reader
		var data []byte
		for i, msg := range msgs {
			if err := r.open(q, msg, i == 0); err != nil {
				b.Fatal(err)
			}
			for range r.sections[0] {
				rec, err := r.next()
				if err != nil {
					b.Fatal(err)
				}
				if data, err = zone.AppendRDATA(data[:0], rec.typ, msg, rec.data, rec.size); err != nil {
					b.Fatal(err)
				}
			}
			if err := r.close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkClient is a whole transfer over a loopback connection.
func BenchmarkClient(b *testing.B) {
	z := primarytest.OfVersion(b, tld())
	p := primarytest.New(b, z)
	client := &Client{}
	if _, err := client.AXFR(b.Context(), p.Addr(), z.Apex(), nil, 0); err != nil { // the primary packs its messages once
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.AXFR(b.Context(), p.Addr(), z.Apex(), nil, 1<<30); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIXFR is one changed record of a million: an IXFR query over a connection that is kept, its answer, and the version
// that comes of it.
func BenchmarkIXFR(b *testing.B) {
	v := tld()
	next := func(v *zone.Version, serial byte, host []byte) *zone.Version {
		soa, _ := v.ApexNode().RRset(dns.TypeSOA)
		old := zone.Record{Owner: v.Apex(), Type: dns.TypeSOA, TTL: soa.TTL, Data: soa.First()}
		newer := old
		newer.Data = slices.Clone(old.Data)
		newer.Data[len(newer.Data)-17] = serial
		owner := append([]byte("\x07changed"), v.Apex()...)
		d := zone.Delta{Deleted: []zone.Record{old}, Added: []zone.Record{newer, {Owner: owner, Type: dns.TypeA, TTL: 60, Data: host}}}
		w, err := zone.Apply(v, d)
		if err != nil {
			b.Fatal(err)
		}
		return w
	}
	w := next(v, 2, []byte{192, 0, 2, 1})
	p := primarytest.New(b, primarytest.OfVersion(b, v), primarytest.OfVersion(b, w))
	for _, signed := range []bool{false, true} {
		var conns Conns
		c := Client{Conns: &conns}
		name := "plain"
		if signed {
			name = "signed"
			k := tsigKey(b, "k.", config.HMACSHA256, secret)
			p.UseKeys(theirs(k, secret))
			c.Keys = keys(k)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got, err := c.Transfer(b.Context(), p.Addr(), v.Apex(), v, nil, 0)
				if err != nil || got.Version().Root() != w.Root() || got.Stats().Steps != 1 {
					b.Fatal(got.Stats(), err)
				}
			}
		})
		conns.Close()
	}
	q := Question{Zone: v.Apex(), ID: 1, Type: dns.TypeIXFR, Have: v.SOA()}
	msgs := messagesBy(b, q, primarytest.Behaviour{}, primarytest.OfVersion(b, v), primarytest.OfVersion(b, w))
	b.Run("interpreter", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, got, err := runIXFR(q, v, 0, msgs...); err != nil || got.Root() != w.Root() {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIXFRSteps is a thousand steps of one record each.
func BenchmarkIXFRSteps(b *testing.B) {
	v := tld()
	q := Question{Zone: v.Apex(), ID: 1, Type: dns.TypeIXFR, Have: v.SOA()}
	soa, _ := v.ApexNode().RRset(dns.TypeSOA)
	serial := func(n uint32) *dns.SOA {
		data := slices.Clone(soa.First())
		binary.BigEndian.PutUint32(data[len(data)-20:], n)
		rr, err := zone.Record{Owner: v.Apex(), Type: dns.TypeSOA, TTL: soa.TTL, Data: data}.RR()
		if err != nil {
			b.Fatal(err)
		}
		return rr.(*dns.SOA)
	}
	const steps = 1000
	records := []dns.RR{serial(1 + steps)}
	for i := range uint32(steps) {
		records = append(records, serial(1+i), serial(2+i), &dns.A{
			Hdr: dns.RR_Header{Name: fmt.Sprintf("changed%d.tld.", i), Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1),
		})
	}
	records = append(records, records[0])
	msgs := messagesBy(b, q, primarytest.Behaviour{Records: records}, primarytest.OfVersion(b, v))
	b.ReportAllocs()
	for b.Loop() {
		if _, got, err := runIXFR(q, v, 0, msgs...); err != nil || got.Serial() != 1+steps {
			b.Fatal(err)
		}
	}
}

// BenchmarkClientSigned is BenchmarkClient with each message signed, by both ends, and BenchmarkClientTLS over TLS.
func BenchmarkClientSigned(b *testing.B) {
	k := tsigKey(b, "k.", config.HMACSHA256, secret)
	benchmarkSecured(b, Client{Keys: keys(k)}, func(p *primarytest.Primary) { p.UseKeys(theirs(k, secret)) })
}

func BenchmarkClientTLS(b *testing.B) {
	authority := primarytest.NewAuthority(b)
	benchmarkSecured(b, Client{TLS: config.TLS{On: true, CA: authority.File()}}, func(p *primarytest.Primary) {
		p.UseTLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(time.Hour, "127.0.0.1")}})
	})
}

func benchmarkSecured(b *testing.B, client Client, secure func(*primarytest.Primary)) {
	z := primarytest.OfVersion(b, tld())
	p := primarytest.New(b, z)
	secure(p)
	transfer := func() {
		if _, err := client.AXFR(b.Context(), p.Addr(), z.Apex(), nil, 1<<30); err != nil {
			b.Fatal(err)
		}
	}
	transfer() // the primary packs its messages once
	b.ReportAllocs()
	for b.Loop() {
		transfer()
	}
}
