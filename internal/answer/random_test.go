package answer

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

var (
	randomZones = flag.Int("zones", 1000, "random zones that the reference is held against")
	randomSeed  = flag.Uint64("seed", 1, "seed of the first random zone; 0: by chance")
)

const questionsPerZone = 40

// eachSeed calls test with the seeds of so many random zones, until one fails.
func eachSeed(t *testing.T, zones int, test func(t *testing.T, seed uint64)) {
	t.Helper()
	first := *randomSeed
	if first == 0 {
		first = rand.Uint64() >> 16
	}
	for i := range zones {
		seed := first + uint64(i)
		if test(t, seed); t.Failed() {
			t.Fatalf("seed %d: again with -zones 8 -seed %[1]d", seed)
		}
	}
}

// seedFile keeps the seeds that once failed.
const seedFile = "testdata/seeds"

func TestAgainstReference(t *testing.T) {
	kept, err := os.ReadFile(seedFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(kept)) {
		text, _, _ := strings.Cut(line, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedFile, err)
		}
		againstReference(t, seed)
	}
	eachSeed(t, *randomZones, againstReference)
}

// againstReference makes the zone and the questions of a seed, and holds the answers against those of the reference.
func againstReference(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	origin := []string{"example.", ".", "a.b.c.", "16/28.2.0.192.in-addr.arpa."}[r.IntN(4)]
	z := answertest.Generate(r, origin, answertest.Options{Loadable: r.IntN(2) == 0})
	v, err := z.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	ref := newReference(z)
	for range questionsPerZone {
		name, typ := z.Question(r)
		want := ref.ask(name, typ)
		got := answertest.ResponseOf(ask(t, v, name, typ))
		if !got.Equal(want) {
			t.Errorf("%s %s\n--- got\n%s--- want\n%s--- zone\n%s", name, dns.Type(typ), got, want, z.Text())
			t.Fatalf("seed %d: add it to %s once it is mended; again with -run AgainstReference -zones 1 -seed %d", seed, seedFile, seed)
		}
		if do := answertest.ResponseOf(respond(v, Question{Name: name, Type: typ, DO: true})); !do.Equal(want) {
			t.Fatalf("seed %d: %s %s: DO makes a difference in an unsigned zone\n%s", seed, name, dns.Type(typ), do)
		}
	}
}

// ask answers a question with a message that went over the wire.
func ask(t testing.TB, v *zone.Version, name string, typ uint16) *dns.Msg {
	t.Helper()
	req := new(dns.Msg)
	req.SetQuestion(name, typ)
	r := Answer(v, Question{Name: name, Type: typ})
	m := r.Msg(req)
	r.Release()
	m.Compress = true
	buf, err := m.Pack()
	if err != nil {
		t.Fatalf("%s %s: %v", name, dns.Type(typ), err)
	}
	out := new(dns.Msg)
	if err := out.Unpack(buf); err != nil {
		t.Fatalf("%s %s: %v", name, dns.Type(typ), err)
	}
	if len(out.Question) != 1 || out.Question[0] != req.Question[0] || !out.Response || out.Id != req.Id {
		t.Fatalf("%s %s: not the response to the question: %v", name, dns.Type(typ), fmt.Sprint(out.Question))
	}
	return out
}
