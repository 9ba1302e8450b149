package test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/primarytest"
)

// soakFaults are ways to answer from which nothing may follow but that the source is not reached, or is asked in another way.
var soakFaults = []struct {
	name string
	primarytest.Behaviour
}{
	{"is silent", primarytest.Behaviour{Silent: true}},
	{"is silent at transfers", primarytest.Behaviour{Only: dns.TypeIXFR, Silent: true}},
	{"hangs in a transfer", primarytest.Behaviour{SilentAfter: 1, RecordsPerMessage: 9}},
	{"drips", primarytest.Behaviour{Drip: 20 * time.Millisecond}},
	{"is slow", primarytest.Behaviour{Delay: 50 * time.Millisecond, RecordsPerMessage: 9}},
	{"resets", primarytest.Behaviour{ResetAt: 1}},
	{"resets in a transfer", primarytest.Behaviour{ResetAt: 2, RecordsPerMessage: 9}},
	{"closes", primarytest.Behaviour{CloseAt: 1}},
	{"closes in a transfer", primarytest.Behaviour{CloseAt: 3, RecordsPerMessage: 9}},
	{"cuts a message", primarytest.Behaviour{CutAt: 1}},
	{"takes one query", primarytest.Behaviour{CloseAfterAnswer: true}},
	{"refuses", primarytest.Behaviour{Rcode: dns.RcodeRefused}},
	{"fails", primarytest.Behaviour{Rcode: dns.RcodeServerFailure}},
	{"refuses AXFR", primarytest.Behaviour{Only: dns.TypeAXFR, Rcode: dns.RcodeRefused}},
	{"does not know IXFR", primarytest.Behaviour{Only: dns.TypeIXFR, Rcode: dns.RcodeNotImplemented}},
	{"does not know EDNS", primarytest.Behaviour{NoEDNS: true}},
	{"sends garbage", primarytest.Behaviour{Garbage: true}},
	{"has wrong ids", primarytest.Behaviour{WrongID: true}},
	{"has late ids", primarytest.Behaviour{LateID: true}},
	{"answers another question", primarytest.Behaviour{WrongQuestion: true}},
	{"truncates", primarytest.Behaviour{Truncated: true}},
	{"sends backwards", primarytest.Behaviour{Reversed: true, RecordsPerMessage: 9}},
	{"ends with another serial", primarytest.Behaviour{EndSerial: 77}},
	{"does not end", primarytest.Behaviour{NoEnd: true}},
	{"is endless", primarytest.Behaviour{Endless: 1 << 30}},
	{"has whole zones only", primarytest.Behaviour{Whole: true}},
	{"condenses", primarytest.Behaviour{Condensed: true}},
	{"tells small messages", primarytest.Behaviour{RecordsPerMessage: 1, NoQuestion: true}},
}

// soakLies send content that no honest source ever holds, save the last. No more than one source of a zone lies at a time.
var soakLies = []func(t testing.TB, s *soakSource, r *rand.Rand){
	lie("lies with a higher serial", func(c *soakContent, r *rand.Rand) { c.serial += 1 + uint32(r.IntN(1<<20)) }),
	lie("lies with the same serial", func(*soakContent, *rand.Rand) {}),
	lie("lies with a lower serial", func(c *soakContent, r *rand.Rand) { c.serial -= 1 + uint32(r.IntN(100)) }),
	lie("lost half of the zone", func(c *soakContent, _ *rand.Rand) { c.serial++; c.hosts = c.hosts[:len(c.hosts)/2] }),
	lie("lost all of the zone", func(c *soakContent, _ *rand.Rand) {
		c.serial++
		c.hosts, c.alias, c.extra = nil, nil, nil
	}),
	func(t testing.TB, s *soakSource, r *rand.Rand) {
		c := s.has.clone() // as it is, under a serial of its own
		c.serial += 1<<16 + uint32(r.IntN(1<<16))
		s.lie(t, "counts by itself", c)
	},
	func(t testing.TB, s *soakSource, r *rand.Rand) {
		if len(s.before) == 0 {
			return
		}
		c := s.before[r.IntN(len(s.before))].clone() // an old one, told as new
		c.serial = s.has.serial + 1<<16 + uint32(r.IntN(1<<16))
		s.lie(t, "tells the old as new", c)
	},
	func(_ testing.TB, s *soakSource, r *rand.Rand) {
		s.fault = "announces what it does not have"
		s.scripted.Behave(primarytest.Behaviour{Only: dns.TypeSOA, Serial: s.has.serial + 1 + uint32(r.IntN(1<<20))})
		s.notify()
	},
	func(t testing.TB, s *soakSource, r *rand.Rand) {
		if len(s.before) == 0 {
			return
		}
		// A step to a version that nobody has, from the one that the server probably has.
		to := s.has.clone()
		to.serial += 3
		to.token, to.hosts[r.IntN(soakHosts/4)] = soakLie(r), liedHost
		from := s.has.zone(t)
		lies := primarytest.Lies(t, from, to.zone(t))
		l := lies[r.IntN(len(lies)+1)%len(lies)]
		s.fault = "tells changes: " + l.Name
		records := l.Records
		if r.IntN(3) == 0 {
			s.fault, records = "tells changes that fit, and are made up", primarytest.Plausible(t, from, to.zone(t)).Records
		}
		s.lies = true
		s.scripted.Set(to.zone(t))
		s.scripted.Behave(primarytest.Behaviour{Only: dns.TypeIXFR, Records: records})
		s.notify()
	},
}

// stepFalsely goes on to a version, and tells a record more than that in the changes that lead there. Whoever asks for the
// whole zone gets the truth.
func (s *soakSource) stepFalsely(t testing.TB, v *soakVersion, r *rand.Rand) {
	t.Helper()
	from, to := s.has.zone(t), v.zone(t)
	more, err := dns.NewRR(fmt.Sprintf("madeup%d.%s %d IN A 192.0.2.66", r.Uint32(), s.zone.origin, soakTTL))
	if err != nil {
		t.Fatal(err)
	}
	records := append([]dns.RR{v.soaRecord(t)}, primarytest.Changes(from, to)...)
	s.fault = "tells a record too many in its changes"
	s.scripted.Behave(primarytest.Behaviour{Only: dns.TypeIXFR, Records: append(records, more, v.soaRecord(t))})
	s.publish(t, v)
}

// liedHost stands for a version that never is.
const liedHost = 1 << 23

// lie returns a lie in which, beside what edit changes, a few records tell that it is one.
func lie(name string, edit func(*soakContent, *rand.Rand)) func(testing.TB, *soakSource, *rand.Rand) {
	return func(t testing.TB, s *soakSource, r *rand.Rand) {
		c := s.has.clone()
		c.token = soakLie(r)
		c.hosts[r.IntN(len(c.hosts))] = liedHost
		edit(c, r)
		s.lie(t, name, c)
	}
}

func soakLie(r *rand.Rand) string { return fmt.Sprintf("lie %d", r.Uint32()) }

func (s *soakSource) lie(t testing.TB, name string, c *soakContent) {
	t.Helper()
	s.fault, s.lies = name, true
	s.scripted.Set(c.zone(t))
	s.notify()
}

// rollBack has the source serve what it held before, as after a restore of a backup.
func (s *soakSource) rollBack(t testing.TB, r *rand.Rand) {
	t.Helper()
	old := s.before[r.IntN(len(s.before))]
	if old.barred || old == s.has {
		return
	}
	s.lie(t, fmt.Sprintf("went back to version %d", old.n), old.soakContent)
}
