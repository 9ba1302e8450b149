package dnssec

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// An Anchor is what is known of a zone's keys from elsewhere: a DS record or a DNSKEY record.
type Anchor struct {
	record zone.Record
	key    key // of DNSKEY
}

// String returns the record in master-file form.
func (a Anchor) String() string { return a.record.String() }

const (
	dsHeader   = 4 // octets before the digest (RFC 4034 section 5.1)
	maxAnchors = 64
	maxOthers  = 10_000 // $GENERATE makes many of a line
	maxFile    = 1 << 20
)

// ParseAnchors reads the DS and DNSKEY records of the zone at apex from a master file; those of other zones are passed over. At least
// one must be of an algorithm and a digest that can be verified. The file's name is for errors only.
func ParseAnchors(file string, r io.Reader, apex zone.Name) ([]Anchor, error) {
	lines := &lineReader{r: io.LimitReader(r, maxFile+1)}
	p := dns.NewZoneParser(lines, apex.String(), file)
	p.SetDefaultTTL(3600) // means nothing here, and DS records are often written without
	var list []Anchor
	others, unknown := 0, 0
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		fail := func(format string, args ...any) ([]Anchor, error) {
			return nil, fmt.Errorf("%s:%d: "+format, append([]any{file, lines.line()}, args...)...)
		}
		switch rr.(type) {
		case *dns.DS, *dns.DNSKEY:
		default:
			return fail("%s is no trust anchor; give DS or DNSKEY records", dns.Type(rr.Header().Rrtype))
		}
		record, err := zone.FromRR(rr)
		if err != nil {
			return fail("%w", err)
		}
		if !record.Owner.Equal(apex) {
			if others++; others > maxOthers {
				return fail("more than %d trust anchors of other zones", maxOthers)
			}
			continue
		}
		a, known, err := newAnchor(record)
		switch {
		case err != nil:
			return fail("%w", err)
		case len(list)+unknown == maxAnchors:
			return fail("more than %d trust anchors of one zone", maxAnchors)
		case known:
			list = append(list, a)
		default:
			unknown++
		}
	}
	switch err := p.Err(); {
	case err != nil:
		return nil, fmt.Errorf("trust anchors: %w", err) // it names the file and the line
	case lines.err != nil:
		return nil, fmt.Errorf("%s: trust anchors: %w", file, lines.err)
	case lines.size > maxFile:
		return nil, fmt.Errorf("%s: trust anchors: the file is larger than %d octets", file, maxFile)
	case len(list) > 0:
		return list, nil
	case unknown > 0:
		return nil, fmt.Errorf("%s: no trust anchor of %v has an algorithm and a digest that can be verified here", file, apex)
	}
	return nil, fmt.Errorf("%s: no DS or DNSKEY record of %v, %d of other names", file, apex, others)
}

// newAnchor reads a record. Of an algorithm or a digest that is not known it is not an anchor (RFC 4035 section 5.2).
func newAnchor(r zone.Record) (a Anchor, known bool, err error) {
	a.record = zone.Record{Owner: slices.Clone(r.Owner), Type: r.Type, TTL: r.TTL, Data: slices.Clone(r.Data)}
	if r.Type == dns.TypeDNSKEY {
		a.key, err = newKey(a.record.Data)
		if err == nil && a.key.revoked {
			err = fmt.Errorf("DNSKEY %d is revoked", a.key.tag)
		}
		return a, a.key.bit != 0, err
	}
	if len(r.Data) <= dsHeader {
		return a, false, fmt.Errorf("DS of %d octets has no digest", len(r.Data))
	}
	size := map[uint8]int{dns.SHA1: sha1.Size, dns.SHA256: sha256.Size, dns.SHA384: sha512.Size384}[r.Data[3]]
	if size != 0 && len(r.Data) != dsHeader+size {
		return a, false, fmt.Errorf("DS has a digest of %d octets, want %d for digest type %d", len(r.Data)-dsHeader, size, r.Data[3])
	}
	return a, size != 0 && bitOf(r.Data[2]) != 0, nil
}

// fits reports whether an anchor is of a key.
func (a Anchor) fits(apex zone.Name, k *key) bool {
	data := a.record.Data
	if a.record.Type == dns.TypeDNSKEY {
		return bytes.Equal(data, k.data)
	}
	if binary.BigEndian.Uint16(data) != k.tag || data[2] != k.algorithm {
		return false
	}
	signed := slices.Concat(apex, k.data)
	var digest []byte
	switch data[3] {
	case dns.SHA1:
		sum := sha1.Sum(signed)
		digest = sum[:]
	case dns.SHA256:
		sum := sha256.Sum256(signed)
		digest = sum[:]
	case dns.SHA384:
		sum := sha512.Sum384(signed)
		digest = sum[:]
	}
	return bytes.Equal(digest, data[dsHeader:])
}

