package concord

import (
	"bytes"
	"fmt"
	golog "log"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// A target is a secondary behind the transfer plugin. It answers NOTIFYs, or is silent.
type target struct {
	addr     string
	silent   atomic.Bool
	notified chan string // what came
}

func newTarget(t *testing.T) *target {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &target{addr: conn.LocalAddr().String(), notified: make(chan string, 100)}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		if n.silent.Load() {
			m.Rcode = dns.RcodeRefused // silence would take seconds
		}
		n.notified <- fmt.Sprint(dns.OpcodeToString[r.Opcode], " ", r.Question[0].Name)
		_ = w.WriteMsg(m)
	})}
	done := make(chan error)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *target) wantNotify(t *testing.T) {
	t.Helper()
	select {
	case got := <-n.notified:
		if got != "NOTIFY example.org." {
			t.Errorf("got %s", got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no NOTIFY")
	}
}

// TestDownstream has the targets of the transfer plugin told of every version, and served with it.
func TestDownstream(t *testing.T) {
	target := newTarget(t)
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "ns1 A 192.0.2.53", "www A 192.0.2.1"))
	in := start(t, at(`example.org:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
		}
		transfer {
			to `+target.addr+` *
		}
	}`, p))
	target.wantNotify(t)
	p.Set(primarytest.Make(t, "example.org.", 8, "@ NS ns1", "ns1 A 192.0.2.53", "www A 192.0.2.8"))
	in.exchange("udp", new(dns.Msg).SetNotify("example.org."))
	target.wantNotify(t)
	axfr := in.exchange("tcp", question("example.org.", dns.TypeAXFR))
	var got []string
	for _, rr := range axfr.Answer {
		got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	soa := "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 8 3600 600 86400 300"
	want := []string{soa, "example.org. 3600 IN NS ns1.example.org.", "ns1.example.org. 3600 IN A 192.0.2.53", "www.example.org. 3600 IN A 192.0.2.8", soa}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for serial, want := range map[uint32]int{
		8: 1, // up to date
		7: 5, // as it happens, either way
		0: 5,
	} {
		ixfr := new(dns.Msg).SetIxfr("example.org.", serial, "ns1.example.org.", "hostmaster.example.org.")
		if m := in.exchange("tcp", ixfr); len(m.Answer) != want {
			t.Errorf("IXFR from serial %d: %v", serial, m)
		}
		if m := in.exchange("udp", ixfr); m.Rcode != dns.RcodeRefused {
			t.Errorf("IXFR over UDP: %v", m)
		}
	}
}

// TestDownstreamAtStart has targets told of what an instance starts with, since one of them may be new.
func TestDownstreamAtStart(t *testing.T) {
	first, second := newTarget(t), newTarget(t)
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "ns1 A 192.0.2.53"))
	corefile := func(to string) string {
		return at(`example.org:0 {
			bind 127.0.0.1
			concord {
				primary ns1 $1
			}
			transfer {
				to `+to+`
			}
		}`, p)
	}
	in := start(t, corefile(first.addr))
	first.wantNotify(t)
	if err := in.reload(corefile(first.addr + " " + second.addr)); err != nil {
		t.Fatal(err)
	}
	first.wantNotify(t)
	second.wantNotify(t)
}

// TestDownstreamFromDisk has targets told of what a process starts with: they may have missed what the one before sent at its end.
func TestDownstreamFromDisk(t *testing.T) {
	target := newTarget(t)
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "ns1 A 192.0.2.53"))
	corefile := at(`example.org:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
			store `+filepath.Join(t.TempDir(), "concord.db")+`
		}
		transfer {
			to `+target.addr+`
		}
	}`, p)
	in := start(t, corefile)
	target.wantNotify(t)
	if err := in.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, err := range in.ShutdownCallbacks() {
		t.Error(err)
	}
	p.Stop()
	start(t, corefile)
	target.wantNotify(t)
}

