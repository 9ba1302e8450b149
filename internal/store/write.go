package store

import (
	"encoding/binary"

	bolt "go.etcd.io/bbolt"

	"github.com/concord-dns/concord/internal/zone"
)

const (
	pageKey  = 8  // octets of the number of a page
	pageHash = 32 // octets of its hash, in front of it
)

func newPut(id uint64, h zone.Hash, text []byte) put {
	value := make([]byte, 0, pageHash+len(text))
	return put{id: id, hash: h, value: append(append(value, h[:]...), text...)}
}

func appendID(dst []byte, id uint64) []byte { return binary.BigEndian.AppendUint64(dst, id) }

// A put is a page on its way to the file.
type put struct {
	id    uint64
	hash  zone.Hash
	value []byte
}

// A recordPut is a record on its way to the file; without a value, the zone goes.
type recordPut struct {
	name  string
	value []byte
	roots []zone.Hash
}

// write puts pages and records into the file in one transaction, and into the index. After an error the file is of no use
// any more, and is opened again.
func (d *file) write(pages []put, records []recordPut) error {
	if len(pages) == 0 && len(records) == 0 {
		return nil
	}
	// The index has them first: whoever reads what was just committed looks there. After an error both are made anew.
	for _, p := range pages {
		d.index.put(p.hash, place{id: p.id, size: uint32(len(p.value) - pageHash), sound: true})
		d.next = max(d.next, p.id+1)
	}
	err := guarded(func() error {
		return d.bolt.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketPages)
			b.FillPercent = 1 // they only ever come at the end
			for _, p := range pages {
				if err := b.Put(appendID(nil, p.id), p.value); err != nil {
					return err
				}
			}
			b = tx.Bucket(bucketZones)
			for _, r := range records {
				var err error
				if r.value == nil {
					err = b.Delete([]byte(r.name))
				} else {
					err = b.Put([]byte(r.name), r.value)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.value == nil {
			d.index.dropZone(r.name)
		} else {
			d.index.setZone(r.name, r.roots)
		}
	}
	return nil
}
