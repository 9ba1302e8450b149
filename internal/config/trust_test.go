package config

import (
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestValidateTrust(t *testing.T) {
	www := RecordName{"www.example.org.", dns.TypeA}
	for _, tt := range []struct {
		change func(*Zone)
		want   string // "" is no error
	}{
		{func(z *Zone) { z.Compare, z.SerialKeep = CompareContent, true }, ""},
		{func(z *Zone) { z.Compare = CompareMultisigner }, ""},
		{func(z *Zone) { z.Compare = 9 }, "compare Compare(9): is not a comparison; write strict, content or multisigner"},
		{func(z *Zone) { z.SerialKeep = true }, "serial keep: needs compare content, and the zone has compare strict; write compare content, or remove the line"},
		{func(z *Zone) { z.Compare, z.SerialKeep = CompareMultisigner, true },
			"serial keep: needs compare content, and the zone has compare multisigner; write compare content, or remove the line"},

		{func(z *Zone) {
			z.Ignore = []RecordName{www, {"*.example.org.", dns.TypeTXT}, {"example.org.", 0}, {"example.org.", dns.TypeNS}}
		}, ""},
		{func(z *Zone) { z.Origin, z.Ignore = ".", []RecordName{{"org.", dns.TypeNS}, {".", 0}, {"*.org.", 0}} }, ""},
		{func(z *Zone) { z.Ignore = []RecordName{{"www", 1}} }, `ignore "www": is not an absolute name; write it with a final dot, or as it is in a zone file`},
		{func(z *Zone) { z.Ignore = []RecordName{{"WWW.example.org.", 1}} }, "ignore WWW.example.org. A: is not in lower case; write www.example.org."},
		{func(z *Zone) { z.Ignore = []RecordName{{"www.example.net.", 1}} },
			"ignore www.example.net. A: is not in the zone example.org.; write a name of the zone, or remove the line"},
		{func(z *Zone) { z.Ignore = []RecordName{{"wwwexample.org.", 0}} },
			"ignore wwwexample.org. ANY: is not in the zone example.org.; write a name of the zone, or remove the line"},
		{func(z *Zone) { z.Ignore = []RecordName{www, www} }, "ignore www.example.org. A: is given twice; remove one"},
		{func(z *Zone) { z.Ignore = make([]RecordName, MaxIgnored+1) },
			"ignore: 1001 names are left out, at most 1000 can be; write one line with *. in front for many names below one"},
		{func(z *Zone) { z.Ignore = []RecordName{{"example.org.", 0}, {"*.example.org.", 0}} },
			"ignore *.example.org. ANY: leaves nothing to compare; remove the line, or that of example.org."},
		{func(z *Zone) { z.Origin, z.Ignore = ".", []RecordName{{".", 0}, {"*.", 0}} },
			"ignore *. ANY: leaves nothing to compare; remove the line, or that of ."},

		{func(z *Zone) { z.Drift = Drift{"ns2", time.Minute} }, ""},
		{func(z *Zone) { z.Drift = Drift{"ns3", time.Minute} }, "drift prefer ns3: there is no primary of this name; write one of: ns1, ns2"},
		{func(z *Zone) { z.Drift = Drift{"NS2", time.Minute} }, "drift prefer NS2: there is no primary of this name; write one of: ns1, ns2"},
		{func(z *Zone) { z.Drift = Drift{"ns1", 0} },
			"drift prefer ns1 0s: the time must be longer than 0s; write how long the drift must have lasted, such as 30m"},
		{func(z *Zone) { z.Drift = Drift{"", time.Minute} }, "drift 1m: has a time and no primary; write drift hold, or drift prefer NAME 1m"},

		{func(z *Zone) {
			z.Verify = Verify{ZONEMD: ZONEMDRequired, DNSSEC: true, Anchors: "/ds", Command: []string{"/usr/bin/check", "-v"}}
		}, ""},
		{func(z *Zone) { z.Verify = Verify{ZONEMD: ZONEMDOff, DNSSEC: true} }, ""},
		{func(z *Zone) { z.Verify.ZONEMD = 3 },
			"verify zonemd ZONEMD(3): is not a check; write verify zonemd, verify zonemd required or verify zonemd off"},
		{func(z *Zone) { z.Verify.Anchors = "/ds" },
			"verify dnssec /ds: a file of trust anchors is of no use without the check; write verify dnssec /ds"},
		{func(z *Zone) { z.Verify.Command = []string{"check"} },
			`verify command "check": is not an absolute path; write it as /usr/bin/ldns-verify-zone`},
		{func(z *Zone) { z.Verify.Command = []string{"/bin/check", "a\x00b"} },
			`verify command "/bin/check": has an octet 0 in it, which no argument can have; remove it`},

		{func(z *Zone) { z.Guard = Guard{Off: true} }, ""},
		{func(z *Zone) { z.Guard = Guard{} }, ""},
		{func(z *Zone) {
			z.Guard = Guard{Shrink: 100, Change: 1000, MinRecords: 5, MaxRecords: 5, Keep: []RecordName{www, {"example.org.", 0}}}
		}, ""},
		{func(z *Zone) { z.Guard = Guard{MinRecords: 5} }, ""},
		{func(z *Zone) { z.Guard.Off = true }, "guard off: stands beside other guards; remove it, or the others"},
		{func(z *Zone) { z.Guard = Guard{Off: true, Keep: []RecordName{www}} }, "guard off: stands beside other guards; remove it, or the others"},
		{func(z *Zone) { z.Guard.Shrink = 101 }, "guard shrink 101%: is out of range; write between 1% and 100%"},
		{func(z *Zone) { z.Guard.Shrink = -1 }, "guard shrink -1%: is out of range; write between 1% and 100%"},
		{func(z *Zone) { z.Guard.Change = 1001 }, "guard change 1001%: is out of range; write between 1% and 1000%"},
		{func(z *Zone) { z.Guard.MinRecords = -1 }, "guard records -1: is no number of records; write 1 or more"},
		{func(z *Zone) { z.Guard.MinRecords, z.Guard.MaxRecords = 10, 5 },
			"guard records 10 5: the least is greater than the most; write them as: guard records 5 10"},
		{func(z *Zone) { z.Guard.Keep = []RecordName{{"example.net.", 0}} },
			"guard keep example.net. ANY: is not in the zone example.org.; write a name of the zone, or remove the line"},
		{func(z *Zone) { z.Guard.Keep = []RecordName{www, www} }, "guard keep www.example.org. A: is given twice; remove one"},
		{func(z *Zone) { z.Guard.Keep = make([]RecordName, MaxKept+1) },
			"guard keep: 1001 names are guarded, at most 1000 can be; keep the most important ones"},

		{func(z *Zone) { z.Store = Store{Path: "/var/lib/concord.db"} }, ""},
		{func(z *Zone) { z.Store = Store{Path: "/var/lib/concord.db", BestEffort: true} }, ""},
		{func(z *Zone) { z.Store = Store{Path: "/x", Off: true} }, "store /x: has a path and is off; write store off or store /x"},
		{func(z *Zone) { z.Store = Store{Off: true, BestEffort: true} }, "store off: best-effort says nothing of a store that is off; remove it"},
		{func(z *Zone) { z.Store = Store{} }, "store: has no path; write it as store /var/lib/concord/concord.db, or store off"},
		{func(z *Zone) { z.Store = Store{Path: "concord.db"} }, "store concord.db: is not an absolute path; write it as /var/lib/concord/concord.db"},
		{func(z *Zone) { z.Forget = time.Hour }, ""},
		{func(z *Zone) { z.Forget = time.Minute }, "forget 1m: is below 1h; write a longer duration, such as 30d"},
		{func(z *Zone) { z.Forget = Never }, "forget never: is below 1h; write a longer duration, such as 30d"},
	} {
		z := good()
		tt.change(&z)
		err := z.Validate()
		if err == nil {
			if tt.want != "" {
				t.Errorf("no error, want %q", tt.want)
			}
			continue
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Property == "" || e.Problem == "" || e.Remedy == "" {
			t.Errorf("%v: want an *Error with property, problem and remedy", err)
		}
		if err.Error() != tt.want {
			t.Errorf("got  %q\nwant %q", err, tt.want)
		}
	}
}

func TestParseRecordName(t *testing.T) {
	const notType, notName = " is not a type of records; write one such as TXT, or ANY for all", " is not a name; write it as in a zone file: www, or www.example.org. with a final dot"
	for _, tt := range []struct{ name, typ, origin, want string }{
		{"www", "TXT", "example.org.", "www.example.org. TXT"},
		{"@", "ns", "example.org.", "example.org. NS"},
		{"WWW.Example.ORG.", "any", "example.org.", "www.example.org. ANY"},
		{"*", "A", "example.org.", "*.example.org. A"},
		{"*.a.b", "TYPE65280", "example.org.", "*.a.b.example.org. TYPE65280"},
		{"a", "type16", "example.org.", "a.example.org. TXT"},
		{"@", "SOA", ".", ". SOA"},
		{"org", "NS", ".", "org. NS"},
		{"elsewhere.", "A", "example.org.", "elsewhere. A"}, // for Validate to refuse
		{"www.example.org", "A", "example.org.", `"www.example.org" could be meant with and without a final dot; write www.example.org. for the name in the zone`},
		{"example.org", "A", "example.org.", `"example.org" could be meant with and without a final dot; write example.org. for the name in the zone`},
		{"", "A", "example.org.", `""` + notName},
		{"a..b", "A", "example.org.", `"a..b"` + notName},
		{"a b", "A", "example.org.", `"a b"` + notName},
		{"www", "", "example.org.", `""` + notType},
		{"www", "ADDRESS", "example.org.", `"ADDRESS"` + notType},
		{"www", "AXFR", "example.org.", `"AXFR"` + notType},
		{"www", "TSIG", "example.org.", `"TSIG"` + notType},
		{"www", "OPT", "example.org.", `"OPT"` + notType},
		{"www", "TYPE0", "example.org.", `"TYPE0"` + notType},
		{"www", "TYPE65536", "example.org.", `"TYPE65536"` + notType},
	} {
		r, err := ParseRecordName(tt.name, tt.typ, tt.origin)
		got := r.String()
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q %q\ngot  %s\nwant %s", tt.name, tt.typ, got, tt.want)
		}
	}
}

func TestParsePercent(t *testing.T) {
	for text, want := range map[string]int{"1%": 1, "30%": 30, "100%": 100, "1000%": 1000} {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "30", "-1%", "0%", "+5%", "1.5%", "30 %", "99999999999999999999%"} {
		if got, err := ParsePercent(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestTrustStrings(t *testing.T) {
	got := ""
	for z := range ZONEMDOff + 2 {
		got += z.String() + " "
	}
	if got != "present required off ZONEMD(3) " {
		t.Error(got)
	}
	for c := range CompareMultisigner + 1 {
		if again, err := ParseCompare(c.String()); err != nil || again != c {
			t.Errorf("%v is read as %v, %v", c, again, err)
		}
	}
}
