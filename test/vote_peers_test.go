package test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// The peers whose answers decide, in the order of ballot.peers.
const (
	NSDVote = iota
	KnotVote
	BINDVote
)

var voters = [...]string{"NSD", "Knot", "BIND"}

// cast asks the three peers all questions, and the binary, if it is to take part.
//
// BIND has its zones from NSD: from a file it takes none with DS at the apex. It takes none at all with NS at
// a wildcard; for those two votes have to do.
func (o *vote) cast(t *testing.T, binary bool, tally map[string]int) {
	t.Helper()
	nsd := StartPeer(t, NSD, PeerConfig{Zones: o.files})
	known := maps.Clone(o.files)
	for _, b := range o.list {
		if b.zone.withoutBIND {
			delete(known, b.zone.Origin)
		}
	}
	peers := [len(voters)]*Peer{
		nsd,
		StartPeer(t, Knot, PeerConfig{Zones: o.files}),
		StartPeer(t, bindOf(nsd.Addr), PeerConfig{Zones: known}),
	}
	errs := make([]error, len(voters))
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() {
			errs[i] = askAll(p.Addr, o.list, func(b *ballot, m *dns.Msg) { b.peers[i] = answertest.ResponseOf(m) })
		})
	}
	wg.Wait()
	if binary {
		o.askBinary(t, peers[KnotVote].Addr, tally)
	}
	for i, p := range peers {
		if errs[i] != nil {
			t.Fatalf("%s: %v", voters[i], errs[i])
		}
		p.Stop()
	}
}

// askBinary wants of the binary, which has the zones from a primary, what internal/answer says.
func (o *vote) askBinary(t *testing.T, primary netip.AddrPort, tally map[string]int) {
	t.Helper()
	c := NewCoreDNS(t)
	zones := slices.Sorted(maps.Keys(o.files))
	c.Start(fmt.Sprintf(`.:$PORT {
	bind 127.0.0.1
	concord %s {
		primary knot %s
		limit transfers 100
	}
	errors
}
`, strings.Join(zones, " "), primary))
	for _, name := range zones {
		c.WaitServes(name, o.serials[name])
	}
	failed := 0
	err := askAll(c.Addr, o.list, func(b *ballot, m *dns.Msg) {
		if b.typ == dns.TypeANY && !b.minimalAny {
			return // the binary's is minimal
		}
		tally["through the binary"]++
		if r := answertest.ResponseOf(m); !r.Equal(b.ours) {
			if failed++; failed <= faultsShown {
				t.Errorf("%s %s, DO %v, seed %d: the binary says\n%sinternal/answer\n%s", b.name, dns.Type(b.typ), b.do, b.zone.seed, r, b.ours)
			}
		}
	})
	if err != nil {
		t.Fatalf("binary: %v", err)
	}
	c.Stop()
}

// bindOf is a BIND that transfers its zones from a primary, and adds nothing to an answer that is not asked for.
func bindOf(primary netip.AddrPort) *Kind {
	return &Kind{
		Name:   "bind",
		server: "named",
		args:   []string{"-g", "-4", "-n", "1", "-c", "conf"},
		config: parse(fmt.Sprintf(`options {
	directory "{{.Path ""}}";
	pid-file none;
	session-keyfile none;
	lock-file none;
	listen-on port {{.Addr.Port}} { {{.Addr.Addr}}; };
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	minimal-responses no-auth;
	zero-no-soa-ttl no;
	check-names secondary ignore;
	allow-transfer { 127.0.0.0/8; };
	notify no;
	serial-query-rate 1000;
	transfers-in 100;
	transfers-per-ns 100;
	tcp-clients 200;
};
controls { };
{{- range .Zones}}
zone "{{.Name}}" { type secondary; primaries { %s port %d; }; file "{{.File}}.transferred"; };
{{- end}}
`, primary.Addr(), primary.Port())),
		reload: func(p *Peer, _ string) error { p.signal(syscall.SIGHUP); return nil },
	}
}

// askAll asks all questions over one TCP connection, without waiting for each answer.
func askAll(server netip.AddrPort, list []ballot, keep func(*ballot, *dns.Msg)) error {
	conn, err := dns.Dial("tcp", server.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return err
	}
	queries := make([]*dns.Msg, len(list))
	for i := range list {
		b := &list[i]
		m := new(dns.Msg).SetQuestion(b.name, b.typ)
		if b.do {
			m.SetEdns0(4096, true)
		}
		m.Id, m.RecursionDesired = uint16(i), false
		queries[i] = m
	}
	sent := make(chan error, 1)
	window := make(chan struct{}, inFlight)
	go func() {
		for _, m := range queries {
			window <- struct{}{}
			if err := conn.WriteMsg(m); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range list {
		m, err := conn.ReadMsg()
		if err != nil {
			conn.Close()
			return err
		}
		keep(&list[m.Id], m)
		<-window
	}
	return <-sent
}
