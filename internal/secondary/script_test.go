package secondary

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/scripttest"
	"github.com/concord-dns/concord/internal/zone"
)

// TestScripts plays whole lives of a zone in virtual time. Every command prints what it led to.
//
//	zone POLICY NAME...      a zone, with primaries; it has not started
//	NAME holds SERIAL LETTERS
//	NAME is up|down|black|silent|refusing|garbage|cut|slow|endless|whole|condensed|noixfr|lying
//	NAME tells DURATION      until its own copy expires
//	NAME wants KEY...        it takes what is signed with one of the keys
//	sign NAME KEY...         has a zone that has not started name keys of a primary
//	set PROPERTY VALUE...    of a zone that has not started: compare, ignore, guard, drift, zonemd, serial, history
//	start, stop
//	reload [PROPERTY VALUE...]
//	restart DURATION         the process ends, and another one has what was kept so much later
//	advance DURATION
//	notify ADDRESS|NAME [key KEY] [serial SERIAL]
//	approve|reject NAME, pin SERIAL, hold, release, unpin, refresh|retransfer [NAME]
//	                         an operator's word
//	report HERE THERE
//	serving                  what a query would get
//	status                   what there is to tell
//	trust                    and of checks, comparisons and operators
//	asked                    how often each primary was asked since the last time
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txt", func(t *testing.T) scripttest.Command {
		// The commands come from outside of the bubble: while the bubble waits for one, its time stands still.
		type line struct {
			words []string
			reply chan string
		}
		lines, done := make(chan line), make(chan struct{})
		t.Cleanup(func() { close(lines); <-done })
		go func() {
			defer close(done)
			synctest.Test(t, func(t *testing.T) {
				s := &script{t: t, asked: make(map[string]primarytest.Counts)}
				for l := range lines {
					out, err := s.command(l.words)
					if err != nil {
						out = "error: " + err.Error()
					}
					l.reply <- out
				}
			})
		}()
		return func(words []string) (string, error) {
			l := line{words, make(chan string)}
			lines <- l
			if out := <-l.reply; out != "error: unknown" {
				return out, nil
			}
			return "", scripttest.ErrUnknown
		}
	})
}

type script struct {
	t *testing.T
	*world
	asked map[string]primarytest.Counts
}

var errUnknown = errors.New("unknown")

func (s *script) command(words []string) (string, error) {
	switch {
	case words[0] == "zone":
		agree, err := config.ParseAgree(words[1])
		if err != nil {
			return "", err
		}
		s.world = newWorld(s.t, policy(agree), words[2:]...)
	case len(words) >= 3 && words[1] == "holds":
		s.hold(words[0], words[2], strings.Join(words[3:], ""))
	case len(words) == 3 && words[1] == "is":
		return "", s.is(words[0], words[2])
	case len(words) == 3 && words[1] == "tells":
		d, err := config.ParseDuration(words[2])
		if err != nil {
			return "", err
		}
		s.behave(words[0], primarytest.Behaviour{Expire: uint32(d / time.Second)})
	case len(words) >= 2 && words[1] == "wants":
		s.wants(words[0], words[2:])
	case words[0] == "sign":
		s.sign(words[1], words[2:])
	case words[0] == "set":
		if err := s.set(words[1:]); err != nil {
			return "", err
		}
	case words[0] == "trust":
		return s.trust(), nil
	case words[0] == "report":
		return s.report(words[1], words[2])
	case slices.Contains(operators, words[0]):
		return s.operate(words)
	case words[0] == "start":
		s.zone.Start()
		synctest.Wait()
	case words[0] == "stop":
		s.zone.Stop()
	case words[0] == "reload":
		old := s.zone
		if len(words) > 1 {
			if err := s.configure(words[1:]); err != nil {
				return "", err
			}
		}
		s.zone = s.newZone(old)
		s.zone.Start()
		old.Stop()
		synctest.Wait()
	case words[0] == "restart":
		d, err := config.ParseDuration(words[1])
		if err != nil {
			return "", err
		}
		s.restart(d)
	case words[0] == "advance":
		d, err := config.ParseDuration(words[1])
		if err != nil {
			return "", err
		}
		s.advance(d)
	case words[0] == "notify":
		n, err := s.notice(words[1:])
		if err != nil {
			return "", err
		}
		result := s.zone.Notify(n)
		synctest.Wait()
		return strings.TrimSpace(result.String() + "\n" + s.told()), nil
	case words[0] == "serving":
		return s.serving(), nil
	case words[0] == "status":
		return s.status(), nil
	case words[0] == "asked":
		return s.askedSince(), nil
	default:
		return "", errUnknown
	}
	return s.told(), nil
}

