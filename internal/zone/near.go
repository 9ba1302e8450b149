package zone

import "bytes"

// Below reports whether the name is a name or below it, without making its key.
func (n Node) Below(key Key) bool {
	shared, area := n.page.keys()
	prefix := n.page[shared:area]
	if len(key) <= len(prefix) {
		return bytes.HasPrefix(prefix, key)
	}
	return bytes.HasPrefix(key, prefix) && bytes.HasPrefix(n.page.suffix(n.index), key[len(prefix):])
}

// FindNear is the Node of Find for a key that probably lies close behind n, as glue does behind its delegation: within the page of n
// it costs no way down the tree.
func (v *Version) FindNear(n Node, key Key) Node {
	if n.page == nil {
		return v.Find(key).Node
	}
	const near = 4
	p := n.page
	shared, area := p.keys()
	prefix := p[shared:area]
	if !bytes.HasPrefix(key, prefix) {
		return v.Find(key).Node
	}
	rest := key[len(prefix):]
	for i := n.index; i < min(p.count(), n.index+1+near); i++ {
		switch c := bytes.Compare(p.suffix(i), rest); {
		case c == 0:
			return Node{p, i}
		case c > 0 && i > n.index:
			return Node{} // it would be between the two
		case c > 0:
			return v.Find(key).Node
		}
	}
	return v.Find(key).Node
}
