package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// plays are what this test binary does when a test runs it as another process.
var plays = map[string]func(path string) error{"commits": childCommits}

func child(play string) int {
	if err := plays[play](os.Getenv("STORE_TEST_PATH")); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

func childCommand(ctx context.Context, play, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+play, "STORE_TEST_PATH="+path)
	return cmd
}

// killZones are the zones that the child changes in turn, and killHosts the records of each.
const (
	killZones = 3
	killHosts = 300
)

func killOrigin(z int) string { return fmt.Sprintf("z%d.example.", z) }

// killVersion is what a zone has at a serial, whoever asks.
func killVersion(z int, serial uint32) (*zone.Version, error) {
	apex, err := zone.ParseName(killOrigin(z))
	if err != nil {
		return nil, err
	}
	list := []zone.Record{soa(apex, serial)}
	for i := range killHosts {
		// Each serial changes one host.
		list = append(list, address(apex, i, byte((serial+killHosts-uint32(i))/killHosts)))
	}
	return buildVersion(apex, list)
}

// childCommits takes up what the store has and commits further versions until it is killed, saying of each when it is durable.
func childCommits(path string) error {
	ctx := context.Background()
	db, err := Open(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	for _, d := range db.Report().Damage {
		return d
	}
	var history [killZones][]*zone.Version
	for z := range history {
		l, err := db.Load(ctx, killOrigin(z))
		if err != nil || len(l.Damage) > 0 {
			return fmt.Errorf("%w %v", err, l.Damage)
		}
		for _, e := range l.State.History {
			history[z] = append(history[z], l.Versions[e.Root])
		}
	}
	for i := 0; ; i++ {
		z := i % killZones
		h := history[z]
		serial := uint32(1)
		if len(h) > 0 {
			serial = uint32(h[len(h)-1].Serial()) + 1
		}
		v, err := killVersion(z, serial)
		if err != nil {
			return err
		}
		if h = append(h, v); len(h) > 3 {
			h = h[1:]
		}
		history[z] = h
		if _, err := db.Commit(ctx, recordOf(h...)); err != nil {
			return err
		}
		fmt.Println(z, serial)
	}
}

// TestKill kills a process that commits, at any instant, and takes the store up again.
func TestKill(t *testing.T) {
	runs := 200
	if testing.Short() {
		runs = 10
	}
	path := fresh(t)
	r := rand.New(rand.NewPCG(31, 31))
	var said [killZones]uint32
	for range runs {
		cmd := childCommand(t.Context(), "commits", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(r.IntN(60_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		for in := bufio.NewScanner(out); in.Scan(); {
			z, serial, ok := strings.Cut(in.Text(), " ")
			i, err := strconv.Atoi(z)
			n, err2 := strconv.Atoi(serial)
			if !ok || err != nil || err2 != nil {
				t.Fatalf("the child said %q", in.Text())
			}
			said[i] = uint32(n)
		}
		_ = cmd.Wait()
		kill.Stop()
		db := open(t, path)
		if d := db.Report().Damage; len(d) > 0 {
			t.Fatal(d)
		}
		for z := range said {
			l := mustLoad(t, db, killOrigin(z))
			if len(l.Damage) > 0 || l.Refetch {
				t.Fatalf("damage %v", l.Damage)
			}
			if !l.Found {
				if said[z] != 0 {
					t.Fatalf("zone %d is lost", z)
				}
				continue
			}
			// Durable when the child said so; or killed before it could say so.
			if got := uint32(l.Served.Serial()); got != said[z] && got != said[z]+1 {
				t.Fatalf("zone %d has serial %d, and %d was durable", z, got, said[z])
			}
			said[z] = uint32(l.Served.Serial())
			want, err := killVersion(z, said[z])
			if err != nil || want.Root() != l.Served.Root() {
				t.Fatalf("zone %d has another version at serial %d", z, said[z])
			}
		}
		shut(t, db)
	}
	t.Logf("serials %v after %d kills", said, runs)
}

// TestPowerFailure plays what a disk may have of a commit when the power goes. bbolt writes the new pages, syncs, writes one of two
// meta pages, syncs. So of the sectors of new pages any part may be there while the old meta page is; then of the meta page
// any part.
func TestPowerFailure(t *testing.T) {
	const sector, page = 512, 4096
	path := fresh(t)
	db := open(t, path)
	r := rand.New(rand.NewPCG(41, 41))
	history := []*zone.Version{small(t, "example.org.", 1, 500)}
	commit(t, db, history...)
	snapshot := func() []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	check := func(b []byte, allowed ...*zone.Version) {
		t.Helper()
		path := fresh(t)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		db := open(t, path)
		defer shut(t, db)
		l := mustLoad(t, db, "example.org.")
		if d := append(db.Report().Damage, l.Damage...); len(d) > 0 || l.Refetch || l.Served == nil {
			t.Fatalf("damage %v", d)
		}
		for _, v := range allowed {
			if v.Root() == l.Served.Root() {
				next := after(t, v, 3, 200)
				commit(t, db, v, next)
				mustServe(t, db, next)
				return
			}
		}
		t.Fatalf("serial %d is served, want %d", l.Served.Serial(), allowed[0].Serial())
	}
	torn := 0
	for i := range 40 {
		v := history[len(history)-1]
		w := after(t, v, r.IntN(500), byte(i))
		if history = append(history, w); len(history) > 4 {
			history = history[1:]
		}
		before := snapshot()
		commit(t, db, history...)
		now := snapshot()
		if len(before) < len(now) {
			before = append(before, make([]byte, len(now)-len(before))...)
		}
		var fresh, meta []int // sectors
		for at := 0; at < len(now); at += sector {
			if bytes.Equal(before[at:at+sector], now[at:at+sector]) {
				continue
			}
			if at < 2*page {
				meta = append(meta, at)
			} else {
				fresh = append(fresh, at)
			}
		}
		for range 6 {
			b := bytes.Clone(before)
			for _, at := range fresh {
				switch r.IntN(4) {
				case 0, 1:
					copy(b[at:at+sector], now[at:at+sector])
				case 2: // torn within
					n := r.IntN(sector)
					copy(b[at:at+n], now[at:at+n])
				}
			}
			check(b, v)
			torn++
		}
		b := bytes.Clone(now)
		for _, at := range meta { // any octet of the meta page may be old
			for j := range sector {
				if r.IntN(2) == 0 {
					b[at+j] = before[at+j]
				}
			}
		}
		check(b, v, w)
	}
	t.Logf("%d torn writes", torn)
}
