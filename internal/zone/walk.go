package zone

import (
	"iter"

	"github.com/miekg/dns"
)

// Walk yields the names that own records in canonical order (RFC 4034 section 6.1), without those of NSEC3 records.
func (v *Version) Walk() iter.Seq[Node] { return v.names.walk }

// WalkNSEC3 yields the owner names of NSEC3 records in the order of their hashes.
func (v *Version) WalkNSEC3() iter.Seq[Node] { return v.nsec3.walk }

// All yields all records: the SOA first, then the others in canonical order, then the NSEC3 records with their RRSIGs. A
// record's Owner is valid until the next step; its Data is a view into the version.
func (v *Version) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		soa, _ := v.node.RRset(dns.TypeSOA)
		if !yield(Record{v.apex, dns.TypeSOA, soa.TTL, soa.First()}) {
			return
		}
		var key Key
		var owner Name
		node := func(n Node) bool {
			key = n.AppendKey(key[:0])
			owner = AppendOwner(owner[:0], key, v.apex)
			for it := n.RRsets(); ; {
				s, ok := it.Next()
				if !ok {
					return true
				}
				if s.Type == dns.TypeSOA {
					continue
				}
				for i, rest := 0, s.data; i < s.Count; i++ {
					var data []byte
					data, rest = s.split(rest)
					if !yield(Record{owner, s.Type, s.TTL, data}) {
						return false
					}
				}
			}
		}
		for n := range v.Walk() {
			if !node(n) {
				return
			}
		}
		for n := range v.WalkNSEC3() {
			if !node(n) {
				return
			}
		}
	}
}

func (t tree) walk(yield func(Node) bool) {
	if t.below != nil {
		t.below.walk(yield)
	}
}

func (b *branch) walk(yield func(Node) bool) bool {
	for i := range b.kids {
		k := &b.kids[i]
		if k.below != nil {
			if !k.below.walk(yield) {
				return false
			}
			continue
		}
		for j := range k.page.count() {
			if !yield(Node{k.page, j}) {
				return false
			}
		}
	}
	return true
}
