package test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestPeers tries the harness itself:
//
//	peer (NSD, Knot or BIND)  ---NOTIFY, AXFR--->  the test
func TestPeers(t *testing.T) {
	for kind, ip := range map[*Kind]string{NSD: "127.0.0.2", Knot: "127.0.0.3", BIND: "127.0.0.1"} {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			listener, serials := listenForNotify(t, ip)
			p := StartPeer(t, kind, PeerConfig{
				Zones:  map[string]string{"example.org": MasterFile{Serial: 1}.String(), "Example.NET.": "@ 300 SOA a b 7 1 1 1 1\n@ 300 NS a.example.\n"},
				IP:     ip,
				Notify: []netip.AddrPort{listener},
			})
			wantRecords(t, p, 11)
			p.Load("example.org", MasterFile{Serial: 2, Records: []string{"new A 192.0.2.7"}}.String())
			wantRecords(t, p, 12)
			wantNotify(t, serials, 2, 0)
			if got, err := Serial(p.Addr, "example.net"); got != 7 || err != nil {
				t.Errorf("serial of the zone beside it: %d, %v", got, err)
			}
			p.Kill()
			if _, err := Serial(p.Addr, "example.org"); err == nil {
				t.Error("it answers after kill -9")
			}
			p.Restart()
			wantRecords(t, p, 12)
		})
	}
}

// wantRecords transfers the zone, which begins and ends with its SOA.
func wantRecords(t *testing.T, p *Peer, want int) {
	t.Helper()
	in, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr("example.org."), p.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for envelope := range in {
		if envelope.Error != nil {
			t.Fatal(envelope.Error)
		}
		got += len(envelope.RR)
	}
	if got != want {
		t.Errorf("%s transfers %d records, want %d", p.name, got, want)
	}
}

// listenForNotify answers every NOTIFY, over UDP and, as Knot sends it, over TCP. What is sent on the channel is the
// serial that it says, or 0: NSD says none.
func listenForNotify(t *testing.T, from string) (netip.AddrPort, <-chan uint32) {
	t.Helper()
	addr, serials := FreeAddr(t, "127.0.0.1"), make(chan uint32, 100)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		if host, _, err := net.SplitHostPort(w.RemoteAddr().String()); err != nil || host != from || m.Opcode != dns.OpcodeNotify {
			t.Errorf("not a NOTIFY from %s: %v from %s", from, m, w.RemoteAddr())
		}
		if err := w.WriteMsg(new(dns.Msg).SetReply(m)); err != nil {
			t.Error(err)
		}
		var serial uint32
		if len(m.Answer) == 1 && m.Question[0].Name == "example.org." {
			serial = m.Answer[0].(*dns.SOA).Serial
		}
		serials <- serial
	})
	for _, network := range []string{"udp", "tcp"} {
		started, ended := make(chan struct{}), make(chan error)
		s := &dns.Server{Addr: addr.String(), Net: network, Handler: handler, NotifyStartedFunc: func() { close(started) }}
		go func() { ended <- s.ListenAndServe() }()
		select {
		case <-started:
		case err := <-ended:
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(s.Shutdown(), <-ended); err != nil {
				t.Error(err)
			}
		})
	}
	return addr, serials
}

func wantNotify(t *testing.T, serials <-chan uint32, want ...uint32) {
	t.Helper()
	late := time.After(Patience)
	for {
		select {
		case got := <-serials:
			if slices.Contains(want, got) {
				return
			}
		case <-late:
			t.Fatalf("no NOTIFY with serial %d", want)
		}
	}
}
