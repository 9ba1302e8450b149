package test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// A kept stage is a server that keeps example.org, with two scripted primaries that can be changed at once.
type kept struct {
	*CoreDNS
	t             testing.TB
	first, second *primarytest.Primary
}

// keep starts a server whose primaries hold a serial, and waits until that is served.
func keep(t testing.TB, serial uint32, properties ...string) *kept {
	t.Helper()
	k := &kept{CoreDNS: NewCoreDNS(t), t: t, first: primarytest.New(t, keptZone(t, serial)), second: primarytest.New(t, keptZone(t, serial))}
	k.CoreDNS.Start(k.with(properties...))
	k.WaitServes("example.org", serial)
	return k
}

// with returns the Corefile with some properties more.
func (k *kept) with(properties ...string) string {
	return fmt.Sprintf(`example.org:$PORT {
	bind 127.0.0.1
	transfer {
		to *
	}
	concord {
		primary first %s
		primary second %s
		agree all
		guard off
		retry 1s 1s
		%s
	}
	prometheus $METRICS
	errors
}
`, k.first.Addr(), k.second.Addr(), strings.Join(properties, "\n\t\t"))
}

// keptZone has records that tell its serial.
func keptZone(t testing.TB, serial uint32) *primarytest.Zone {
	records := []string{
		fmt.Sprintf("@ SOA ns hostmaster %d 3600 600 86400 300", serial), "@ NS ns", "ns A 192.0.2.53",
		fmt.Sprintf("www A 198.51.%d.%d", serial>>8&0xff, serial&0xff),
	}
	for i := range keptHosts {
		records = append(records, fmt.Sprintf("h%d A 192.0.2.%d", i, i))
	}
	for i := range keptTexts {
		records = append(records, fmt.Sprintf("t%d.s%d TXT %d", i, serial%7, serial))
	}
	return primarytest.Make(t, "example.org.", 0, records...)
}

const keptHosts, keptTexts = 50, 3

// set has both primaries hold a serial, and tell.
func (k *kept) set(serial uint32) {
	z := keptZone(k.t, serial)
	k.first.Set(z)
	k.second.Set(z)
	k.notify()
}

// notify sends a NOTIFY and waits for no answer: nobody may listen.
func (k *kept) notify() {
	client := dns.Client{}
	conn, err := client.Dial(k.Addr.String())
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.WriteMsg(new(dns.Msg).SetNotify("example.org."))
}

// silence has the primaries close every connection, or answer again.
func (k *kept) silence(silent bool) {
	b := primarytest.Behaviour{}
	if silent {
		b.CloseAt = 1
	}
	k.first.Behave(b)
	k.second.Behave(b)
}

// holds returns an error unless the zone served is whole: one of its primaries' versions.
func (k *kept) holds() (serial uint32, err error) {
	if _, err := Serial(k.Addr, "example.org"); err != nil {
		return 0, err
	}
	transfer := new(dns.Transfer)
	ch, err := transfer.In(new(dns.Msg).SetAxfr("example.org."), k.Addr.String())
	if err != nil {
		return 0, err
	}
	var got []dns.RR
	for e := range ch {
		if e.Error != nil {
			return 0, e.Error
		}
		got = append(got, e.RR...)
	}
	if serial = got[0].(*dns.SOA).Serial; len(got) != 5+keptHosts+keptTexts {
		return 0, fmt.Errorf("serial %d has %d records", serial, len(got))
	}
	for _, rr := range got {
		switch rr := rr.(type) {
		case *dns.TXT:
			if want := fmt.Sprint(serial); rr.Txt[0] != want {
				return 0, fmt.Errorf("serial %d has %s", serial, rr)
			}
		case *dns.A:
			if want := fmt.Sprintf("198.51.%d.%d", serial>>8&0xff, serial&0xff); rr.Hdr.Name == "www.example.org." && rr.A.String() != want {
				return 0, fmt.Errorf("serial %d has %s", serial, rr)
			}
		}
	}
	return serial, nil
}

// transfers is how often whole zones were asked for.
func (k *kept) transfers() int { return k.first.Counts().Transfers + k.second.Counts().Transfers }

