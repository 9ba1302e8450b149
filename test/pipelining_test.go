package test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/xfr"
	"github.com/concord-dns/concord/internal/zone"
)

// TestPipelining asks every peer for the SOA records of many zones at once, and prints a line for each:
//
//	NSD, Knot, BIND or PowerDNS  ---100 SOA queries over a few connections; TSIG; TLS--->  internal/xfr
func TestPipelining(t *testing.T) {
	m := &matrix{}
	t.Run("peers", func(t *testing.T) {
		for _, peer := range []struct {
			name string
			kind func(Secured) *Kind
			tls  bool
		}{
			{"NSD", Secured.NSD, true},
			{"Knot", Secured.Knot, false},
			{"BIND", Secured.BIND, true},
			{"PowerDNS", Secured.PowerDNS, false},
		} {
			t.Run(peer.name, func(t *testing.T) {
				t.Parallel()
				m.add(peer.name, pipelined(t, peer.kind, peer.tls))
			})
		}
	})
	slices.Sort(m.lines)
	t.Log("\n" + strings.Join(m.lines, "\n"))
}

// pipelined asks one peer, and says over how many connections.
func pipelined(t *testing.T, kind func(Secured) *Kind, overTLS bool) string {
	const zones = 100
	shared := SecuredKey{"hmac-sha256.key.", config.HMACSHA256, "the secret of a key in tests, and long enough"}
	secured := Secured{Keys: []SecuredKey{shared}}
	over := map[string]config.TLS{"TCP": {}}
	if overTLS {
		authority, dir := primarytest.NewAuthority(t), t.TempDir()
		secured.TLS, secured.Cert, secured.Key = FreeAddr(t, "127.0.0.1"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
		authority.Write(authority.Issue(time.Hour, "127.0.0.1"), secured.Cert, secured.Key)
		over["TLS"] = config.TLS{On: true, CA: authority.File()}
	}
	files, apexes := map[string]string{}, make([]zone.Name, zones)
	for i := range apexes {
		name := fmt.Sprintf("z%d.example.", i)
		apex, err := zone.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		apexes[i] = apex
		files[name] = fmt.Sprintf("$TTL 300\n@ SOA ns1 hostmaster %d 3600 60 604800 300\n@ NS ns1\nns1 A 192.0.2.53\n", 1+i)
	}
	process := StartPeer(t, kind(secured), PeerConfig{Zones: files})
	var line []string
	for _, way := range []string{"TCP", "TLS"} {
		settings, ok := over[way]
		if !ok {
			continue
		}
		addr := process.Addr
		if settings.On {
			addr = secured.TLS
		}
		for _, signed := range []bool{false, true} {
			c := xfr.Client{TLS: settings}
			name := way
			if key := shared.Ours(t); signed {
				c.Keys = func() ([]tsig.Key, error) { return []tsig.Key{key}, nil }
				name += " with TSIG"
			}
			dials := probeAll(t, c, addr, apexes)
			if dials > zones/8 {
				t.Errorf("%s: %d connections for %d zones", name, dials, zones)
			}
			line = append(line, fmt.Sprintf("%s %d", name, dials))
		}
	}
	return fmt.Sprintf("connections for %d zones at once: %s", zones, strings.Join(line, ", "))
}

// probeAll asks for all zones at once, and returns how many connections that took.
func probeAll(t *testing.T, c xfr.Client, addr netip.AddrPort, apexes []zone.Name) int64 {
	var conns xfr.Conns
	defer conns.Close()
	var dials atomic.Int64
	c.Conns, c.Dial = &conns, func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	var all sync.WaitGroup
	for i, apex := range apexes {
		all.Go(func() {
			if soa, err := c.Probe(t.Context(), addr, apex); err != nil || soa.Serial != zone.Serial(1+i) {
				t.Errorf("%v: serial %d, want %d: %v", apex, soa.Serial, 1+i, err)
			}
		})
	}
	all.Wait()
	return dials.Load()
}