func (s *script) is(name, what string) error {
	behaviours := map[string]primarytest.Behaviour{
		"up": {}, "down": {}, "black": {},
		"silent":    {Silent: true},
		"refusing":  {Rcode: dns.RcodeRefused},
		"garbage":   {Garbage: true},
		"cut":       {CutAt: 2, RecordsPerMessage: 1},
		"endless":   {Whole: true, Endless: 10_000_000},
		"whole":     {Whole: true},
		"condensed": {Condensed: true},
		"noixfr":    {Only: dns.TypeIXFR, Rcode: dns.RcodeNotImplemented},
		"lying":     {Only: dns.TypeIXFR, Records: s.lie()},
		"slow":      {Only: dns.TypeIXFR, Delay: 25 * time.Second, RecordsPerMessage: 2},
	}
	b, ok := behaviours[what]
	if !ok {
		return errUnknown
	}
	s.behave(name, b)
	s.cut(name, what == "down", what == "black")
	return nil
}

// lie returns changes that delete what is not there.
func (s *script) lie() []dns.RR {
	held := s.zone.Snapshot().Version
	if held == nil {
		return nil
	}
	soa := func(serial zone.Serial) string {
		return fmt.Sprintf("example.org. 3600 IN SOA ns.example.org. hostmaster.example.org. %d 3600 600 86400 300", serial)
	}
	var records []dns.RR
	for _, text := range []string{
		soa(held.Serial() + 1), soa(held.Serial()), "never.example.org. 3600 IN A 192.0.2.99", soa(held.Serial() + 1), soa(held.Serial() + 1),
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			s.t.Fatal(err)
		}
		records = append(records, rr)
	}
	return records
}

func (s *script) notice(words []string) (n Notice, err error) {
	if n.From, err = netip.ParseAddr(words[0]); err != nil {
		n.From, err = s.primaries[words[0]].Addr().Addr(), nil
	}
	for i := 1; i+1 < len(words); i += 2 {
		switch words[i] {
		case "key":
			n.Key = words[i+1]
		case "serial":
			var serial uint64
			serial, err = strconv.ParseUint(words[i+1], 10, 32)
			n.Serial, n.Told = zone.Serial(serial), true
		}
	}
	return n, err
}

func (s *script) askedSince() string {
	var parts []string
	for _, name := range s.names {
		now, before := s.primaries[name].Counts(), s.asked[name]
		s.asked[name] = now
		parts = append(parts, fmt.Sprintf("%s %d probes, %d AXFR, %d IXFR",
			name, now.Probes-before.Probes, now.Transfers-before.Transfers, now.Increments-before.Increments))
	}
	return strings.Join(parts, "; ")
}

func (s *script) status() string {
	st := s.zone.Status()
	var b strings.Builder
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Sub(s.begin).Round(time.Millisecond).String()
	}
	fmt.Fprintf(&b, "%s, expired %t: %s\n", st.State, st.Expired, st.Reason)
	fmt.Fprintf(&b, "swaps %d, last %s, next check %s, expiry %s, notifies %v\n",
		st.Swaps, at(st.LastSwap), at(st.NextCheck), at(st.ExpireAt), st.Notifies)
	for _, p := range st.Primaries {
		fmt.Fprintf(&b, "%s %s, serial %d, differs in %d, failures %d, transfers %v, next %s",
			p.Name, p.State, p.Serial, p.Differing, p.Failures, p.Transfers, at(p.NextAttempt))
		if p.Phase != "" {
			fmt.Fprintf(&b, ", %s: %v", p.Phase, p.Err)
		}
		if !p.AXFRUntil.IsZero() {
			fmt.Fprintf(&b, ", AXFR until %s", at(p.AXFRUntil))
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
