package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
)

// An image is a file of bbolt as octets. bbolt takes its file on trust: a page number that leads astray is a panic, a fault or an
// endless descent in it, and a free list that is wrong has it write over what is in use. So the structure is checked before.
//
//	page    uint64 number, uint16 kind, uint16 count, uint32 how many pages follow that belong to it; then the elements
//	branch  uint32 position of the key, uint32 its length, uint64 page below; position is from the element on
//	leaf    uint32 flags, uint32 position of the key, uint32 its length, uint32 that of the value behind it
//	meta    see readMeta
//
// Integers are in the order of the machine.
type image struct {
	r        io.ReaderAt
	size     int64
	pageSize int64
	metas    []boltMeta // whole ones, the newest first
}

type boltMeta struct {
	root, freelist, end, tx uint64
}

const (
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	boltHeader   = 16
	boltElement  = 16
	boltMetaSize = 64
	kindBranch   = 0x01
	kindLeaf     = 0x02
	kindMeta     = 0x04
	kindFree     = 0x10
	leafBucket   = 0x01
	bucketHeader = 16
	noFreelist   = ^uint64(0)
	mostDepth    = 64
)

var (
	errNoBolt      = errors.New("it is no database of bbolt")
	errBoltVersion = errors.New("it is of another version of bbolt")
	native         = binary.NativeEndian
)

// openImage reads the two meta pages.
func openImage(r io.ReaderAt, size int64) (*image, error) {
	m := &image{r: r, size: size}
	var version bool
	for _, at := range []int64{0, 512, 1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		meta, pageSize, err := m.readMeta(at)
		version = version || errors.Is(err, errBoltVersion)
		if err == nil && (at == 0 || at == pageSize) && (m.pageSize == 0 || m.pageSize == pageSize) {
			m.pageSize = pageSize
			m.metas = append(m.metas, meta)
		}
	}
	slices.SortFunc(m.metas, func(a, b boltMeta) int { return cmp.Compare(b.tx, a.tx) })
	switch {
	case len(m.metas) > 0:
		return m, nil
	case version:
		return nil, errBoltVersion
	}
	return nil, errNoBolt
}

func (m *image) readMeta(at int64) (boltMeta, int64, error) {
	var b [boltHeader + boltMetaSize]byte
	if n, _ := m.r.ReadAt(b[:], at); n < len(b) {
		return boltMeta{}, 0, errNoBolt
	}
	p := b[boltHeader:]
	sum := fnv.New64a()
	sum.Write(p[:56])
	switch {
	case native.Uint32(p) != boltMagic, native.Uint16(b[8:])&kindMeta == 0:
		return boltMeta{}, 0, errNoBolt
	case native.Uint32(p[4:]) != boltVersion:
		return boltMeta{}, 0, errBoltVersion
	case native.Uint64(p[56:]) != sum.Sum64():
		return boltMeta{}, 0, errNoBolt
	}
	size := int64(native.Uint32(p[8:]))
	if size < 512 || size > 64<<10 || size&(size-1) != 0 {
		return boltMeta{}, 0, errNoBolt
	}
	return boltMeta{root: native.Uint64(p[16:]), freelist: native.Uint64(p[32:]), end: native.Uint64(p[40:]), tx: native.Uint64(p[48:])}, size, nil
}

// check returns what is wrong with the structure that the newest meta page leads to, or nil.
func (m *image) check() error {
	meta := m.metas[0]
	if meta.end < 4 || meta.end > uint64(m.size/m.pageSize) {
		return fmt.Errorf("the file is cut short: it has %d octets of %d", m.size, int64(meta.end)*m.pageSize)
	}
	c := imageCheck{image: m, end: meta.end, seen: make([]uint64, meta.end/64+1), names: make(map[string]bool)}
	if err := c.tree(meta.root, 0, nil, nil); err != nil {
		return err
	}
	if err := c.complete(); err != nil {
		return err
	}
	if meta.freelist == noFreelist {
		return nil
	}
	return c.free(meta.freelist)
}

type imageCheck struct {
	*image
	pages [][]byte // into which pages are read, once others that were in them are checked
	wide  []byte   // into which the next run of pages is read
	end   uint64
	seen  []uint64        // a bit for each page
	names map[string]bool // of buckets
	ours  bool            // it says that it has our format
}

