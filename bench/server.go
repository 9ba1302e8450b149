package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
)

// server is one name server that can be measured as a secondary.
type server struct {
	name      string
	program   string // what to look for in PATH; none: the binary that is measured
	versionBy []string
	plugin    string // the CoreDNS plugin that it is about
	args      []string
	config    *template.Template // of a setup
	primaries int                // how many it pulls a zone from
	parts     []string           // what it is measured in; none: everything
	keeps     string             // the file of a zone that it can be started again from, %s being the zone; none: nothing to wait for
	keepBy    []string           // what tells it to write these files, if it does not by itself

	path, version string // once found
}

// setup is what a server's configuration is made of.
type setup struct {
	Dir       string
	Addr      netip.AddrPort
	Workers   int
	Zones     []string // none: it has no zone
	Primaries []netip.AddrPort
	Pprof     string   // address to serve profiles at, if any; CoreDNS only
	Control   bool     // open the socket for what operators tell it; NSD only, Knot's is open always
	More      []string // properties of the zones beside the primaries; concord only
}

func serverNames() []string {
	var names []string
	for _, s := range servers {
		names = append(names, s.name)
	}
	return names
}

// find looks for the server and its version.
func (s *server) find(ctx context.Context, binary string) error {
	s.path = binary
	if s.program != "" {
		path, err := lookPath(s.program)
		if err != nil {
			return err
		}
		s.path = path
	}
	if s.plugin != "" {
		out, err := exec.CommandContext(ctx, s.path, "-plugins").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s -plugins: %w", s.path, err)
		}
		if f := strings.Fields(string(out)); !slices.Contains(f, s.plugin) && !slices.Contains(f, "dns."+s.plugin) {
			return fmt.Errorf("the binary has no plugin %s", s.plugin)
		}
	}
	out, _ := exec.CommandContext(ctx, s.path, s.versionBy...).CombinedOutput() // NSD's fails, and says it nevertheless
	s.version = strings.Join(strings.Fields(string(out)), " ")
	if s.program != "" { // they go on about how they were built
		s.version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return nil
}

// lookPath looks for a program in PATH, and where Debian has its daemons.
func lookPath(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, found := exec.LookPath(filepath.Join(dir, program)); found == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", program)
}

// start starts the server on a free port with zones, or with none. It runs on the given CPU alone if that is not anyCPU.
func (b *bench) start(s *server, zones []*zone, from *primary, cpu int, more ...func(*setup)) (*process, setup, error) {
	dir, err := os.MkdirTemp(b.dir, s.name+"-")
	if err != nil {
		return nil, setup{}, err
	}
	conf := setup{Dir: dir, Workers: 2}
	if cpu != anyCPU {
		conf.Workers = 1
	}
	if len(zones) > 0 {
		conf.Primaries = from.addrs[:s.primaries]
	}
	for _, z := range zones {
		conf.Zones = append(conf.Zones, z.origin)
	}
	if conf.Addr, err = freeAddr("127.0.0.1"); err != nil {
		return nil, conf, err
	}
	for _, f := range more {
		f(&conf)
	}
	if err := writeConfig(s.config, conf.Dir, conf); err != nil {
		return nil, conf, err
	}
	p, err := startProcess(dir, cpu, s.path, s.args...)
	return p, conf, err
}

func writeConfig(t *template.Template, dir string, data any) error {
	f, err := os.Create(filepath.Join(dir, "conf"))
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, data), f.Close())
}

// freeAddr returns an address of which nobody uses the port, on any of the IPs, over UDP or TCP.
func freeAddr(ips ...string) (netip.AddrPort, error) {
	var err error
	for range 20 {
		var addr netip.AddrPort
		if addr, err = tryAddr(ips); err == nil {
			return addr, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("no free port on %s: %w", strings.Join(ips, " and "), err)
}

func tryAddr(ips []string) (netip.AddrPort, error) {
	port := "0"
	for _, ip := range ips {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, port))
		if err != nil {
			return netip.AddrPort{}, err
		}
		defer l.Close()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			return netip.AddrPort{}, err
		}
		defer u.Close()
	}
	return netip.ParseAddrPort(net.JoinHostPort(ips[0], port))
}

// patience is how long a server may take for anything.
const patience = 2 * time.Minute
