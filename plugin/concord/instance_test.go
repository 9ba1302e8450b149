package concord

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/caddy"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// A running CoreDNS with a few plugins.
type coredns struct {
	*caddy.Instance
	t *testing.T
}

func input(corefile string) caddy.CaddyfileInput {
	return caddy.CaddyfileInput{Filepath: "Corefile", ServerTypeName: "dns", Contents: []byte(corefile)}
}

// start runs a Corefile until the end of the test.
func start(t *testing.T, corefile string) *coredns {
	t.Helper()
	in, err := caddy.Start(input(corefile))
	if err != nil {
		t.Fatal(err)
	}
	c := &coredns{in, t}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		for _, err := range c.ShutdownCallbacks() {
			t.Error(err)
		}
	})
	c.await()
	return c
}

// reload does not return before the new instance serves.
func (c *coredns) reload(corefile string) error {
	in, err := c.Restart(input(corefile))
	c.Instance = in
	if err == nil {
		c.await()
	}
	return err
}

// await waits until every listener answers. One that is stopped before its goroutine came to serve would never end: that
// its stop had no effect is an error that Caddy passes over.
func (c *coredns) await() {
	c.t.Helper()
	sockets := make(map[[2]string]int) // on the same address, by network and address
	for _, s := range c.Servers() {
		sockets[[2]string{"udp", s.LocalAddr().String()}]++
		sockets[[2]string{"tcp", s.Addr().String()}]++
	}
	for at, n := range sockets {
		asked := 1
		if n > 1 {
			asked = 32 * n // the system deals them out by their ports: that one socket gets none of them happens once in 10^12
		}
		for range asked {
			client := &dns.Client{Net: at[0], Timeout: 20 * time.Second}
			if _, _, err := client.Exchange(question(".", dns.TypeNS), at[1]); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// exchange asks the first listener.
func (c *coredns) exchange(network string, m *dns.Msg) *dns.Msg {
	c.t.Helper()
	addr := c.Servers()[0].LocalAddr()
	if network == "tcp" {
		addr = c.Servers()[0].Addr()
	}
	r, _, err := (&dns.Client{Net: network}).Exchange(m, addr.String())
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// serial returns the serial that is served, or what there is in its place.
func (c *coredns) serial(zone string) string {
	c.t.Helper()
	r := c.exchange("udp", question(zone, dns.TypeSOA))
	if len(r.Answer) == 1 {
		if soa, ok := r.Answer[0].(*dns.SOA); ok {
			return fmt.Sprint(soa.Serial)
		}
	}
	return dns.RcodeToString[r.Rcode]
}

func (c *coredns) awaitSerial(zone, want string) {
	c.t.Helper()
	until(c.t, func() bool { return c.serial(zone) == want })
}

const oneZone = `example.org:0 {
	bind 127.0.0.1
	concord {
		primary ns1 $1
		primary ns2 $2
		%s
	}
}`

// TestReload reloads under load: unchanged, changed, and with Corefiles that do not come up. No query fails, and no zone
// is transferred again.
func TestReload(t *testing.T) {
	z := primarytest.Make(t, "example.org.", 7, "@ NS ns1", "www A 192.0.2.1")
	a, b := primarytest.New(t, z), primarytest.New(t, z)
	c := start(t, at(fmt.Sprintf(oneZone, ""), a, b))
	c.awaitSerial("example.org.", "7")
	before := len(process.running())

	stop, addr := make(chan struct{}), c.Servers()[0].LocalAddr().String()
	var asking sync.WaitGroup
	var asked atomic.Int64
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			r, _, err := new(dns.Client).Exchange(question("www.example.org.", dns.TypeA), addr)
			asked.Add(1)
			if err != nil || r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 {
				t.Errorf("during reloads: %v, %v", r, err)
			}
		}
	})
	for _, change := range []string{"", "settle 1m", "settle 1m", "agree all", "history 3", ""} {
		if err := c.reload(at(fmt.Sprintf(oneZone, change), a, b)); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{
		at(fmt.Sprintf(oneZone, "agree 3"), a, b),
		// This one gets as far as starting its zones.
		at(fmt.Sprintf(oneZone, "settle 2m")+"\nexample.net:0 {\n bind 192.0.2.1\n whoami\n concord {\n primary ns1 $1\n }\n}", a, b),
	} {
		if err := c.reload(bad); err == nil {
			t.Errorf("a bad Corefile came up: %s", bad)
		}
	}
	close(stop)
	asking.Wait()
	if asked.Load() == 0 {
		t.Error("nothing was asked")
	}
	if n := len(process.running()); n != before {
		t.Errorf("%d zones run, %d did before", n, before)
	}
	for _, p := range []*primarytest.Primary{a, b} {
		if n := p.Counts().Transfers; n != 1 {
			t.Errorf("%d transfers, want 1", n)
		}
	}
	// What runs is the zone of the last good Corefile, and it lives.
	z = primarytest.Make(t, "example.org.", 8, "@ NS ns1", "www A 192.0.2.8")
	a.Set(z)
	b.Set(z)
	c.exchange("udp", new(dns.Msg).SetNotify("example.org."))
	c.awaitSerial("example.org.", "8")
}

// TestReloadOtherPrimaries has all primaries of a zone change: what the old ones sent is nothing to hold the new ones against.
func TestReloadOtherPrimaries(t *testing.T) {
	a := primarytest.New(t, primarytest.Make(t, "example.org.", 1000, "@ NS ns1"))
	b := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	c := start(t, at(strings.Replace(fmt.Sprintf(oneZone, ""), "primary ns2 $2", "", 1), a))
	c.awaitSerial("example.org.", "1000")
	if err := c.reload(at(strings.Replace(fmt.Sprintf(oneZone, ""), "primary ns1 $1", "", 1), a, b)); err != nil {
		t.Fatal(err)
	}
	c.awaitSerial("example.org.", "7")
}

// TestListeners has one zone on several listeners and sockets, which is one zone still.
func TestListeners(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1"))
	zones := len(process.running())
	c := start(t, at(`example.org:0 {
		bind 127.0.0.1 127.0.0.2
		multisocket 3
		concord {
			primary ns1 $1
		}
	}
	example.org:0 {
		bind 127.0.0.3
		concord {
			primary ns1 $1
		}
	}`, p))
	if n := len(c.Servers()); n != 7 {
		t.Fatalf("%d servers, want 7", n)
	}
	until(t, func() bool {
		for _, s := range c.Servers() {
			r, _, err := new(dns.Client).Exchange(question("example.org.", dns.TypeSOA), s.LocalAddr().String())
			if err != nil || len(r.Answer) != 1 {
				return false
			}
		}
		return true
	})
	if n := p.Counts().Transfers; n != 1 {
		t.Errorf("%d transfers, want 1", n)
	}
	if n := len(process.running()); n != zones+1 {
		t.Errorf("%d zones run, want one more than %d", n, zones)
	}
}

// TestViews has one name be two zones: neither is ever served in place of the other, not even at a reload.
func TestViews(t *testing.T) {
	inside := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "secret A 192.0.2.1"))
	outside := primarytest.New(t, primarytest.Make(t, "example.org.", 9, "@ NS ns1"))
	one := `example.org:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
			%s
		}
	}
	`
	two := one + `example.org:0 {
		bind 127.0.0.2
		concord {
			primary ns1 $2
			%s
		}
	}`
	c := start(t, at(fmt.Sprintf(two, "", ""), inside, outside))
	serials := func() string {
		var got []string
		for _, addr := range []string{"127.0.0.1", "127.0.0.2"} {
			for _, s := range c.Servers() {
				if !strings.HasPrefix(s.LocalAddr().String(), addr+":") {
					continue
				}
				r, _, err := new(dns.Client).Exchange(question("example.org.", dns.TypeSOA), s.LocalAddr().String())
				if err != nil || len(r.Answer) != 1 {
					got = append(got, "none")
				} else {
					got = append(got, fmt.Sprint(r.Answer[0].(*dns.SOA).Serial))
				}
			}
		}
		return strings.Join(got, " ")
	}
	until(t, func() bool { return serials() == "7 9" })
	var labels []string
	for _, run := range process.running() {
		labels = append(labels, *run.label.Load())
	}
	if got := fmt.Sprint(labels); !strings.Contains(got, "example.org. ") && !strings.Contains(got, "example.org.]") || !strings.Contains(got, "example.org.#2") {
		t.Errorf("the zones are called %s", got)
	}
	// Both change at once.
	if err := c.reload(at(fmt.Sprintf(two, "settle 1m", "settle 1m"), inside, outside)); err != nil {
		t.Fatal(err)
	}
	if got := serials(); got == "9 7" || got == "7 7" || got == "9 9" {
		t.Fatalf("the views are served as %s", got)
	}
	until(t, func() bool { return serials() == "7 9" })
	if err := c.reload(at(fmt.Sprintf(one, "settle 1m"), inside)); err != nil {
		t.Fatal(err)
	}
	if got := serials(); got != "7" {
		t.Errorf("one view is left, served as %s", got)
	}
	if got := *process.running()[0].label.Load(); got != "example.org." {
		t.Errorf("the zone that is left is called %s", got)
	}
}