// weak reports whether an anchor does not count beside others: a SHA-1 digest where the same key, or another of its algorithm,
// has a better one (RFC 4509 section 3).
func (a Anchor) weak(all []Anchor) bool {
	return a.record.Type == dns.TypeDS && a.record.Data[3] == dns.SHA1 && slices.ContainsFunc(all, func(b Anchor) bool {
		return b.record.Type == dns.TypeDS && b.record.Data[3] != dns.SHA1 && b.record.Data[2] == a.record.Data[2]
	})
}

// setAnchors finds the keys that anchors lead to and has them sign the DNSKEY RRset, one of each algorithm.
func (c *checker) setAnchors(anchors []Anchor) {
	if len(anchors) == 0 {
		return
	}
	var trusted []key
	for _, a := range anchors {
		i := slices.IndexFunc(c.keys.keys, func(k key) bool { return !k.revoked && a.fits(c.apex, &k) })
		switch {
		case a.weak(anchors):
		case i < 0:
			c.warn(RuleAnchorMismatch, a.record.Type, "a trust anchor fits no key of the zone: "+a.String())
		default:
			trusted = append(trusted, c.keys.keys[i])
			c.required |= c.keys.keys[i].bit
		}
	}
	if len(trusted) == 0 {
		c.faults.add(&place{}, RuleAnchorMismatch, c.apex, dns.TypeDNSKEY, "no trust anchor fits a key of the zone that is not revoked")
		return
	}
	sortKeys(trusted)
	for i := range algorithms {
		if m := mask(1) << i; c.required&m != 0 {
			c.anchor(m, &keySet{keys: trusted})
		}
	}
}

// anchor verifies the DNSKEY RRset with the keys that anchors lead to, of one algorithm.
func (c *checker) anchor(m mask, trusted *keySet) {
	set := c.keys.set
	sigs, _ := c.v.ApexNode().Signatures(dns.TypeDNSKEY)
	w := worker{checker: c}
	var found wrongs
	attempts := 0
	for _, cand := range w.candidates(nil, set, sigs, c.apex.Labels(), trusted, &found) {
		tag := binary.BigEndian.Uint16(cand.data[16:])
		switch {
		case cand.bit != m:
			continue
		case cand.expiration < c.now:
			found.note(m, wrong{rankExpired, RuleSignatureExpired, tag, cand.expiration})
			continue
		case cand.inception > c.now:
			found.note(m, wrong{rankFuture, RuleSignatureFuture, tag, cand.inception})
			continue
		}
		for _, k := range trusted.find(tag, cand.data[2]) {
			attempts++
			if attempts <= maxAttempts && k.verifies(w.signedData(c.apex, set, cand), cand.sig) {
				return
			}
		}
		found.note(m, wrong{rank: rankBogus, rule: RuleSignatureBogus, tag: tag})
	}
	why := found.nearest(m)
	if why.rank <= rankRevoked && why.rank != rankSigner && why.rank != rankLabels {
		c.faults.add(&place{}, RuleAnchorMismatch, c.apex, dns.TypeDNSKEY, fmt.Sprintf("no key of %v that a trust anchor fits signs the RRset", m))
		return
	}
	c.faults.add(&place{}, why.rule, c.apex, dns.TypeDNSKEY, why.detail())
}

// lineReader counts lines for errors. The parser takes single octets from it, so that it is not ahead.
type lineReader struct {
	r     io.Reader
	err   error
	buf   [512]byte
	have  []byte
	size  int
	ended int // lines
	open  bool
}

// ReadByte returns the next octet.
func (l *lineReader) ReadByte() (byte, error) {
	if len(l.have) == 0 {
		n, err := l.r.Read(l.buf[:])
		if n == 0 {
			if err == nil {
				err = io.ErrNoProgress
			}
			if err != io.EOF {
				l.err = err
			}
			return 0, err
		}
		l.have = l.buf[:n]
	}
	c := l.have[0]
	l.have = l.have[1:]
	l.size++
	if l.open = c != '\n'; !l.open {
		l.ended++
	}
	return c, nil
}

// Read makes it a reader; the parser does not use it.
func (l *lineReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := l.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// line returns the line that was read last.
func (l *lineReader) line() int {
	if l.open {
		return l.ended + 1
	}
	return l.ended
}
