package test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer"
	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

var (
	validZones  = flag.Int("valid.zones", 60, "random signed zones that a validator judges through the binary")
	validSeed   = flag.Uint64("valid.seed", 1, "seed of the first of them; 0: by chance")
	validChance = flag.Int("valid.chance", 20, "zones by chance beside them")
)

const (
	judgedPerZone  = 60
	validatorSeeds = "testdata/validator_seeds"
)

// TestValidator has Unbound judge what the binary answers for signed zones:
//
//	Knot --AXFR--> CoreDNS with concord <--stub zones-- Unbound <-- questions
//
// Every zone is a trust anchor and has zones below its delegations, which the same binary serves: secure ones with their
// DS in the zone above, and unsigned ones. Nothing may be bogus, what lies in a signed zone is secure save where opt-out
// has a part in the proof, and what is below an insecure delegation is insecure.
func TestValidator(t *testing.T) {
	first := *validSeed
	if first == 0 {
		first = rand.Uint64() >> 16
	}
	j := jury{files: map[string]string{}, serials: map[string]uint32{}, tally: map[string]int{}}
	above := "test. 300 IN SOA ns. h. 1 3600 600 86400 60\ntest. 300 IN NS ns.test.\noutside.test. 300 IN NS ns.outside.test.\n"
	for _, name := range []string{"outside.test.", "invalid."} { // where aliases lead to
		j.serve(t, name, name+" 300 IN SOA ns. h. 1 3600 600 86400 60\n"+name+" 300 IN NS ns."+name+"\n*."+name+" 300 IN A 192.0.2.1\n")
	}
	seeds := keptSeeds(t, validatorSeeds)
	for i := range *validZones {
		seeds = append(seeds, first+uint64(i))
	}
	for range *validChance {
		seeds = append(seeds, rand.Uint64()>>16)
	}
	slices.Sort(seeds)
	for _, seed := range slices.Compact(seeds) {
		origin := fmt.Sprintf("v%d.test.", seed)
		j.add(t, seed, origin)
		above += origin + " 300 IN NS ns." + origin + "\n"
	}
	j.serve(t, "test.", above)
	primary := StartPeer(t, Knot, PeerConfig{Zones: j.files})
	c := NewCoreDNS(t)
	names := slices.Sorted(maps.Keys(j.files))
	c.Start(fmt.Sprintf(`%s {
	bind 127.0.0.1
	concord {
		primary knot %s
		limit transfers 100
	}
	errors
}
`, strings.Join(names, ":$PORT ")+":$PORT", primary.Addr))
	for _, name := range names {
		c.WaitServes(name, j.serials[name])
	}
	v := StartValidator(t, ValidatorConfig{Server: c.Addr, Zones: names, Anchors: j.anchors})
	j.judge(t, v)
	for _, what := range slices.Sorted(maps.Keys(j.tally)) {
		t.Logf("%7d %s", j.tally[what], what)
	}
}

// A jury has the zones, the questions and what the verdict must be.
type jury struct {
	files   map[string]string
	serials map[string]uint32
	anchors []*dns.DNSKEY
	list    []trial
	tally   map[string]int
}

// A trial is a question for the validator.
type trial struct {
	seed    uint64
	signing string
	name    string
	typ     uint16
	want    security
	ours    answertest.Response // what our server answers, as far as it alone decides
}

// security is what a validator may say of an answer.
type security string

const (
	secure   security = "secure"
	insecure security = "insecure"
	either   security = "secure or insecure" // several zones have a part in it
	bogus    security = "bogus"
	unending security = "SERVFAIL" // also without validation, as for an endless chain of aliases
)