// TestRestart restarts the server while both primaries are dead:
//
//	first, second  serial 5 -> 6 -> silent -> 7
//	CoreDNS        5, 6, restarted: 6 with the first answer -> 7 by IXFR
//
// Nothing is transferred whole again, and those downstream get changes from before the restart.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			k := keep(t, 5)
			k.set(6)
			k.WaitServes("example.org", 6)
			before := k.transfers()
			expire, err := k.Metric(`coredns_concord_zone_expire_timestamp_seconds{zone="example.org."}`)
			if err != nil {
				t.Fatal(err)
			}
			if how == "stop" {
				k.Stop()
			} else {
				k.Kill()
			}
			k.silence(true)
			k.Restart()
			if err := k.Serves("example.org", 6); err != nil {
				t.Fatalf("the first answer: %v", err)
			}
			if _, err := k.holds(); err != nil {
				t.Error(err)
			}
			if again, err := k.Metric(`coredns_concord_zone_expire_timestamp_seconds{zone="example.org."}`); err != nil || again < expire-1 || again > expire+1 {
				t.Errorf("it expires at %v, and at %v before: %v", again, expire, err)
			}
			wantSteps(t, k.Addr, 5, 6)
			k.silence(false)
			k.set(7)
			k.WaitServes("example.org", 7)
			wantSteps(t, k.Addr, 5, 7)
			if n := k.transfers() - before; n != 0 {
				t.Errorf("%d AXFRs after the restart", n)
			}
		})
	}
}

// wantSteps wants an IXFR to be answered by changes.
func wantSteps(t *testing.T, addr netip.AddrPort, from, to uint32) {
	t.Helper()
	m := new(dns.Msg).SetIxfr("example.org.", from, "ns.example.org.", "hostmaster.example.org.")
	r, _, err := (&dns.Client{Net: "tcp"}).Exchange(m, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Answer) < 4 {
		t.Fatalf("IXFR from %d: %d records", from, len(r.Answer))
	}
	head, ok := r.Answer[0].(*dns.SOA)
	second, ok2 := r.Answer[1].(*dns.SOA)
	if !ok || !ok2 || head.Serial != to || second.Serial != from {
		t.Errorf("IXFR from %d: %v %v", from, r.Answer[0], r.Answer[1])
	}
}

// TestStoreOfAnother has a second server name a store that another has open: it says so, and does not start.
func TestStoreOfAnother(t *testing.T) {
	t.Parallel()
	k := keep(t, 5)
	other := NewCoreDNS(t)
	corefile := strings.ReplaceAll(k.with("store "+filepath.Join(k.dir, "concord.db")), "$PORT", fmt.Sprint(other.Addr.Port()))
	wantNoStart(t, other, strings.ReplaceAll(corefile, "$METRICS", other.Metrics.String()), "concord.db: open: another process has it open", "stop that process")
	if err := k.Serves("example.org", 5); err != nil {
		t.Error(err)
	}
}

// TestStoreForeign has the file be another program's, and its directory be missing: it says so, and touches nothing.
func TestStoreForeign(t *testing.T) {
	t.Parallel()
	c := NewCoreDNS(t)
	path := filepath.Join(c.dir, "mine.txt")
	if err := os.WriteFile(path, []byte("what somebody wrote, and wants to keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	corefile := strings.ReplaceAll(strings.ReplaceAll(Corefile("primary ns1 127.0.0.1:1", "store %s"), "$METRICS", c.Metrics.String()), "$PORT", fmt.Sprint(c.Addr.Port()))
	wantNoStart(t, c, fmt.Sprintf(corefile, path), "mine.txt: open: it is not a store of Concord", "name another file with store PATH")
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "what somebody wrote") {
		t.Errorf("%q, %v", text, err)
	}
	wantNoStart(t, c, fmt.Sprintf(corefile, filepath.Join(c.dir, "no", "such.db")), "no such file or directory", "create its directory", "store off")
}

// wantNoStart starts a server that is to end with a line in its log.
func wantNoStart(t *testing.T, c *CoreDNS, corefile string, parts ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "Corefile"), []byte(corefile), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, "coredns", c.dir, Binary(t), "-conf", "Corefile")
	<-p.done
	if p.err == nil {
		t.Error("it ended well")
	}
	line, ok := p.log.Find(0, parts...)
	if !ok {
		t.Errorf("no line with %q in:\n%s", parts, p.log.Tail())
	}
	t.Log(line)
}
