package zone

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// A Version is one state of a zone: all records of it, with exactly one SOA. It never changes, so any number of readers may
// use it without a lock.
type Version struct {
	apex   Name // lower case
	root   Hash
	soa    SOA
	node   Node // the apex
	names  tree
	nsec3  tree
	signed bool
	denial Denial
	chain  nsec3Chain
}

// ErrNoSOA is the error of a version without exactly one SOA record at its apex.
var ErrNoSOA = errors.New("a zone has exactly one SOA record at its apex")

// rootPrefix keeps the hash of a version apart from all other hashes, and says by which rules it was made.
const rootPrefix = "concord zone version 1\x00"

func newVersion(apex Name, names, nsec3 tree) (*Version, error) {
	v := &Version{apex: apex, names: names, nsec3: nsec3}
	v.node = v.Find(nil).Node
	soa, ok := v.node.RRset(dns.TypeSOA)
	if !ok || soa.Count != 1 {
		return nil, fmt.Errorf("%w, and this one has %d", ErrNoSOA, soa.Count)
	}
	var err error
	if v.soa, err = ParseSOA(soa.First(), soa.TTL); err != nil {
		return nil, err
	}
	if err := v.setDenial(); err != nil {
		return nil, err
	}
	v.root = sha256.Sum256(rootText(apex, names.hash, nsec3.hash))
	return v, nil
}

// Root returns the hash over all records. Two versions of a zone hold the same records if and only if their roots are equal.
func (v *Version) Root() Hash { return v.root }

// Apex returns the name of the zone in lower case; read only.
func (v *Version) Apex() Name { return v.apex }

// ApexNode returns the apex with its records.
func (v *Version) ApexNode() Node { return v.node }

// SOA returns the zone's SOA record.
func (v *Version) SOA() SOA { return v.soa }

// Serial returns the serial of the zone's SOA record.
func (v *Version) Serial() Serial { return v.soa.Serial }

// Names returns how many owner names own records.
func (v *Version) Names() int { return int(v.names.sum.names) + int(v.nsec3.sum.names) }

// Records returns how many records the version has.
func (v *Version) Records() int { return int(v.names.sum.records) + int(v.nsec3.sum.records) }

// Bytes returns the octets of the version's pages. Versions may share pages.
func (v *Version) Bytes() int { return int(v.names.sum.bytes + v.nsec3.sum.bytes) }

// inNSEC3 reports whether a record belongs to the tree of NSEC3 records.
func inNSEC3(typ uint16, data []byte) bool {
	return typ == dns.TypeNSEC3 || typ == dns.TypeRRSIG && covered(data) == dns.TypeNSEC3
}

func lowerName(n Name) Name {
	lower := make(Name, len(n))
	for i, c := range n {
		lower[i] = fold[c]
	}
	return lower
}
