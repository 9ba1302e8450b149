package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// TestTransferMatrix transfers zones from every peer in every way that it has, and prints a line for each:
//
//	NSD, Knot, BIND or PowerDNS  ---SOA, AXFR, IXFR; TSIG; TLS--->  internal/xfr
//
// The zone is large enough for a transfer of many messages, since NSD signs only some of them.
func TestTransferMatrix(t *testing.T) {
	m := &matrix{}
	t.Run("peers", func(t *testing.T) {
		for _, peer := range []struct {
			name         string
			kind         func(Secured) *Kind
			tls, clients bool
			steps        bool // answers IXFR with changes
		}{
			{"NSD", Secured.NSD, true, false, true},
			{"Knot", Secured.Knot, false, false, true},
			{"BIND", Secured.BIND, true, true, true},
			{"PowerDNS", Secured.PowerDNS, false, false, false},
		} {
			t.Run(peer.name, func(t *testing.T) {
				t.Parallel()
				g := &grid{matrix: m, peer: peer.name, t: t, tls: peer.tls, steps: peer.steps}
				g.start(peer.kind, false)
				g.transfers()
				g.refusals()
				g.reuse()
				if peer.clients {
					g = &grid{matrix: m, peer: peer.name, t: t, tls: true, steps: peer.steps, clients: true}
					g.start(peer.kind, true)
					g.mutual()
				}
			})
		}
	})
	m.print(t)
}

// matrix gathers what the peers did.
type matrix struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (m *matrix) print(t *testing.T) {
	slices.Sort(m.lines)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "peer\tover\tkey\tasked\twhat came")
	for _, line := range m.lines {
		fmt.Fprintln(w, line)
	}
	w.Flush()
	t.Log("\n" + table.String())
}

// grid is one peer with all that is tried on it.
type grid struct {
	*matrix
	t                   *testing.T
	peer                string
	tls, steps, clients bool

	secured   Secured
	keys      map[config.Algorithm]tsig.Key
	authority *primarytest.Authority
	ca        string
	process   *Peer
	zones     map[string]zone.Name // "open" and "keyed"
}

func (m *matrix) add(columns ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, strings.Join(columns, "\t"))
}

func (g *grid) add(over, key, asked, came string) { g.matrix.add(g.peer, over, key, asked, came) }

const matrixRecords = 60_000

// matrixZone has many records, of which one tells serials apart.
func matrixZone(serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 300\n@ SOA ns1 hostmaster %d 3600 60 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nserial TXT \"%[1]d\"\n", serial)
	for i := range matrixRecords {
		fmt.Fprintf(&b, "host%05d A 10.%d.%d.%d\n", i, i>>16, i>>8&255, i&255)
	}
	return b.String()
}

