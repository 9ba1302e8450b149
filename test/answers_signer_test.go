package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// TestSignedZones has ldns-verify-zone and kzonecheck check the zones that answertest signs: what is built on those zones is worth
// no more than they are.
func TestSignedZones(t *testing.T) {
	const zones = 100
	file := filepath.Join(t.TempDir(), "zone")
	for seed := range uint64(zones) {
		r := rand.New(rand.NewPCG(seed, 11))
		origin := originOf(seed, r)
		s := answertest.RandomSigning(r)
		z := answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: true}).Signed(s)
		if err := os.WriteFile(file, []byte(z.Text()), 0o644); err != nil {
			t.Fatal(err)
		}
		fail := func(who, said string) {
			t.Errorf("seed %d, zone signed with %s: %s says\n%s--- zone\n%s", seed, s, who, said, z.Text())
		}
		// ldns takes the label "@" in RDATA for the origin, in whatever way it is escaped.
		if !strings.Contains(z.Text(), "\t"+`\064.`) && !strings.Contains(z.Text(), " "+`\064.`) {
			if out, err := exec.Command(LookPath(t, "ldns-verify-zone"), file).CombinedOutput(); err != nil {
				fail("ldns-verify-zone", string(out))
			}
		}
		if said := kzonecheck(t, origin, file); said != "" {
			fail("kzonecheck", said)
		}
	}
}

// kzonecheck returns what Knot has against a zone, apart from glue, which random zones lack.
func kzonecheck(t *testing.T, origin, file string) (said string) {
	t.Helper()
	out, err := exec.Command(LookPath(t, "kzonecheck"), "-d", "on", "-o", origin, file).CombinedOutput()
	if err == nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing glue record") && !strings.HasPrefix(line, "Error summary") && strings.TrimSpace(line) != "" {
			said += line
		}
	}
	if !strings.Contains(string(out), "missing glue") {
		said += fmt.Sprintln(err)
	}
	return said
}
