package concord

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/primarytest"
)

// keptZone is a Corefile of one zone with a store.
const keptZone = `example.org:0 {
	bind 127.0.0.1
	multisocket 2
	concord {
		primary ns1 $1
		%s
	}
}
`

// openStores are the files that are open.
func openStores() (paths []string) {
	for _, s := range process.storeStatuses() {
		paths = append(paths, filepath.Base(s.Path))
	}
	return paths
}

// TestStoreKeeps has zones outlive their instance, whatever sockets and server blocks have them.
func TestStoreKeeps(t *testing.T) {
	dir := t.TempDir()
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns.elsewhere.test."), primarytest.Make(t, "example.net.", 9, "@ NS ns.elsewhere.test."))
	text := fmt.Sprintf(keptZone, "store "+dir+"/a.db") + strings.Replace(fmt.Sprintf(keptZone, "store "+dir+"/../"+filepath.Base(dir)+"/a.db"), "example.org", "example.net", 1)
	c := start(t, at(text, p))
	c.awaitSerial("example.org.", "7")
	until(t, func() bool {
		for _, run := range process.running() {
			if !run.zone.Status().Kept.Written {
				return false
			}
		}
		return true
	})
	if got := openStores(); !slices.Equal(got, []string{"a.db"}) {
		t.Errorf("open: %v", got)
	}
	for _, err := range c.ShutdownCallbacks() {
		t.Error(err)
	}
	if got := openStores(); len(got) != 0 {
		t.Errorf("open at the end: %v", got)
	}
	p.Stop()
	c = start(t, at(text, p))
	if got := c.serial("example.org."); got != "7" {
		t.Errorf("at once after the start: %s", got)
	}
	if all := process.running(); len(all) != 2 || all[0].zone.Status().Version == nil || all[1].zone.Status().Version == nil {
		t.Errorf("%d zones run", len(all))
	}
}

// TestStoreReload has the store change at a reload, with all that it holds, and not change where the Corefile cannot be used.
func TestStoreReload(t *testing.T) {
	dir := t.TempDir()
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns.elsewhere.test."))
	text := func(property string) string { return at(fmt.Sprintf(keptZone, property), p) }
	c := start(t, text("store "+dir+"/a.db"))
	c.awaitSerial("example.org.", "7")
	for _, step := range []struct {
		property string
		ok       bool
		want     []string // that are open
	}{
		{"store " + dir + "/a.db\nsettle 1m", true, []string{"a.db"}},
		{"store " + dir + "/b.db", true, []string{"b.db"}},
		{"store " + dir + "/no/c.db", false, []string{"b.db"}},
		{"store " + dir, false, []string{"b.db"}},
		{"store " + dir + "/no/c.db best-effort", true, nil},
		{"store off", true, nil},
		{"store " + dir + "/c.db best-effort", true, []string{"c.db"}},
	} {
		if err := c.reload(text(step.property)); err == nil != step.ok {
			t.Fatalf("%s: %v", step.property, err)
		} else if err != nil && (!strings.Contains(err.Error(), "zone example.org.: store "+dir) || !strings.Contains(err.Error(), "store off")) {
			t.Errorf("%s: %v", step.property, err)
		}
		if got := openStores(); !slices.Equal(got, step.want) {
			t.Errorf("%s: open are %v, want %v", step.property, got, step.want)
		}
		if got := c.serial("example.org."); got != "7" {
			t.Errorf("%s: %s is served", step.property, got)
		}
		if len(step.want) > 0 {
			until(t, func() bool { return process.running()[0].zone.Status().Kept.Written })
		}
	}
	if n := p.Counts().Transfers; n != 1 {
		t.Errorf("%d transfers, want 1", n)
	}
}

// TestStoreViews has one name be two zones: neither is kept where both would be, and each is in a file of its own.
func TestStoreViews(t *testing.T) {
	dir := t.TempDir()
	inside := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns.elsewhere.test."))
	outside := primarytest.New(t, primarytest.Make(t, "example.org.", 9, "@ NS ns.elsewhere.test."))
	text := func(a, b string) string {
		second := strings.ReplaceAll(strings.Replace(keptZone, "127.0.0.1", "127.0.0.2", 1), "$1", "$2")
		return at(fmt.Sprintf(keptZone, "store "+dir+"/"+a)+fmt.Sprintf(second, "store "+dir+"/"+b), inside, outside)
	}
	kept := func() (n int) {
		for _, run := range process.running() {
			if run.zone.Status().Kept.Path != "" {
				n++
			}
		}
		return n
	}
	c := start(t, text("a.db", "a.db"))
	if kept() != 0 {
		t.Errorf("%d of two views are kept in one file", kept())
	}
	if err := c.reload(text("a.db", "b.db")); err != nil {
		t.Fatal(err)
	}
	if kept() != 2 {
		t.Errorf("%d of two views are kept in two files", kept())
	}
}

// TestStoreForgets has a zone leave the Corefile: the store keeps it for a while.
func TestStoreForgets(t *testing.T) {
	dir := t.TempDir()
	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "@ NS ns.elsewhere.test."), primarytest.Make(t, "example.net.", 9, "@ NS ns.elsewhere.test."))
	text := func(zones string) string {
		return at(strings.Replace(fmt.Sprintf(keptZone, "store "+dir+"/a.db\nforget 2h"), "concord {", "concord "+zones+" {", 1), p)
	}
	c := start(t, text("example.org a.example.org example.net"))
	c.awaitSerial("example.org.", "7")
	db := process.stores[filepath.Join(dir, "a.db")]
	zones := func() string {
		names, err := db.db.Zones(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names, " ")
	}
	until(t, func() bool { return zones() == "example.net. example.org." })
	if err := c.reload(text("example.org")); err != nil {
		t.Fatal(err)
	}
	db.tidyUp() // what the zone left is written
	db.tidyUp()
	if got := zones(); got != "example.net. example.org." {
		t.Errorf("right after it left: %s", got)
	}
	if _, err := db.db.Forget(context.Background(), time.Now().Add(3*time.Hour), process.keptIn(db)); err != nil {
		t.Fatal(err)
	}
	if got := zones(); got != "example.org." {
		t.Errorf("long after it left: %s", got)
	}
}

// TestStoreDefault has zones be kept below the root, as other plugins have their files.
func TestStoreDefault(t *testing.T) {
	storeByDefault = true
	defer func() { storeByDefault = false }()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for property, want := range map[string]string{"": here + "/concord.db", "store off": "", "store /x/y.db": "/x/y.db"} {
		zones, err := parse(controller("concord example.org {\nprimary ns1 192.0.2.1\n"+property+"\n}"), new(pacing))
		if err != nil || zones[0].Store.Path != want || zones[0].Store.Off != (want == "") {
			t.Errorf("%q: %+v, %v", property, zones, err)
		}
	}
	if _, err := os.Stat("concord.db"); err == nil {
		t.Error("reading a Corefile made the file")
	}
}
