package test

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// CoreDNS is the running binary.
type CoreDNS struct {
	Addr    netip.AddrPort // where it answers: on $PORT of the Corefile
	Metrics netip.AddrPort // $METRICS in the Corefile

	t   testing.TB
	dir string
	*process
}

// NewCoreDNS chooses the addresses of a server that is to be started later.
func NewCoreDNS(t testing.TB) *CoreDNS {
	return &CoreDNS{Addr: FreeAddr(t, "127.0.0.1"), Metrics: FreeAddr(t, "127.0.0.1"), t: t, dir: t.TempDir()}
}

// Start starts the binary with a Corefile and waits until it listens. In the Corefile, $PORT is a free port, on 127.0.0.1,
// and $METRICS an address for the metrics.
func (c *CoreDNS) Start(corefile string) {
	c.t.Helper()
	corefile = strings.NewReplacer("$PORT", strconv.Itoa(int(c.Addr.Port())), "$METRICS", c.Metrics.String()).Replace(corefile)
	if err := os.WriteFile(filepath.Join(c.dir, "Corefile"), []byte(corefile), 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.Restart()
}

// Restart starts a server that was stopped or killed, with the Corefile that it had.
func (c *CoreDNS) Restart() {
	c.t.Helper()
	c.process = startProcess(c.t, "coredns", c.dir, Binary(c.t), "-conf", "Corefile")
	// The last that it says of its start is its version.
	if _, err := c.findLog(0, Patience, "linux/", "go1."); err != nil {
		c.t.Fatal(err)
	}
}

// Stop asks the server to end, and waits until it has.
func (c *CoreDNS) Stop() { c.stop() }

// Kill ends the server as kill -9 does.
func (c *CoreDNS) Kill() { c.kill() }

// Ask returns the server's answer.
func (c *CoreDNS) Ask(name string, qtype uint16) *dns.Msg {
	c.t.Helper()
	r, err := Ask(c.Addr, name, qtype)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// Serves returns an error unless the server answers for the zone with this serial.
func (c *CoreDNS) Serves(zone string, serial uint32) error {
	got, err := Serial(c.Addr, zone)
	if err == nil && got != serial {
		err = fmt.Errorf("%s is served with serial %d, want %d", zone, got, serial)
	}
	return err
}

// WaitServes waits until the server answers for the zone with this serial, and returns how long that took.
func (c *CoreDNS) WaitServes(zone string, serial uint32) time.Duration {
	c.t.Helper()
	return Eventually(c.t, Patience, func() error {
		if err := c.ended(); err != nil {
			c.t.Fatal(err)
		}
		return c.Serves(zone, serial)
	})
}

// WaitLog waits for a line after mark, which Log.Mark gave, that has every one of the parts, and returns it.
func (c *CoreDNS) WaitLog(mark int, parts ...string) string {
	c.t.Helper()
	line, err := c.findLog(mark, Patience, parts...)
	if err != nil {
		c.t.Fatal(err)
	}
	return line
}

// Mark is where the log ends now.
func (c *CoreDNS) Mark() int { return c.log.Mark() }

func (c *CoreDNS) findLog(mark int, within time.Duration, parts ...string) (line string, err error) {
	err = poll(within, func() error {
		found, ok := c.log.Find(mark, parts...)
		if ok {
			line = found
			return nil
		}
		if err := c.ended(); err != nil {
			return err
		}
		return fmt.Errorf("no line with %q in the log", parts)
	})
	return line, err
}

// Metric returns the value of one series, given as Prometheus prints it: name{label="value",...}, labels sorted.
func (c *CoreDNS) Metric(series string) (float64, error) {
	page, err := c.metrics()
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(page) {
		if rest, ok := strings.CutPrefix(string(line), series+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("no series %s in the metrics", series)
}

// WaitMetric waits until a series has the value.
func (c *CoreDNS) WaitMetric(series string, want float64) {
	c.t.Helper()
	Eventually(c.t, Patience, func() error { return c.metricIs(series, want) })
}

func (c *CoreDNS) metricIs(series string, want float64) error {
	got, err := c.Metric(series)
	if err == nil && got != want {
		err = fmt.Errorf("%s is %v, want %v", series, got, want)
	}
	return err
}

// metrics reads the page of metrics. No connection is kept, for the leak test's sake.
func (c *CoreDNS) metrics() ([]byte, error) {
	client := http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + c.Metrics.String() + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %s", r.Status)
	}
	return io.ReadAll(r.Body)
}

// RSS returns the server's resident memory in bytes and, when peak is set, the most that it ever was.
func (c *CoreDNS) RSS(peak bool) int64 {
	c.t.Helper()
	field := "VmRSS:"
	if peak {
		field = "VmHWM:"
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	words := strings.Fields(string(status))
	kib, err := strconv.ParseInt(words[slices.Index(words, field)+1], 10, 64)
	if err != nil {
		c.t.Fatal(err)
	}
	return kib << 10
}

// allowed is what memory may grow by: with the race detector, it is several times what it is without.
func (c *CoreDNS) allowed(octets int64) int64 {
	c.t.Helper()
	info, err := buildinfo.ReadFile(Binary(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		octets *= 4
	}
	return octets
}

// Binary returns the path of the binary under test: COREDNS_BINARY, or one built from this checkout.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("COREDNS_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "coredns")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path := filepath.Join(dir, "coredns")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "github.com/concord-dns/concord/cmd/coredns")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// builtIn is the directory of the binary that was built, for TestMain to remove.
var builtIn string
