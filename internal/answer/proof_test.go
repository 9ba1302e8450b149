package answer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// TestProofs asks random signed zones random questions with DO. The response must say the same as without DO, and have the
// NSEC or NSEC3 records that the RFCs want, no more and no fewer.
func TestProofs(t *testing.T) {
	eachSeed(t, *randomZones/4, proofs)
}

func proofs(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 6))
	origin := []string{"example.", ".", "a.b.c.", "16/28.2.0.192.in-addr.arpa."}[r.IntN(4)]
	signing := answertest.RandomSigning(r)
	z := answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: true}).Signed(signing)
	v, err := z.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	prover := answertest.NewProver(z)
	for range questionsPerZone {
		name, typ, _ := z.SignedQuestion(r)
		plain := answertest.ResponseOf(respond(v, Question{Name: name, Type: typ}))
		got := answertest.ResponseOf(respond(v, Question{Name: name, Type: typ, DO: true}))
		var faults []string
		if want := prover.Proof(name, got); !slices.Equal(owners(got.Authority, "nsec", "nsec3"), want) {
			faults = append(faults, fmt.Sprintf("the proof is not that of %q", want))
		}
		if typ != dns.TypeANY && typ != dns.TypeRRSIG && !saysTheSame(plain, got) {
			faults = append(faults, "it says something else than without DO:\n"+plain.String())
		}
		for _, section := range [][]string{got.Answer, got.Authority, got.Additional} {
			if len(slices.Compact(slices.Clone(section))) < len(section) {
				faults = append(faults, "a record comes twice")
			}
		}
		if len(faults) > 0 {
			t.Errorf("%s %s: %s\n--- got\n%s--- zone, %s\n%s", name, dns.Type(typ), strings.Join(faults, "; "), got, signing, z.Text())
			t.Fatalf("seed %d: again with -run Proofs -zones 4 -seed %[1]d", seed)
		}
	}
}

func owners(section []string, types ...string) []string {
	var list []string
	for _, line := range section {
		if f := strings.Fields(line); slices.Contains(types, f[3]) {
			list = append(list, f[0])
		}
	}
	slices.Sort(list)
	return list
}

// saysTheSame compares a response without DO with one with DO, which has more: signatures, proofs, and DS in referrals.
func saysTheSame(plain, do answertest.Response) bool {
	without := func(section []string, types ...string) []string {
		return slices.DeleteFunc(slices.Clone(section), func(line string) bool {
			return slices.Contains(types, strings.Fields(line)[3]) && !slices.Contains(plain.Answer, line)
		})
	}
	do.Answer = without(do.Answer, "rrsig")
	do.Authority = without(do.Authority, "rrsig", "nsec", "nsec3", "ds")
	do.Additional = without(do.Additional, "rrsig")
	return plain.Equal(do)
}
