package verify

import (
	"bufio"
	"context"
	"io"

	"github.com/concord-dns/concord/internal/zone"
)

// writeMaster writes a version in master-file form (RFC 1035 section 5), a record a line, the SOA first. Names are absolute.
func writeMaster(w io.Writer, v *zone.Version) error {
	b := bufio.NewWriterSize(w, masterBuffer)
	for r := range v.All() {
		if err := writeRecord(b, "", r); err != nil {
			return err
		}
	}
	return b.Flush()
}

const masterBuffer = 64 << 10

func writeRecord(b *bufio.Writer, sign string, r zone.Record) error {
	_, err := b.WriteString(sign + r.String() + "\n")
	return err
}

// writeDiff writes what turns one version into the other: a record a line as writeMaster has it, after a minus what is
// gone and after a plus what is new.
func writeDiff(ctx context.Context, w io.Writer, from, to *zone.Version) error {
	b := bufio.NewWriterSize(w, masterBuffer)
	var owner zone.Name
	n := 0
	write := func(sign string, ttl uint32, typ uint16, data []byte) error {
		return writeRecord(b, sign, zone.Record{Owner: owner, Type: typ, TTL: ttl, Data: data})
	}
	for c := range zone.Changes(from, to) {
		if n++; n%pause == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		owner = zone.AppendOwner(owner[:0], c.Owner, to.Apex())
		for data := range c.Deleted() {
			if err := write("-", c.Before.TTL, c.Type, data); err != nil {
				return err
			}
		}
		for data := range c.Added() {
			if err := write("+", c.After.TTL, c.Type, data); err != nil {
				return err
			}
		}
	}
	return b.Flush()
}
