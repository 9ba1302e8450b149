package concord

import (
	"context"
	"testing"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// next is a plugin that answers everything with NOTAUTH, which nobody else here does.
var next = plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return dns.RcodeSuccess, w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeNotAuth))
})

func TestServeDNS(t *testing.T) {
	p := primarytest.New(t,
		primarytest.Make(t, "example.org.", 7, "@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.2", "a.ent A 192.0.2.3", "sub NS ns.example.net.", "x.below.sub A 192.0.2.4"),
		primarytest.Make(t, "deep.example.org.", 9, "@ NS ns1", "ns1 A 192.0.2.9"),
		primarytest.Make(t, "example.net.", 3, "@ NS ns1", "a.ent A 192.0.2.3"),
	)
	text := at(`concord example.org deep.example.org {
		primary ns1 $1
	}
	concord example.net {
		primary ns1 $1
		fallthrough
	}`, p)
	alone := loaded(t, nil, text)
	before := loaded(t, next, text)

	const none = -1 // nothing was written
	for _, tt := range []struct {
		name   string
		typ    uint16
		alone  int // what a client gets without another plugin
		before int // and with one
		answer string
	}{
		{"www.example.org.", dns.TypeA, dns.RcodeSuccess, dns.RcodeSuccess, "www.example.org.\t3600\tIN\tA\t192.0.2.2"},
		{"WWW.Example.org.", dns.TypeA, dns.RcodeSuccess, dns.RcodeSuccess, "WWW.Example.org.\t3600\tIN\tA\t192.0.2.2"},
		{"www.example.org.", dns.TypeAAAA, dns.RcodeSuccess, dns.RcodeSuccess, ""},
		{"nx.example.org.", dns.TypeA, dns.RcodeNameError, dns.RcodeNameError, ""},
		{"ent.example.org.", dns.TypeA, dns.RcodeSuccess, dns.RcodeSuccess, ""},
		{"ns1.deep.example.org.", dns.TypeA, dns.RcodeSuccess, dns.RcodeSuccess, "ns1.deep.example.org.\t3600\tIN\tA\t192.0.2.9"},
		{"xdeep.example.org.", dns.TypeA, dns.RcodeNameError, dns.RcodeNameError, ""},
		// The DS of a child is the parent's.
		{"deep.example.org.", dns.TypeDS, dns.RcodeNameError, dns.RcodeNameError, ""},
		{"example.org.", dns.TypeDS, dns.RcodeSuccess, dns.RcodeSuccess, ""},
		{"example.com.", dns.TypeA, dns.RcodeRefused, dns.RcodeNotAuth, ""},
		{".", dns.TypeNS, dns.RcodeRefused, dns.RcodeNotAuth, ""},
		{"org.", dns.TypeNS, dns.RcodeRefused, dns.RcodeNotAuth, ""},
		{"example.org.", dns.TypeAXFR, dns.RcodeRefused, dns.RcodeRefused, ""},
		{"example.org.", dns.TypeIXFR, dns.RcodeRefused, dns.RcodeRefused, ""},
		// With fallthrough, as with *file*: what does not exist, and empty non-terminals.
		{"nx.example.net.", dns.TypeA, dns.RcodeRefused, dns.RcodeNotAuth, ""},
		{"ent.example.net.", dns.TypeA, dns.RcodeRefused, dns.RcodeNotAuth, ""},
		{"a.ent.example.net.", dns.TypeAAAA, dns.RcodeSuccess, dns.RcodeSuccess, ""},
	} {
		for _, with := range []struct {
			s    *server
			want int
		}{{alone, tt.alone}, {before, tt.before}} {
			m, rcode := with.s.ask("", question(tt.name, tt.typ))
			if m != nil {
				rcode = m.Rcode
			} else if plugin.ClientWrite(rcode) {
				rcode = none
			}
			if rcode != with.want {
				t.Errorf("%s %s: %s, want %s", tt.name, dns.Type(tt.typ), dns.RcodeToString[rcode], dns.RcodeToString[with.want])
				continue
			}
			switch {
			case tt.answer == "" && m != nil && len(m.Answer) > 0:
				t.Errorf("%s %s: answered %v", tt.name, dns.Type(tt.typ), m.Answer)
			case tt.answer != "" && (len(m.Answer) != 1 || m.Answer[0].String() != tt.answer):
				t.Errorf("%s %s: got %v, want %s", tt.name, dns.Type(tt.typ), m.Answer, tt.answer)
			}
		}
	}

	// What is no query in class IN is not ours.
	for _, change := range []func(*dns.Msg){
		func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY },
		func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate },
		func(m *dns.Msg) { m.Question = nil },
	} {
		m := question("www.example.org.", dns.TypeA)
		change(m)
		if got, _ := before.ask("", m); got == nil || got.Rcode != dns.RcodeNotAuth {
			t.Errorf("%v\nwas not passed on: %v", m, got)
		}
		want := dns.RcodeRefused
		if m.Opcode == dns.OpcodeUpdate {
			want = dns.RcodeNotImplemented
		}
		if got, rcode := alone.ask("", m); got != nil || rcode != want {
			t.Errorf("%v\nalone: %v, %s", m, got, dns.RcodeToString[rcode])
		}
	}
}

