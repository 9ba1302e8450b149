package concord

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"

	"github.com/concord-dns/concord/internal/config"
)

var rewrite = flag.Bool("rewrite", false, "write the errors in testdata/bad anew")

func controller(text string) *caddy.Controller {
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"dns://example.net.:53", "tls://example.net.:853"}
	return c
}

// TestBadCorefiles has each file of testdata/bad lead to the error that stands in its first line.
func TestBadCorefiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.corefile")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".corefile"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, rest, _ := strings.Cut(string(text), "\n")
			_, err = parse(controller(string(text)), new(pacing))
			if err == nil {
				t.Fatal("no error")
			}
			got := "# " + err.Error()
			if strings.Contains(got, "\n") {
				t.Errorf("more than a line: %s", got)
			}
			if got == first {
				return
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got+"\n"+rest), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("got  %s\nwant %s", got, first)
		})
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`concord {
			transfer from 192.0.2.1
		}`, `example.net. majority 192.0.2.1=192.0.2.1:53`},
		{`concord {
			transfer from 192.0.2.1 2001:db8::1 [2001:db8::2]:5353 192.0.2.1
			transfer from 192.0.2.9:53
		}`, `example.net. majority 192.0.2.1=192.0.2.1:53 2001:db8::1=[2001:db8::1]:53 [2001:db8::2]:5353=[2001:db8::2]:5353 192.0.2.9:53=192.0.2.9:53`},
		{`concord Example.ORG. {
			primary ns1 192.0.2.1 [2001:db8::1]
			agree all
		}`, `example.org. all ns1=192.0.2.1:53,[2001:db8::1]:53`},
		{`concord example.org www.example.org {
			primary ns1 192.0.2.1 {
				notify_from 192.0.2.128/25 198.51.100.1
				transfers 2
			}
			primary ns2 192.0.2.2 {
			}
			agree 2
		}`, `example.org. 2 ns1=192.0.2.1:53 from 192.0.2.128/25,198.51.100.1/32 transfers 2 ns2=192.0.2.2:53
www.example.org. 2 ns1=192.0.2.1:53 from 192.0.2.128/25,198.51.100.1/32 transfers 2 ns2=192.0.2.2:53`},
		{`concord 192.0.2.0/24 10.0.0.0/15 {
			primary ns1 192.0.2.1
		}
		concord . {
			primary ns2 192.0.2.2
			fallthrough example.org
		}
		concord a\.b.example.org {
			primary ns2 192.0.2.2
			fallthrough
		}`, `2.0.192.in-addr.arpa. majority ns1=192.0.2.1:53
0.10.in-addr.arpa. majority ns1=192.0.2.1:53
1.10.in-addr.arpa. majority ns1=192.0.2.1:53
. majority ns2=192.0.2.2:53 falls [example.org.]
a\.b.example.org. majority ns2=192.0.2.2:53 falls [.]`},
		// What says only what is so.
		{`concord {
			primary ns1 192.0.2.1
			guard off
			store off
			drift hold
			compare strict
		}`, `example.net. majority ns1=192.0.2.1:53`},
	} {
		zones, err := parse(controller(tt.text), new(pacing))
		if err != nil {
			t.Errorf("%s\n%v", tt.text, err)
			continue
		}
		var got []string
		for _, z := range zones {
			got = append(got, summary(z))
		}
		if got := strings.Join(got, "\n"); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

// summary is what a Corefile said of a zone, without what has one number only.
func summary(z zoneConfig) string {
	parts := []string{z.Origin, z.Agree.String()}
	for _, p := range z.Primaries {
		var addrs []string
		for _, a := range p.Addresses {
			addrs = append(addrs, a.String())
		}
		parts = append(parts, p.Name+"="+strings.Join(addrs, ","))
		if len(p.NotifyFrom) > 0 {
			var from []string
			for _, n := range p.NotifyFrom {
				from = append(from, n.String())
			}
			parts = append(parts, "from "+strings.Join(from, ","))
		}
		if p.Transfers > 0 {
			parts = append(parts, fmt.Sprintf("transfers %d", p.Transfers))
		}
	}
	if len(z.fall.Zones) > 0 {
		parts = append(parts, fmt.Sprintf("falls %v", z.fall.Zones))
	}
	return strings.Join(parts, " ")
}

func TestParseNumbers(t *testing.T) {
	zones, err := parse(controller(`concord {
		primary ns1 192.0.2.1
		settle 1m
		absent never
		refresh 1m 2h
		retry 30s 1h
		expire 1d 2w
		limit size 256MiB
		limit time 5m
		limit idle 10s
		limit transfers 20
		history 4
	}`), new(pacing))
	if err != nil {
		t.Fatal(err)
	}
	z := zones[0].Zone
	f := config.FormatDuration
	got := fmt.Sprintf("settle %s absent %s refresh %s %s retry %s %s expire %s %s size %d time %s idle %s transfers %d history %d",
		f(z.Settle), f(z.Absent), f(z.Refresh.Min), f(z.Refresh.Max), f(z.Retry.Min), f(z.Retry.Max), f(z.Expire.Min), f(z.Expire.Max),
		z.Limit.Size, f(z.Limit.Time), f(z.Limit.Idle), z.Limit.Transfers, z.History)
	want := "settle 1m absent never refresh 1m 2h retry 30s 1h expire 1d 14d size 268435456 time 5m idle 10s transfers 20 history 4"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// FuzzParse has whatever is written in a Corefile give zones that are valid, or an error in one line.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.corefile")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("concord example.org 10.0.0.0/15 {\n primary ns1 192.0.2.1 {\n notify_from ::/0\n }\n transfer from 192.0.2.2\n agree 2\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "keys") || strings.Contains(text, "tls") || strings.Contains(text, "verify") {
			return // whatever they name would be read
		}
		zones, err := parse(controller(text), new(pacing))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("more than a line: %q", err)
			}
			return
		}
		seen := make(map[string]bool)
		for _, z := range zones {
			if err := z.Validate(); err != nil {
				t.Error(err)
			}
			if seen[z.Origin] {
				t.Errorf("%s twice", z.Origin)
			}
			seen[z.Origin] = true
		}
	})
}