// TestDownstreamAgain has a target that does not take a NOTIFY be told again, and the log tell of it once.
func TestDownstreamAgain(t *testing.T) {
	was := notifyAgain
	defer func() { notifyAgain = was }()
	notifyAgain = [...]time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer clog.Discard()

	target := newTarget(t)
	target.silent.Store(true)
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns1", "ns1 A 192.0.2.53"))
	in := start(t, at(`example.org:0 {
		bind 127.0.0.1
		concord {
			primary ns1 $1
		}
		transfer {
			to `+target.addr+`
		}
	}`, p))
	for range 3 * (1 + len(notifyAgain)) { // the transfer plugin itself tries three times
		target.wantNotify(t)
	}
	target.silent.Store(false)
	p.Set(primarytest.Make(t, "example.org.", 8, "@ NS ns1", "ns1 A 192.0.2.53"))
	in.exchange("udp", new(dns.Msg).SetNotify("example.org."))
	target.wantNotify(t)
	if err := in.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, err := range in.ShutdownCallbacks() { // which waits for the notifier
		t.Error(err)
	}
	for line, want := range map[string]int{"rcode was": 1, "taken again": 1, "NOTIFY downstream": 2} {
		if n := strings.Count(out.String(), line); n != want {
			t.Errorf("%s: %d times, want %d, in\n%s", line, n, want, out.String())
		}
	}
	select {
	case <-target.notified:
		t.Error("one NOTIFY more")
	default:
	}
}

// TestDownstreamGuarded has transfers out need a key and an address, by the plugins that have such words: concord and *transfer* have
// none.
func TestDownstreamGuarded(t *testing.T) {
	records := []string{"@ NS ns1", "ns1 A 192.0.2.53"}
	for i := range 3000 { // several messages
		records = append(records, fmt.Sprintf("host%d A 192.0.2.%d", i, i%250))
	}
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, records...))
	const key, secret = "transfer.example.org.", "bm90IGEgc2VjcmV0LCBidXQgYW4gZXhhbXBsZSBvZiBvbmU="
	in := start(t, at(`example.org:0 {
		bind 127.0.0.1
		tsig {
			secret `+key+` `+secret+`
			require AXFR IXFR
		}
		acl {
			allow type AXFR IXFR net 127.0.0.0/30
			block type AXFR IXFR
		}
		concord {
			primary ns1 $1
		}
		transfer {
			to *
		}
	}`, p))
	in.awaitSerial("example.org.", "7")
	p.Set(primarytest.Make(t, "example.org.", 8, append(records, "www A 192.0.2.8")...))
	in.exchange("udp", new(dns.Msg).SetNotify("example.org."))
	in.awaitSerial("example.org.", "8")

	axfr := func() *dns.Msg { return new(dns.Msg).SetAxfr("example.org.") }
	ixfr := func() *dns.Msg { return new(dns.Msg).SetIxfr("example.org.", 7, "ns1.", "hostmaster.") }
	for _, tt := range []struct {
		what   string
		ask    *dns.Msg
		from   string
		secret string // empty: not signed
		want   int    // records; 0: no transfer
	}{
		{"AXFR", axfr(), "127.0.0.1", secret, 3005},
		{"IXFR", ixfr(), "127.0.0.2", secret, 5},
		{"AXFR without a key", axfr(), "127.0.0.1", "", 0},
		{"IXFR without a key", ixfr(), "127.0.0.1", "", 0},
		{"AXFR with another secret", axfr(), "127.0.0.1", "YW5vdGhlciBzZWNyZXQ=", 0},
		{"AXFR from another network", axfr(), "127.0.0.9", secret, 0},
		{"IXFR from another network", ixfr(), "127.0.0.9", secret, 0},
	} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(tt.from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", in.Servers()[0].Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client := &dns.Transfer{Conn: &dns.Conn{Conn: conn}} // its reader verifies every message that is signed
		if tt.secret != "" {
			client.TsigSecret = map[string]string{key: tt.secret}
			tt.ask.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
		}
		envelopes, err := client.In(tt.ask, "")
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for e := range envelopes {
			if err = e.Error; err == nil {
				got += len(e.RR)
			}
		}
		if got != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %d records, want %d: %v", tt.what, got, tt.want, err)
		}
	}
}
