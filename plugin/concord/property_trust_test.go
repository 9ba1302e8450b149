package concord

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/concord-dns/concord/internal/config"
)

// trust is what a Corefile said of comparisons, checks, guards, drift and the store.
func trust(z *config.Zone) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	add("compare %v", z.Compare)
	for _, r := range z.Ignore {
		add("ignore %v", r)
	}
	if z.Drift.Prefer != "" {
		add("prefer %s %s", z.Drift.Prefer, config.FormatDuration(z.Drift.After))
	}
	add("zonemd %v", z.Verify.ZONEMD)
	if z.Verify.DNSSEC {
		add("dnssec %q", z.Verify.Anchors)
	}
	if len(z.Verify.Command) > 0 {
		add("command %q", z.Verify.Command)
	}
	g := z.Guard
	add("guard %t %d %d %d %d", g.Off, g.Shrink, g.Change, g.MinRecords, g.MaxRecords)
	for _, r := range g.Keep {
		add("keep %v", r)
	}
	if z.SerialKeep {
		add("serial keep")
	}
	add("store %t %q %t forget %s history %d", z.Store.Off, z.Store.Path, z.Store.BestEffort, config.FormatDuration(z.Forget), z.History)
	return strings.Join(parts, ", ")
}

func TestParseTrust(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	const rest = `, zonemd present, guard false 30 50 0 0, store true "" false forget 30d history 16`
	for _, tt := range []struct{ text, want string }{
		{"", "compare strict" + rest},
		{"compare content", "compare content" + rest},
		{"compare multisigner", "compare multisigner" + rest},
		{"ignore www TXT\nignore @ NS\nignore *.dyn ANY\nignore mail.example.org. TYPE1",
			"compare strict, ignore www.example.org. TXT, ignore example.org. NS, ignore *.dyn.example.org. ANY, ignore mail.example.org. A" + rest},
		{"drift hold", "compare strict" + rest},
		{"drift prefer ns2 1h30m", "compare strict, prefer ns2 1h30m" + rest},
		{"verify zonemd", "compare strict" + rest},
		{"verify zonemd required\nverify dnssec\nverify command /bin/true --all -",
			`compare strict, zonemd required, dnssec "", command ["/bin/true" "--all" "-"], guard false 30 50 0 0, store true "" false forget 30d history 16`},
		{"verify zonemd off\nverify dnssec testdata/trust/example.org.ds", `compare strict, zonemd off, dnssec "testdata/trust/example.org.ds", guard false 30 50 0 0, store true "" false forget 30d history 16`},
		{"guard shrink 5%\nguard change 200%\nguard records 10 1000\nguard keep www A\nguard keep @ ANY",
			`compare strict, zonemd present, guard false 5 200 10 1000, keep www.example.org. A, keep example.org. ANY, store true "" false forget 30d history 16`},
		{"guard records 10", `compare strict, zonemd present, guard false 30 50 10 0, store true "" false forget 30d history 16`},
		{"guard off", `compare strict, zonemd present, guard true 0 0 0 0, store true "" false forget 30d history 16`},
		{"compare content\nserial keep", `compare content, zonemd present, guard false 30 50 0 0, serial keep, store true "" false forget 30d history 16`},
		{"store /var/lib/c.db\nforget 7d\nhistory 4", `compare strict, zonemd present, guard false 30 50 0 0, store false "/var/lib/c.db" false forget 7d history 4`},
		{"store c.db best-effort", `compare strict, zonemd present, guard false 30 50 0 0, store false "` + here + `/c.db" true forget 30d history 16`},
		{"store off", "compare strict" + rest},

		{"compare", "compare: the value is missing; write strict, content or multisigner"},
		{"ignore www", "ignore www: wants a name and a type; write it as ignore www TXT, or as ignore *.dyn ANY for all below a name"},
		{"ignore www WORDS", `ignore www WORDS: "WORDS" is not a type of records; write one such as TXT, or ANY for all`},
		{"ignore www.example.org A", `ignore www.example.org A: "www.example.org" could be meant with and without a final dot; write www.example.org. for the name in the zone`},
		{"ignore www.example.net. A", "ignore www.example.net. A: is not in the zone example.org.; write a name of the zone, or remove the line"},
		{"ignore www A\nignore WWW a", "ignore www.example.org. A: is given twice; remove one"},
		{"drift", "drift: the value is missing; write drift hold, or drift prefer NAME DURATION"},
		{"drift hold 1h", "drift hold 1h: is not a policy; write drift hold, or drift prefer NAME DURATION"},
		{"drift prefer ns2", "drift prefer ns2: wants a primary and how long the drift must have lasted; write it as drift prefer ns1 30m"},
		{"drift prefer ns2 soon", `drift prefer ns2 soon: "soon" is not a duration: a number is missing; write one such as 30s, 10m, 12h or 7d`},
		{"drift prefer ns3 1h", "drift prefer ns3: there is no primary of this name; write one of: ns1, ns2"},
		{"drift prefer ns2 0s", "drift prefer ns2 0s: the time must be longer than 0s; write how long the drift must have lasted, such as 30m"},
		{"verify", "verify: the value is missing; write verify zonemd, verify dnssec or verify command"},
		{"verify spelling", "verify spelling: is not a check; write verify zonemd, verify dnssec or verify command"},
		{"verify zonemd perhaps", `verify zonemd perhaps: "perhaps" says nothing of it; write verify zonemd, verify zonemd required or verify zonemd off`},
		{"verify zonemd\nverify zonemd off", "verify zonemd off: is given twice, first at Testfile:4; keep one"},
		{"verify dnssec a b", "verify dnssec a b: wants one file of DS or DNSKEY records, or none; write it as verify dnssec /etc/coredns/example.org.ds"},
		{"verify command", "verify command: the value is missing; write the path of a program and its arguments"},
		{"verify command check", `verify command "check": is not an absolute path; write it as /usr/bin/ldns-verify-zone`},
		{"verify command /bin/none", "verify command: /bin/none: there is no such file; write its path, absolute or below root"},
		{"verify command /etc/passwd", "verify command: /etc/passwd: is not a program that can be started; make it executable (chmod +x)"},
		{"verify dnssec testdata/trust/none.ds", "verify dnssec: testdata/trust/none.ds: there is no such file; write its path, absolute or below root"},
		{"verify dnssec testdata/trust/broken.ds",
			`verify dnssec: trust anchors: testdata/trust/broken.ds: dns: bad DS DigestType: " " at line: 2:24`},
		{"verify dnssec testdata/trust/other.ds", "verify dnssec: testdata/trust/other.ds: no DS or DNSKEY record of example.org., 1 of other names"},
		{"guard", "guard: the value is missing; write guard shrink 30%, guard change 50%, guard records 100, guard keep www A or guard off"},
		{"guard dog", "guard dog: is not a guard; write shrink, change, records, keep or off"},
		{"guard shrink", "guard shrink: the value is missing; write a percentage such as 30%"},
		{"guard shrink 30", `guard shrink 30: "30" is not a percentage; write one such as 30%`},
		{"guard shrink 101%", "guard shrink 101%: is out of range; write between 1% and 100%"},
		{"guard shrink 1%\nguard shrink 2%", "guard shrink 2%: is given twice, first at Testfile:4; keep one"},
		{"guard records", "guard records: wants the least, and perhaps the most; write it as guard records 100 or guard records 100 5000"},
		{"guard records few", `guard records few: "few" is not a number; write it as guard records 100 or guard records 100 5000`},
		{"guard records 1 0", "guard records 1 0: 0 is no bound; write 1 or more, or leave it out; write it as guard records 100 or guard records 100 5000"},
		{"guard records 9 1", "guard records 9 1: the least is greater than the most; write them as: guard records 1 9"},
		{"guard keep www", "guard keep www: wants a name and a type; write it as guard keep www A, or guard keep @ ANY"},
		{"guard keep @ AXFR", `guard keep @ AXFR: "AXFR" is not a type of records; write one such as TXT, or ANY for all`},
		{"guard off now", `guard off now: "now" is too much; write guard off`},
		{"guard off\nguard shrink 5%", "guard shrink 5%: guard off does not stand beside other guards; remove it, or the others"},
		{"guard shrink 5%\nguard off", "guard off: guard off does not stand beside other guards; remove it, or the others"},
		{"serial", "serial: write serial keep, or leave it out: the serial served is the primaries'"},
		{"serial keep", "serial keep: needs compare content, and the zone has compare strict; write compare content, or remove the line"},
		{"store", "store: the value is missing; write store concord.db, or store off"},
		{"store c.db always", `store c.db always: "always" says nothing of it; write store PATH, store PATH best-effort or store off`},
		{"forget", "forget: the value is missing; write a duration such as 30s"},
		{"forget 1m", "forget 1m: is below 1h; write a longer duration, such as 30d"},
	} {
		zones, err := parse(controller("concord example.org {\nprimary ns1 192.0.2.1\nprimary ns2 192.0.2.2\n"+tt.text+"\n}"), new(pacing))
		var got string
		if err != nil {
			_, got, _ = strings.Cut(err.Error(), "Error during parsing: ")
		} else {
			got = trust(&zones[0].Zone)
		}
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

// TestTrustOfSeveral has names be those of each zone, and files be below root.
func TestTrustOfSeveral(t *testing.T) {
	root, err := filepath.Abs("testdata/trust")
	if err != nil {
		t.Fatal(err)
	}
	c := controller("concord example.org example.net {\nprimary ns1 192.0.2.1\nignore www TXT\nguard keep @ NS\nstore c.db\nverify dnssec both.ds\nverify command check.sh\n}")
	dnsserver.GetConfig(c).Root = root
	zones, err := parse(c, new(pacing))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"example.org.", "example.net."} {
		got := trust(&zones[i].Zone)
		if got != "compare strict, ignore www."+want+" TXT, zonemd present, dnssec \""+root+"/both.ds\", command [\""+root+"/check.sh\"], "+
			"guard false 30 50 0 0, keep "+want+" NS, store false \""+root+"/c.db\" false forget 30d history 16" {
			t.Error(got)
		}
	}
	_, err = parse(controller("concord example.org example.net {\nprimary ns1 192.0.2.1\nignore www.example.org. TXT\n}"), new(pacing))
	const want = "Testfile:3 - Error during parsing: ignore www.example.org. TXT: is not in the zone example.net.; write a name of the zone, or remove the line"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
