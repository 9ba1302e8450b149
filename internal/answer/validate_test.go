package answer

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// TestValidates lets a validator judge the answers from random signed zones: one that sees the response only, believes every
// signature, and wants the proofs of RFC 4035 section 5.4, RFC 5155 section 8 and RFC 6840 section 4.
func TestValidates(t *testing.T) {
	eachSeed(t, *randomZones/4, validates)
}

func validates(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	origin := []string{"example.", ".", "a.b.c.", "16/28.2.0.192.in-addr.arpa."}[r.IntN(4)]
	signing := answertest.RandomSigning(r)
	z := answertest.GenerateDelegations(r, origin, answertest.Options{Loadable: true})
	z.DropWildcardNS() // which no validator can make sense of (RFC 4592 section 4.2)
	z = z.Signed(signing)
	v, err := z.Version()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for range questionsPerZone {
		name, typ, _ := z.SignedQuestion(r)
		if typ == dns.TypeRRSIG || typ == dns.TypeDS && strings.EqualFold(name, origin) {
			continue // for one thing signatures have none; for another the parent answers
		}
		m := respond(v, Question{Name: name, Type: typ, DO: true})
		if err := newValidator(v, m).judge(); err != nil {
			t.Errorf("%s %s: %v\n%s--- zone, %s\n%s", name, dns.Type(typ), err, answertest.ResponseOf(m), signing, z.Text())
			t.Fatalf("seed %d: again with -run Validates -zones 4 -seed %[1]d", seed)
		}
		if rr := spare(v, m); rr != nil && !signing.OptOut {
			t.Errorf("%s %s: it is as good without %s\n%s", name, dns.Type(typ), rr, answertest.ResponseOf(m))
			t.Fatalf("seed %d: again with -run Validates -zones 4 -seed %[1]d", seed)
		}
	}
}

// spare returns an NSEC or NSEC3 record without which the response would be as good.
func spare(v *zone.Version, m *dns.Msg) dns.RR {
	for i, rr := range m.Ns {
		if typ := rr.Header().Rrtype; typ == dns.TypeNSEC || typ == dns.TypeNSEC3 {
			less := *m
			less.Ns = slices.Delete(slices.Clone(m.Ns), i, i+1)
			if newValidator(v, &less).judge() == nil {
				return rr
			}
		}
	}
	return nil
}

// A validator judges one response.
type validator struct {
	v     *zone.Version // for the apex and, where RFC 5155 has no proof to offer, for what is there
	m     *dns.Msg
	nsec  []*dns.NSEC
	nsec3 []*dns.NSEC3
}

func newValidator(v *zone.Version, m *dns.Msg) *validator {
	val := &validator{v: v, m: m}
	for _, rr := range m.Ns {
		switch rr := rr.(type) {
		case *dns.NSEC:
			val.nsec = append(val.nsec, rr)
		case *dns.NSEC3:
			val.nsec3 = append(val.nsec3, rr)
		}
	}
	return val
}

// judge follows the chain of aliases, and then looks for the proof that belongs to what is said of the last name.
func (v *validator) judge() error {
	q := v.m.Question[0]
	for _, rr := range slices.Concat(v.m.Answer, v.m.Ns) {
		if err := v.signed(rr); err != nil {
			return err
		}
	}
	name := v.key(q.Name)
	for range maxAliases + 1 {
		set := v.at(name, q.Qtype)
		alias := len(set) == 0
		if alias {
			set = v.at(name, dns.TypeCNAME)
		} else if q.Qtype == dns.TypeANY && set[0].Header().Rrtype == dns.TypeCNAME {
			alias = v.redirected(set[0].Header().Name)
		}
		if len(set) == 0 {
			return v.denied(name, q.Qtype)
		}
		if err := v.expanded(name, set[0]); err != nil {
			return err
		}
		if !alias {
			return nil
		}
		target := set[0].(*dns.CNAME).Target
		if !dns.IsSubDomain(v.apex(), target) {
			return nil
		}
		name = v.key(target)
	}
	return nil
}

