package dnssec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// large is a signed zone of about 100,000 records, addresses and delegations, and the same with ten RRsets changed.
type large struct {
	zone    *answertest.Zone
	version *zone.Version
	changed *zone.Version
}

var larges = map[bool]func() large{
	false: sync.OnceValue(func() large { return newLarge(answertest.Signing{}) }),
	true:  sync.OnceValue(func() large { return newLarge(answertest.Signing{NSEC3: true}) }),
}

func newLarge(s answertest.Signing) large {
	const names = 24_000
	s.Algorithms = []uint8{dns.ECDSAP256SHA256}
	z := func(changed int) *answertest.Zone {
		text := []byte("example. 3600 IN SOA ns.example. host.example. 1 3600 600 86400 300\nexample. 3600 IN NS ns.example.\nns.example. 300 IN A 192.0.2.1\n")
		for i := range names {
			at := 1
			if changed > 0 && i%(names/changed) == 7 {
				at = 2
			}
			switch i % 10 {
			case 0:
				text = fmt.Appendf(text, "n%d.example. 300 IN NS ns%d.example.net.\n", i, i)
			case 1:
				text = fmt.Appendf(text, "n%d.example. 300 IN NS ns.example.net.\nn%d.example. 300 IN DS 1 13 2 %064X\n", i, i, i)
			default:
				text = fmt.Appendf(text, "n%d.example. 300 IN A 192.0.2.%d\n", i, at)
			}
		}
		parsed, err := answertest.Parse("example.", string(text))
		if err != nil {
			panic(err)
		}
		return parsed.Signed(s)
	}
	build := func(z *answertest.Zone) *zone.Version {
		v, err := z.Version()
		if err != nil {
			panic(err)
		}
		return v
	}
	signed := z(0)
	return large{signed, build(signed), build(z(10))}
}

func eachChain(b *testing.B, run func(b *testing.B, l large)) {
	for _, nsec3 := range []bool{false, true} {
		b.Run(map[bool]string{false: "NSEC", true: "NSEC3"}[nsec3], func(b *testing.B) {
			l := larges[nsec3]()
			b.ResetTimer()
			run(b, l)
			b.ReportMetric(float64(l.version.Records()), "records")
		})
	}
}

func bench(b *testing.B, v *zone.Version, before *State) *State {
	s, r, err := Verify(b.Context(), v, before, Options{Now: now})
	if err != nil || !r.OK() {
		b.Fatal(r, err)
	}
	return s
}

func BenchmarkFirst(b *testing.B) {
	eachChain(b, func(b *testing.B, l large) {
		b.ReportAllocs()
		for b.Loop() {
			bench(b, l.version, nil)
		}
	})
}

// BenchmarkFirstLDNS is what ldns-verify-zone takes for the same zone, which it reads from a file.
func BenchmarkFirstLDNS(b *testing.B) {
	path, err := exec.LookPath("ldns-verify-zone")
	if err != nil {
		b.Skip(err)
	}
	eachChain(b, func(b *testing.B, l large) {
		file := filepath.Join(b.TempDir(), "zone")
		if err := os.WriteFile(file, []byte(l.zone.Text()), 0o600); err != nil {
			b.Fatal(err)
		}
		var cpu time.Duration
		for b.Loop() {
			cmd := exec.CommandContext(b.Context(), path, file)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	})
}

func BenchmarkTenChanged(b *testing.B) {
	eachChain(b, func(b *testing.B, l large) {
		before := bench(b, l.version, nil)
		b.ReportAllocs()
		b.ResetTimer()
		for b.Loop() {
			bench(b, l.changed, before)
		}
	})
}

// BenchmarkLater verifies a version again at a later time.
func BenchmarkLater(b *testing.B) {
	eachChain(b, func(b *testing.B, l large) {
		before := bench(b, l.version, nil)
		b.ResetTimer()
		for b.Loop() {
			bench(b, l.version, before)
		}
	})
}
