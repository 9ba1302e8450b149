package verify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// TestZONEMDExamples has the zones of RFC 8976 appendix A.
func TestZONEMDExamples(t *testing.T) {
	for _, tt := range []struct{ file, origin, want string }{
		{"simple", "example.", ""},
		{"complex", "example.", ""},
		// Two kinds that are known, and two of private use.
		{"multiple", "example.", ""},
		{"uri-arpa", "uri.arpa.", ""},
		{"root-servers", "root-servers.net.", ""},
	} {
		v := exampleZone(t, tt.file, tt.origin)
		found, err := checkZONEMD(t.Context(), config.ZONEMDRequired, v)
		if got := lines(found); err != nil || got != tt.want {
			t.Errorf("%s: %v\n%s", tt.file, err, got)
		}
		set, _ := v.ApexNode().RRset(dns.TypeZONEMD)
		for data := range set.All() {
			if md, problem := readZONEMD(v, new([256]int), data); problem == "" {
				sum, err := digest(t.Context(), v, md.hash)
				if err != nil || string(sum) != string(md.digest) {
					t.Errorf("%s: %s: %x, want %x, %v", tt.file, md.text, sum, md.digest, err)
				}
			}
		}
	}
}

func exampleZone(t testing.TB, file, origin string) *zone.Version {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/zonemd", file+".zone"))
	if err != nil {
		t.Fatal(err)
	}
	return mustZone(t, origin, string(text))
}

// TestZONEMDCases has what sections 2 and 4 say, around one zone whose digests are right or changed.
func TestZONEMDCases(t *testing.T) {
	const rest = `
@    86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400
     86400 IN NS ns1
     86400 IN NS ns2
ns1  3600  IN A 203.0.113.63
ns2  3600  IN AAAA 2001:db8::63
`
	const (
		good384 = "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
		bad384  = "d68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
		bad512  = good384 + "00112233445566778899aabbccddeeff"
		short   = "c68090d90a7aed716bc459"
	)
	const (
		ok384   = "2018031900 1 1 " + good384
		no384   = "2018031900 1 1 " + bad384
		no512   = "2018031900 1 2 " + bad512
		old384  = "2018031899 1 1 " + good384
		cut384  = "2018031900 1 1 " + short
		scheme  = "2018031900 2 1 " + good384
		hash    = "2018031900 1 3 " + good384
		private = "2018031900 241 240 " + short
	)
	records := func(list ...string) []string { return list }
	for _, tt := range []struct {
		name    string
		records []string
		mode    config.ZONEMD
		want    string // rules, with ! before failures
	}{
		{"none", nil, config.ZONEMDPresent, ""},
		{"none, required", nil, config.ZONEMDRequired, "!missing"},
		{"right", records(ok384), config.ZONEMDPresent, ""},
		{"right, required", records(ok384), config.ZONEMDRequired, ""},
		{"wrong", records(no384), config.ZONEMDPresent, "!mismatch"},
		{"wrong, off", records(no384), config.ZONEMDOff, ""},
		{"wrong SHA-512", records(no512), config.ZONEMDPresent, "!mismatch"},
		{"one of two is right", records(ok384, no512), config.ZONEMDPresent, ""},
		{"none of two is right", records(no384, no512), config.ZONEMDPresent, "!mismatch !mismatch"},
		{"serial", records(old384), config.ZONEMDPresent, "!serial"},
		{"length", records(cut384), config.ZONEMDPresent, "!length"},
		{"unknown scheme", records(scheme), config.ZONEMDPresent, "unsupported"},
		{"unknown scheme, required", records(scheme), config.ZONEMDRequired, "unsupported !none"},
		{"unknown algorithm", records(hash), config.ZONEMDPresent, "unsupported"},
		{"unknown, short", records(private), config.ZONEMDPresent, "unsupported"},
		{"unknown beside a right one", records(hash, ok384, scheme), config.ZONEMDRequired, ""},
		{"unknown beside a wrong one", records(hash, no384), config.ZONEMDPresent, "!mismatch unsupported"},
		// None of a kind counts that is there twice, even if one is right.
		{"twice", records(ok384, no384), config.ZONEMDPresent, "!duplicate !duplicate"},
		{"twice, and another kind", records(ok384, no384, no512), config.ZONEMDPresent, "!duplicate !duplicate !mismatch"},
		{"twice, unknown", records(hash, "2018031900 1 3 "+bad384), config.ZONEMDPresent, "unsupported unsupported"},
		{"old beside right", records(old384, "2018031900 1 2 "+bad512), config.ZONEMDPresent, "!serial !mismatch"},
	} {
		text := rest
		for _, r := range tt.records {
			text += "@ 86400 IN ZONEMD " + r + "\n"
		}
		found, err := checkZONEMD(t.Context(), tt.mode, mustZone(t, "example.", text))
		var rules []string
		for _, f := range found {
			rule := f.Rule
			if f.Severity == Failure {
				rule = "!" + rule
			}
			rules = append(rules, rule)
		}
		if got := strings.Join(rules, " "); err != nil || got != tt.want {
			t.Errorf("%s: %q, want %q, %v\n%s", tt.name, got, tt.want, err, lines(found))
		}
	}
}