// add makes a zone, those below it, and the questions for them.
func (j *jury) add(t *testing.T, seed uint64, origin string) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	z := answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: true})
	z.DropWildcardNS()
	children := z.Delegate(r)
	s := answertest.RandomSigning(r)
	z = z.Signed(s)
	j.serve(t, origin, z.Text())
	j.anchors = append(j.anchors, z.TrustAnchors()...)
	v, err := z.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	prover := answertest.NewProver(z)
	served := map[string]bool{}
	for _, child := range children {
		served[strings.ToLower(child.Origin)] = true
		j.serve(t, child.Origin, child.Text())
		for _, q := range []dns.Question{
			{Name: "www." + child.Origin, Qtype: dns.TypeA}, {Name: "none." + child.Origin, Qtype: dns.TypeA}, {Name: child.Origin, Qtype: dns.TypeMX},
			{Name: "a.b.any." + child.Origin, Qtype: dns.TypeTXT}, {Name: "a.dname." + child.Origin, Qtype: dns.TypeA}, {Name: child.Origin, Qtype: dns.TypeDNSKEY},
		} {
			want := insecure
			if child.Secure {
				want = secure
				if cv, err := child.Version(); err == nil {
					want = verdict(answertest.NewProver(child.Zone), q.Name, q.Qtype, respond(cv, q.Name, q.Qtype), nil)
				}
			}
			j.list = append(j.list, trial{seed: seed, signing: s.String(), name: q.Name, typ: q.Qtype, want: want})
		}
	}
	for range judgedPerZone {
		name, typ, _ := z.SignedQuestion(r)
		if typ == dns.TypeANY || typ == dns.TypeRRSIG {
			continue // of which a validator cannot say whether it has all
		}
		ours := respond(v, name, typ)
		a := judged{zone: z, notes: prover.Notes(name, ours), name: name, typ: typ, ours: ours}
		if what := a.beyondUnbound(); what != "" {
			j.tally["not asked: "+what]++
			continue
		}
		want := verdict(prover, name, typ, ours, served)
		if typ == dns.TypeDS && strings.EqualFold(name, origin) {
			want = insecure // the zone above is not signed
		}
		if want == "" {
			continue
		}
		j.list = append(j.list, trial{seed: seed, signing: s.String(), name: name, typ: typ, want: want, ours: ours})
	}
}

func (j *jury) serve(t *testing.T, name, text string) {
	t.Helper()
	serial, err := serialOf(name, text)
	if err != nil {
		t.Fatal(err)
	}
	j.files[name], j.serials[name] = text, serial
}

func respond(v *zone.Version, name string, typ uint16) answertest.Response {
	res := answer.Answer(v, answer.Question{Name: name, Type: typ, DO: true})
	defer res.Release()
	return answertest.ResponseOf(res.Msg(new(dns.Msg).SetQuestion(name, typ)))
}

// verdict is what a validator must say of an answer, or nothing when it has to ask for a zone that nobody serves.
func verdict(p *answertest.Prover, name string, typ uint16, r answertest.Response, served map[string]bool) security {
	if i := slices.IndexFunc(r.Authority, func(line string) bool { return strings.Fields(line)[3] == "ns" }); i >= 0 {
		if !served[strings.Fields(r.Authority[i])[0]] {
			return ""
		}
		return either
	}
	switch {
	case unresolved(typ, r), typ == dns.TypeDS && len(r.Answer) > 0 && len(r.Authority) > 0: // the zone above may have a part in it
		return either
	case typ == dns.TypeNSEC:
		return either // Unbound trusts some of them only
	case p.Notes(name, r).OptOut:
		return insecure
	}
	return secure
}

// unresolved reports whether the answer ends with an alias that leads elsewhere, or nowhere.
func unresolved(typ uint16, r answertest.Response) bool {
	denied := slices.ContainsFunc(r.Authority, func(line string) bool { return strings.Fields(line)[3] == "soa" })
	return !denied && typ != dns.TypeCNAME && owns(r.Answer, "", "cname") && !owns(r.Answer, "", strings.ToLower(dns.Type(typ).String()))
}

