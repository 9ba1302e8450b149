package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/concord-dns/concord/internal/zone"
)

// A record is one zone in the file.
//
//	octet    recordFormat
//	uint32   CRC-32C of all that follows
//	uint64   number of the commit that wrote it: of two records of a zone, the later counts
//	uint16   how many roots, then the roots: all versions that the store has of the zone
//	         State as JSON without its Detail; if it has one, a zero octet and the Detail
//
// Integers are big-endian. The roots stand apart so that opening a file and collecting need no JSON, and the Detail so that it is not
// read through and copied by encoding/json, which takes longer than to write it.
type record struct {
	commit uint64
	roots  []zone.Hash
	json   []byte
}

const (
	recordFormat = 1
	recordHeader = 1 + 4 + 8 + 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errRecord = errors.New("the record is damaged: it does not have its check sum")
	errLater  = errors.New("the record is of a later format: a newer Concord wrote it")
)

func encodeRecord(commit uint64, roots []zone.Hash, s State) ([]byte, error) {
	detail := s.Detail
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	if len(roots) > math.MaxUint16 {
		return nil, fmt.Errorf("%d versions of one zone", len(roots))
	}
	b := make([]byte, 5, recordHeader+len(roots)*len(zone.Hash{})+len(text)+1+len(detail))
	b = binary.BigEndian.AppendUint64(b, commit)
	b = binary.BigEndian.AppendUint16(b, uint16(len(roots)))
	for _, h := range roots {
		b = append(b, h[:]...)
	}
	b = append(b, text...)
	if len(detail) > 0 {
		b = append(append(b, 0), detail...)
	}
	b[0] = recordFormat
	binary.BigEndian.PutUint32(b[1:], crc32.Checksum(b[5:], castagnoli))
	return b, nil
}

// decodeRecord takes a record apart without reading its JSON, which stays a part of b.
func decodeRecord(b []byte) (record, error) {
	switch {
	case len(b) > 0 && b[0] > recordFormat:
		return record{}, errLater
	case len(b) < recordHeader || b[0] != recordFormat || binary.BigEndian.Uint32(b[1:]) != crc32.Checksum(b[5:], castagnoli):
		return record{}, errRecord
	}
	r := record{commit: binary.BigEndian.Uint64(b[5:])}
	n, rest := int(binary.BigEndian.Uint16(b[13:])), b[recordHeader:]
	const size = len(zone.Hash{})
	if len(rest) < n*size {
		return record{}, errRecord
	}
	for range n {
		r.roots = append(r.roots, zone.Hash(rest[:size]))
		rest = rest[size:]
	}
	r.json = rest
	return r, nil
}

// state reads the JSON of the record of a zone.
func (r record) state(name string) (State, error) {
	text, detail, ok := bytes.Cut(r.json, []byte{0}) // which JSON never has
	s, err := readState(text)
	if err != nil {
		return State{}, fmt.Errorf("the record cannot be read: %w", err)
	}
	if ok {
		s.Detail = bytes.Clone(detail) // r may lie in the mapped file
	}
	if s.Zone != name {
		return State{}, fmt.Errorf("the record is of zone %s", s.Zone)
	}
	return s, nil
}
