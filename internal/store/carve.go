package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// carve looks at every page of a damaged file, in whatever transaction it was written, and yields what vouches for itself: nodes
// that have their hash, and records that have their check sum. Of a zone's records the latest comes out.
func (m *image) carve(node func(zone.Hash, []byte) error) (map[string][]byte, error) {
	records := make(map[string][]byte)
	latest := make(map[string]uint64)
	var failed error
	take := func(key, value []byte) {
		if failed != nil {
			return
		}
		if len(key) == pageKey && len(value) > pageHash {
			if h := zone.Hash(value[:pageHash]); sha256.Sum256(value[pageHash:]) == h {
				failed = node(h, value[pageHash:])
			}
			return
		}
		r, err := decodeRecord(value)
		if err != nil {
			return
		}
		name := string(key)
		if _, err := r.state(name); err == nil && (records[name] == nil || r.commit > latest[name]) {
			records[name], latest[name] = append([]byte(nil), value...), r.commit
		}
	}
	head := make([]byte, boltHeader)
	for id := int64(2); id*m.pageSize < m.size && failed == nil; id++ {
		if _, err := m.r.ReadAt(head, id*m.pageSize); err != nil {
			continue
		}
		if native.Uint64(head) != uint64(id) || native.Uint16(head[8:]) != kindLeaf {
			continue
		}
		size := min(int64(native.Uint32(head[12:]))+1, mostRun) * m.pageSize
		b := make([]byte, min(size, m.size-id*m.pageSize))
		if _, err := m.r.ReadAt(b, id*m.pageSize); err != nil {
			continue
		}
		carveLeaf(b, take)
	}
	return records, failed
}

// mostRun bounds the pages that are read for one element that says how many it has.
const mostRun = 64 << 20 / 4096

func carveLeaf(b []byte, take func(key, value []byte)) {
	e := elements{b: b, kind: kindLeaf, count: int(native.Uint16(b[10:]))}
	e.count = min(e.count, (len(b)-boltHeader)/boltElement)
	for i := range e.count {
		key, value, end := e.bounds(i)
		if end > int64(len(b)) {
			continue
		}
		if native.Uint32(e.at(i))&leafBucket == 0 {
			take(b[key:value], b[value:end])
			continue
		}
		if v := b[value:end]; len(v) >= bucketHeader+boltHeader && native.Uint64(v) == 0 { // a small bucket lies in its leaf
			if inner := v[bucketHeader:]; native.Uint16(inner[8:]) == kindLeaf {
				carveLeaf(inner, take)
			}
		}
	}
}

// salvage carries over to a new store what a damaged one has, and returns how many nodes and zones that were.
func (m *image) salvage(to *file) (nodes, zones int, err error) {
	var batch []put
	octets := 0
	next := to.next
	have := make(map[zone.Hash]bool)
	flush := func() error {
		err := to.write(batch, nil)
		batch, octets = batch[:0], 0
		return err
	}
	records, err := m.carve(func(h zone.Hash, text []byte) error {
		if have[h] {
			return nil
		}
		have[h] = true
		nodes++
		batch = append(batch, newPut(next, h, text))
		next++
		if octets += len(text); octets > mostBatch {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return nodes, 0, err
	}
	list := make([]recordPut, 0, len(records))
	for name, value := range records {
		r, err := decodeRecord(value)
		if err != nil {
			return nodes, 0, err
		}
		list = append(list, recordPut{name: name, value: value, roots: r.roots})
	}
	return nodes, len(list), to.write(nil, list)
}

// setAside makes a new store of what a damaged one has. The damaged one keeps its octets and gets another name. Where nothing
// is found in it, and it is not known to be ours, it may be anybody's.
func setAside(ctx context.Context, path string, damaged *damagedError, ours bool, report *Report) error {
	fresh := path + ".mending"
	_ = os.Remove(fresh) // that an earlier attempt left
	if err := create(fresh); err != nil {
		return err
	}
	defer os.Remove(fresh)
	to, err := openFile(ctx, fresh, time.Second, false, new(Report))
	if err != nil {
		return err
	}
	pages, zones, err := damaged.image.salvage(to)
	if err := errors.Join(err, to.close()); err != nil {
		return err
	}
	if pages == 0 && zones == 0 && !ours {
		return fmt.Errorf("%w, or it is damaged beyond use (%w); move it away, or name another file with store PATH", ErrForeign, damaged.err)
	}
	aside, err := freeName(path)
	if err != nil {
		return err
	}
	if os.Link(path, aside) != nil {
		if err := os.Rename(path, aside); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	report.SetAside, report.Pages, report.Zones = aside, pages, zones
	report.Damage = append(report.Damage, fmt.Errorf("store %s: %w; it is %s now, and %d pages and %d zones were carried over", path, damaged.err, aside, pages, zones))
	return syncDir(filepath.Dir(path))
}

// freeName returns a name for a damaged file that nothing has.
func freeName(path string) (string, error) {
	for i := 1; i < 1000; i++ {
		name := fmt.Sprintf("%s.damaged-%d", path, i)
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return "", fmt.Errorf("a thousand damaged files %s.damaged-* lie there; remove some", path)
}
