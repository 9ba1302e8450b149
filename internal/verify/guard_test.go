package verify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// guardZone has 3 records that do not count as data (SOA, NSEC, RRSIG), one NS, and hosts.
func guardZone(t testing.TB, serial int, hosts string) *zone.Version {
	return mustZone(t, "example.org.", fmt.Sprintf("@ SOA ns.example.net. admin %d 1 1 1 1\n@ NS ns.example.net.\n"+
		"@ NSEC example.org. NS SOA RRSIG NSEC\n@ RRSIG SOA 13 2 300 20300101000000 20200101000000 %d example.org. AAAA\n", serial, serial)+hosts)
}

func hosts(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "h%d A 192.0.2.%d\n", i, i%256)
	}
	return b.String()
}

// While nothing is served, how many records there must be is all that a guard can say.
func TestGuardFirst(t *testing.T) {
	for _, tt := range []struct {
		guard config.Guard
		want  string
	}{
		{config.Defaults().Guard, ""},
		{config.Guard{MinRecords: 40, Keep: []config.RecordName{{Name: "www.example.org.", Type: dns.TypeA}}},
			"guard records: 34 records, at least 40 must be there; approve it if it is meant"},
		{config.Guard{MaxRecords: 20}, "guard records: 34 records, at most 20 may be there; approve it if it is meant"},
		{config.Guard{Off: true, MinRecords: 40}, ""},
	} {
		cfg := config.Defaults()
		cfg.Origin, cfg.Guard = "example.org.", tt.guard
		got := New(&cfg, nil).Check(t.Context(), Subject{Candidate: guardZone(t, 1, hosts(0, 30))}).Reason()
		if got != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.guard, got, tt.want)
		}
	}
}

