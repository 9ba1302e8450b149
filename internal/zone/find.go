package zone

import "bytes"

// A Match is what a version has at and around a name.
type Match struct {
	// Node is the name itself, if it owns records.
	Node Node
	// Exists reports whether the name exists: it owns records, or names below it do (an empty non-terminal, RFC 4592
	// section 2.2.2).
	Exists bool
	// Encloser is the number of labels, below the apex, of the closest encloser (RFC 4592 section 3.3.1): the longest existing
	// ancestor, or the name itself if it exists.
	Encloser int
	// Pred is, if the name owns no records, the last name before it in canonical order that owns some.
	Pred Node
	// Cut is the topmost name at which authority or the name's path ends: at or above the name a delegation, or above
	// it the owner of a DNAME. It is zero if there is none.
	Cut Node
	// CutLabels is the number of labels, below the apex, of Cut.
	CutLabels int
	// Wildcard is the name *.<closest encloser>, if the name does not exist, no cut is above it, and that wildcard owns records.
	Wildcard Node
	// WildcardExists reports whether that wildcard exists: it may be an empty non-terminal.
	WildcardExists bool
}

// Find returns what the version has at and around a name. It goes down the tree once, and a second time only for
// names below a cut that lies in another page and for the wildcard of a name that does not exist, where the zone has any. It allocates nothing.
func (v *Version) Find(key Key) (m Match) {
	p, next := v.names.seek(key)
	if p == nil {
		return m
	}
	i, exact := p.search(key)
	info := p.info(i)
	if exact {
		m.Node = Node{p, i}
		m.Exists = true
		m.Encloser = key.Labels()
		if info.depth >= 0 {
			m.Cut, m.CutLabels = v.cutAt(m.Node, info, key), info.depth
		}
		return m
	}

	m.Pred = Node{p, i}
	withPred := p.commonLabels(i, key)
	var withNext int
	if i+1 < p.count() {
		withNext = p.commonLabels(i+1, key)
	} else if next != nil {
		withNext, _ = commonLabels(next, key)
	}
	m.Encloser = max(withPred, withNext)
	// A name below key would come right after it.
	m.Exists = withNext > 0 && withNext == key.Labels()

	// A cut above key is the predecessor or above the predecessor, since all names between a name and those below
	// it are below it too.
	switch {
	case info.depth >= 0 && withPred >= info.depth:
		m.Cut, m.CutLabels = v.cutAt(m.Pred, info, key), info.depth
	case info.flags&flagDNAME != 0 && withPred == m.Pred.labels():
		m.Cut, m.CutLabels = m.Pred, withPred
	case !m.Exists && v.names.sum.wildcards > 0:
		m.Wildcard, m.WildcardExists = v.wildcard(key.First(m.Encloser))
	}
	return m
}

// FindNSEC3 returns the name of the tree of NSEC3 records that is key or, if there is none, the last before it in canonical
// order; before the first comes the last, since the hashes form a ring (RFC 5155 section 7.1). The Node is zero if the
// version has no NSEC3 record.
func (v *Version) FindNSEC3(key Key) (n Node, exact bool) {
	p, _ := v.nsec3.seek(key)
	if p == nil {
		if p = v.nsec3.last(); p == nil {
			return Node{}, false
		}
		return Node{p, p.count() - 1}, false
	}
	i, exact := p.search(key)
	return Node{p, i}, exact
}

// cutAt returns the name above or at key, and above or at the near name, that info says is a cut.
func (v *Version) cutAt(near Node, info nameInfo, key Key) Node {
	if info.flags&flagDelegation != 0 && near.labels() == info.depth {
		return near
	}
	cut, p := key.First(info.depth), near.page
	if bytes.Compare(cut, p.first()) < 0 {
		p, _ = v.names.seek(cut)
	}
	i, _ := p.search(cut)
	return Node{p, i}
}

//go:noinline // keeps the buffer out of the stack frame of Find
func (v *Version) wildcard(encloser Key) (Node, bool) {
	var buf [MaxKey]byte
	key := append(append(Key(buf[:0]), encloser...), wildcardLabel...)
	p, next := v.names.seek(key)
	i, exact := p.search(key)
	if exact {
		return Node{p, i}, true
	}
	want, got := key.Labels(), 0
	if i+1 < p.count() {
		got = p.commonLabels(i+1, key)
	} else if next != nil {
		got, _ = commonLabels(next, key)
	}
	return Node{}, got == want
}

// labels returns how many labels below the apex the name has.
func (n Node) labels() int {
	shared, area := n.page.keys()
	labels := 0
	for _, c := range n.page[shared:area] {
		if c == 0 {
			labels++
		}
	}
	for _, c := range n.page.suffix(n.index) {
		if c == 0 {
			labels++
		}
	}
	return labels
}