// TestCache has the cache plugin in front of a zone that changes.
func TestCache(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "www 86400 A 192.0.2.7"))
	c := start(t, at(`.:0 {
		bind 127.0.0.1
		cache
		concord example.org {
			primary ns1 $1
		}
	}`, p))
	c.awaitSerial("example.org.", "7")
	p.Set(primarytest.Make(t, "example.org.", 8, "@ NS ns1", "www 86400 A 192.0.2.8"))
	c.exchange("udp", new(dns.Msg).SetNotify("example.org."))
	until(t, func() bool {
		r := c.exchange("udp", question("www.example.org.", dns.TypeA))
		return len(r.Answer) == 1 && strings.HasSuffix(r.Answer[0].String(), "192.0.2.8")
	})
}

// TestReady has every server block wait for the zones of all.
func TestReady(t *testing.T) {
	p := primarytest.New(t, primarytest.Make(t, "a.test.", 7, "@ NS ns1"))
	c := start(t, at(`a.test:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
		}
	}
	b.test:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
			settle 1s
		}
	}`, p))
	c.awaitSerial("a.test.", "7")
	var handlers []*Handler
	for _, run := range process.running() {
		handlers = append(handlers, &Handler{block: run.holders[0]})
	}
	if len(handlers) != 2 {
		t.Fatalf("%d zones run", len(handlers))
	}
	for _, h := range handlers {
		if h.Ready() {
			t.Error("ready, with a zone that never loaded")
		}
	}
	p.Set(primarytest.Make(t, "b.test.", 7, "@ NS ns1"))
	for _, h := range handlers {
		until(t, h.Ready)
	}
}