func (v *validator) apex() string { return v.v.Apex().String() }

func (v *validator) key(name string) zone.Key {
	n, err := zone.ParseName(name)
	if err != nil {
		panic(err)
	}
	key, ok := zone.AppendKey(nil, n, v.v.Apex())
	if !ok {
		panic(name + " is not in the zone")
	}
	return key
}

// at returns the records of a type at a name, or with ANY those of one type.
func (v *validator) at(name zone.Key, typ uint16) (set []dns.RR) {
	for _, rr := range v.m.Answer {
		h := rr.Header()
		if (h.Rrtype == typ || typ == dns.TypeANY && h.Rrtype != dns.TypeRRSIG) && bytes.Equal(v.key(h.Name), name) {
			set = append(set, rr)
		}
	}
	return set
}

func (v *validator) signature(rr dns.RR) *dns.RRSIG {
	h := rr.Header()
	for _, sig := range slices.Concat(v.m.Answer, v.m.Ns) {
		if sig, ok := sig.(*dns.RRSIG); ok && sig.TypeCovered == h.Rrtype && strings.EqualFold(sig.Hdr.Name, h.Name) {
			return sig
		}
	}
	return nil
}

// signed checks that a record has the signature that it must have, with its own TTL.
func (v *validator) signed(rr dns.RR) error {
	h := rr.Header()
	switch {
	case h.Rrtype == dns.TypeRRSIG, h.Rrtype == dns.TypeNS && !strings.EqualFold(h.Name, v.apex()):
		return nil
	case h.Rrtype == dns.TypeCNAME && v.redirected(h.Name):
		return nil
	}
	switch sig := v.signature(rr); {
	case sig == nil:
		return fmt.Errorf("no signature over %s", rr)
	case sig.Hdr.Ttl != h.Ttl:
		return fmt.Errorf("TTL %d of the signature over %s", sig.Hdr.Ttl, rr)
	}
	return nil
}

// redirected reports whether a CNAME comes of a DNAME above it.
func (v *validator) redirected(name string) bool {
	return slices.ContainsFunc(v.m.Answer, func(rr dns.RR) bool {
		owner := rr.Header().Name
		return rr.Header().Rrtype == dns.TypeDNAME && dns.IsSubDomain(owner, name) && !strings.EqualFold(owner, name)
	})
}

// expanded wants a proof that a name does not exist whose signature says that it comes of a wildcard (RFC 4035 section 5.3.4,
// RFC 5155 section 8.8).
func (v *validator) expanded(name zone.Key, rr dns.RR) error {
	sig := v.signature(rr)
	if sig == nil || rr.Header().Rrtype == dns.TypeCNAME && v.redirected(rr.Header().Name) {
		return nil
	}
	own := dns.CountLabel(rr.Header().Name)
	if strings.HasPrefix(rr.Header().Name, "*.") {
		own-- // as an RRSIG record counts (RFC 4034 section 3.1.3)
	}
	if own <= int(sig.Labels) {
		return nil
	}
	encloser := int(sig.Labels) - v.v.Apex().Labels()
	if v.covered(name) != nil {
		return nil
	}
	if v.coveredHash(name.First(encloser+1)) != nil {
		return nil
	}
	return fmt.Errorf("nothing proves that %s comes of a wildcard with %d labels", rr.Header().Name, encloser)
}

func (v *validator) denied(name zone.Key, typ uint16) error {
	for _, rr := range v.m.Ns {
		switch h := rr.Header(); {
		case h.Rrtype == dns.TypeSOA && v.m.Rcode == dns.RcodeNameError:
			return v.nameError(name)
		case h.Rrtype == dns.TypeSOA:
			return v.noData(name, typ)
		case h.Rrtype == dns.TypeNS:
			return v.referral(v.key(h.Name))
		}
	}
	if v.m.Rcode == dns.RcodeYXDomain || v.redirected(v.m.Question[0].Name) || len(v.m.Answer) >= maxAliases || len(v.m.Answer) > 0 && v.loops() {
		return nil
	}
	return errors.New("it says nothing")
}