func (j *jury) judge(t *testing.T, v *Validator) {
	t.Helper()
	// NSEC comes first. Unbound keeps the CNAMEs of other answers for a second, TTL 0 or not, and would follow those to answer for
	// the NSEC record beside them.
	slices.SortStableFunc(j.list, func(a, b trial) int { return later(a.typ) - later(b.typ) })
	rest := slices.IndexFunc(j.list, func(q trial) bool { return later(q.typ) > 0 })
	failed := 0
	for i, r := range append(v.askAll(t, j.list[:rest]), v.askAll(t, j.list[rest:])...) {
		q := j.list[i]
		got := insecure
		switch {
		case r.Rcode == dns.RcodeServerFailure && v.failsUnchecked(t, q):
			got = unending
		case r.Rcode == dns.RcodeServerFailure:
			got = bogus
		case r.AuthenticatedData:
			got = secure
		}
		j.tally[string(q.want)+": "+string(got)]++
		if r.Rcode == dns.RcodeServerFailure && (endless(q.name, q.ours) || got == unending && owns(q.ours.Answer, "", "cname")) {
			continue
		}
		if got != q.want && (q.want != either || got == bogus || got == unending) {
			if failed++; failed <= faultsShown {
				t.Errorf("%s %s: %s, want %s; %s; zone signed with %s, seed %d; keep it in %s; again with -run Validator -valid.zones 1 -valid.chance 0 -valid.seed %[7]d\nours %[9]s", q.name,
					dns.Type(q.typ), got, q.want, ede(r), q.signing, q.seed, validatorSeeds, q.ours)
			}
		}
	}
}

func later(typ uint16) int {
	if typ == dns.TypeNSEC {
		return 0
	}
	return 1
}

// askAll asks all questions, some at the same time.
func (v *Validator) askAll(t *testing.T, list []trial) []*dns.Msg {
	t.Helper()
	answers := make([]*dns.Msg, len(list))
	errs := make([]error, len(list))
	todo := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := dns.Client{Net: "tcp", Timeout: Patience}
			for i := range todo {
				m := new(dns.Msg).SetQuestion(list[i].name, list[i].typ).SetEdns0(4096, true)
				r, _, err := c.Exchange(m, v.Addr.String())
				if errors.Is(err, io.EOF) { // Unbound drops a connection now and then when it has much to do
					r, _, err = c.Exchange(m, v.Addr.String())
				}
				if answers[i] = r; err != nil {
					errs[i] = fmt.Errorf("%s %s: %w", list[i].name, dns.Type(list[i].typ), err)
				}
			}
		})
	}
	for i := range list {
		todo <- i
	}
	close(todo)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return answers
}

// endless reports whether aliases lead in a circle.
func endless(name string, r answertest.Response) bool {
	next := map[string]string{}
	for _, line := range r.Answer {
		if f := strings.Fields(line); f[3] == "cname" {
			next[f[0]] = f[4]
		}
	}
	seen := map[string]bool{}
	for name = inLine(name); next[name] != ""; name = next[name] {
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

// inLine returns a name as answertest.Line has owner names.
func inLine(name string) string {
	return strings.Fields(answertest.Line(&dns.ANY{Hdr: dns.RR_Header{Name: name}}))[0]
}

// failsUnchecked reports whether a question fails without validation, too.
func (v *Validator) failsUnchecked(t *testing.T, q trial) bool {
	t.Helper()
	m := new(dns.Msg).SetQuestion(q.name, q.typ).SetEdns0(4096, true)
	m.CheckingDisabled = true
	r, err := exchange("tcp", v.Addr, m)
	if err != nil {
		t.Fatal(err)
	}
	return r.Rcode == dns.RcodeServerFailure
}

// ede returns the extended errors of a response.
func ede(r *dns.Msg) string {
	var text []string
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				text = append(text, e.String())
			}
		}
	}
	return strings.Join(text, "; ")
}
