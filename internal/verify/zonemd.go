package verify

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// The rules of the zonemd check (RFC 8976 section 4).
const (
	ruleMissing     = "missing"     // required, and none is there
	ruleUnsupported = "unsupported" // a scheme or hash algorithm that is not known here
	ruleSerial      = "serial"      // step 5 a
	ruleDuplicate   = "duplicate"   // step 4
	ruleLength      = "length"      // step 5 d
	ruleMismatch    = "mismatch"    // step 5 f
	ruleNone        = "none"        // required, and none that could be verified
)

// checkZONEMD verifies the zone's digests (RFC 8976 section 4). One that matches is enough, whatever the others are.
//
// If none matches, those that are of a scheme and hash algorithm that are known here are failures, each with its reason.
// Others are not: a scheme that is invented later must not take the zone away. Signatures over ZONEMD and SOA (steps
// 1 to 3) are looked at by the check of dnssec, as all others.
func checkZONEMD(ctx context.Context, mode config.ZONEMD, v *zone.Version) ([]Finding, error) {
	if mode == config.ZONEMDOff {
		return nil, nil
	}
	var found []Finding
	say := func(severity Severity, rule, format string, args ...any) {
		found = append(found, Finding{CheckZONEMD, rule, v.Apex().String(), dns.TypeZONEMD, fmt.Sprintf(format, args...), severity})
	}
	set, ok := v.ApexNode().RRset(dns.TypeZONEMD)
	if !ok {
		if mode == config.ZONEMDRequired {
			say(Failure, ruleMissing, "no ZONEMD record, and verify zonemd required wants one")
		}
		return found, nil
	}
	var alike [256]int
	for data := range set.All() {
		if data[4] == schemeSIMPLE {
			alike[data[5]]++
		}
	}
	usable := false
	for data := range set.All() {
		md, problem := readZONEMD(v, &alike, data)
		if problem == "" {
			sum, err := digest(ctx, v, md.hash)
			if err != nil {
				return nil, err
			}
			if bytes.Equal(sum, md.digest) {
				// What stands beside it is no longer a reason.
				for i := range found {
					found[i].Severity = Warning
				}
				return bounded(found), nil
			}
			problem, md.detail = ruleMismatch, fmt.Sprintf("the digest is not that of the zone: %x, computed %x", md.digest[:8], sum[:8])
		}
		severity := Failure
		if problem == ruleUnsupported {
			severity = Warning
		} else {
			usable = true
		}
		say(severity, problem, "%s: %s", md.text, md.detail)
	}
	if !usable && mode == config.ZONEMDRequired {
		say(Failure, ruleNone, "none of %d digests can be verified, and verify zonemd required wants one", set.Count)
	}
	return bounded(found), nil
}

// zonemd is one ZONEMD record.
type zonemd struct {
	digest []byte
	hash   hash.Hash
	text   string // what it is
	detail string // what is wrong with it
}

const (
	schemeSIMPLE = 1
	hashSHA384   = 1
	hashSHA512   = 2
	zonemdHeader = 6 // octets of serial, scheme and hash algorithm
)

// readZONEMD reads RDATA as section 2.2 has it, and returns the rule that keeps it from being compared with the zone, "" if none
// does. What is not supported is so whatever else is wrong with it. Of the SIMPLE scheme alike says how many records there are for
// each hash algorithm.
func readZONEMD(v *zone.Version, alike *[256]int, data []byte) (md zonemd, problem string) {
	scheme, algorithm := data[4], data[5]
	md.digest = data[zonemdHeader:]
	md.text = fmt.Sprintf("scheme %d, hash algorithm %d", scheme, algorithm)
	switch {
	case scheme == schemeSIMPLE && algorithm == hashSHA384:
		md.hash = sha512.New384()
	case scheme == schemeSIMPLE && algorithm == hashSHA512:
		md.hash = sha512.New()
	default:
		md.detail = "not known here; it is left aside"
		return md, ruleUnsupported
	}
	serial := zone.Serial(binary.BigEndian.Uint32(data))
	switch {
	case alike[algorithm] > 1:
		md.detail = fmt.Sprintf("%d records of this kind, and none of them counts (RFC 8976 section 4)", alike[algorithm])
		return md, ruleDuplicate
	case serial != v.Serial():
		md.detail = fmt.Sprintf("it is of serial %d, and the zone's is %d", serial, v.Serial())
		return md, ruleSerial
	case len(md.digest) != md.hash.Size():
		md.detail = fmt.Sprintf("a digest of %d octets, want %d", len(md.digest), md.hash.Size())
		return md, ruleLength
	}
	return md, ""
}

