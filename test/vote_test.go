package test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer"
	"github.com/concord-dns/concord/internal/answer/answertest"
)

var (
	voteZones = flag.Int("votes.zones", 400, "random zones whose answers NSD, Knot and BIND vote on")
	voteSeed  = flag.Uint64("votes.seed", 1, "seed of the first of them; 0: by chance")
)

const (
	votesPerZone = 60
	votesAtOnce  = 400 // zones in one run of the peers
	faultsShown  = 5
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

func TestAnswersByVote(t *testing.T) {
	first := *voteSeed
	if first == 0 {
		first = rand.Uint64() >> 16
	}
	var seeds []uint64
	for i := range *voteZones {
		seeds = append(seeds, first+uint64(i))
	}
	tally := map[string]int{}
	for some := range slices.Chunk(seeds, votesAtOnce) {
		vote(t, some, tally)
	}
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		t.Logf("%7d %s", tally[what], what)
	}
}

func vote(t *testing.T, seeds []uint64, tally map[string]int) {
	t.Helper()
	files := map[string]string{}
	var list []ballot
	for i, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 5))
		origin := fmt.Sprintf("z%d.test.", i)
		if r.IntN(3) == 0 {
			origin = fmt.Sprintf("Z.%d/25.2.0.192.in-addr.arpa.", i)
		}
		z := &votedZone{Zone: answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: true}), seed: seed}
		if r.IntN(6) > 0 {
			z.DropWildcardNS()
		}
		z.withoutBIND = z.HasWildcardNS()
		if r.IntN(5) > 0 {
			s := answertest.RandomSigning(r)
			z.Zone, z.signing = z.Signed(s), s.String()
		}
		z.hashes = map[string]bool{}
		for _, rr := range z.Records {
			if rr.Header().Rrtype == dns.TypeNSEC3 {
				z.hashes[strings.ToLower(rr.Header().Name)] = true
			}
		}
		files[origin] = z.Text()
		v, err := z.Version()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range votesPerZone {
			name, typ, do := z.SignedQuestion(r)
			minimal := r.IntN(2) == 0
			res := answer.Answer(v, answer.Question{Name: name, Type: typ, DO: do, MinimalAny: minimal})
			m := res.Msg(new(dns.Msg).SetQuestion(name, typ))
			res.Release()
			list = append(list, ballot{zone: z, name: name, typ: typ, do: do, minimalAny: minimal, ours: answertest.ResponseOf(m)})
		}
	}
	castVotes(t, files, list)
	failed := 0
	for i := range list {
		list[i].normalise()
		if !judge(t, &list[i], tally) {
			if failed++; failed == faultsShown {
				t.FailNow()
			}
		}
	}
}
