package test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReload has the server read its Corefile again, changed and not, while it is asked all the time:
//
//	NSD, Knot serial 1  --  CoreDNS, SIGUSR1
//
// No query fails, and a zone that stays is not transferred again.
func TestReload(t *testing.T) {
	t.Parallel()
	s := SetStage(t, MasterFile{Serial: 1}, "agree all")
	path := filepath.Join(s.CoreDNS.dir, "Corefile")
	corefile := read(t, path)
	for i, text := range []string{corefile, corefile + "\n# a comment\n", strings.Replace(corefile, "errors", "errors\n\tlog", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		mark := s.Mark()
		s.signal(syscall.SIGUSR1)
		asked := 0
		Eventually(t, Patience, func() error {
			asked++
			if err := s.Serves("example.org", 1); err != nil {
				t.Fatalf("reload %d, query %d: %v", i, asked, err)
			}
			_, err := s.findLog(mark, 0, "Reloading complete")
			return err
		})
	}
	Always(t, time.Second, func() error { return s.Serves("example.org", 1) })
	for _, primary := range []string{"nsd", "knot"} {
		s.WaitMetric(`coredns_concord_transfers_total{kind="axfr",primary="`+primary+`",result="success",zone="example.org."}`, 1)
	}

	// A zone that leaves takes its series with it.
	if err := os.WriteFile(path, []byte(strings.NewReplacer("example.org", "example.net").Replace(corefile)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR1)
	Eventually(t, Patience, func() error {
		page, err := s.metrics()
		if err == nil && strings.Contains(string(page), `coredns_concord_zone_serial{zone="example.org."}`) {
			err = os.ErrExist
		}
		return err
	})
}
