package answer

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// In the middle of a roll a zone has two chains, of which one makes the proofs: that of the NSEC3PARAM record with the fewest
// iterations or, without one, of the NSEC records (RFC 5155 section 10).
func TestTwoChains(t *testing.T) {
	eachSeed(t, *randomZones/8, twoChains)
}

func twoChains(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 8))
	z := answertest.GenerateDelegations(r, "example.", answertest.Options{Loadable: true})
	z.DropWildcardNS()
	old, next := answertest.RandomSigning(r), answertest.RandomSigning(r)
	next.Algorithms, next.NSEC3 = old.Algorithms, true
	both, added := z.Signed(old), z.Signed(next)
	complete := r.IntN(2) == 0 // the last step is to add the NSEC3PARAM record
	for _, rr := range added.Records {
		covered := rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			covered = sig.TypeCovered
		}
		if covered == dns.TypeNSEC3 || covered == dns.TypeNSEC3PARAM && complete {
			both.Records = append(both.Records, rr)
		}
	}
	v, err := both.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	want := old
	if complete && (!old.NSEC3 || next.Iterations < old.Iterations) {
		want = next
	}
	for range questionsPerZone {
		name, typ, _ := both.SignedQuestion(r)
		switch typ {
		case dns.TypeRRSIG, dns.TypeDS:
			continue
		case dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeNSEC, dns.TypeNSEC3PARAM:
			continue // they are there with one signing and not with the other
		}
		m := respond(v, Question{Name: name, Type: typ, DO: true})
		err := newValidator(v, m).judge()
		used := ""
		for _, rr := range m.Ns {
			switch rr := rr.(type) {
			case *dns.NSEC:
				if want.NSEC3 {
					used = rr.String()
				}
			case *dns.NSEC3:
				if !want.NSEC3 || rr.Iterations != want.Iterations {
					used = rr.String()
				}
			}
		}
		if err != nil || used != "" {
			t.Errorf("%s %s: %v; not of the chain %s: %s\n%s", name, dns.Type(typ), err, want, used, answertest.ResponseOf(m))
			t.Fatalf("seed %d: again with -run TwoChains -zones 8 -seed %[1]d", seed)
		}
	}
}

// From a zone whose chain has holes, or whose signatures are incomplete, come the same answers as without DO, with what there
// is of signatures and proofs.
func TestHoles(t *testing.T) {
	eachSeed(t, *randomZones/4, holes)
}

func holes(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 10))
	z := answertest.GenerateDelegations(r, "example.", answertest.Options{Loadable: r.IntN(2) == 0}).Signed(answertest.RandomSigning(r))
	keep := r.IntN(4)
	z.Records = slices.DeleteFunc(z.Records, func(rr dns.RR) bool {
		switch rr.Header().Rrtype {
		case dns.TypeNSEC, dns.TypeNSEC3, dns.TypeRRSIG, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeDS:
			return r.IntN(4) >= keep
		case dns.TypeSOA:
			return false
		}
		return r.IntN(16) == 0 // a name that is in the chain only
	})
	v, err := z.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for range questionsPerZone {
		name, typ, _ := z.SignedQuestion(r)
		plain := answertest.ResponseOf(respond(v, Question{Name: name, Type: typ}))
		got := answertest.ResponseOf(respond(v, Question{Name: name, Type: typ, DO: true}))
		if got.Rcode == "SERVFAIL" && v.Denial() == zone.ByNSEC3 {
			continue // the chain has a name that the zone has not: RFC 5155 section 7.2.9
		}
		if typ != dns.TypeANY && typ != dns.TypeRRSIG && !saysTheSame(plain, got) {
			t.Errorf("%s %s\n--- with DO\n%s--- without\n%s--- zone\n%s", name, dns.Type(typ), got, plain, z.Text())
			t.Fatalf("seed %d: again with -run Holes -zones 4 -seed %[1]d", seed)
		}
	}
}
