package concord

import (
	"fmt"
	"testing"

	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// packer writes messages as the server does, less the system call.
type packer struct {
	test.ResponseWriter
	buf []byte
}

func (p *packer) WriteMsg(m *dns.Msg) error {
	wire, err := m.PackBuffer(p.buf)
	_ = wire
	return err
}

// BenchmarkServeDNS is the time that a query spends in the plugin; "packed" is with the message made into octets.
func BenchmarkServeDNS(b *testing.B) {
	records := []string{"@ NS ns1", "ns1 A 192.0.2.1", "*.wild TXT text", "sub NS ns1.sub", "ns1.sub A 192.0.2.2", "alias CNAME host7"}
	for i := range 10_000 {
		records = append(records, fmt.Sprintf("host%d A 192.0.2.%d", i, i%250))
	}
	p := primarytest.New(b, primarytest.Make(b, "example.org.", 7, records...))
	s := loaded(b, nil, at(`concord example.org {
		primary ns1 $1
	}`, p))
	for _, q := range []struct {
		name, qname string
		typ         uint16
	}{
		{"positive", "host4711.example.org.", dns.TypeA},
		{"nxdomain", "nohost.example.org.", dns.TypeA},
		{"wildcard", "x.wild.example.org.", dns.TypeTXT},
		{"referral", "www.sub.example.org.", dns.TypeA},
		{"alias", "alias.example.org.", dns.TypeA},
	} {
		m := question(q.qname, q.typ)
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			w := &test.ResponseWriter{}
			for b.Loop() {
				if _, err := s.ServeDNS(b.Context(), w, m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(q.name+"/packed", func(b *testing.B) {
			b.ReportAllocs()
			w := &packer{buf: make([]byte, 4096)}
			for b.Loop() {
				if _, err := s.ServeDNS(b.Context(), w, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