func TestGuard(t *testing.T) {
	defaults := config.Defaults().Guard
	with := func(f func(*config.Guard)) config.Guard {
		g := defaults
		f(&g)
		return g
	}
	const held = "; approve it if it is meant\n"
	for _, tt := range []struct {
		name          string
		guard         config.Guard
		before, after string
		want          string
	}{
		{"nothing", defaults, hosts(0, 99), hosts(0, 99), ""},
		{"DENIC 2010", defaults, hosts(0, 99), hosts(0, 66),
			"failure guard shrink: 33 of 100 served records would be gone (33.0%), at most 30% may" + held},
		{"just as many", defaults, hosts(0, 99), hosts(0, 69), ""},
		{"one more", defaults, hosts(0, 99), hosts(0, 68),
			"failure guard shrink: 31 of 100 served records would be gone (31.0%), at most 30% may" + held},
		{"another bound", with(func(g *config.Guard) { g.Shrink = 40 }), hosts(0, 99), hosts(0, 66), ""},
		{"no bound", with(func(g *config.Guard) { g.Shrink = 0 }), hosts(0, 99), hosts(0, 60), ""},
		{"off", config.Guard{Off: true, Shrink: 1, MinRecords: 1000}, hosts(0, 99), hosts(0, 1), ""},
		{"half empty", defaults, hosts(0, 99), hosts(0, 1),
			"failure guard shrink: 98 of 100 served records would be gone (98.0%), at most 30% may" + held +
				"failure guard change: 98 records would be added, deleted or replaced, with 100 served (98.0%), at most 50% may" + held},
		{"others in their place", defaults, hosts(0, 99), hosts(60, 159),
			"failure guard change: 120 records would be added, deleted or replaced, with 100 served (120.0%), at most 50% may" + held},
		{"replaced", defaults, hosts(0, 99), strings.ReplaceAll(hosts(0, 99), "192.0.2", "198.51.100"),
			"failure guard change: 99 records would be added, deleted or replaced, with 100 served (99.0%), at most 50% may" + held},
		{"half of them replaced", defaults, hosts(0, 99), strings.ReplaceAll(hosts(0, 50), "192.0.2", "198.51.100") + hosts(50, 99), ""},
		{"grown", defaults, hosts(0, 99), hosts(0, 150),
			"failure guard change: 51 records would be added, deleted or replaced, with 100 served (51.0%), at most 50% may" + held},
		{"other TTLs", defaults, hosts(0, 99), "$TTL 60\n" + hosts(0, 99), ""},
		{"too small for percentages", defaults, hosts(0, 8), hosts(20, 21), ""},
		{"just large enough", defaults, hosts(0, 9), hosts(0, 1),
			"failure guard shrink: 8 of 10 served records would be gone (80.0%), at most 30% may" + held +
				"failure guard change: 8 records would be added, deleted or replaced, with 10 served (80.0%), at most 50% may" + held},
		{"signed anew", defaults, hosts(0, 30) + signed(0, 30, 1), hosts(0, 30) + signed(0, 30, 2), ""},
		{"signatures of a second algorithm gone", defaults, hosts(0, 30) + signed(0, 30, 1) + signed(0, 30, 2), hosts(0, 30) + signed(0, 30, 2), ""},
		{"signatures gone", defaults, hosts(0, 30) + signed(0, 30, 1) + "@ DNSKEY 257 3 13 AAAA\n", hosts(0, 30),
			"warning guard unsigned: the served version is signed and this one is not: validators answer SERVFAIL as long as the parent has DS records\n"},
		{"too few", with(func(g *config.Guard) { g.MinRecords = 100 }), hosts(0, 99), hosts(0, 95),
			"failure guard records: 99 records, at least 100 must be there" + held},
		{"too many", with(func(g *config.Guard) { g.MaxRecords = 105 }), hosts(0, 99), hosts(0, 102),
			"failure guard records: 106 records, at most 105 may be there" + held},
		{"kept", keeping("h1.example.org.", dns.TypeA), hosts(0, 99), strings.Replace(hosts(0, 99), "h1 A 192", "h1 A 198", 1), ""},
		{"not kept", keeping("h1.example.org.", dns.TypeA), hosts(0, 99), strings.Replace(hosts(0, 99), "h1 A", "h01 A", 1),
			"failure guard keep: h1.example.org. A: is served and would be gone" + held},
		{"not kept, of any type", keeping("h1.example.org.", 0), hosts(0, 99) + "h1 TXT a\nh1 NSEC h2 A\n", hosts(0, 99),
			"failure guard keep: h1.example.org. TXT: is served and would be gone" + held},
		{"of another type", keeping("h1.example.org.", dns.TypeA), hosts(0, 99) + "h1 TXT a\n", hosts(0, 99), ""},
		{"never served", keeping("other.example.org.", 0), hosts(0, 99), hosts(0, 99) + "x A 192.0.2.1\n", ""},
		{"below", keeping("*.sub.example.org.", dns.TypeA), hosts(0, 99) + "sub A 192.0.2.1\na.sub A 192.0.2.1\na.b.sub A 192.0.2.1\n", hosts(0, 99),
			"failure guard keep: a.sub.example.org. A: is served and would be gone" + held +
				"failure guard keep: a.b.sub.example.org. A: is served and would be gone" + held},
		{"one of the signatures", keeping("h1.example.org.", dns.TypeRRSIG), hosts(0, 9) + signed(1, 2, 1) + strings.Replace(signed(1, 2, 1), " A ", " TXT ", 1),
			hosts(0, 9) + signed(1, 2, 1), ""},
		{"all signatures", keeping("h1.example.org.", dns.TypeRRSIG), hosts(0, 9) + signed(1, 2, 1), hosts(0, 9),
			"failure guard keep: h1.example.org. RRSIG: is served and would be gone" + held},
		{"final dots of names elsewhere", defaults, hosts(0, 99) + elsewhere(".", ".", "."), hosts(0, 99) + elsewhere("", "", ""),
			"failure guard dots: 3 of 3 changed names in RDATA are the served ones with the zone's name appended: " +
				"final dots are missing where the zone is made" + held},
		{"two of them, and another preference", defaults, hosts(0, 99) + elsewhere(".", ".", "."), hosts(0, 99) + strings.Replace(elsewhere("", "", "."), "5 ", "6 ", 1), ""},
		{"few of what has changed", defaults, hosts(0, 99) + elsewhere(".", ".", ".") + "s CNAME a.example.net.\nt CNAME a.example.net.\nu CNAME a.example.net.\n",
			hosts(0, 99) + elsewhere("", "", "") + "s CNAME b.example.net.\nt CNAME b.example.net.\nu CNAME b.example.net.\n", ""},
		{"many of them", keeping("*.sub.example.org.", 0), hosts(0, 99) + strings.ReplaceAll(hosts(0, 25), " A", ".sub A"), hosts(0, 99),
			func() string {
				var b strings.Builder
				for _, i := range []int{0, 1, 10, 11, 12, 13, 14, 15, 16, 17} {
					fmt.Fprintf(&b, "failure guard keep: h%d.sub.example.org. A: is served and would be gone%s", i, held)
				}
				return b.String() + "failure guard keep: 15 more\n"
			}()},
	} {
		served, v := guardZone(t, 1, tt.before), guardZone(t, 2, tt.after)
		cfg := settings("example.org.", func(z *config.Zone) { z.Guard = tt.guard })
		r := New(cfg, nil).Check(t.Context(), Subject{Candidate: v, Served: served})
		if got := lines(r.Findings()); r.Err() != nil || got != tt.want {
			t.Errorf("%s: %v\n%swant\n%s", tt.name, r.Err(), got, tt.want)
		}
	}
}

func keeping(name string, typ uint16) config.Guard {
	g := config.Defaults().Guard
	g.Keep = []config.RecordName{{Name: name, Type: typ}}
	return g
}

// signed returns signatures over hosts, which differ by a tag.
func signed(from, to, tag int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "h%d RRSIG A 13 3 300 20300101000000 20200101000000 %d example.org. AAAA\n", i, tag)
	}
	return b.String()
}

// elsewhere returns records that lead out of the zone if a dot ends them.
func elsewhere(mx, alias, service string) string {
	return "@ MX 5 mx.example.net" + mx + "\nx CNAME web.Example.net" + alias + "\n_s._tcp SRV 1 2 3 s.example.net" + service + "\ny HTTPS 1 CDN.example.net. alpn=h2\n"
}