func (g *grid) start(kind func(Secured) *Kind, clients bool) {
	t := g.t
	g.secured = Secured{Keys: AllAlgorithms(), Journal: true}
	g.keys = make(map[config.Algorithm]tsig.Key)
	for _, k := range g.secured.Keys {
		g.keys[k.Algorithm] = k.Ours(t)
	}
	if g.tls {
		g.authority = primarytest.NewAuthority(t)
		g.ca = g.authority.File()
		dir := t.TempDir()
		g.secured.TLS, g.secured.Cert, g.secured.Key = FreeAddr(t, "127.0.0.1"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
		g.authority.Write(g.authority.Issue(time.Hour, "primary.example.net", "127.0.0.1"), g.secured.Cert, g.secured.Key)
		if clients {
			g.secured.ClientCA = g.ca
		}
	}
	g.zones = map[string]zone.Name{}
	files := map[string]string{}
	for _, name := range []string{"open", "keyed"} {
		n, err := zone.ParseName(name + ".example.")
		if err != nil {
			t.Fatal(err)
		}
		g.zones[name], files[name+".example."] = n, matrixZone(1)
	}
	g.process = StartPeer(t, kind(g.secured), PeerConfig{Zones: files})
}

// way is one way to ask a peer.
type way struct {
	over, key string
	addr      netip.AddrPort
	zone      string
	client    xfr.Client
	base      *zone.Version
}

// transfers asks in every way for the whole zone, and then for what has changed.
func (g *grid) transfers() {
	var ways []*way
	for _, over := range []string{"TCP", "TLS"} {
		addr, tls := g.process.Addr, config.TLS{}
		if over == "TLS" {
			if !g.tls {
				continue
			}
			addr, tls = g.secured.TLS, config.TLS{On: true, CA: g.ca, ServerName: "primary.example.net"}
		}
		ways = append(ways, &way{over: over, key: "-", addr: addr, zone: "open", client: xfr.Client{TLS: tls}})
		for _, k := range g.secured.Keys {
			if over == "TLS" && k.Algorithm != config.HMACSHA256 {
				continue
			}
			ways = append(ways, &way{over: over, key: k.Algorithm.String(), addr: addr, zone: "keyed", client: xfr.Client{TLS: tls, Keys: g.with(k.Algorithm)}})
		}
	}
	for _, w := range ways {
		g.whole(w)
	}
	for _, name := range []string{"open.example.", "keyed.example."} {
		g.process.Load(name, matrixZone(2))
	}
	for _, w := range ways {
		if w.base != nil {
			g.changes(w)
		}
	}
}

func (g *grid) with(algorithms ...config.Algorithm) func() ([]tsig.Key, error) {
	var list []tsig.Key
	for _, a := range algorithms {
		list = append(list, g.keys[a])
	}
	return func() ([]tsig.Key, error) { return list, nil }
}

// whole probes, and transfers by AXFR over the same connection.
func (g *grid) whole(w *way) {
	t := g.t
	conn := w.client.Open(w.addr)
	defer conn.Close()
	apex := g.zones[w.zone]
	soa, err := conn.Probe(t.Context(), apex)
	if err != nil || soa.Serial != 1 {
		t.Errorf("probe over %s with %s: serial %d, %v", w.over, w.key, soa.Serial, err)
		g.add(w.over, w.key, "SOA", fmt.Sprint(err))
		return
	}
	got, err := conn.AXFR(t.Context(), apex, nil, 0)
	if err != nil {
		t.Errorf("AXFR over %s with %s: %v", w.over, w.key, err)
		g.add(w.over, w.key, "AXFR", err.Error())
		return
	}
	s := got.Stats()
	if want := primarytest.Make(t, apex.String(), 1, matrixZone(1)).Version(t); got.Version().Root() != want.Root() {
		t.Errorf("AXFR over %s with %s: another version: %d records, want %d", w.over, w.key, got.Version().Records(), want.Records())
	}
	g.add(w.over, w.key, "AXFR", fmt.Sprintf("%d records, %d messages, %d KiB", s.Records, s.Messages, s.Bytes>>10))
	w.base = got.Version()
}

// changes brings what whole has transferred up to date.
func (g *grid) changes(w *way) {
	t := g.t
	got, err := w.client.Transfer(t.Context(), w.addr, g.zones[w.zone], w.base, nil, 0)
	if err != nil {
		t.Errorf("IXFR over %s with %s: %v", w.over, w.key, err)
		g.add(w.over, w.key, "IXFR", err.Error())
		return
	}
	s := got.Stats()
	if want := primarytest.Make(t, w.base.Apex().String(), 2, matrixZone(2)).Version(t); got.Version().Root() != want.Root() {
		t.Errorf("IXFR over %s with %s: another version", w.over, w.key)
	}
	came := fmt.Sprintf("%d deleted, %d added in %d step, %d octets", s.Deleted, s.Added, s.Steps, s.Bytes)
	switch {
	case s.Instead != nil:
		came = fmt.Sprintf("AXFR: %v", s.Instead.Err)
	case s.Steps == 0:
		came = fmt.Sprintf("the whole zone, %d messages", s.Messages)
	}
	if (s.Steps == 1) != g.steps || s.Instead != nil {
		t.Errorf("IXFR over %s with %s: %s", w.over, w.key, came)
	}
	g.add(w.over, w.key, "IXFR", came)
}

// refusals are what goes wrong with keys and certificates.
func (g *grid) refusals() {
	t := g.t
	key := func(name, octets string) func() ([]tsig.Key, error) {
		k := SecuredKey{name, config.HMACSHA256, octets}.Ours(t)
		return func() ([]tsig.Key, error) { return []tsig.Key{k}, nil }
	}
	good := g.with(config.HMACSHA256)
	for _, row := range []struct {
		name   string
		client xfr.Client
		over   string
		phase  xfr.Phase
		want   string // in the error
	}{
		{"an unknown key", xfr.Client{Keys: key("unknown.", "x")}, "TCP", xfr.PhaseTSIG, "key unknown.: BADKEY"},
		{"another secret", xfr.Client{Keys: key("hmac-sha256.key.", "x")}, "TCP", xfr.PhaseTSIG, "key hmac-sha256.key.: BADSIG"},
		{"our clock 1 h behind", xfr.Client{Keys: good, Now: func() time.Time { return time.Now().Add(-time.Hour) }}, "TCP", xfr.PhaseTSIG, "BADTIME: the primary's clock is "},
		{"no key", xfr.Client{}, "TCP", xfr.PhaseRcode, "rcode "},
		{"another name", xfr.Client{Keys: good, TLS: config.TLS{On: true, CA: g.ca, ServerName: "other.example.net"}}, "TLS", xfr.PhaseTLS, "not other.example.net"},
		{"another CA", xfr.Client{Keys: good, TLS: config.TLS{On: true}}, "TLS", xfr.PhaseTLS, "certificate signed by unknown authority"},
		{"another pin", xfr.Client{Keys: good, TLS: config.TLS{On: true, Pins: []config.Pin{{1}}}}, "TLS", xfr.PhaseTLS, "which is not pinned"},
	} {
		addr := g.process.Addr
		if row.over == "TLS" {
			if addr = g.secured.TLS; !g.tls {
				continue
			}
		}
		_, err := row.client.AXFR(t.Context(), addr, g.zones["keyed"], nil, 0)
		e, ok := errors.AsType[*xfr.Error](err)
		if row.name == "no key" && g.peer == "PowerDNS" {
			ok = err == nil // it goes by the address as well
			e, row.phase, row.want = &xfr.Error{}, 0, ""
		}
		if g.peer == "PowerDNS" && row.phase == xfr.PhaseTSIG {
			row.want = "rcode NOTAUTH, and not signed: the primary does not take key" // it says no more than that
		}
		if !ok || e.Phase != row.phase || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
		came := "the zone"
		if err != nil {
			came = e.Err.Error()
		}
		g.add(row.over, row.name, "AXFR", came)
	}
	// The first of two keys is not there any more.
	both := func() ([]tsig.Key, error) {
		old, err := key("unknown.", "x")()
		now, _ := good()
		return append(old, now...), err
	}
	c := xfr.Client{Keys: both}
	got, err := c.AXFR(t.Context(), g.process.Addr, g.zones["keyed"], nil, 0)
	if err != nil || got.Stats().Key != "hmac-sha256.key." {
		t.Errorf("two keys: %v with key %s", err, got.Stats().Key)
	}
	g.add("TCP", "unknown, then sha256", "AXFR", fmt.Sprintf("%d records, signed with %s", got.Stats().Records, got.Stats().Key))
}

// reuse asks for both zones, again and again, over connections that are kept.
func (g *grid) reuse() {
	t := g.t
	for _, over := range []string{"TCP", "TLS"} {
		addr, settings := g.process.Addr, config.TLS{}
		if over == "TLS" {
			if !g.tls {
				continue
			}
			addr, settings = g.secured.TLS, config.TLS{On: true, CA: g.ca}
		}
		var conns xfr.Conns
		var dials int
		c := xfr.Client{Conns: &conns, TLS: settings, Keys: g.with(config.HMACSHA256), Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials++
			return new(net.Dialer).DialContext(ctx, network, addr)
		}}
		questions := 0
		var expire time.Duration
		bases := map[string]*zone.Version{}
		for range 3 {
			for name, apex := range g.zones {
				conn := c.Open(addr)
				_, err := conn.Probe(t.Context(), apex)
				if err != nil {
					t.Error(err)
				}
				expire = conn.Expire()
				got, err := conn.Transfer(t.Context(), apex, bases[name], nil, 0)
				if err != nil {
					t.Error(err)
				}
				bases[name] = got.Version()
				conn.Close()
				questions += 2
			}
		}
		conns.Close()
		g.add(over, "hmac-sha256", "SOA, AXFR, IXFR", fmt.Sprintf("%d questions for 2 zones over %d connections, EXPIRE %v", questions, dials, expire))
		if dials > questions/2 {
			t.Errorf("%d connections for %d questions over %s", dials, questions, over)
		}
	}
}