// bounded leaves the first failures and warnings: an RRset may have thousands of records.
func bounded(found []Finding) []Finding {
	var kept []Finding
	left := [2]int{}
	some := [2]int{}
	for _, f := range found {
		if some[f.Severity]++; some[f.Severity] <= maxExamples {
			kept = append(kept, f)
		} else {
			left[f.Severity]++
		}
	}
	for severity, n := range left {
		if n > 0 {
			last := kept[len(kept)-1]
			last.Severity, last.Rule, last.Detail = Severity(severity), "more", fmt.Sprintf("%d more", n)
			kept = append(kept, last)
		}
	}
	return kept
}

// digest computes the digest of the SIMPLE scheme (RFC 8976 section 3.3.1): the hash of all records in canonical form and order,
// those of NSEC3 in their place among the others, without ZONEMD records at the apex and the signatures over them.
func digest(ctx context.Context, v *zone.Version, h hash.Hash) ([]byte, error) {
	d := digester{hash: h, apex: v.Apex(), buf: make([]byte, 0, digestBuffer)}
	next, stop := iter.Pull(v.WalkNSEC3())
	defer stop()
	nsec3, more := next()
	if more {
		d.nsec3Key = nsec3.AppendKey(nil)
	}
	follow := func() {
		if nsec3, more = next(); more {
			d.nsec3Key = nsec3.AppendKey(d.nsec3Key[:0])
		}
	}
	n := 0
	for node := range v.Walk() {
		if n++; n%pause == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		d.key = node.AppendKey(d.key[:0])
		for more && bytes.Compare(d.nsec3Key, d.key) < 0 {
			d.name(d.nsec3Key, zone.Node{}, nsec3)
			follow()
		}
		if more && bytes.Equal(d.nsec3Key, d.key) {
			d.name(d.key, node, nsec3)
			follow()
			continue
		}
		d.name(d.key, node, zone.Node{})
	}
	for more {
		d.name(d.nsec3Key, zone.Node{}, nsec3)
		follow()
	}
	d.hash.Write(d.buf)
	return d.hash.Sum(nil), nil
}

// digestBuffer is how much is handed to the hash at once. A record is smaller than the half of it that is kept free.
const digestBuffer = 256 << 10

type digester struct {
	hash          hash.Hash
	apex          zone.Name
	key, nsec3Key zone.Key
	owner         zone.Name
	buf           []byte
}

// name adds the records of one owner name, which may have them in both trees of a version.
func (d *digester) name(key zone.Key, a, b zone.Node) {
	d.owner = zone.AppendOwner(d.owner[:0], key, d.apex)
	i, j := a.RRsets(), b.RRsets()
	s, sok := i.Next()
	t, tok := j.Next()
	for sok || tok {
		if sok && (!tok || s.Type < t.Type || s.Type == t.Type && s.Covered() <= t.Covered()) {
			if len(key) > 0 || s.Type != dns.TypeZONEMD && s.Covered() != dns.TypeZONEMD {
				d.rrset(s)
			}
			s, sok = i.Next()
			continue
		}
		d.rrset(t)
		t, tok = j.Next()
	}
}

func (d *digester) rrset(s zone.RRset) {
	for it := s.Iter(); ; {
		data, ok := it.Next()
		if !ok {
			return
		}
		d.buf = append(d.buf, d.owner...)
		d.buf = binary.BigEndian.AppendUint16(d.buf, s.Type)
		d.buf = binary.BigEndian.AppendUint16(d.buf, dns.ClassINET)
		d.buf = binary.BigEndian.AppendUint32(d.buf, s.TTL)
		d.buf = binary.BigEndian.AppendUint16(d.buf, uint16(len(data)))
		d.buf = append(d.buf, data...)
		if len(d.buf) >= digestBuffer/2 {
			d.hash.Write(d.buf)
			d.buf = d.buf[:0]
		}
	}
}
