package dnssec

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

const (
	// maxSignatures and maxAttempts bound the work at one RRset: without them, keys of one tag and signatures by them make work
	// that grows with their product (KeyTrap). maxFailures bounds what is done in vain for a whole zone.
	maxSignatures = 32
	maxAttempts   = 16
	maxFailures   = maxOdd
	rrsigHeader   = 18 // octets before the signer's name (RFC 4034 section 3.1)
)

// A candidate is a signature that may verify.
type candidate struct {
	data       []byte // RDATA of the RRSIG record
	sig        []byte
	bit        mask
	inception  int64
	expiration int64
}

// A standing is what the signatures of an RRset are worth: the algorithms of which one is good, and until when it needs no new one.
type standing struct {
	good  mask
	until int64
}

// wrong is what is wrong with signatures, the nearer to right the greater.
type wrong struct {
	rank   int
	rule   Rule
	tag    uint16
	number int64 // a time or a count that the detail has
}

const (
	rankNone = iota
	rankUnknown
	rankSigner
	rankLabels
	rankKey
	rankRevoked
	rankTTL
	rankFuture
	rankExpired
	rankBogus
	rankMany
)

// wrongs has an entry for each algorithm that is known, and the last for all others.
type wrongs [len(algorithms) + 1]wrong

func (w *wrongs) note(m mask, found wrong) {
	i := len(algorithms)
	if m != 0 {
		i = bits.TrailingZeros8(uint8(m))
	}
	if found.rank > w[i].rank {
		w[i] = found
	}
}

// nearest returns the entry nearest to right among the algorithms of m; 0 is all.
func (w *wrongs) nearest(m mask) (near wrong) {
	for i, found := range w {
		if (m == 0 || m>>i&1 != 0) && found.rank > near.rank {
			near = found
		}
	}
	return near
}

func (w wrong) detail() string {
	when := time.Unix(w.number, 0).UTC().Format(time.RFC3339)
	switch w.rank {
	case rankUnknown:
		return "is signed only with algorithms that cannot be verified here"
	case rankSigner:
		return fmt.Sprintf("the signature by key %d names another signer than the apex", w.tag)
	case rankLabels:
		return fmt.Sprintf("the signature by key %d is for an owner name of %d labels", w.tag, w.number)
	case rankKey:
		return fmt.Sprintf("is signed by key %d, which the DNSKEY RRset does not have", w.tag)
	case rankRevoked:
		return fmt.Sprintf("is signed by key %d, which is revoked", w.tag)
	case rankTTL:
		return fmt.Sprintf("the signature by key %d is for TTL %d", w.tag, w.number)
	case rankFuture:
		return fmt.Sprintf("the signature by key %d is not valid before %s", w.tag, when)
	case rankExpired:
		return fmt.Sprintf("the signature by key %d expired on %s", w.tag, when)
	case rankBogus:
		return fmt.Sprintf("the signature by key %d does not verify", w.tag)
	case rankMany:
		if w.number > 0 {
			return fmt.Sprintf("none of the signatures verifies in %d attempts, more than validators make", w.number)
		}
		return fmt.Sprintf("none of the signatures verifies, of which no more than %d are looked at", maxSignatures)
	}
	return ""
}

