package answertest

import (
	"bytes"
	"encoding/base32"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Prover says what the RFCs want a signed zone to prove. It goes through all names and hashes of the zone for every question,
// in the words of the RFCs, so that it is easier to believe than what it judges.
type Prover struct {
	apex   zone.Name
	nsec   []zone.Key // of names with NSEC
	nsec3  []*dns.NSEC3
	hashes [][]byte // of nsec3, in the order of the chain
	exists map[string]bool
	types  map[string][]uint16 // by key
	optOut bool                // of the chain
	notes  Notes
	beside []string // owner names of NSEC3 records, for Notes.Beside
}

// Notes say what is special about a proof.
type Notes struct {
	// OptOut: a span of opt-out is part of it. Then a validator cannot hold the response secure (RFC 5155 section 9.2).
	OptOut bool
	// Hidden: a wildcard is to be denied that exists. It does not count, as an empty non-terminal without NSEC3 record lies between it
	// and the name; opt-out can have that, and nothing can prove it.
	Hidden bool
	// Empty and EmptyWildcard: the name, or the wildcard that stands for it, is an empty non-terminal, which an NSEC record before
	// it proves.
	Empty, EmptyWildcard bool
	// Beside: opt-out has left out a name that exists, or the wildcard that stands for it, and for one reason or another the NSEC3
	// record of a wildcard above, which does not count, is part of the proof. These are the owner names of such.
	Beside []string
}

// NewProver returns a Prover for a zone that Signed made.
func NewProver(z *Zone) *Prover {
	p := &Prover{apex: must(zone.ParseName(z.Origin)), exists: map[string]bool{}, types: map[string][]uint16{}}
	for _, rr := range z.Records {
		switch rr := rr.(type) {
		case *dns.NSEC3:
			p.nsec3 = append(p.nsec3, rr)
			p.optOut = p.optOut || rr.Flags&1 != 0
			continue
		case *dns.RRSIG:
			continue
		case *dns.NSEC:
			p.nsec = append(p.nsec, p.key(rr.Hdr.Name))
		}
		key := p.key(rr.Header().Name)
		p.types[string(key)] = append(p.types[string(key)], rr.Header().Rrtype)
		for ; len(key) > 0; key = key.Parent() {
			p.exists[string(key)] = true
		}
		p.exists[""] = true
	}
	slices.SortFunc(p.nsec, func(a, b zone.Key) int { return bytes.Compare(a, b) })
	slices.SortFunc(p.nsec3, func(a, b *dns.NSEC3) int { return bytes.Compare(hashOf(a), hashOf(b)) })
	for _, rr := range p.nsec3 {
		p.hashes = append(p.hashes, hashOf(rr))
	}
	return p
}

func hashOf(rr *dns.NSEC3) []byte {
	label, _, _ := strings.Cut(rr.Hdr.Name, ".")
	return must(base32.HexEncoding.DecodeString(strings.ToUpper(label)))
}

func (p *Prover) key(name string) zone.Key {
	key, ok := zone.AppendKey(nil, must(zone.ParseName(name)), p.apex)
	if !ok {
		return nil
	}
	return key
}

// Proof returns the owner names of the NSEC and NSEC3 records that belong into the authority section of a response to a
// question with DO, given the rest of the response.
func (p *Prover) Proof(name string, r Response) []string {
	if len(p.nsec)+len(p.nsec3) == 0 {
		return nil
	}
	var owners []string
	for range 64 {
		if !dns.IsSubDomain(p.apex.String(), name) {
			break
		}
		next, alias := target(name, r.Answer)
		if alias || answered(name, r.Answer) && !denied(r.Authority) {
			owners = append(owners, p.expansion(name, r.Answer)...)
			if !alias {
				break
			}
			name = next
			continue
		}
		owners = append(owners, p.denial(name, r)...)
		break
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// Notes are those on the proof that belongs into a response.
func (p *Prover) Notes(name string, r Response) Notes {
	p.notes, p.beside = Notes{}, nil
	owners := p.Proof(name, r)
	for _, owner := range p.beside {
		if slices.Contains(owners, owner) {
			p.notes.Beside = append(p.notes.Beside, owner)
		}
	}
	return p.notes
}

// target returns where the alias at a name leads.
func target(name string, answer []string) (next string, ok bool) {
	for _, line := range answer {
		if f := strings.Fields(line); f[0] == canonical(name) && f[3] == "cname" {
			return f[4], true
		}
	}
	return "", false
}

func answered(name string, answer []string) bool {
	return slices.ContainsFunc(answer, func(line string) bool { return strings.Fields(line)[0] == canonical(name) })
}

// denied reports whether there is a SOA record, which says that the last name has no answer; a DNAME that led there is none.
func denied(authority []string) bool {
	return slices.ContainsFunc(authority, func(line string) bool { return strings.Fields(line)[3] == "soa" })
}

// canonical returns a name as Line has owner names.
func canonical(name string) string { return strings.ReplaceAll(strings.ToLower(name), `\ `, `\032`) }

// expansion is what goes with an answer from a wildcard: that no closer match exists (RFC 4035 section 3.1.3.3, RFC 5155
// section 7.2.6).
func (p *Prover) expansion(name string, answer []string) []string {
	key := p.key(name)
	if p.exists[string(key)] || redirected(name, answer) {
		return nil
	}
	if len(p.nsec3) == 0 {
		return p.cover(key)
	}
	return p.coverNext(key, p.encloser(key))
}

// redirected reports whether the alias at a name comes from a DNAME above it, whose signature is all the proof there is (RFC
// 6672 section 5.3.1).
func redirected(name string, answer []string) bool {
	return slices.ContainsFunc(answer, func(line string) bool {
		f := strings.Fields(line)
		return f[3] == "dname" && f[0] != canonical(name) && dns.IsSubDomain(f[0], canonical(name))
	})
}

// denial is what goes with an answer that says no, or somewhere else.
func (p *Prover) denial(name string, r Response) []string {
	key := p.key(name)
	for _, line := range r.Authority {
		f := strings.Fields(line)
		switch {
		case f[3] == "ns" && f[0] != canonical(p.apex.String()):
			return p.referral(p.key(f[0]))
		case f[3] == "soa" && r.Rcode == "NXDOMAIN":
			return p.nameError(key)
		case f[3] == "soa":
			return p.noData(key)
		}
	}
	return nil
}

// referral proves that there is no DS (RFC 4035 section 3.1.4, RFC 5155 section 7.2.7).
func (p *Prover) referral(cut zone.Key) []string {
	if slices.Contains(p.types[string(cut)], dns.TypeDS) {
		return nil
	}
	if len(p.nsec3) == 0 {
		return p.match(cut)
	}
	return p.matchOrOptOut(cut)
}

// nameError proves that there is neither the name nor a wildcard (RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2).
func (p *Prover) nameError(key zone.Key) []string {
	if len(p.nsec3) == 0 {
		return append(p.cover(key), p.cover(wildcardOf(p.encloser(key)))...)
	}
	encloser := p.provable(key)
	return slices.Concat(p.matchHash(encloser), p.coverNext(key, encloser), p.coverHash(wildcardOf(encloser)))
}

// noData proves that the name, or the wildcard that stands for it, has no such type (RFC 4035 sections 3.1.3.1 and 3.1.3.4, RFC
// 5155 sections 7.2.3 to 7.2.5).
func (p *Prover) noData(key zone.Key) []string {
	wildcard := wildcardOf(p.encloser(key))
	switch exists := p.exists[string(key)]; {
	case len(p.nsec3) == 0 && exists:
		p.notes.Empty = p.match(key) == nil
		return p.matchOrCover(key)
	case len(p.nsec3) == 0:
		p.notes.EmptyWildcard = p.match(wildcard) == nil
		return append(p.cover(key), p.matchOrCover(wildcard)...)
	case exists:
		return p.matchOrOptOut(key)
	}
	encloser := p.provable(key)
	owners := append(p.matchHash(encloser), p.coverNext(key, encloser)...)
	if encloser.Labels() < p.encloser(key).Labels() {
		p.beside = append(p.beside, p.matchHash(wildcardOf(encloser))...)
		return owners // the wildcard lies in the span of opt-out, with the empty non-terminal above it
	}
	if own := p.matchHash(wildcard); own != nil {
		return append(owners, own...)
	}
	// The wildcard leads to insecure delegations only, and has no NSEC3 record.
	return append(owners, p.coverHash(wildcard)...)
}

// encloser is the closest encloser: the longest ancestor that exists (RFC 4592 section 3.3.1).
func (p *Prover) encloser(key zone.Key) zone.Key {
	for len(key) > 0 {
		key = key.Parent()
		if p.exists[string(key)] {
			return key
		}
	}
	return key
}

// provable is the closest provable encloser (RFC 5155 section 1.3): the longest ancestor that has an NSEC3 record.
func (p *Prover) provable(key zone.Key) zone.Key {
	for len(key) > 0 {
		key = key.Parent()
		if p.exists[string(key)] && len(p.matchHash(key)) > 0 {
			return key
		}
	}
	return key
}

// coverNext returns the owner of the NSEC3 record that covers the next closer name.
func (p *Prover) coverNext(key, encloser zone.Key) []string {
	p.notes.OptOut = p.notes.OptOut || p.optOut
	return p.coverHash(key.First(encloser.Labels() + 1))
}

func wildcardOf(key zone.Key) zone.Key { return append(slices.Clone(key), '*', 0) }

func (p *Prover) owner(key zone.Key) string {
	return canonical(zone.Name(zone.AppendOwner(nil, key, p.apex)).String())
}

func (p *Prover) match(key zone.Key) []string {
	if slices.ContainsFunc(p.nsec, func(k zone.Key) bool { return bytes.Equal(k, key) }) {
		return []string{p.owner(key)}
	}
	return nil
}

// cover returns the name whose NSEC record is the last before a name.
func (p *Prover) cover(key zone.Key) []string {
	for _, k := range slices.Backward(p.nsec) {
		if bytes.Compare(k, key) < 0 {
			return []string{p.owner(k)}
		}
	}
	return nil
}

// matchOrCover is for names that may be empty non-terminals, of which the NSEC record before them says that something
// follows below.
func (p *Prover) matchOrCover(key zone.Key) []string {
	if own := p.match(key); own != nil {
		return own
	}
	return p.cover(key)
}

func (p *Prover) hash(key zone.Key) []byte {
	name := zone.Name(zone.AppendOwner(nil, key, p.apex))
	return Hash(name, p.nsec3[0].Salt, p.nsec3[0].Iterations)
}

func (p *Prover) matchHash(key zone.Key) []string {
	hash := p.hash(key)
	for i, h := range p.hashes {
		if bytes.Equal(h, hash) {
			return []string{canonical(p.nsec3[i].Hdr.Name)}
		}
	}
	return nil
}

// coverHash returns the owner of the NSEC3 record whose span has the hash of a name. There is none for one that has an NSEC3
// record itself.
func (p *Prover) coverHash(key zone.Key) []string {
	if p.matchHash(key) != nil {
		p.notes.Hidden = true
		return nil
	}
	hash := p.hash(key)
	at := len(p.hashes) - 1 // before the first there is the last
	for i, h := range p.hashes {
		if bytes.Compare(h, hash) < 0 {
			at = i
		}
	}
	if bytes.Compare(p.hashes[0], hash) > 0 {
		at = len(p.hashes) - 1
	}
	return []string{canonical(p.nsec3[at].Hdr.Name)}
}

// matchOrOptOut is for a name that exists. One without NSEC3 record lies in a span of opt-out: the closest provable encloser
// and the span are the proof (RFC 5155 sections 7.2.4 and 7.2.7).
func (p *Prover) matchOrOptOut(key zone.Key) []string {
	if own := p.matchHash(key); own != nil {
		return own
	}
	encloser := p.provable(key)
	p.beside = append(p.beside, p.matchHash(wildcardOf(encloser))...)
	return append(p.matchHash(encloser), p.coverNext(key, encloser)...)
}
