package zone

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
)

// Nodes yields what a version is made of, for whoever keeps it: the version itself, its branches and its pages, each as
// the octets of which its hash is the SHA-256, and each before what lies below it. What skip says true of is passed over
// with all that lies below it; whoever keeps a node keeps what lies below it, so that the walk goes over what is new and
// its neighbours only. The octets are valid until the next step. skip may be nil.
func (v *Version) Nodes(skip func(Hash) bool) iter.Seq2[Hash, []byte] {
	return func(yield func(Hash, []byte) bool) {
		if skip == nil {
			skip = func(Hash) bool { return false }
		}
		if skip(v.root) || !yield(v.root, rootText(v.apex, v.names.hash, v.nsec3.hash)) {
			return
		}
		w := nodeWalk{skip: skip, yield: yield}
		if w.child(&v.names.child) {
			w.child(&v.nsec3.child)
		}
	}
}

type nodeWalk struct {
	skip    func(Hash) bool
	yield   func(Hash, []byte) bool
	scratch []byte
}

func (w *nodeWalk) child(k *child) bool {
	switch {
	case k.page == nil && k.below == nil: // an empty tree
		return true
	case w.skip(k.hash):
		return true
	case k.below == nil:
		return w.yield(k.hash, k.page)
	}
	w.scratch = appendBranch(w.scratch[:0], k.below.level, k.below.kids)
	if !w.yield(k.hash, w.scratch) {
		return false
	}
	for i := range k.below.kids {
		if !w.child(&k.below.kids[i]) {
			return false
		}
	}
	return true
}

// MarshalText returns what String does, as octets.
func (h Hash) MarshalText() ([]byte, error) { return h.AppendText(nil) }

// AppendText appends what MarshalText returns.
func (h Hash) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, h[:]), nil }

// UnmarshalText reads what String returned.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("a hash has %d hexadecimal digits, and this has %d octets", 2*len(h), len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// rootText is what the root of a version is the hash of.
func rootText(apex Name, names, nsec3 Hash) []byte {
	text := make([]byte, 0, len(rootPrefix)+len(apex)+2*len(names))
	text = append(append(text, rootPrefix...), apex...)
	return append(append(text, names[:]...), nsec3[:]...)
}

// appendBranch appends what the hash of the branch over kids is made of.
func appendBranch(dst []byte, level int, kids []child) []byte {
	dst = append(dst, branchKind+byte(level))
	for i := range kids {
		dst = append(dst, kids[i].hash[:]...)
	}
	return dst
}

// Links yields the hashes of what lies right below a node that Nodes gave, and whether they are those of pages, which have
// nothing below them. It yields nothing for a page and for what is no node.
func Links(node []byte) iter.Seq2[Hash, bool] {
	return func(yield func(Hash, bool) bool) {
		if _, names, nsec3, err := splitRoot(node); err == nil {
			for _, h := range [...]Hash{names, nsec3} {
				if h != (Hash{}) && !yield(h, false) {
					return
				}
			}
			return
		}
		level, hashes, err := splitBranch(node)
		if err != nil {
			return
		}
		for ; len(hashes) > 0; hashes = hashes[sha256.Size:] {
			if !yield(Hash(hashes[:sha256.Size]), level == 1) {
				return
			}
		}
	}
}

var (
	errNotRoot   = errors.New("it is not the root of a version")
	errNotBranch = errors.New("it is not a branch")
)

// splitRoot takes apart what rootText made. An empty tree has the zero hash.
func splitRoot(text []byte) (apex Name, names, nsec3 Hash, err error) {
	rest, ok := bytes.CutPrefix(text, []byte(rootPrefix))
	at := len(rest) - 2*sha256.Size
	if !ok || at < 1 {
		return nil, names, nsec3, errNotRoot
	}
	apex = Name(rest[:at])
	if n, err := nameSize(apex); err != nil || n != len(apex) || !bytes.Equal(lowerName(apex), apex) {
		return nil, names, nsec3, errNotRoot
	}
	return apex, Hash(rest[at : at+sha256.Size]), Hash(rest[at+sha256.Size:]), nil
}

// splitBranch takes apart what appendBranch made.
func splitBranch(text []byte) (level int, hashes []byte, err error) {
	if len(text) < 1+sha256.Size || (len(text)-1)%sha256.Size != 0 {
		return 0, nil, errNotBranch
	}
	level, hashes = int(text[0])-branchKind, text[1:]
	// Two levels are left for the cursor of a comparison.
	if level < 1 || level > maxLevels-2 || len(hashes)/sha256.Size > maxBranchKids {
		return 0, nil, errNotBranch
	}
	return level, hashes, nil
}
