package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
)

// TestSignedNotify has dig and kdig send NOTIFYs in a primary's name, with a key for each algorithm:
//
//	scripted  <---SOA, AXFR, signed---  CoreDNS  <---NOTIFY, signed rightly and wrongly---  dig, kdig
//
// They check the signature of the answer as we check theirs.
func TestSignedNotify(t *testing.T) {
	t.Parallel()
	keys := AllAlgorithms()
	scripted := primarytest.New(t)
	var theirs []primarytest.Key
	var corefile strings.Builder
	for _, k := range keys {
		zone := k.Algorithm.String() + ".example."
		scripted.Set(primarytest.Make(t, zone, 1, "@ NS ns1", "ns1 A 192.0.2.53"))
		theirs = append(theirs, k.Theirs())
		md5 := ""
		if k.Algorithm == config.HMACMD5 {
			md5 = "allow_md5"
		}
		fmt.Fprintf(&corefile, `%[1]s:$PORT {
	bind 127.0.0.1
	concord {
		key %[2]s %[3]v %[4]s
		primary scripted %[5]s {
			key %[2]s
		}
		store off
		%[6]s
	}
	errors
}
`, zone, k.Name, k.Algorithm, k.Secret(), scripted.Addr(), md5)
	}
	scripted.UseKeys(theirs...)
	c := NewCoreDNS(t)
	c.Start(corefile.String())
	port := fmt.Sprint(c.Addr.Port())
	for _, k := range keys {
		zone := k.Algorithm.String() + ".example."
		c.WaitServes(zone, 1)
		other := k
		other.Octets = "another secret"
		stranger := k
		stranger.Name = "stranger.key."
		for _, tt := range []struct {
			name string
			key  *SecuredKey
			want []string // in what dig prints; kdig shows the last of them alone
		}{
			{"signed", &k, []string{"NOERROR"}},
			{"not signed", nil, []string{"REFUSED"}},
			{"with another secret", &other, []string{"NOTAUTH", "BADSIG"}},
			{"with another key", &stranger, []string{"NOTAUTH", "BADKEY"}},
		} {
			for tool, args := range map[string][]string{
				"dig": {"@127.0.0.1", "-p", port, "+opcode=notify", "+norec", "+tries=1", zone, "SOA"},
				// The serial is one that nobody has: it is not believed.
				"kdig": {"@127.0.0.1", "-p", port, "+retry=0", "-t", "NOTIFY=77", zone},
			} {
				if tt.key != nil {
					args = append([]string{"-y", fmt.Sprintf("%v:%s:%s", k.Algorithm, tt.key.Name, tt.key.Secret())}, args...)
				}
				out, _ := exec.CommandContext(t.Context(), LookPath(t, tool), args...).CombinedOutput() // what fails is told in it
				text := string(out)
				for i, want := range tt.want {
					if (tool == "dig" || i == len(tt.want)-1) && !strings.Contains(text, want) {
						t.Errorf("%s %s, %s: no %q in\n%s", tool, zone, tt.name, want, text)
					}
				}
				for _, bad := range []string{"Couldn't verify", ";; WARNING", ";; ERROR"} {
					if tt.name == "signed" && strings.Contains(text, bad) {
						t.Errorf("%s %s, %s: %q in\n%s", tool, zone, tt.name, bad, text)
					}
				}
			}
		}
		if err := c.Serves(zone, 1); err != nil {
			t.Error(err)
		}
	}
}