// mutual asks a peer that wants a certificate of ours.
func (g *grid) mutual() {
	t := g.t
	dir := t.TempDir()
	stranger := primarytest.NewAuthority(t)
	paths := func(name string) (cert, key string) { return filepath.Join(dir, name), filepath.Join(dir, name+".key") }
	ourCert, ourKey := paths("ours")
	g.authority.Write(g.authority.Issue(time.Hour, "us"), ourCert, ourKey)
	otherCert, otherKey := paths("other")
	stranger.Write(stranger.Issue(time.Hour, "us"), otherCert, otherKey)
	for _, row := range []struct{ name, cert, key, want string }{
		{"our certificate", ourCert, ourKey, ""},
		{"no certificate", "", "", "the primary asks for a certificate of ours, and none is configured; name its files with tls"},
		{"another's certificate", otherCert, otherKey, "the primary asks for a certificate of ours, and may not take that of " + otherCert},
	} {
		c := xfr.Client{TLS: config.TLS{On: true, CA: g.ca, Cert: row.cert, Key: row.key}}
		got, err := c.AXFR(t.Context(), g.secured.TLS, g.zones["open"], nil, 0)
		came := fmt.Sprintf("%d records, %d messages", got.Stats().Records, got.Stats().Messages)
		if err != nil {
			came = err.Error()
			if e, ok := errors.AsType[*xfr.Error](err); ok {
				came = e.Err.Error()
			}
		}
		if (err == nil) != (row.want == "") || !strings.Contains(came, row.want) {
			t.Errorf("%s: %s", row.name, came)
		}
		g.add("mutual TLS", row.name, "AXFR", came)
	}
}
