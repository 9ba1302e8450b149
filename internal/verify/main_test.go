package verify

import (
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mustZone makes a version of a zone in master-file form. What is out of the zone is left out.
func mustZone(t testing.TB, origin, text string) *zone.Version {
	t.Helper()
	b := zone.NewBuilder(mustName(t, origin), nil)
	p := dns.NewZoneParser(strings.NewReader(text), origin, "")
	p.SetDefaultTTL(300)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		r, err := zone.FromRR(rr)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(r); err != nil && !errors.Is(err, zone.ErrOutOfZone) {
			t.Fatal(err)
		}
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	v, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustName(t testing.TB, s string) zone.Name {
	t.Helper()
	n, err := zone.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// settings returns the defaults for a zone, with what f changes of them.
func settings(origin string, f func(*config.Zone)) *config.Zone {
	z := config.Defaults()
	z.Origin = origin
	if f != nil {
		f(&z)
	}
	return &z
}

// lines returns findings as a text, a line each, with their severity.
func lines(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.Severity.String() + " " + f.String() + "\n")
	}
	return b.String()
}