// TestUnavailable has a zone without a version, and an expired one, say why they are not served.
func TestUnavailable(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "expired.test.", 7, "@ SOA ns1 hostmaster 7 1 1 1 300", "@ NS ns1"))
	s := serve(t, nil, at(`concord never.test {
		primary ns1 `+nobody(t).String()+`
	}
	concord expired.test {
		primary ns1 $1
		refresh 1s 1s
		retry 1s 1s
		expire 1s 1s
	}`, p))
	zone := s.block.zones["expired.test."].running.zone
	until(t, func() bool { return zone.Snapshot().Version != nil })
	p.Stop()
	until(t, func() bool { return zone.Snapshot().Expired })
	if s.Ready() {
		t.Error("ready, with a zone that never loaded")
	}
	for _, tt := range []struct {
		name string
		ede  uint16
	}{{"never.test.", dns.ExtendedErrorCodeNotReady}, {"expired.test.", dns.ExtendedErrorCodeInvalidData}} {
		m, rcode := s.ask("", question(tt.name, dns.TypeSOA))
		if m != nil || rcode != dns.RcodeServerFailure {
			t.Errorf("%s without EDNS: %v, %s", tt.name, m, dns.RcodeToString[rcode])
		}
		q := question(tt.name, dns.TypeSOA).SetEdns0(1232, true)
		m, rcode = s.ask("", q)
		if m == nil || m.Rcode != dns.RcodeServerFailure || !plugin.ClientWrite(rcode) {
			t.Fatalf("%s: %v, %s", tt.name, m, dns.RcodeToString[rcode])
		}
		opt := m.IsEdns0()
		if opt == nil || len(opt.Option) == 0 || !opt.Do() {
			t.Fatalf("%s: %v", tt.name, opt)
		}
		if ede, ok := opt.Option[0].(*dns.EDNS0_EDE); !ok || ede.InfoCode != tt.ede || ede.ExtraText == "" {
			t.Errorf("%s: %v", tt.name, opt.Option[0])
		}
		if _, err := m.Pack(); err != nil {
			t.Error(err)
		}
		if _, err := s.Transfer(tt.name, 0); err == nil {
			t.Errorf("%s: is transferred", tt.name)
		}
	}
	if got := stateOf(zone.Snapshot()); got != "expired" {
		t.Errorf("the state is %s", got)
	}
}

func TestMetadata(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	s := loaded(t, nil, at(`concord example.org {
		primary ns1 $1
	}`, p))
	until(t, func() bool { return stateOf(s.snapshot()) == "in parity" }) // it is served a moment before it is said so
	m := metadata.Metadata{Zones: []string{"."}, Providers: []metadata.Provider{s.Handler}}
	for _, tt := range []struct{ name, zone, serial, state string }{
		{"www.example.org.", "example.org.", "7", "in parity"},
		{"example.net.", "", "", ""},
	} {
		ctx := m.Collect(t.Context(), request.Request{W: &test.ResponseWriter{}, Req: question(tt.name, dns.TypeA)})
		value := func(name string) string {
			if f := metadata.ValueFunc(ctx, "concord/"+name); f != nil {
				return f()
			}
			return ""
		}
		if value("zone") != tt.zone || value("serial") != tt.serial || value("state") != tt.state {
			t.Errorf("%s: %q %q %q", tt.name, value("zone"), value("serial"), value("state"))
		}
	}
}

func TestNotify(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	text := at(`concord example.org {
		primary ns1 $1 {
			notify_from 192.0.2.0/24
		}
	}`, p)
	s, before := loaded(t, nil, text), loaded(t, next, text)
	zone := s.block.zones["example.org."].running.zone
	for _, tt := range []struct {
		from, name    string
		rcode, before int
	}{
		{"127.0.0.1", "example.org.", dns.RcodeSuccess, dns.RcodeSuccess},
		{"192.0.2.77", "EXAMPLE.org.", dns.RcodeSuccess, dns.RcodeSuccess},
		{"203.0.113.9", "example.org.", dns.RcodeRefused, dns.RcodeRefused},
		{"2001:db8::1", "example.org.", dns.RcodeRefused, dns.RcodeRefused},
		{"127.0.0.1", "www.example.org.", dns.RcodeNotAuth, dns.RcodeNotAuth},
		{"127.0.0.1", "example.net.", dns.RcodeNotAuth, dns.RcodeNotAuth},
	} {
		for with, want := range map[*server]int{s: tt.rcode, before: tt.before} {
			m, rcode := with.ask(tt.from, new(dns.Msg).SetNotify(tt.name))
			if m != nil {
				rcode = m.Rcode
			}
			if rcode != want {
				t.Errorf("%s from %s: %s, want %s", tt.name, tt.from, dns.RcodeToString[rcode], dns.RcodeToString[want])
			}
			if want == dns.RcodeSuccess && (m == nil || !m.Authoritative || !m.Response || m.Opcode != dns.OpcodeNotify) {
				t.Errorf("%s from %s: %v", tt.name, tt.from, m)
			}
		}
	}
	until(t, func() bool {
		n := zone.Status().Notifies
		return n[0]+n[1] == 2 && n[2] == 2
	})
	// News that is told of is served.
	p.Set(primarytest.Make(t, "example.org.", 8, "@ NS ns1", "www A 192.0.2.1"))
	s.ask("127.0.0.1", new(dns.Msg).SetNotify("example.org."))
	until(t, func() bool { return zone.Snapshot().Version.Serial() == 8 })
}
