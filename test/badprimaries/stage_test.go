package badprimaries

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/xfr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A stage is one zone and the primaries that it is taken from.
//
//	primary a  --\
//	primary b  ----  secondary.Zone  --->  told: what an operator would read
//	...        --/
type stage struct {
	t         *testing.T
	zone      *secondary.Zone
	primaries []*primarytest.Primary
	conns     *xfr.Conns

	mu   sync.Mutex // guards what follows
	told []string
	more chan struct{} // closed, and made anew, when more is told
}

// setStage starts a zone that is in step with its primaries.
func setStage(t *testing.T, cfg config.Zone, primaries ...*primarytest.Primary) *stage {
	t.Helper()
	s := &stage{t: t, primaries: primaries, conns: &xfr.Conns{}, more: make(chan struct{})}
	cfg.Origin = "example.org."
	for i, p := range primaries {
		if i == len(cfg.Primaries) {
			cfg.Primaries = append(cfg.Primaries, config.Primary{})
		}
		cfg.Primaries[i].Name, cfg.Primaries[i].Addresses = string(rune('a'+i)), []netip.AddrPort{p.Addr()}
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	z, err := secondary.New(&cfg, secondary.Options{
		Client:  &xfr.Client{Time: cfg.Limit.Time, Idle: cfg.Limit.Idle, Conns: s.conns},
		Limiter: secondary.NewLimiter(0), Events: s.event, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.zone = z
	z.Start()
	return s
}

// stop ends all of it.
func (s *stage) stop() {
	s.zone.Stop()
	s.conns.Close()
	for _, p := range s.primaries {
		p.Stop()
	}
}

func (s *stage) event(e secondary.Event) {
	line := ""
	switch e := e.(type) {
	case secondary.Failed:
		line = fmt.Sprintf("failed (%s): %v", e.Phase, e.Err)
	case secondary.Transferred:
		line = fmt.Sprintf("transferred serial %d by %s, instead of: %v", e.Serial, e.Kind, e.Instead)
	case secondary.StateChanged:
		line = fmt.Sprintf("%v: %s", e.State, e.Reason)
	case secondary.Swapped:
		line = fmt.Sprintf("serves serial %d", e.Version.Serial())
	default:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, line)
	close(s.more)
	s.more = make(chan struct{})
}

// patience is how long a test waits for what should take no time.
const patience = 20 * time.Second

// await waits until a line has been told that has all of the parts, and returns it. What was told before mark does not count.
func (s *stage) await(mark int, parts ...string) string {
	s.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		told, more := s.told[mark:], s.more
		s.mu.Unlock()
		for _, line := range told {
			if has(line, parts) {
				return line
			}
		}
		select {
		case <-more:
		case <-late:
			s.t.Fatalf("nothing was told with %q in it, but\n\t%s", parts, strings.Join(told, "\n\t"))
		}
	}
}

func has(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

func (s *stage) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

// notify is a NOTIFY of the i-th primary.
func (s *stage) notify(i int, key string) {
	s.t.Helper()
	if r := s.zone.Notify(secondary.Notice{From: s.primaries[i].Addr().Addr(), Key: key}); r.Refused() {
		s.t.Errorf("NOTIFY of primary %c: %v", 'a'+i, r)
	}
}

// serves fails the test unless this very version is served.
func (s *stage) serves(want *primarytest.Zone) {
	s.t.Helper()
	now := s.zone.Snapshot()
	switch {
	case now.Version == nil || now.Expired:
		s.t.Errorf("nothing is served, want serial %d", want.Serial())
	case now.Version.Root() != want.Version(s.t).Root():
		s.t.Errorf("serial %d is served, with content of its own, want serial %d", now.Version.Serial(), want.Serial())
	}
}

// zoneOf has forty hosts, of which half change with the serial.
func zoneOf(t *testing.T, serial uint32) *primarytest.Zone {
	t.Helper()
	records := []string{"@ NS ns1", "ns1 A 192.0.2.53"}
	for i := range 40 {
		address := 1
		if i%2 == 1 {
			address = int(serial)
		}
		records = append(records, fmt.Sprintf("host%02d A 192.0.2.%d", i, address))
	}
	return primarytest.Make(t, "example.org.", serial, records...)
}

// settings are those of a zone that loses patience quickly.
func settings() config.Zone {
	cfg := config.Defaults()
	cfg.Guard, cfg.Store = config.Guard{Off: true}, config.Store{Off: true}
	cfg.Limit.Size, cfg.Limit.Idle, cfg.Limit.Time = 1<<16, time.Second, 3*time.Second
	return cfg
}
