package concord

import (
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

func TestSmoke(t *testing.T) {
	dnsserver.Directives = []string{"bind", "transfer", "concord"}
	dnsserver.Quiet, caddy.Quiet = true, true
	z := primarytest.Make(t, "example.org.", 7, "www A 192.0.2.1")
	a, b := primarytest.New(t, z), primarytest.New(t, z)
	in, err := caddy.Start(caddy.CaddyfileInput{Filepath: "Corefile", ServerTypeName: "dns", Contents: []byte(`
example.org:0 {
	bind 127.0.0.1
	concord {
		primary ns1 ` + a.Addr().String() + `
		primary ns2 ` + b.Addr().String() + `
	}
	transfer {
		to *
	}
}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { in.Stop(); in.ShutdownCallbacks() }()
	time.Sleep(time.Second)
	addr := in.Servers()[0].LocalAddr().String()
	m, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA), addr)
	t.Log(m, err)
	m, _, err = (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion("example.org.", dns.TypeAXFR), in.Servers()[0].Addr().String())
	t.Log(m, err)
}
