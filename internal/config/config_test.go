package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func good() Zone {
	z := Defaults()
	z.Origin = "example.org."
	z.Primaries = []Primary{
		{Name: "ns1", Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}},
		{Name: "ns2", Addresses: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::2]:53"), netip.MustParseAddrPort("192.0.2.2:53")}},
	}
	return z
}

func TestDefaults(t *testing.T) {
	z := good()
	if err := z.Validate(); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("agree %s, compare %s, settle %s, absent %s, refresh %s, retry %s, expire %s, time %s, idle %s, transfers %d, history %d",
		z.Agree, z.Compare, FormatDuration(z.Settle), FormatDuration(z.Absent), clampText(z.Refresh), clampText(z.Retry), clampText(z.Expire),
		FormatDuration(z.Limit.Time), FormatDuration(z.Limit.Idle), z.Limit.Transfers, z.History)
	want := "agree majority, compare strict, settle 30s, absent 1h, refresh 30s 1d, retry 10s 1h, expire 1h 60d, time 10m, idle 30s, transfers 10, history 16"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func clampText(c Clamp) string { return FormatDuration(c.Min) + " " + FormatDuration(c.Max) }

func TestSizeFor(t *testing.T) {
	const MiB = 1 << 20
	for _, tt := range []struct {
		limit, served, want int64
	}{
		{0, 0, 1024 * MiB},
		{0, 1, 16 * MiB},
		{0, 4 * MiB, 16 * MiB},
		{0, 5 * MiB, 20 * MiB},
		{0, 1024 * MiB, 4096 * MiB},
		{7, 0, 7},
		{7, 1024 * MiB, 7},
	} {
		if got := (Limit{Size: tt.limit}).SizeFor(tt.served); got != tt.want {
			t.Errorf("limit %d, served %d: got %d, want %d", tt.limit, tt.served, got, tt.want)
		}
	}
}

func TestClamp(t *testing.T) {
	c := Clamp{Min: 10, Max: 20}
	for d, want := range map[time.Duration]time.Duration{-1: 10, 0: 10, 10: 10, 15: 15, 20: 20, 21: 20} {
		if got := c.Apply(d); got != want {
			t.Errorf("%d: got %d, want %d", d, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	addr := netip.MustParseAddrPort
	for _, tt := range []struct {
		change func(*Zone)
		want   string // "" is no error
	}{
		{func(*Zone) {}, ""},
		{func(z *Zone) { z.Origin = "." }, ""},
		{func(z *Zone) { z.Origin = "" }, "zone: has no name; name it in the server block or after concord"},
		{func(z *Zone) { z.Origin = "example.org" }, "zone example.org: is not absolute; end it with a dot"},
		{func(z *Zone) { z.Origin = "Example.org." }, "zone Example.org.: is not in lower case; write example.org."},

		{func(z *Zone) { z.Primaries = nil }, "primary: none is configured; add a line such as: primary ns1 192.0.2.1"},
		{func(z *Zone) { z.Primaries = make([]Primary, 33) }, "primary: 33 are configured, at most 32 can be; give the addresses of one organisation to one primary"},
		{func(z *Zone) { z.Primaries[1].Name = "ns1" }, "primary ns1: the name is given to two primaries; rename one, or put their addresses on one line"},
		{func(z *Zone) { z.Primaries[1].Name = "NS1" }, "primary NS1: differs from ns1 in case only; rename one, or put their addresses on one line"},
		{func(z *Zone) { z.Primaries[1].Name = "" }, `primary "": is not a name; use up to 64 printable characters without spaces, quotes or braces`},
		{func(z *Zone) { z.Primaries[1].Name = "a\nb" }, `primary "a\nb": is not a name; use up to 64 printable characters without spaces, quotes or braces`},
		{func(z *Zone) { z.Primaries[1].Name = "[2001:db8::1]:53" }, ""},
		{func(z *Zone) { z.Primaries[0].Transfers = -1 }, "transfers -1: primary ns1 needs between 1 and 1000; change it, or leave it out for no limit of its own"},
		{func(z *Zone) { z.Primaries[0].Transfers = 1000 }, ""},
		{func(z *Zone) { z.Primaries[0].NotifyFrom = make([]netip.Prefix, 1) }, "notify_from invalid Prefix: primary ns1 has a network that is not valid; write it as 192.0.2.0/24"},

		{func(z *Zone) { z.Primaries[0].Addresses = nil }, "primary ns1: has no address; add one after its name"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = netip.AddrPort{} }, "primary ns1: has an address that is not valid; write it as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = addr("192.0.2.1:0") }, "primary ns1 192.0.2.1:0: port 0 cannot be asked; leave the port out for 53"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = addr("0.0.0.0:53") }, "primary ns1 0.0.0.0:53: nobody can be asked at this address; use the primary's own"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = addr("[ff02::1]:53") }, "primary ns1 [ff02::1]:53: nobody can be asked at this address; use the primary's own"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = addr("192.0.2.2:53") }, "primary ns2 192.0.2.2:53: the address is ns1's already; two primaries must be two servers; remove one"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = addr("[::ffff:192.0.2.2]:53") }, "primary ns2 192.0.2.2:53: the address is ns1's already; two primaries must be two servers; remove one"},
		{func(z *Zone) { z.Primaries[1].Addresses[0] = addr("192.0.2.2:53") }, "primary ns2 192.0.2.2:53: the address is given twice; remove one"},
		{func(z *Zone) { z.Primaries[0].Addresses[0] = addr("192.0.2.2:5353") }, ""},

		{func(z *Zone) { z.Agree = Agree{Kind: Count, N: 2} }, ""},
		{func(z *Zone) { z.Agree = Agree{Kind: Count, N: 3} }, "agree 3: only 2 primaries are configured; lower it or add one"},
		{func(z *Zone) { z.Agree, z.Primaries = Agree{Kind: Count, N: 3}, z.Primaries[:1] }, "agree 3: only 1 primary is configured; lower it or add one"},
		{func(z *Zone) { z.Agree = Agree{Kind: Count} }, "agree 0: at least one primary must hold what is served; write 1 or more"},
		{func(z *Zone) { z.Agree = Agree{Kind: Count, N: -1} }, "agree -1: at least one primary must hold what is served; write 1 or more"},
		{func(z *Zone) { z.Agree = Agree{Kind: 9} }, "agree AgreeKind(9): is not a policy; write all, majority, any or a number"},
		{func(z *Zone) { z.Compare = 9 }, "compare Compare(9): is not a comparison; write strict, content or multisigner"},
		{func(z *Zone) { z.Settle = 0 }, "settle 0s: must be longer than 0s; write a duration such as 30s"},
		{func(z *Zone) { z.Settle = Never }, "settle never: must be longer than 0s; write a duration such as 30s"},
		{func(z *Zone) { z.Absent = Never }, ""},
		{func(z *Zone) { z.Absent = 0 }, "absent 0s: must be longer than 0s; write a duration such as 30s, or never"},
		{func(z *Zone) { z.Absent = -time.Second }, "absent -1s: must be longer than 0s; write a duration such as 30s, or never"},
		{func(z *Zone) { z.History = 0 }, "history 0: is out of range; keep between 1 and 1024 versions"},
		{func(z *Zone) { z.History = 1025 }, "history 1025: is out of range; keep between 1 and 1024 versions"},

		{func(z *Zone) { z.Refresh = Clamp{Min: time.Hour, Max: time.Minute} }, "refresh 1h 1m: the least is greater than the most; write them as: refresh 1m 1h"},
		{func(z *Zone) { z.Retry = Clamp{Max: time.Minute} }, "retry 0s 1m: the least is below 1s; write a longer one first"},
		{func(z *Zone) { z.Expire = Clamp{Min: -day, Max: day} }, "expire -24h0m0s 1d: the least is below 1s; write a longer one first"},
		{func(z *Zone) { z.Expire = Clamp{Min: day, Max: day} }, ""},

		{func(z *Zone) { z.Limit.Size = -1 }, "limit size -1: is not a size; write one such as 256MiB, or leave it out for the default"},
		{func(z *Zone) { z.Limit.Time = 0 }, "limit time 0s: must be longer than 0s; write a duration such as 30s"},
		{func(z *Zone) { z.Limit.Idle = -time.Second }, "limit idle -1s: must be longer than 0s; write a duration such as 30s"},
		{func(z *Zone) { z.Limit.Transfers = 0 }, "limit transfers 0: is out of range; write between 1 and 1000"},
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
		if err.Error() != tt.want {
			t.Errorf("got  %q\nwant %q", err, tt.want)
		}
		var e *Error
		if !errors.As(err, &e) || e.Property == "" || e.Remedy == "" {
			t.Errorf("%v: want an *Error with property and remedy", err)
		}
		if strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q is more than a line", err)
		}
	}
}

func TestAgree(t *testing.T) {
	for _, tt := range []struct {
		text string
		need [6]int // for 0 to 5 counted primaries
	}{
		{"all", [6]int{1, 1, 2, 3, 4, 5}},
		{"majority", [6]int{1, 1, 2, 2, 3, 3}},
		{"any", [6]int{1, 1, 1, 1, 1, 1}},
		{"1", [6]int{1, 1, 1, 1, 1, 1}},
		{"3", [6]int{3, 3, 3, 3, 3, 3}},
	} {
		a, err := ParseAgree(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != tt.text {
			t.Errorf("%q is written as %q", tt.text, a)
		}
		for counted, want := range tt.need {
			if got := a.Need(counted); got != want {
				t.Errorf("agree %s of %d: need %d, want %d", tt.text, counted, got, want)
			}
		}
	}
	for _, text := range []string{"", "most", "1.5", "All"} {
		if a, err := ParseAgree(text); err == nil {
			t.Errorf("%q is read as %s", text, a)
		}
	}
	if _, err := ParseCompare("signed"); err == nil || err.Error() != "compare signed: is not a comparison; write strict, content or multisigner" {
		t.Error(err)
	}
	if c, err := ParseCompare(CompareStrict.String()); err != nil || c != CompareStrict {
		t.Error(c, err)
	}
}

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  time.Duration
		again string
	}{
		{"30s", 30 * time.Second, "30s"},
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"1.5s", 1500 * time.Millisecond, "1.5s"},
		{"1.5h", 90 * time.Minute, "1h30m"},
		{"24h", day, "1d"},
		{"1d12h", 36 * time.Hour, "1d12h"},
		{"60d", 60 * day, "60d"},
		{"2w", 14 * day, "14d"},
		{"90061s", day + time.Hour + time.Minute + time.Second, "1d1h1m1s"},
		{"0s", 0, "0s"},
	} {
		got, err := ParseDuration(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q: got %v, %v, want %v", tt.text, got, err, tt.want)
			continue
		}
		text := FormatDuration(got)
		if again, err := ParseDuration(text); text != tt.again || err != nil || again != got {
			t.Errorf("%q is written as %q, want %q", tt.text, text, tt.again)
		}
	}
	for _, text := range []string{"", "30", "s", "-1s", "1y", "1s30", "1.2.3s", " 1s", "1 s", "1e3s", "99999999999d", "never", "∞"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
	if got := FormatDuration(Never); got != "never" {
		t.Error(got)
	}
	_ = FormatDuration(-1 << 63) // must end
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1048576": 1 << 20, "64KiB": 64 << 10, "16MiB": 16 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40, "500MB": 500e6, "7B": 7,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1.5GiB", "1 GiB", "1gib", "99999999999999999999", "9223372036854775807KiB"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("%q is read as %d", text, n)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30s", "1d12h", "1.5h", "µs", "9223372036854775807ns", "0.0000001ns", "..s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is read as %v", s, d)
		}
		again, err := ParseDuration(FormatDuration(d))
		if diff := again - d; err != nil || diff < -time.Microsecond || diff > time.Microsecond {
			t.Fatalf("%q: %v is written as %q and read as %v, %v", s, d, FormatDuration(d), again, err)
		}
	})
}
