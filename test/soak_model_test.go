package test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// soakZone is one zone and all that the model knows of it: which versions there ever were, who held them, and from which
// one on answers may be.
//
// An answer is right if one version gives it, whole, that a majority of the primaries held by then, that no guard forbids, and
// that is not older than what an answer had shown before the question was asked.
type soakZone struct {
	origin  string
	sources []*soakSource
	absent  soakGate // shut while the server need not have the zone

	mu       sync.Mutex // guards all below
	versions []*soakVersion
	floor    int // the oldest version that may still be served
}

// soakVersion is one that the operator of the zone made.
type soakVersion struct {
	*soakContent
	n       int
	holders uint // a bit for each source that ever held it
	barred  bool // a guard must keep it from being served
}

func (v *soakVersion) mayBeServed() bool { return bits.OnesCount(v.holders) >= 2 && !v.barred }

func newSoakZone(origin string) *soakZone {
	z := &soakZone{origin: origin}
	z.versions = []*soakVersion{{soakContent: newSoakContent(origin)}}
	return z
}

// first returns the first version that was made.
func (z *soakZone) first() *soakVersion {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.versions[0]
}

// newest returns the last version that was made.
func (z *soakZone) newest() *soakVersion {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.versions[len(z.versions)-1]
}

// make makes a new version. One that loses half of its hosts is barred, and the one after it has them back.
func (z *soakZone) make(r *rand.Rand, halved bool) *soakVersion {
	z.mu.Lock()
	defer z.mu.Unlock()
	last := z.versions[len(z.versions)-1]
	n := len(z.versions)
	var c *soakContent
	if halved {
		c = last.clone()
		c.serial++
		c.token, c.hosts = soakToken(n), c.hosts[:soakHosts/4]
	} else {
		for last.barred {
			last = z.versions[last.n-1]
		}
		c = last.next(n, r)
		c.serial += z.versions[n-1].serial - last.serial
	}
	v := &soakVersion{soakContent: c, n: n, barred: halved}
	z.versions = append(z.versions, v)
	return v
}

// behind is how many versions what is served is behind the newest, as far as answers have shown.
func (z *soakZone) behind() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.versions) - 1 - z.floor
}

// hold notes that a source holds a version. It is called before the source tells anyone.
func (z *soakZone) hold(v *soakVersion, source int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	v.holders |= 1 << source
}

// begun returns the oldest version that a question asked now may be answered from.
func (z *soakZone) begun() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.floor
}

// judge returns an error unless the answer is right for a question that was asked when begun gave floor.
func (z *soakZone) judge(q soakQuestion, floor int, m *dns.Msg) error {
	got := soakAnswer(m)
	slices.Sort(got)
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, v := range z.versions[floor:] {
		if v.mayBeServed() && q.matches(v.soakContent, m.Rcode, got) {
			z.floor = max(z.floor, v.n)
			return nil
		}
	}
	why := "no version gives this answer"
	for _, v := range slices.Backward(z.versions) {
		if !q.matches(v.soakContent, m.Rcode, got) {
			continue
		}
		switch {
		case v.barred:
			why = fmt.Sprintf("version %d gives it, which a guard has to hold", v.n)
		case !v.mayBeServed():
			why = fmt.Sprintf("version %d gives it, which only sources %b held", v.n, v.holders)
		default:
			why = fmt.Sprintf("version %d gives it, which is older than %d, which was served before", v.n, floor)
		}
		break
	}
	newest := z.versions[len(z.versions)-1]
	return fmt.Errorf("%s; served was at least version %d (serial %d), the newest is %d (serial %d), held by %b", why, floor,
		z.versions[floor].serial, newest.n, newest.serial, newest.holders)
}

// A soakGate tells who asks whether something was shut at any time meanwhile.
type soakGate struct{ turns atomic.Int64 }

func (g *soakGate) shut() {
	if g.turns.Load()%2 == 0 {
		g.turns.Add(1)
	}
}

func (g *soakGate) open() {
	if g.turns.Load()%2 == 1 {
		g.turns.Add(1)
	}
}

func (g *soakGate) isShut() bool { return g.turns.Load()%2 == 1 }

// watch returns a function that reports whether the gate was open ever since.
func (g *soakGate) watch() (stayedOpen func() bool) {
	before := g.turns.Load()
	return func() bool { return before%2 == 0 && g.turns.Load() == before }
}

// TestSoakModel shows that the model tells wrong answers: nothing else would if it took all for right.
func TestSoakModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	z := newSoakZone("z.soak.")
	first := z.newest()
	second := z.make(r, false)
	halved := z.make(r, true)
	last := z.make(r, false)
	for i := range 2 {
		z.hold(first, i)
		z.hold(second, i)
		z.hold(halved, i)
	}
	z.hold(last, 0)
	apex := soakQuestion{z.origin, dns.TypeANY, func(c *soakContent) (int, []string) { return dns.RcodeSuccess, c.records()[:4] }}
	answer := func(lines ...string) *dns.Msg {
		m := new(dns.Msg)
		for _, l := range lines {
			rr, err := dns.NewRR(l)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		return m
	}
	mixed := append(first.records()[:3:3], second.records()[3])
	for _, tt := range []struct {
		name  string
		lines []string
		right bool
	}{
		{"the first", first.records()[:4], true},
		{"of two versions", mixed, false},
		{"a record too few", first.records()[:3], false},
		{"halved", halved.records()[:4], false},
		{"held by one", last.records()[:4], false},
		{"the second", second.records()[:4], true},
		{"the first again", first.records()[:4], false},
	} {
		if err := z.judge(apex, z.begun(), answer(tt.lines...)); (err == nil) != tt.right {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if len(last.hosts) != soakHosts || last.serial == second.serial || last.serial == halved.serial {
		t.Errorf("after the halved version: %d hosts, serial %d", len(last.hosts), last.serial)
	}
}
