package test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/miekg/dns"
)

// Peer is a running NSD, Knot or BIND that serves zone files and lets 127.0.0.0/8 transfer them.
type Peer struct {
	Kind *Kind
	Addr netip.AddrPort

	// What follows is for the template of its configuration, too.
	Notify []netip.AddrPort
	Zones  []PeerZone

	t   testing.TB
	dir string
	*process
}

// PeerZone is one zone of a peer and its master file.
type PeerZone struct{ Name, File string }

// PeerConfig says what a peer is to serve.
type PeerConfig struct {
	Zones  map[string]string // master files by the name of their zone
	IP     string            // of 127.0.0.0/8; 127.0.0.1 if empty, and always for BIND. NOTIFY comes from it, too
	Notify []netip.AddrPort  // who is told of a new version
	Addr   netip.AddrPort    // a free one, if it has to be known before; of IP if not
}

// StartPeer starts a peer and waits until it serves every zone.
func StartPeer(t testing.TB, kind *Kind, c PeerConfig) *Peer {
	t.Helper()
	if c.IP == "" {
		c.IP = "127.0.0.1"
	}
	if !c.Addr.IsValid() {
		c.Addr = FreeAddr(t, c.IP)
	}
	// Not t.TempDir: its name has the test's, and the path of a Unix socket has a hundred octets.
	dir, err := os.MkdirTemp("", kind.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &Peer{Kind: kind, Addr: c.Addr, t: t, dir: dir, Notify: c.Notify}
	for name, text := range c.Zones {
		z := PeerZone{strings.ToLower(dns.Fqdn(name)), filepath.Join(dir, fmt.Sprintf("%d.zone", len(p.Zones)))}
		p.Zones = append(p.Zones, z)
		p.write(z.File, text)
	}
	var config strings.Builder
	if err := kind.config.Execute(&config, p); err != nil {
		t.Fatal(err)
	}
	p.write(p.Path("conf"), config.String())
	p.Restart()
	return p
}

// Restart starts a peer that was stopped or killed, at the address that it had.
func (p *Peer) Restart() {
	p.t.Helper()
	p.process = startProcess(p.t, p.Kind.Name+" on "+p.Addr.String(), p.dir, p.program(p.Kind.server), p.Kind.args...)
	for _, z := range p.Zones {
		text, err := os.ReadFile(z.File)
		if err != nil {
			p.t.Fatal(err)
		}
		p.waitFor(z.Name, string(text))
	}
}

// Load gives the peer a new master file for a zone that it has, and waits until it serves it. Its serial must differ from
// the one before, as peers go by that.
func (p *Peer) Load(zone, text string) {
	p.t.Helper()
	zone = strings.ToLower(dns.Fqdn(zone))
	i := slices.IndexFunc(p.Zones, func(z PeerZone) bool { return z.Name == zone })
	if i < 0 {
		p.t.Fatalf("%s does not have %s", p.name, zone)
	}
	p.write(p.Zones[i].File, text)
	if err := p.Kind.reload(p, zone); err != nil {
		p.t.Fatalf("reload %s of %s: %v", zone, p.name, err)
	}
	p.waitFor(zone, text)
}

// Stop asks the peer to end, and waits until it has.
func (p *Peer) Stop() { p.stop() }

// Kill ends the peer as a crash would.
func (p *Peer) Kill() { p.kill() }

// waitFor waits until the peer answers with the serial of the master file.
func (p *Peer) waitFor(zone, text string) {
	p.t.Helper()
	want, err := serialOf(zone, text)
	if err != nil {
		p.t.Fatal(err)
	}
	Eventually(p.t, Patience, func() error {
		if err := p.ended(); err != nil {
			p.t.Fatal(err)
		}
		got, err := Serial(p.Addr, zone)
		if err == nil && got != want {
			err = fmt.Errorf("%s serves %s with serial %d, want %d", p.name, zone, got, want)
		}
		return err
	})
}

func serialOf(zone, text string) (uint32, error) {
	parser := dns.NewZoneParser(strings.NewReader(text), zone, "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	if err := parser.Err(); err != nil {
		return 0, fmt.Errorf("master file of %s: %w", zone, err)
	}
	return 0, fmt.Errorf("master file of %s: no SOA", zone)
}

// Path returns the path of a file in the peer's directory.
func (p *Peer) Path(name string) string { return filepath.Join(p.dir, name) }

func (p *Peer) write(path, text string) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// program returns the path of a peer's program. Where AppArmor is on, it is that of a copy: a profile goes by the path,
// and would keep the program from its configuration here.
func (p *Peer) program(name string) string {
	p.t.Helper()
	path := LookPath(p.t, name)
	if on, err := os.ReadFile("/sys/module/apparmor/parameters/enabled"); err != nil || !strings.HasPrefix(string(on), "Y") {
		return path
	}
	program, err := os.ReadFile(path)
	if err == nil {
		path = p.Path(name)
		err = os.WriteFile(path, program, 0o755)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}

// LookPath returns the path of a program that make peers installs. Servers are in sbin, which is not in everyone's PATH.
func LookPath(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed; run make peers", name)
	return ""
}

// Kind is one of the servers that a test can start.
type Kind struct {
	Name   string
	server string
	args   []string // in the peer's directory
	config *template.Template
	reload func(p *Peer, zone string) error
}

func (p *Peer) control(name string, args ...string) error {
	p.t.Helper()
	cmd := exec.Command(LookPath(p.t, name), args...)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