// loops reports whether an alias leads to a name that was an alias before, or below a DNAME that was followed before.
func (v *validator) loops() bool {
	for _, rr := range v.m.Answer {
		if c, ok := rr.(*dns.CNAME); ok && dns.IsSubDomain(v.apex(), c.Target) && (len(v.at(v.key(c.Target), dns.TypeCNAME)) > 0 || v.redirected(c.Target)) {
			return true
		}
	}
	return false
}

func (v *validator) nameError(name zone.Key) error {
	if len(v.nsec3) > 0 {
		encloser, closer, err := v.closest(name)
		if err != nil {
			return err
		}
		if v.coveredHash(wildcardOf(encloser)) == nil && (closer.Flags&1 == 0 || !v.v.Find(wildcardOf(encloser)).Exists) {
			return fmt.Errorf("the wildcard below the closest encloser %q is not denied", encloser)
		}
		return nil
	}
	cover := v.covered(name)
	if cover == nil {
		return errors.New("the name is not denied")
	}
	wildcard := wildcardOf(v.encloser(name, cover))
	if w := v.covered(wildcard); w == nil || v.below(w.NextDomain, wildcard) {
		return fmt.Errorf("the wildcard %q is not denied", wildcard)
	}
	return nil
}

func (v *validator) noData(name zone.Key, typ uint16) error {
	if len(v.nsec3) > 0 {
		return v.noDataHash(name, typ)
	}
	if rr := v.match(name); rr != nil {
		return lacks(rr.TypeBitMap, typ)
	}
	cover := v.covered(name)
	if cover == nil {
		return errors.New("neither the name nor its types are denied")
	}
	if v.below(cover.NextDomain, name) {
		return nil // an empty non-terminal
	}
	wildcard := wildcardOf(v.encloser(name, cover))
	if rr := v.match(wildcard); rr != nil {
		return lacks(rr.TypeBitMap, typ)
	}
	if w := v.covered(wildcard); w == nil || !v.below(w.NextDomain, wildcard) {
		return fmt.Errorf("nothing is said of the wildcard %q", wildcard)
	}
	return nil
}

func (v *validator) noDataHash(name zone.Key, typ uint16) error {
	if rr := v.matchHash(name); rr != nil {
		return lacks(rr.TypeBitMap, typ)
	}
	encloser, closer, err := v.closest(name)
	if err != nil || closer.Flags&1 != 0 {
		return err // by opt-out anything may be there, and is insecure
	}
	if rr := v.matchHash(wildcardOf(encloser)); rr != nil {
		return lacks(rr.TypeBitMap, typ)
	}
	return errors.New("no opt-out, and nothing is said of the wildcard")
}

func (v *validator) referral(cut zone.Key) error {
	if slices.ContainsFunc(v.m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDS }) {
		return nil
	}
	var types []uint16
	if rr := v.match(cut); rr != nil {
		types = rr.TypeBitMap
	} else if rr := v.matchHash(cut); rr != nil {
		types = rr.TypeBitMap
	} else if len(v.nsec3) == 0 {
		return errors.New("nothing is said of the cut")
	} else {
		_, closer, err := v.closest(cut)
		if err == nil && closer.Flags&1 == 0 {
			err = errors.New("the cut is denied, and there is no opt-out")
		}
		return err
	}
	if !slices.Contains(types, dns.TypeNS) || slices.Contains(types, dns.TypeSOA) || slices.Contains(types, dns.TypeDS) {
		return fmt.Errorf("the cut has the types %v", types)
	}
	return nil
}

// lacks wants neither the type nor an alias in a bitmap.
func lacks(types []uint16, typ uint16) error {
	if slices.Contains(types, typ) || slices.Contains(types, dns.TypeCNAME) && typ != dns.TypeNSEC {
		return fmt.Errorf("the types %v hold what is denied", types)
	}
	return nil
}