// complete reports a file of ours that lacks a bucket: its name was damaged, and the structure is whole all the same.
func (c *imageCheck) complete() error {
	for _, name := range [...][]byte{bucketPages, bucketZones} {
		if c.ours && !c.names[string(name)] {
			return fmt.Errorf("the file is damaged: the bucket of its %s is missing", name)
		}
	}
	return nil
}

// mark says that pages are in use, unless one is already.
func (c *imageCheck) mark(id, more uint64) error {
	if id < 2 || id >= c.end || more >= c.end-id {
		return fmt.Errorf("page %d of the file does not lie in it", id)
	}
	for p := id; p <= id+more; p++ {
		if c.seen[p/64]&(1<<(p%64)) != 0 {
			return fmt.Errorf("page %d of the file is used twice", p)
		}
		c.seen[p/64] |= 1 << (p % 64)
	}
	return nil
}

// head reads the first page of a run and checks its header.
func (c *imageCheck) head(id uint64) (kind uint16, count int, room int64, b []byte, err error) {
	if id < 2 || id >= c.end {
		return 0, 0, 0, nil, fmt.Errorf("page %d of the file does not lie in it", id)
	}
	if last := len(c.pages) - 1; last >= 0 {
		b, c.pages = c.pages[last], c.pages[:last]
	} else {
		b = make([]byte, c.pageSize)
	}
	if _, err := c.r.ReadAt(b, int64(id)*c.pageSize); err != nil {
		return 0, 0, 0, nil, fmt.Errorf("page %d of the file: %w", id, err)
	}
	more := uint64(native.Uint32(b[12:]))
	if native.Uint64(b) != id {
		return 0, 0, 0, nil, fmt.Errorf("page %d of the file is damaged: it says that it is another", id)
	}
	if err := c.mark(id, more); err != nil {
		return 0, 0, 0, nil, err
	}
	room = int64(more+1) * c.pageSize
	return native.Uint16(b[8:]), int(native.Uint16(b[10:])), room, b, nil
}

// run returns at least so many octets of a run of pages, of which b is the first.
func (c *imageCheck) run(id uint64, b []byte, room, octets int64) ([]byte, error) {
	if octets > room {
		return nil, fmt.Errorf("page %d of the file is damaged: its parts do not fit into it", id)
	}
	if octets <= int64(len(b)) {
		return b, nil
	}
	c.recycle(b)
	whole := c.wide
	if c.wide = nil; int64(cap(whole)) < octets {
		whole = make([]byte, octets)
	}
	whole = whole[:octets]
	if _, err := c.r.ReadAt(whole, int64(id)*c.pageSize); err != nil {
		return nil, fmt.Errorf("page %d of the file: %w", id, err)
	}
	return whole, nil
}

// recycle takes back what head or run has returned.
func (c *imageCheck) recycle(b []byte) {
	if int64(len(b)) == c.pageSize {
		c.pages = append(c.pages, b)
	} else if cap(b) > cap(c.wide) {
		c.wide = b
	}
}

// tree checks a tree whose keys are from least on and before end; nil stands for no bound.
func (c *imageCheck) tree(id uint64, depth int, least, end []byte) error {
	kind, count, room, b, err := c.head(id)
	if err != nil {
		return err
	}
	if depth > mostDepth || kind != kindBranch && kind != kindLeaf || kind == kindBranch && count == 0 {
		return fmt.Errorf("page %d of the file is damaged: it is neither branch nor leaf", id)
	}
	if b, err = c.run(id, b, room, boltHeader+int64(count)*boltElement); err != nil {
		return err
	}
	e := elements{b: b, kind: kind, count: count}
	if b, err = c.run(id, b, room, e.end()); err != nil {
		return err
	}
	e.b = b
	defer c.recycle(b)
	if !e.fit() || !e.ascend(least, end) {
		return fmt.Errorf("page %d of the file is damaged: its parts do not fit into it, or are not in order", id)
	}
	for i := range count {
		if kind == kindBranch {
			least, end := e.key(i), end
			if i+1 < count {
				end = e.key(i + 1)
			}
			if err := c.tree(native.Uint64(e.at(i)[8:]), depth+1, least, end); err != nil {
				return err
			}
			continue
		}
		switch native.Uint32(e.at(i)) {
		case 0:
		case leafBucket:
			c.names[string(e.key(i))] = true
			if err := c.bucket(id, e.value(i), depth); err != nil {
				return err
			}
		default:
			return fmt.Errorf("page %d of the file is damaged: it has an element of no known kind", id)
		}
	}
	return nil
}