// candidates appends the signatures that may verify with the keys, those of an algorithm together and the one that is good for
// longest first. Neither the time now nor cryptography has a part in it, so that it is the same for an RRset as long as the
// keys are.
func (w *worker) candidates(dst []candidate, set, sigs zone.RRset, labels int, keys *keySet, found *wrongs) []candidate {
	it := sigs.Iter()
	for n := 0; ; n++ {
		data, ok := it.Next()
		if !ok {
			break
		}
		if n == maxSignatures {
			found.note(0, wrong{rank: rankMany, rule: RuleSignatureMany})
			break
		}
		end := rrsigHeader + nameSize(data[min(rrsigHeader, len(data)):])
		if end > len(data) {
			continue // package zone has no such record
		}
		var (
			algorithm = data[2]
			bit       = bitOf(algorithm)
			ttl       = binary.BigEndian.Uint32(data[4:])
			tag       = binary.BigEndian.Uint16(data[16:])
		)
		var why wrong
		switch {
		case bit == 0:
			why = wrong{rank: rankUnknown, rule: RuleAlgorithmUnknown}
		case !zone.Name(data[rrsigHeader:end]).Equal(w.apex):
			why = wrong{rank: rankSigner, rule: RuleSignatureSigner}
		case int(data[3]) != labels:
			why = wrong{rank: rankLabels, rule: RuleSignatureLabels, number: int64(data[3])}
		default:
			by := keys.find(tag, algorithm)
			switch {
			case len(by) == 0:
				why = wrong{rank: rankKey, rule: RuleSignatureKey}
			case !slices.ContainsFunc(by, func(k key) bool { return !k.revoked }):
				why = wrong{rank: rankRevoked, rule: RuleSignatureRevoked}
			case ttl != set.TTL:
				why = wrong{rank: rankTTL, rule: RuleSignatureTTL, number: int64(ttl)}
			}
		}
		if why.rank != rankNone {
			why.tag = tag
			found.note(bit, why)
			continue
		}
		dst = append(dst, candidate{
			data: data, sig: data[end:], bit: bit,
			expiration: w.at(binary.BigEndian.Uint32(data[8:])),
			inception:  w.at(binary.BigEndian.Uint32(data[12:])),
		})
	}
	slices.SortStableFunc(dst, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.bit, b.bit), cmp.Compare(b.expiration, a.expiration))
	})
	return dst
}

// at returns the Unix time of a field that has 32 bits of it, in the serial number arithmetic of RFC 4034 section 3.1.5.
func (c *checker) at(t uint32) int64 { return c.epoch + int64(int32(t-uint32(c.epoch))) }

// expect returns the standing that candidates have if each verifies that comes first of its algorithm.
func (c *checker) expect(list []candidate) standing {
	var s standing
	for _, cand := range list {
		if s.good&cand.bit == 0 {
			c.count(&s, cand)
		}
	}
	return s
}

// count adds a signature, the first of its algorithm, to a standing. Of the algorithms that anchors signal all are needed, so that
// the first to expire counts; of others, any.
func (c *checker) count(s *standing, cand candidate) {
	switch {
	case c.required == 0:
		s.until = max(s.until, cand.expiration)
	case c.required&cand.bit == 0:
	case s.good&c.required == 0:
		s.until = cand.expiration
	default:
		s.until = min(s.until, cand.expiration)
	}
	s.good |= cand.bit
}

// rrset verifies the signatures of an RRset that must have one. With trusted, the RRset has verified before and is the same.
func (w *worker) rrset(at *place, owner zone.Name, labels int, set, sigs zone.RRset, trusted bool) {
	var found wrongs
	w.list = w.candidates(w.list[:0], set, sigs, labels, w.keys, &found)
	expected := w.expect(w.list)
	if trusted && !w.sameKeys {
		var past wrongs
		w.past = w.candidates(w.past[:0], set, sigs, labels, w.before.keys, &past)
	}
	var s standing
	attempts := 0
	w.signed = w.signed[:0]
	for i, cand := range w.list {
		if s.good&cand.bit != 0 {
			continue
		}
		tag := binary.BigEndian.Uint16(cand.data[16:])
		switch {
		case cand.expiration < w.now:
			found.note(cand.bit, wrong{rankExpired, RuleSignatureExpired, tag, cand.expiration})
			continue
		case cand.inception > w.now:
			found.note(cand.bit, wrong{rankFuture, RuleSignatureFuture, tag, cand.inception})
			continue
		}
		first := i == 0 || w.list[i-1].bit != cand.bit
		if !(trusted && first && w.verified(at, set, cand)) && !w.verify(owner, set, cand, &attempts) {
			found.note(cand.bit, wrong{rank: rankBogus, rule: RuleSignatureBogus, tag: tag})
			if attempts > maxAttempts {
				found.note(cand.bit, wrong{rank: rankMany, rule: RuleSignatureMany, number: maxAttempts})
			}
			continue
		}
		w.count(&s, cand)
		w.tally.inception = max(w.tally.inception, cand.inception)
	}
	lacks := w.required &^ s.good
	if s.good != 0 && lacks == 0 {
		w.tally.add(w.keys.all, s)
		if s != expected {
			w.tally.setOdd(at, set.Type, s)
		}
		return
	}
	why := found.nearest(lacks)
	if why.rank == rankNone && s.good == 0 {
		why = found.nearest(0)
	}
	if why.rank != rankNone {
		w.fault(at, why.rule, owner, set.Type, why.detail())
	} else if s.good == 0 {
		w.fault(at, RuleSignatureMissing, owner, set.Type, "has no signature")
	} else {
		w.fault(at, RuleSignatureMissing, owner, set.Type, fmt.Sprintf("has no signature of %v, which a trust anchor signals", lacks))
	}
}

