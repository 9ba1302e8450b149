package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/miekg/dns"
)

// What can be wrong with a page. A NodeError says which.
var (
	errLayout = errors.New("its parts do not fit into it")
	errKey    = errors.New("it has an owner name that is malformed")
	errOrder  = errors.New("its owner names are not in order")
	errDepth  = errors.New("it is wrong about the zone cut above a name")
	errFlags  = errors.New("it is wrong about what a name is")
	errRRset  = errors.New("it has an RRset that is malformed")
	errTree   = errors.New("it has a record of the other tree")
)

// A pageCheck finds whatever a page that no Builder made has in it. A page is checked by itself; what it says of cuts above
// its first name, and whether it stands in its place, loader.follow checks.
type pageCheck struct {
	apex  Name
	nsec3 bool // the page is of the tree of NSEC3 records

	cut     cutState
	key     Key
	before  Key
	scratch []byte
}

// page returns what the page holds, or what is wrong with it.
func (c *pageCheck) page(p page) (summary, error) {
	if err := p.checkLayout(); err != nil {
		return summary{}, err
	}
	n := p.count()
	sum := summary{pages: 1, names: uint32(n), bytes: uint64(len(p))}
	first := p.first()
	c.cut.active = false
	if d := p.info(0).depth; d >= 0 && d < first.Labels() {
		c.cut.set(first.First(d), d)
	}
	for i := range n {
		c.key, c.before = p.appendKey(c.before[:0], i), c.key
		if !validKey(c.key, len(c.apex)) {
			return sum, errKey
		}
		switch {
		case i == 0:
		case bytes.Compare(c.before, c.key) >= 0:
			return sum, errOrder
		case cutsPage(i, p.dataEnd(i-1), c.key):
			return sum, errCut
		}
		flags, records, err := c.rrsets(p.name(i))
		if err != nil {
			return sum, err
		}
		if len(c.key) == 0 {
			flags &^= flagDelegation
		}
		info := p.info(i)
		if info.flags != flags {
			return sum, errFlags
		}
		if info.depth != c.cut.enter(c.key, flags) {
			return sum, errDepth
		}
		sum.records += uint32(records)
		if hasWildcard(c.key) {
			sum.wildcards++
		}
	}
	if p.sharedLen() != commonPrefix(first, c.key) {
		return sum, errLayout
	}
	return sum, nil
}

// checkLayout checks that all parts of the page lie in it and fill it: the other methods of page may be used then.
func (p page) checkLayout() error {
	if len(p) < pageHeader || p[0] != pageKind {
		return errLayout
	}
	n := p.count()
	if n < 1 || n > maxPageNames || len(p) < pageHeader+pageEntry*n+p.sharedLen() {
		return errLayout
	}
	_, area := p.keys()
	room := len(p) - area
	end := 0
	for i := range n {
		next := p.keyEnd(i)
		if next < end || i > 0 && next == end || p.sharedLen()+next-end > MaxKey {
			return errLayout
		}
		end = next
	}
	if end > room {
		return errLayout
	}
	room -= end
	for i, end := 0, 0; i < n; i++ {
		next := p.dataEnd(i)
		if next <= end || next > room {
			return errLayout
		}
		end = next
	}
	if p.dataSize() != room {
		return errLayout
	}
	return nil
}

// validKey reports whether AppendKey could have made the key, in a zone whose apex has so many octets.
func validKey(k Key, apex int) bool {
	size, label := apex, 0
	for i := 0; i < len(k); i++ {
		switch c := k[i]; {
		case c == 0:
			if label == 0 {
				return false
			}
			size += label + 1
			label = 0
			continue
		case c == 1:
			if i++; i == len(k) || k[i] != 1 && k[i] != 2 {
				return false
			}
		case fold[c] != c:
			return false
		}
		if label++; label > maxLabel {
			return false
		}
	}
	return label == 0 && size <= maxName
}

// rrsets checks the data of one name.
func (c *pageCheck) rrsets(rest []byte) (flags byte, records int, err error) {
	var typ, over uint64
	for first := true; len(rest) > 0; first = false {
		var head [4]uint64 // type, TTL, count, size
		for i := range head {
			v, k := binary.Uvarint(rest)
			if k <= 0 || k > 1 && rest[k-1] == 0 { // not in the fewest octets
				return 0, 0, errRRset
			}
			head[i], rest = v, rest[k:]
		}
		if head[0] > math.MaxUint16 || head[1] > math.MaxUint32 || head[2] < 1 || head[2] > MaxRRsetRecords || head[3] > uint64(len(rest)) {
			return 0, 0, errRRset
		}
		s := RRset{Type: uint16(head[0]), TTL: uint32(head[1]), Count: int(head[2]), data: rest[:head[3]:head[3]]}
		rest = rest[head[3]:]
		if err := c.records(s); err != nil {
			return 0, 0, err
		}
		cover := uint64(s.Covered())
		if !first && (head[0] < typ || head[0] == typ && (s.Type != dns.TypeRRSIG || cover <= over)) {
			return 0, 0, errRRset
		}
		typ, over = head[0], cover
		switch s.Type {
		case dns.TypeNS:
			flags |= flagDelegation
		case dns.TypeDNAME:
			flags |= flagDNAME
		}
		records += s.Count
	}
	return flags, records, nil
}

// records checks that the RDATAs are framed, in order, and as AppendRDATA makes them.
func (c *pageCheck) records(s RRset) error {
	var before []byte
	rest := s.data
	cover := -1
	for i := range s.Count {
		data := rest
		if s.Count > 1 {
			n, k := binary.Uvarint(rest)
			if k <= 0 || k > 1 && rest[k-1] == 0 || n > uint64(len(rest)-k) {
				return errRRset
			}
			data, rest = rest[k:k+int(n)], rest[k+int(n):]
			if i > 0 && bytes.Compare(before, data) >= 0 {
				return errRRset
			}
			before = data
		} else {
			rest = nil
		}
		if inNSEC3(s.Type, data) != c.nsec3 {
			return errTree
		}
		if s.Type == dns.TypeRRSIG {
			now := int(covered(data))
			if cover >= 0 && now != cover {
				return errRRset
			}
			cover = now
		}
		if err := c.rdata(s.Type, data); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return errRRset
	}
	return nil
}

func (c *pageCheck) rdata(typ uint16, data []byte) error {
	if typ == dns.TypeA && len(data) == 4 || typ == dns.TypeAAAA && len(data) == 16 {
		return nil
	}
	out, err := AppendRDATA(c.scratch[:0], typ, data, 0, len(data))
	if err != nil {
		return fmt.Errorf("it has RDATA that is malformed: %w", err)
	}
	c.scratch = out
	if !bytes.Equal(out, data) {
		return fmt.Errorf("it has RDATA of type %s that is not in canonical form", dns.Type(typ))
	}
	return nil
}