// elements are those of a page, which b is, from its header on.
type elements struct {
	b     []byte
	kind  uint16
	count int
}

func (e *elements) at(i int) []byte { return e.b[boltHeader+i*boltElement:] }

// bounds returns where the key of an element begins and ends, and where its value ends.
func (e *elements) bounds(i int) (key, value, end int64) {
	x := e.at(i)
	at := int64(boltHeader + i*boltElement)
	if e.kind == kindBranch {
		key = at + int64(native.Uint32(x))
		value = key + int64(native.Uint32(x[4:]))
		return key, value, value
	}
	key = at + int64(native.Uint32(x[4:]))
	value = key + int64(native.Uint32(x[8:]))
	return key, value, value + int64(native.Uint32(x[12:]))
}

// end returns how many octets of the page are in use. Only the elements need to be in b.
func (e *elements) end() int64 {
	most := int64(boltHeader + e.count*boltElement)
	for i := range e.count {
		_, _, end := e.bounds(i)
		most = max(most, end)
	}
	return most
}

// fit reports whether keys and values lie behind the elements and within b.
func (e *elements) fit() bool {
	for i := range e.count {
		if key, _, end := e.bounds(i); key < int64(boltHeader+e.count*boltElement) || end > int64(len(e.b)) {
			return false
		}
	}
	return true
}

// ascend reports whether the keys are in order and within bounds. The first of a branch may be before what lies below it.
func (e *elements) ascend(least, end []byte) bool {
	for i := range e.count {
		k := e.key(i)
		if i > 0 && bytes.Compare(e.key(i-1), k) >= 0 || bytes.Compare(k, least) < 0 || end != nil && bytes.Compare(k, end) >= 0 {
			return false
		}
	}
	return true
}

func (e *elements) key(i int) []byte {
	key, value, _ := e.bounds(i)
	return e.b[key:value]
}

func (e *elements) value(i int) []byte {
	_, value, end := e.bounds(i)
	return e.b[value:end]
}

// bucket checks what a leaf has of a bucket: where its tree is or, if it is small, all of it.
func (c *imageCheck) bucket(id uint64, b []byte, depth int) error {
	bad := fmt.Errorf("page %d of the file is damaged: it has a bucket that is malformed", id)
	if len(b) < bucketHeader {
		return bad
	}
	if root := native.Uint64(b); root != 0 {
		return c.tree(root, depth+1, nil, nil)
	}
	b = b[bucketHeader:]
	if len(b) < boltHeader || native.Uint16(b[8:]) != kindLeaf {
		return bad
	}
	e := elements{b: b, kind: kindLeaf, count: int(native.Uint16(b[10:]))}
	if len(b) < boltHeader+e.count*boltElement || !e.fit() || !e.ascend(nil, nil) {
		return bad
	}
	for i := range e.count {
		if native.Uint32(e.at(i)) != 0 {
			return bad
		}
		c.ours = c.ours || bytes.Equal(e.key(i), keyFormat) && string(e.value(i)) == strconv.Itoa(format)
	}
	return nil
}

// free checks that the list of free pages has none that is in use.
func (c *imageCheck) free(id uint64) error {
	kind, count, room, b, err := c.head(id)
	if err != nil {
		return err
	}
	bad := fmt.Errorf("page %d of the file is damaged: it is no list of free pages", id)
	if kind != kindFree {
		return bad
	}
	at, most := int64(boltHeader), uint64(count)
	if count == 0xFFFF { // more than the header can say
		most = native.Uint64(b[at:])
		at += 8
	}
	if most > uint64(room)/8 {
		return bad
	}
	if b, err = c.run(id, b, room, at+int64(most)*8); err != nil {
		return err
	}
	for i := range int64(most) {
		if err := c.mark(native.Uint64(b[at+8*i:]), 0); err != nil {
			return fmt.Errorf("the list of free pages is damaged: %w", err)
		}
	}
	return nil
}
