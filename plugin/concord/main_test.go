package concord

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/acl"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/multisocket"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
	"github.com/coredns/coredns/plugin/test"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/view"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/concord-dns/concord/internal/parity"
	"github.com/concord-dns/concord/internal/primarytest"
)

func TestMain(m *testing.M) {
	clog.Discard()
	storeByDefault = false
	caddy.Quiet, dnsserver.Quiet = true, true
	dnsserver.Directives = []string{
		"metadata", "multisocket", "bind", "view", "tsig", "acl", "ready", "prometheus", "errors", "template", "cache", "transfer", "file", "concord", "whoami",
	}
	goleak.VerifyTestMain(m)
}

// A server is the handler of one server block, without the server around it.
type server struct {
	*Handler
	t        testing.TB
	instance *instance
}

// serve runs the zones of a concord directive in a registry of its own, until the end of the test.
func serve(t testing.TB, next plugin.Handler, directive string) *server {
	t.Helper()
	zones, err := parse(controller(directive), new(pacing))
	if err != nil {
		t.Fatal(err)
	}
	in := &instance{process: newRegistry()}
	b := newBlock(zones, new(pacing), func() plugin.Handler { return nil })
	in.add(b)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.stop(); err != nil {
			t.Error(err)
		}
	})
	return &server{Handler: &Handler{Next: next, block: b}, t: t, instance: in}
}

// loaded is serve, once every zone has its first version.
func loaded(t testing.TB, next plugin.Handler, directive string) *server {
	t.Helper()
	s := serve(t, next, directive)
	until(t, func() bool {
		for _, e := range s.block.order {
			if e.running.zone.Snapshot().State == parity.Loading { // a zone is served a moment before it is said so
				return false
			}
		}
		return s.Ready()
	})
	return s
}

// ask returns the response to a message from an address, and what ServeDNS returned.
func (s *server) ask(from string, m *dns.Msg) (*dns.Msg, int) {
	s.t.Helper()
	w := dnstest.NewRecorder(&test.ResponseWriter{RemoteIP: from})
	rcode, err := s.ServeDNS(s.t.Context(), w, m)
	if err != nil {
		s.t.Fatal(err)
	}
	return w.Msg, rcode
}

func question(name string, typ uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, typ) }

// until waits for something that goes on beside the test.
func until(t testing.TB, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not happen within 20 s")
		}
	}
}

// at has the text of a Corefile name the addresses of primaries: $1, $2 and so on.
func at(text string, primaries ...*primarytest.Primary) string {
	for i, p := range primaries {
		text = strings.ReplaceAll(text, "$"+string(rune('1'+i)), p.Addr().String())
	}
	return text
}

// nobody is an address of which connections are refused.
func nobody(t *testing.T) netip.AddrPort {
	p := primarytest.New(t)
	p.Stop()
	return p.Addr()
}
