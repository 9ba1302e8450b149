package test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer"
	"github.com/concord-dns/concord/internal/answer/answertest"
)

var (
	voteZones = flag.Int("votes.zones", 1680, "random zones whose answers NSD, Knot and BIND vote on")
	voteSeed  = flag.Uint64("votes.seed", 1, "seed of the first of them; 0: by chance")
	voteTime  = flag.Duration("votes.time", 0, "go on for so long with zones by chance")
)

const (
	votesPerZone = 60
	votesAtOnce  = 400 // zones in one run of the peers
	rootZones    = 4   // of which a server can have but one at a time
	votesOnRoot  = 300
	faultsShown  = 5
	voteSeeds    = "testdata/vote_seeds"
)

// A ballot is a question with the answers that the peers and we have for it.
type ballot struct {
	zone       *votedZone
	name       string
	typ        uint16
	do         bool
	minimalAny bool // ours
	ours       answertest.Response
	peers      [len(voters)]answertest.Response
}

// A votedZone is a random zone.
type votedZone struct {
	*answertest.Zone
	seed    uint64
	signing string // how, or nothing

	hashes      map[string]bool    // owner names of NSEC3 records
	withoutBIND bool               // it does not take the zone
	prover      *answertest.Prover // made when it is needed
}

// TestAnswersByVote has NSD, Knot and BIND vote on the answers to random questions about random zones, most of them signed. Those of
// internal/answer must be the majority's, or what decisions has; and some are asked for through the binary, too, which has
// the zones by transfer:
//
//	zone files --> NSD --AXFR--> BIND    \
//	           \-> Knot                    compared, section by section, TTLs included
//	            |    \--AXFR--> CoreDNS   /
//	            \-> internal/answer
func TestAnswersByVote(t *testing.T) {
	first := *voteSeed
	if first == 0 {
		first = rand.Uint64() >> 16
	}
	seeds := keptSeeds(t, voteSeeds)
	for i := range *voteZones {
		seeds = append(seeds, first+uint64(i))
	}
	slices.Sort(seeds)
	seeds = slices.Compact(seeds)
	tally := map[string]int{}
	for n, some := range slices.Collect(slices.Chunk(seeds, votesAtOnce)) {
		newVote(t, some, votesPerZone, originOf).count(t, n == 0, tally)
	}
	for i := range rootZones {
		root := func(uint64, *rand.Rand) string { return "." }
		newVote(t, []uint64{first + uint64(i)}, votesOnRoot, root).count(t, i == 0, tally)
	}
	for start := time.Now(); time.Since(start) < *voteTime && !t.Failed(); {
		some := make([]uint64, votesAtOnce)
		for i := range some {
			some[i] = rand.Uint64() >> 16
		}
		newVote(t, some, votesPerZone, originOf).count(t, false, tally)
	}
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		t.Logf("%7d %s", tally[what], what)
	}
}

// originOf names the zone of a seed: the hashes of NSEC3 come from its name, too.
func originOf(seed uint64, r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return fmt.Sprintf("z%d.", seed)
	case 1:
		return fmt.Sprintf("%d.2.0.192.in-addr.arpa.", seed)
	case 2:
		return fmt.Sprintf("Z.%d/25.2.0.192.in-addr.arpa.", seed) // RFC 2317
	}
	return fmt.Sprintf("z%d.test.", seed)
}

// A vote has the zones and the questions of one run of the peers.
type vote struct {
	files   map[string]string
	serials map[string]uint32
	list    []ballot
}

func newVote(t *testing.T, seeds []uint64, questions int, originOf func(uint64, *rand.Rand) string) *vote {
	t.Helper()
	o := &vote{files: map[string]string{}, serials: map[string]uint32{}}
	for _, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 5))
		z := newVotedZone(seed, originOf(seed, r), r)
		o.files[z.Origin] = z.Text()
		v, err := z.Version()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		o.serials[z.Origin] = uint32(v.Serial())
		for range questions {
			name, typ, do := z.SignedQuestion(r)
			minimal := r.IntN(2) == 0
			res := answer.Answer(v, answer.Question{Name: name, Type: typ, DO: do, MinimalAny: minimal})
			m := res.Msg(new(dns.Msg).SetQuestion(name, typ))
			res.Release()
			o.list = append(o.list, ballot{zone: z, name: name, typ: typ, do: do, minimalAny: minimal, ours: answertest.ResponseOf(m)})
		}
	}
	return o
}

func newVotedZone(seed uint64, origin string, r *rand.Rand) *votedZone {
	z := &votedZone{Zone: answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: true}), seed: seed, hashes: map[string]bool{}}
	if r.IntN(6) > 0 {
		z.DropWildcardNS()
	}
	z.withoutBIND = z.HasWildcardNS()
	if r.IntN(5) > 0 {
		s := answertest.RandomSigning(r)
		z.Zone, z.signing = z.Signed(s), s.String()
	}
	for _, rr := range z.Records {
		if rr.Header().Rrtype == dns.TypeNSEC3 {
			z.hashes[strings.ToLower(rr.Header().Name)] = true
		}
	}
	return z
}

// count asks all questions, and judges our answers.
func (o *vote) count(t *testing.T, binary bool, tally map[string]int) {
	t.Helper()
	o.cast(t, binary, tally)
	failed := 0
	for i := range o.list {
		o.list[i].normalise()
		if !judge(t, &o.list[i], tally) {
			t.Errorf("seed %d: add it to %s once it is mended; again with -run AnswersByVote -votes.zones 1 -votes.seed %[1]d", o.list[i].zone.seed, voteSeeds)
			if failed++; failed == faultsShown {
				t.FailNow()
			}
		}
	}
}
