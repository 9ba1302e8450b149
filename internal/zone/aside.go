package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// aside keeps records that did not come in order, packed in large blocks, with one small entry for each to sort them by.
//
//	uint16 length of the key, uint16 type, uint32 TTL, uint16 length of the RDATA, key, RDATA
type aside struct {
	blocks [][]byte
	refs   []asideRef
}

type asideRef struct {
	head   uint64 // the key's first octets
	block  uint32
	offset uint32
}

const (
	asideBlock  = 1 << 20
	asideHeader = 10
)

func (a *aside) count() int { return len(a.refs) }

func (a *aside) add(key Key, typ uint16, ttl uint32, data []byte) {
	size := asideHeader + len(key) + len(data)
	last := len(a.blocks) - 1
	if last < 0 || cap(a.blocks[last])-len(a.blocks[last]) < size {
		a.blocks = append(a.blocks, make([]byte, 0, max(size, min(asideBlock, 4096<<min(len(a.blocks), 8)))))
		last++
	}
	b := a.blocks[last]
	a.refs = append(a.refs, asideRef{head(key), uint32(last), uint32(len(b))})
	b = binary.LittleEndian.AppendUint16(b, uint16(len(key)))
	b = binary.LittleEndian.AppendUint16(b, typ)
	b = binary.LittleEndian.AppendUint32(b, ttl)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	a.blocks[last] = append(append(b, key...), data...)
}

func (a *aside) key(r asideRef) Key {
	b := a.blocks[r.block][r.offset:]
	return Key(b[asideHeader : asideHeader+int(binary.LittleEndian.Uint16(b))])
}

func (a *aside) record(r asideRef) (typ uint16, ttl uint32, data []byte) {
	b := a.blocks[r.block][r.offset:]
	start := asideHeader + int(binary.LittleEndian.Uint16(b))
	return binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:]), b[start : start+int(binary.LittleEndian.Uint16(b[8:]))]
}

// sort brings the records into canonical order of their owner names.
func (a *aside) sort() {
	slices.SortFunc(a.refs, func(x, y asideRef) int {
		if x.head != y.head {
			return cmp.Compare(x.head, y.head)
		}
		return bytes.Compare(a.key(x), a.key(y))
	})
}

// asideEdits adds the records of a sorted aside to a tree.
type asideEdits struct {
	*aside
	at     int
	report *BuildReport
}

func (e *asideEdits) next() (Key, bool) {
	if e.at == len(e.refs) {
		return nil, false
	}
	return e.key(e.refs[e.at]), true
}

func (e *asideEdits) apply(set *nameSet) error {
	key := e.key(e.refs[e.at])
	for ; e.at < len(e.refs); e.at++ {
		r := e.refs[e.at]
		if !bytes.Equal(e.key(r), key) {
			break
		}
		typ, ttl, data := e.record(r)
		if err := set.add(typ, ttl, data); err != nil {
			return err
		}
	}
	return nil
}

func (e *asideEdits) packed(p packed) { e.report.add(p) }
