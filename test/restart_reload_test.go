package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestReloads has the server read Corefiles of every kind, one after the other, under load:
//
//	clients  -- a query at a time each -->  CoreDNS, SIGUSR1 again and again  --  first, second
//
// No query fails and nothing is transferred again, whatever changes: policies, timers, the store and its place, zones that come
// and go, and Corefiles that cannot be used. In the end there are no more goroutines and open files than in the beginning.
func TestReloads(t *testing.T) {
	t.Parallel()
	lasting := 20 * time.Second
	if testing.Short() {
		lasting = 5 * time.Second
	}
	k := keep(t, 5)
	k.set(6)
	k.WaitServes("example.org", 6)
	more := "\nexample.net:$PORT {\n\tbind 127.0.0.1\n\twhoami\n}\n"
	zone := func(properties ...string) string { return k.with(properties...) }
	corefiles := []struct {
		text string
		bad  bool
	}{
		{text: zone()},
		{text: zone("settle 1m")},
		{text: zone("history 4")},
		{text: zone("absent 2h", "forget 2d")},
		{text: strings.ReplaceAll(zone(), "agree all", "agree any")},
		{text: zone("store other.db")},
		{text: zone("store other.db best-effort")},
		{text: zone("store off")},
		{text: zone("agree 5"), bad: true},
		{text: zone("store no/such/directory.db"), bad: true},
		{text: zone() + more},
		{text: zone("settle 2m") + "\nexample.com:1 {\n\tbind 192.0.2.1\n\twhoami\n}\n", bad: true}, // an address that is not ours
		{text: zone("verify zonemd", "expire 2h 30d")},
		{text: zone() + strings.ReplaceAll(more, "whoami", "concord {\n\t\tprimary nobody 127.0.0.1:1\n\t}")},
		{text: zone("refresh 20s 1h") + "\n# a comment\n"},
	}
	before := k.transfers()
	k.reload(corefiles[0].text, false)
	stop := k.load(t, 3)
	fds, goroutines, n := 0.0, 0.0, 0
	for end := time.Now().Add(lasting); time.Now().Before(end) && !t.Failed(); n++ {
		c := corefiles[n%len(corefiles)]
		k.reload(c.text, c.bad)
		if n == len(corefiles) { // one time round all is there that comes with the first use
			fds, goroutines = k.resources()
		}
	}
	k.reload(corefiles[0].text, false)
	queries := stop()
	t.Logf("%d reloads, %d queries", n, queries)
	if n := k.transfers() - before; n != 0 {
		t.Errorf("%d AXFRs", n)
	}
	if n > len(corefiles) {
		Eventually(t, Patience, func() error {
			if f, g := k.resources(); f > fds || g > goroutines {
				return fmt.Errorf("%v open files and %v goroutines, there were %v and %v", f, g, fds, goroutines)
			}
			return nil
		})
	}
	k.set(7)
	k.WaitServes("example.org", 7)
	wantSteps(t, k.Addr, 5, 7)
}

// resources are how many files and goroutines the server has.
func (k *kept) resources() (fds, goroutines float64) {
	k.t.Helper()
	for series, to := range map[string]*float64{"process_open_fds": &fds, "go_goroutines": &goroutines} {
		v, err := k.Metric(series)
		if err != nil {
			k.t.Fatal(err)
		}
		*to = v
	}
	return fds, goroutines
}

// reload has the server read another Corefile, and waits until it has, or has said that it will not.
func (k *kept) reload(corefile string, bad bool) {
	k.t.Helper()
	corefile = strings.NewReplacer("$PORT", fmt.Sprint(k.Addr.Port()), "$METRICS", k.Metrics.String()).Replace(corefile)
	if err := os.WriteFile(filepath.Join(k.dir, "Corefile"), []byte(corefile), 0o600); err != nil {
		k.t.Fatal(err)
	}
	mark := k.Mark()
	k.signal(syscall.SIGUSR1)
	want := "Reloading complete"
	if bad {
		want = "SIGUSR1:"
	}
	k.WaitLog(mark, want)
	// A listener that CoreDNS stops before its goroutine came to serve is lost: reloads that follow each other within a few
	// milliseconds wait for each.
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: Patience}
		if _, _, err := client.Exchange(new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA), k.Addr.String()); err != nil {
			k.t.Fatal(err)
		}
	}
}

// load asks all the time, each client for itself, and returns what stops that and says how many queries there were.
func (k *kept) load(t *testing.T, clients int) (stop func() int64) {
	ended := make(chan struct{})
	var work sync.WaitGroup
	var asked atomic.Int64
	for range clients {
		work.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				r, err := Ask(k.Addr, "www.example.org", dns.TypeA)
				asked.Add(1)
				if err != nil || r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 {
					t.Errorf("a query during reloads: %v, %v", r, err)
					return
				}
			}
		})
	}
	return func() int64 {
		close(ended)
		work.Wait()
		return asked.Load()
	}
}
