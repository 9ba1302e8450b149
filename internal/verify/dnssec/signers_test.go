package dnssec

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// A signer is a program that signs zones.
type signer struct {
	name string
	// sign signs the file zone of a directory and returns the signed one.
	sign func(t *testing.T, dir string) string
}

// What ldns, BIND and Knot have signed passes, whichever way; what it becomes by taking a record of it away does not.
func TestZonesSignedByOthers(t *testing.T) {
	plains := map[string]string{"base": base}
	for seed := range uint64(2) {
		z := answertest.Generate(rand.New(rand.NewPCG(seed, 9)), "example.org.", answertest.Options{Loadable: true})
		plains[fmt.Sprint("random ", seed)] = z.Text()
	}
	for _, by := range signers() {
		for name, text := range plains {
			t.Run(by.name+" "+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				z, err := answertest.Parse("example.org.", by.sign(t, dir))
				if err != nil {
					t.Fatal(err)
				}
				holds(t, z)
			})
		}
	}
}

// holds verifies a zone, and that it does not without any one of the records that signing has brought in.
func holds(t *testing.T, z *answertest.Zone) {
	t.Helper()
	var anchors []Anchor
	for _, key := range z.TrustAnchors() {
		anchors = append(anchors, anchor(t, key.ToDS(dns.SHA256)))
	}
	o := Options{Now: time.Now(), Anchors: anchors}
	v := version(t, z)
	state, report, err := Verify(t.Context(), v, nil, o)
	if err != nil || !report.OK() || len(report.Warnings) > 0 {
		t.Fatalf("%v\n%s%s", err, list(report), z.Text())
	}
	for i, rr := range z.Records {
		switch rr.(type) {
		case *dns.RRSIG, *dns.NSEC, *dns.NSEC3:
		default:
			continue
		}
		if i%3 > 0 && len(z.Records) > 100 {
			continue
		}
		less := &answertest.Zone{Origin: z.Origin}
		less.Records = append(append(less.Records, z.Records[:i]...), z.Records[i+1:]...)
		_, report, err := Verify(t.Context(), version(t, less), state, o)
		if err != nil || report.OK() {
			t.Errorf("%v: passes without %v", err, rr)
		}
	}
}

func signers() (list []signer) {
	for _, way := range []struct {
		name       string
		options    []string
		algorithms []string
	}{
		{"NSEC", nil, []string{"ECDSAP256SHA256"}},
		{"NSEC RSASHA1", nil, []string{"RSASHA1"}},
		{"NSEC two algorithms", []string{"-U"}, []string{"RSASHA256", "ED25519"}},
		{"NSEC3", []string{"-n", "-t", "3", "-s", "abcd"}, []string{"ECDSAP384SHA384"}},
		{"NSEC3 RSASHA1", []string{"-n"}, []string{"RSASHA1-NSEC3-SHA1"}},
		{"NSEC3 opt-out", []string{"-n", "-p"}, []string{"RSASHA512"}},
	} {
		list = append(list, signer{"ldns " + way.name, func(t *testing.T, dir string) string {
			args := append([]string{"-f", "signed"}, way.options...)
			args = append(args, "zone")
			for _, algorithm := range way.algorithms {
				args = append(args, strings.TrimSpace(run(t, dir, "ldns-keygen", "-r", "/dev/urandom", "-a", algorithm, "-b", "1024", "-k", "example.org")))
			}
			run(t, dir, "ldns-signzone", args...)
			return read(t, dir, "signed")
		}})
	}
	for _, way := range []struct {
		name       string
		options    []string
		algorithms []string
	}{
		{"NSEC", nil, []string{"ED25519"}},
		{"NSEC three algorithms", nil, []string{"ECDSAP256SHA256", "RSASHA512", "ED25519"}},
		{"NSEC3", []string{"-3", "abcd", "-H", "2"}, []string{"ECDSAP256SHA256"}},
		{"NSEC3 opt-out", []string{"-3", "-", "-A"}, []string{"RSASHA256"}},
	} {
		list = append(list, signer{"BIND " + way.name, func(t *testing.T, dir string) string {
			for _, algorithm := range way.algorithms {
				args := []string{"-q", "-a", algorithm, "example.org"}
				if strings.HasPrefix(algorithm, "RSA") {
					args = append([]string{"-b", "1024"}, args...)
				}
				run(t, dir, "dnssec-keygen", args...)
				run(t, dir, "dnssec-keygen", append([]string{"-f", "KSK"}, args...)...)
			}
			run(t, dir, "dnssec-signzone", append(append([]string{"-S", "-x", "-O", "full", "-o", "example.org", "-f", "signed"}, way.options...), "zone")...)
			return read(t, dir, "signed")
		}})
	}
	for _, way := range []struct{ name, policy string }{
		{"NSEC", "algorithm: ecdsap256sha256"},
		{"NSEC one key", "algorithm: ed25519\n    single-type-signing: on"},
		{"NSEC3", "algorithm: ecdsap384sha384\n    nsec3: on\n    nsec3-iterations: 4"},
		{"NSEC3 opt-out", "algorithm: rsasha256\n    ksk-size: 1024\n    zsk-size: 1024\n    nsec3: on\n    nsec3-opt-out: on"},
	} {
		list = append(list, signer{"Knot " + way.name, func(t *testing.T, dir string) string {
			conf := fmt.Sprintf(`
database:
  storage: "%[1]s/keys"
policy:
  - id: p
    %[2]s
zone:
  - domain: example.org
    storage: "%[1]s"
    file: zone
    dnssec-signing: on
    dnssec-policy: p
`, dir, way.policy)
			if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, sub := range []string{"keys", "out"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			run(t, dir, "kzonesign", "-c", "conf", "-o", "out", "example.org")
			return read(t, dir, "out/zone")
		}})
	}
	return list
}

// run runs a program that make peers installs, and returns what it writes.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path := ""
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(candidate); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatalf("%s is missing: run make peers", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	var out, diagnostics strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out.String(), diagnostics.String())
	}
	return out.String()
}

func read(t *testing.T, dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
