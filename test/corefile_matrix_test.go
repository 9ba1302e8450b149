package test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
)

// TestCorefileMatrix has the whole binary take zones from every peer with what a Corefile can say of keys and TLS, and prints
// a line for each:
//
//	NSD, Knot, BIND or PowerDNS  ---signed NOTIFY; SOA, AXFR, IXFR with TSIG, over TCP and TLS--->  CoreDNS
//
// Then the peer gets another key, and then another secret for it, which a key file brings to us while we run. Every query
// is answered all the time.
func TestCorefileMatrix(t *testing.T) {
	m := &matrix{}
	t.Run("peers", func(t *testing.T) {
		for _, peer := range []struct {
			name         string
			kind         func(Secured) *Kind
			tls, clients bool // speaks TLS, and asks for a certificate of ours
			steps        bool // answers IXFR with changes
		}{
			{"NSD", Secured.NSD, true, false, true},
			{"Knot", Secured.Knot, false, false, true},
			{"BIND", Secured.BIND, true, true, true},
			{"PowerDNS", Secured.PowerDNS, false, false, false},
		} {
			t.Run(peer.name, func(t *testing.T) {
				t.Parallel()
				a := &affair{matrix: m, t: t, name: peer.name, kind: peer.kind, steps: peer.steps, CoreDNS: NewCoreDNS(t)}
				a.begin(peer.tls, peer.clients)
				a.change()
				a.rollKey()
				a.changeSecret()
			})
		}
	})
	m.print(t)
}

// An affair is one peer and the binary.
type affair struct {
	*matrix
	*CoreDNS
	t     *testing.T
	name  string
	kind  func(Secured) *Kind
	steps bool

	secured  Secured
	peer     *Peer
	zones    []string // one for each way: "keyed.tcp.", "keyed.tls."
	serial   int
	keyFile  string
	old, new SecuredKey
}

func (a *affair) begin(tls, clients bool) {
	t := a.t
	a.old = SecuredKey{"first.key.", config.HMACSHA256, "the first secret, which is long enough"}
	a.new = SecuredKey{"second.key.", config.HMACSHA512, "the second secret, which is long enough"}
	a.keyFile = filepath.Join(t.TempDir(), "keys")
	a.writeKeys(a.old, a.new)
	a.secured = Secured{Journal: true}
	a.zones = []string{"keyed.tcp."}
	files := ""
	if tls {
		authority := primarytest.NewAuthority(t)
		issue := func(name string) (cert, key string) {
			cert = filepath.Join(t.TempDir(), "cert")
			authority.Write(authority.Issue(time.Hour, name), cert, cert+".key")
			return cert, cert + ".key"
		}
		a.secured.TLS = FreeAddr(t, "127.0.0.1")
		a.secured.Cert, a.secured.Key = issue("primary.example.net")
		files = authority.File()
		if clients {
			a.secured.ClientCA = files
			cert, key := issue("us")
			files = cert + " " + key + " " + files
		}
		a.zones = append(a.zones, "keyed.tls.")
	}
	a.startPeer(a.old)
	a.start(files)
}

// startPeer starts the peer with one key and the next serial; one that runs is stopped first.
func (a *affair) startPeer(key SecuredKey) {
	a.serial++
	a.secured.Keys, a.secured.NotifyKey = []SecuredKey{key}, key.Name
	c := PeerConfig{Zones: map[string]string{}, Notify: []netip.AddrPort{a.CoreDNS.Addr}}
	if a.peer != nil {
		a.peer.Stop()
		c.Addr = a.peer.Addr
	}
	for _, z := range a.zones {
		c.Zones[z] = smallZone(a.serial)
	}
	a.peer = StartPeer(a.t, a.kind(a.secured), c)
}

