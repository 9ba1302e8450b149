package test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// Incident is what most incidents begin with: all primaries hold the same version of example.org, and the binary serves it.
//
//	NSD  127.0.0.2  --\
//	Knot 127.0.0.3  --->--  CoreDNS with concord, which looks every second
//	BIND 127.0.0.1  --/
//
// All send NOTIFY. Without BIND there are two.
type Incident struct {
	*CoreDNS
	NSD, Knot, BIND *Peer
}

// NewIncident starts NSD, Knot and, if it is wanted, BIND, with the zone, which is a master file. The binary comes later.
func NewIncident(t testing.TB, zone string, withBIND bool) *Incident {
	t.Helper()
	i := &Incident{CoreDNS: NewCoreDNS(t)}
	start := func(kind *Kind, ip string) *Peer {
		return StartPeer(t, kind, PeerConfig{Zones: map[string]string{"example.org": zone}, IP: ip, Notify: []netip.AddrPort{i.CoreDNS.Addr}})
	}
	i.NSD, i.Knot = start(NSD, "127.0.0.2"), start(Knot, "127.0.0.3")
	if withBIND {
		i.BIND = start(BIND, "127.0.0.1")
	}
	return i
}

// Begin starts the binary with properties of the concord block beside the primaries, which are named nsd, knot and bind.
func (i *Incident) Begin(properties ...string) {
	i.t.Helper()
	for _, p := range i.peers() {
		properties = append(properties, fmt.Sprintf("primary %s %s", p.Kind.Name, p.Addr))
	}
	i.Start(Corefile(append(properties, "refresh 1s 1s", "retry 1s 1s")...))
}

// BeginServing is Begin, and waits until the serial is served and all agree.
func (i *Incident) BeginServing(serial uint32, properties ...string) {
	i.t.Helper()
	i.Begin(properties...)
	i.WaitServes("example.org", serial)
	i.WaitState("in_parity")
	for _, p := range i.peers() {
		i.WaitPrimary(p.Kind.Name, "agreeing")
	}
}

func (i *Incident) peers() []*Peer {
	if i.BIND == nil {
		return []*Peer{i.NSD, i.Knot}
	}
	return []*Peer{i.NSD, i.Knot, i.BIND}
}

// Reload has the server read another Corefile, as Start has it.
func (c *CoreDNS) Reload(corefile string) {
	c.t.Helper()
	corefile = strings.NewReplacer("$PORT", strconv.Itoa(int(c.Addr.Port())), "$METRICS", c.Metrics.String()).Replace(corefile)
	if err := os.WriteFile(filepath.Join(c.dir, "Corefile"), []byte(corefile), 0o644); err != nil {
		c.t.Fatal(err)
	}
	mark := c.Mark()
	c.signal(syscall.SIGUSR1)
	c.WaitLog(mark, "Reloading complete")
}

// LoadAll gives all primaries the same master file.
func (i *Incident) LoadAll(zone string) {
	i.t.Helper()
	for _, p := range i.peers() {
		p.Load("example.org", zone)
	}
}

// WantPrimaries waits for the states of the primaries, in the order NSD, Knot, BIND.
func (i *Incident) WantPrimaries(states ...string) {
	i.t.Helper()
	for n, p := range i.peers() {
		i.WaitPrimary(p.Kind.Name, states[n])
	}
}

// GoesOn wants the serial to be served, with www at the address, and nothing else until the primaries have been looked at once
// more.
func (i *Incident) GoesOn(serial uint32, www string) {
	i.t.Helper()
	looks := func() float64 {
		var sum float64
		for _, p := range i.peers() {
			n, _ := i.Metric(fmt.Sprintf(`coredns_concord_primary_last_success_timestamp_seconds{primary=%q,zone="example.org."}`, p.Kind.Name))
			sum = max(sum, n)
		}
		return sum
	}
	last := looks()
	Eventually(i.t, Patience, func() error {
		if err := i.Serves("example.org", serial); err != nil {
			i.t.Fatal(err)
		}
		if looks() == last {
			return errors.New("no primary was looked at")
		}
		return nil
	})
	i.wantWWW(www)
}

// Rejected waits until serial 2 of each of the primaries was rejected for a reason, which begins with the check's name.
func (i *Incident) Rejected(reason string, primaries ...*Peer) {
	i.t.Helper()
	check, _, _ := strings.Cut(reason, " ")
	for _, p := range primaries {
		i.WaitLog(0, "[WARNING]", "example.org. "+p.Kind.Name+" sent serial 2", "which is rejected: "+reason)
		i.WaitMetric(fmt.Sprintf(`coredns_concord_check_failures_total{check=%q,primary=%q,zone="example.org."}`, check, p.Kind.Name), 1)
	}
}

// NotServed wants SERVFAIL for everything in the zone.
func (i *Incident) NotServed(names ...string) {
	i.t.Helper()
	for _, name := range names {
		if r := i.Ask(name, dns.TypeA); r.Rcode != dns.RcodeServerFailure || len(r.Answer) > 0 {
			i.t.Errorf("%s is answered: %s, %v", name, dns.RcodeToString[r.Rcode], r.Answer)
		}
	}
}
