package test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer"
	"github.com/concord-dns/concord/internal/answer/answertest"
)

var (
	voteZones = flag.Int("votes.zones", 400, "random zones whose answers NSD, Knot and BIND vote on")
	voteSeed  = flag.Uint64("votes.seed", 0, "seed of the first of them; 0: by chance")
)

const (
	votesPerZone = 60
	votesAtOnce  = 400 // zones in one run of the peers
)

// A ballot is a question with the answers that the peers and we have for it.
type ballot struct {
	zone  *votedZone
	name  string
	typ   uint16
	do    bool
	ours  answertest.Response
	peers [len(voters)]answertest.Response
}

// A votedZone is a random zone.
type votedZone struct {
	*answertest.Zone
	seed    uint64
	signing string // how, or nothing
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
		if r.IntN(5) > 0 {
			s := answertest.RandomSigning(r)
			z.Zone, z.signing = z.Signed(s), s.String()
		}
		files[origin] = z.Text()
		v, err := z.Version()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range votesPerZone {
			name, typ, do := z.SignedQuestion(r)
			res := answer.Answer(v, answer.Question{Name: name, Type: typ, DO: do})
			m := res.Msg(new(dns.Msg).SetQuestion(name, typ))
			res.Release()
			list = append(list, ballot{zone: z, name: name, typ: typ, do: do, ours: answertest.ResponseOf(m)})
		}
	}
	poll3(t, files, list)
	for i := range list {
		if count1(t, &list[i], tally); t.Failed() {
			return
		}
	}
}
