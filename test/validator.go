package test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Validator is a running Unbound that validates. It knows no root and asks one server for all that it knows of.
type Validator struct {
	Addr netip.AddrPort

	t   testing.TB
	dir string
	*process
}

// ValidatorConfig says whom a validator asks, and what it trusts.
type ValidatorConfig struct {
	Server  netip.AddrPort
	Zones   []string      // that it asks the server for
	Anchors []*dns.DNSKEY // that it trusts; what is below none of them is insecure
}

// StartValidator starts Unbound and waits until it answers.
func StartValidator(t testing.TB, c ValidatorConfig) *Validator {
	t.Helper()
	v := &Validator{Addr: FreeAddr(t, "127.0.0.1"), t: t}
	dir, err := os.MkdirTemp("", "unbound")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	v.dir = dir
	// Nothing is kept, so that every question is judged by what the server answers to it.
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
	directory: "%s"
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	logfile: ""
	verbosity: 1
	val-log-level: 2
	do-daemonize: no
	interface: %s@%d
	access-control: 127.0.0.0/8 allow
	num-threads: 1
	do-ip6: no
	do-not-query-localhost: no
	module-config: "validator iterator"
	root-hints: "hints"
	cache-max-ttl: 0
	cache-max-negative-ttl: 0
	aggressive-nsec: no
	qname-minimisation: no
	target-fetch-policy: "0 0 0 0 0"
	harden-below-nxdomain: no
	unwanted-reply-threshold: 0
	infra-host-ttl: 0
	outgoing-num-tcp: 100
	incoming-num-tcp: 100
	ede: yes
	trust-anchor-signaling: no
	root-key-sentinel: no
	trust-anchor-file: "anchors"
	local-zone: "test." nodefault
	local-zone: "invalid." nodefault
remote-control:
	control-enable: no
`, dir, v.Addr.Addr(), v.Addr.Port())
	for _, zone := range c.Zones {
		fmt.Fprintf(&conf, "stub-zone:\n\tname: \"%s\"\n\tstub-addr: %s@%d\n", zone, c.Server.Addr(), c.Server.Port())
	}
	var anchors strings.Builder
	for _, key := range c.Anchors {
		fmt.Fprintln(&anchors, key)
	}
	v.write("conf", conf.String())
	v.write("anchors", anchors.String())
	v.write("hints", ". 3600 IN NS nowhere.invalid.\nnowhere.invalid. 3600 IN A 127.0.0.1\n")
	v.process = startProcess(t, "unbound on "+v.Addr.String(), dir, LookPath(t, "unbound"), "-d", "-c", filepath.Join(dir, "conf"))
	Eventually(t, Patience, func() error {
		if err := v.ended(); err != nil {
			t.Fatal(err)
		}
		_, err := exchange("udp", v.Addr, new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT))
		return err
	})
	return v
}

func (v *Validator) write(name, text string) {
	v.t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// Stop asks the validator to end, and waits until it has.
func (v *Validator) Stop() { v.stop() }