// TestZONEMDMany has as many records as an RRset can: what is said of them stays short, and time does not go with the square.
func TestZONEMDMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("@ SOA ns1 admin 1 1 1 1 1\n@ NS ns.example.net.\n")
	for i := range 60000 {
		fmt.Fprintf(&b, "@ ZONEMD 1 1 %d %096x\n", 1+i%3, i)
	}
	found, err := checkZONEMD(t.Context(), config.ZONEMDPresent, mustZone(t, "example.", b.String()))
	if err != nil || len(found) != 2*(maxExamples+1) {
		t.Errorf("%d findings, %v", len(found), err)
	}
	if got := lines(found); !strings.Contains(got, "39990 more") || !strings.Contains(got, "19990 more") {
		t.Error(got)
	}
}

// TestZONEMDLdns has digests that ldns-signzone made, over zones with and without NSEC3.
func TestZONEMDLdns(t *testing.T) {
	sign, err := exec.LookPath("ldns-signzone")
	if err != nil {
		t.Skip("ldns-signzone is not installed")
	}
	keygen, err := exec.LookPath("ldns-keygen")
	if err != nil {
		t.Skip("ldns-keygen is not installed")
	}
	dir := t.TempDir()
	runIn(t, dir, keygen, "-a", "ECDSAP256SHA256", "example.org")
	keys, _ := filepath.Glob(filepath.Join(dir, "*.key"))
	if len(keys) != 1 {
		t.Fatalf("keys: %q", keys)
	}
	key := strings.TrimSuffix(filepath.Base(keys[0]), ".key")
	text := "$ORIGIN example.org.\n$TTL 300\n@ SOA ns1 admin 7 1800 900 604800 86400\n@ NS ns1\n@ NS ns2.sub\nns1 A 192.0.2.1\n" +
		"sub NS ns2.sub\nns2.sub AAAA 2001:db8::1\nsecure NS ns1\nsecure DS 1 13 2 " + strings.Repeat("ab", 32) + "\n"
	for i := range 50 {
		text += fmt.Sprintf("h%d A 192.0.2.%d\nh%d.e%d TXT \"text %d\" \"more\"\nh%d MX 10 Mail.Example.ORG.\n", i, i, i, i%7, i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, extra := range [][]string{{}, {"-n"}, {"-n", "-p", "-s", "abcd"}} {
		for _, kind := range []string{"simple:sha384", "simple:sha512"} {
			args := append([]string{"-z", kind, "-o", "example.org.", "-f", "signed"}, extra...)
			runIn(t, dir, sign, append(args, "zone", key)...)
			signed, err := os.ReadFile(filepath.Join(dir, "signed"))
			if err != nil {
				t.Fatal(err)
			}
			v := mustZone(t, "example.org.", string(signed))
			found, err := checkZONEMD(t.Context(), config.ZONEMDRequired, v)
			if err != nil || len(found) > 0 {
				t.Errorf("%s %v: %v\n%s", kind, extra, err, lines(found))
			}
		}
	}
}

func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
