package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/concord-dns/concord/internal/primarytest"
)

// dig and kdig accept what the scripted primary signs, and nothing that is signed otherwise, so that the tests that go by it
// hold for more than ourselves.
func TestScriptedSignatures(t *testing.T) {
	scripted := primarytest.New(t, primarytest.Make(t, "example.org.", 7, MasterFile{Serial: 7}.String()))
	for _, k := range AllAlgorithms() {
		scripted.UseKeys(k.Theirs())
		other := k.Theirs()
		other.Secret = "b3RoZXI="
		for _, test := range []struct {
			tsig primarytest.TSIG
			good bool
		}{
			{primarytest.TSIG{}, true},
			{primarytest.TSIG{Every: 3}, true},
			{primarytest.TSIG{As: &other}, false},
		} {
			scripted.Behave(primarytest.Behaviour{RecordsPerMessage: 1, TSIG: test.tsig})
			for _, tool := range []string{"dig", "kdig"} {
				out, err := exec.CommandContext(t.Context(), LookPath(t, tool), "@127.0.0.1", "-p", fmt.Sprint(scripted.Addr().Port()),
					"-y", fmt.Sprintf("%v:%s:%s", k.Algorithm, k.Name, k.Secret()), "example.org.", "AXFR").CombinedOutput()
				good := err == nil
				for _, bad := range []string{"Couldn't verify", "ransfer failed", ";; ERROR", ";; WARNING"} {
					good = good && !strings.Contains(string(out), bad)
				}
				if good != test.good {
					t.Errorf("%s with %v, %+v: %v:\n%s", tool, k.Algorithm, test.tsig, err, out)
				}
			}
		}
	}
}