// verified reports whether a candidate, the first of its algorithm, was found good when the State before was made.
func (w *worker) verified(at *place, set zone.RRset, cand candidate) bool {
	if _, odd := w.before.tally.odd[oddKey(at, set.Type)]; odd {
		return false
	}
	if w.sameKeys {
		return true
	}
	i := slices.IndexFunc(w.past, func(c candidate) bool { return c.bit == cand.bit })
	return i >= 0 && &w.past[i].data[0] == &cand.data[0] &&
		w.keys.same(w.before.keys, binary.BigEndian.Uint16(cand.data[16:]), cand.data[2])
}

// verify verifies one signature over an RRset with each key that it may be by.
func (w *worker) verify(owner zone.Name, set zone.RRset, cand candidate, attempts *int) bool {
	for _, k := range w.keys.find(binary.BigEndian.Uint16(cand.data[16:]), cand.data[2]) {
		if k.revoked {
			continue
		}
		if *attempts++; *attempts > maxAttempts {
			return false
		}
		w.tally.verified++
		if k.verifies(w.signedData(owner, set, cand), cand.sig) {
			return true
		}
		w.inVain()
	}
	return false
}

// inVain counts a signature that does not verify. The zone is at fault when there are too many, and nothing more of it is looked at.
func (c *checker) inVain() {
	if c.failures.Add(1) == maxFailures+1 {
		c.stopped.Store(true)
	}
}

// signedData is what a signature is over (RFC 4034 section 3.1.8.1): its own RDATA without the signature, then the RRset in
// canonical form and order, as which package zone keeps it. The RRset is written once for all of its signatures.
func (w *worker) signedData(owner zone.Name, set zone.RRset, cand candidate) []byte {
	if len(w.signed) == 0 {
		w.signed = append(append(w.signed, cand.data[:rrsigHeader]...), w.apex...)
		it := set.Iter()
		for data, ok := it.Next(); ok; data, ok = it.Next() {
			w.signed = append(w.signed, owner...)
			w.signed = binary.BigEndian.AppendUint16(w.signed, set.Type)
			w.signed = binary.BigEndian.AppendUint16(w.signed, dns.ClassINET)
			w.signed = binary.BigEndian.AppendUint32(w.signed, set.TTL)
			w.signed = binary.BigEndian.AppendUint16(w.signed, uint16(len(data)))
			w.signed = append(w.signed, data...)
		}
	}
	copy(w.signed, cand.data[:rrsigHeader])
	return w.signed
}

// nameSize returns the size of the name at the start of b, more than b has if it does not end.
func nameSize(b []byte) int {
	for n := 0; n < len(b); n += 1 + int(b[n]) {
		if b[n] == 0 {
			return n + 1
		}
	}
	return len(b) + 1
}