// start starts the binary, which knows both keys, and prefers the new one.
func (a *affair) start(tlsFiles string) {
	var corefile strings.Builder
	for _, z := range a.zones {
		address, further := a.peer.Addr.String(), ""
		if z == "keyed.tls." {
			address = "tls://" + a.secured.TLS.String()
			further = "tls " + tlsFiles + "\n\t\t\ttls_servername primary.example.net"
		}
		fmt.Fprintf(&corefile, `%s:$PORT {
	bind 127.0.0.1
	concord {
		keys %s
		primary peer %s {
			key %s %s
			%s
		}
		refresh 2s 2s
		retry 1s 1s
		store off
	}
	prometheus $METRICS
	errors
}
`, z, a.keyFile, address, a.new.Name, a.old.Name, further)
	}
	a.CoreDNS.Start(corefile.String())
	a.served("AXFR", a.old, "records in")
}

// served waits for the serial in each zone, and notes how it came.
func (a *affair) served(what string, key SecuredKey, how string) {
	a.t.Helper()
	for _, z := range a.zones {
		a.servedZone(z, what, key, how)
	}
}

func (a *affair) servedZone(z, what string, key SecuredKey, how string) {
	a.t.Helper()
	a.WaitServes(z, uint32(a.serial))
	over, by := "TCP", "by key "+key.Name
	if z == "keyed.tls." {
		if over = "TLS"; a.secured.ClientCA != "" {
			over = "mutual TLS"
		}
		by = "by TLS and key " + key.Name
	}
	line := a.WaitLog(0, z+" peer sent serial "+fmt.Sprint(a.serial), by, how)
	_, line, _ = strings.Cut(line, ": "+z+" peer sent ")
	if line == "" {
		line = "?"
	}
	a.add(a.name, over, key.Name, what, line)
}

// change has the peer send a signed NOTIFY, and then what changed: one zone after the other, as BIND, told to load again
// before it has sent a NOTIFY, never sends that one.
func (a *affair) change() {
	a.serial++
	how := "changes in 1 step, 2 records deleted and 2 added"
	if !a.steps {
		how = "records in"
	}
	for _, z := range a.zones {
		a.peer.Load(z, smallZone(a.serial))
		a.servedZone(z, "NOTIFY, IXFR", a.old, how)
		Eventually(a.t, Patience, func() error {
			n, err := a.Metric(`coredns_concord_notifies_total{result="accepted",zone="` + z + `"}`)
			if err == nil && n == 0 {
				err = errors.New("no NOTIFY of " + z + " was accepted")
			}
			return err
		})
	}
}

// rollKey has the peer take the new key alone from one moment to the other.
func (a *affair) rollKey() {
	defer a.watch()()
	a.startPeer(a.new)
	a.served("key rolled", a.new, "records in")
}

// changeSecret has the peer have another secret under the same name, and then ourselves.
func (a *affair) changeSecret() {
	defer a.watch()()
	mark := a.Mark()
	changed := a.new
	changed.Octets = "another secret, which is long enough too"
	a.startPeer(changed)
	for _, z := range a.zones {
		a.WaitLog(mark, "[WARNING]", z+" primary peer", "key "+a.new.Name)
	}
	a.writeKeys(changed)
	a.served("secret in the key file changed", changed, "records in")
}

func (a *affair) writeKeys(keys ...SecuredKey) {
	a.t.Helper()
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&text, "key %q {\n\talgorithm %v;\n\tsecret %q;\n};\n", k.Name, k.Algorithm, k.Secret())
	}
	if err := os.WriteFile(a.keyFile, []byte(text.String()), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// watch asks for every zone all the time until what it returns is called, and fails the test when one is not answered.
func (a *affair) watch() (end func()) {
	var running sync.WaitGroup
	ended := make(chan struct{})
	for _, z := range a.zones {
		running.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(pause):
				}
				if _, err := Serial(a.CoreDNS.Addr, z); err != nil {
					a.t.Errorf("in the meantime: %v", err)
					return
				}
			}
		})
	}
	return func() {
		close(ended)
		running.Wait()
	}
}

// smallZone has one record that tells serials apart, and enough others for the difference to be the lesser part: BIND sends
// the whole zone else.
func smallZone(serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 300\n@ SOA ns1 hostmaster %d 3600 60 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nserial TXT \"%[1]d\"\n", serial)
	for i := range 100 {
		fmt.Fprintf(&b, "host%02d A 192.0.2.%d\n", i, i)
	}
	return b.String()
}
