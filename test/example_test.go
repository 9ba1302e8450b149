package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestExample runs Corefile.example, on other ports, and does what example/try.txt says:
//
//	file example/ns1.zone  --\
//	                          >--  concord, agree all; all in one process
//	file example/ns2.zone  --/
func TestExample(t *testing.T) {
	t.Parallel()
	c := NewCoreDNS(t)
	if err := os.CopyFS(filepath.Join(c.dir, "example"), os.DirFS("../example")); err != nil {
		t.Fatal(err)
	}
	corefile := read(t, "../Corefile.example")
	for port := 10054; port <= 10055; port++ {
		free := FreeAddr(t, "127.0.0.1")
		corefile = strings.ReplaceAll(corefile, strconv.Itoa(port), strconv.Itoa(int(free.Port())))
	}
	c.Start(strings.NewReplacer("10053", "$PORT", "127.0.0.1:9253", "$METRICS").Replace(corefile))
	c.WaitServes("example.org", 1)

	hints := commands(read(t, "../example/try.txt"))
	if len(hints) != 6 {
		t.Fatalf("example/try.txt has %d commands: %q", len(hints), hints)
	}
	// dig is for the reader's eyes, and so is the page of metrics, of which the series must be there.
	for i, want := range []string{"dig @127.0.0.1 -p 10053 www.example.org +short", "curl -s http://127.0.0.1:9253/metrics | grep ^coredns_concord"} {
		if hints[i] != want {
			t.Errorf("command %d is %q, and this test tries %q", i+1, hints[i], want)
		}
	}
	c.wantWWW("192.0.2.10")
	c.WaitMetric(`coredns_concord_zone_serial{zone="example.org."}`, 1)

	c.shell(hints[2]) // ns1 alone
	c.WaitState("settling")
	c.WaitState("lagging")
	c.WaitLog(0, "example.org. lagging", "ns2")
	c.wantWWW("192.0.2.10")

	c.shell(hints[3]) // ns2 as well
	c.WaitServes("example.org", 2)
	c.wantWWW("192.0.2.20")

	c.shell(hints[4]) // each its own
	c.shell(hints[5])
	c.WaitLog(0, "example.org. drift", "ns1 and ns2 hold serial 3", "www.example.org. A")
	c.wantWWW("192.0.2.20")

	for _, name := range []string{"ns1.zone", "ns2.zone"} { // as git would
		if err := os.WriteFile(filepath.Join(c.dir, "example", name), []byte(read(t, "../example/"+name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.WaitServes("example.org", 1)
}

// commands returns the lines that are indented by four, as a reader would copy them.
func commands(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			found = append(found, strings.TrimSpace(command))
		}
	}
	return found
}

func (c *CoreDNS) shell(command string) {
	c.t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = c.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v: %s", command, err, out)
	}
}

func (c *CoreDNS) wantWWW(address string) {
	c.t.Helper()
	Eventually(c.t, Patience, func() error {
		r, err := Ask(c.Addr, "www.example.org", dns.TypeA)
		if err == nil && (len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != address) {
			err = fmt.Errorf("www is served as %v, want %s", r.Answer, address)
		}
		return err
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
