package zone

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// ErrOutOfZone is the error of a record whose owner name is not in the zone.
var ErrOutOfZone = errors.New("owner name is outside the zone")

// A Builder makes a version from records in any order. Records in canonical order of their owner names become pages as
// they come, so that a transfer from a server that sends in order needs no memory beside the result; others are kept
// aside and sorted at the end. It belongs to one goroutine.
type Builder struct {
	apex    Name
	names   treeBuilder
	nsec3   treeBuilder
	owner   Name // of the last record, and
	key     Key  // its key
	size    int64
	records int
}

// BuildReport counts what was mended in the records that made a version.
type BuildReport struct {
	Duplicates  int // records that came more than once
	UnequalTTLs int // RRsets whose TTLs differed, and were made equal to the lowest (RFC 2181 section 5.2)
}

// NewBuilder returns a Builder for the zone at apex. Builders with the same Pool share equal pages; it may be nil.
func NewBuilder(apex Name, pool *Pool) *Builder {
	return &Builder{
		apex:  lowerName(apex),
		names: treeBuilder{out: cutter{pool: pool}},
		nsec3: treeBuilder{out: cutter{pool: pool}},
		key:   make(Key, 0, MaxKey),
	}
}

// Add takes a record, whose RDATA is as AppendRDATA makes it. It copies what it keeps. After an error no version can
// come of the Builder.
func (b *Builder) Add(r Record) error {
	if len(b.owner) == 0 || !bytes.Equal(b.owner, r.Owner) {
		var ok bool
		if b.key, ok = AppendKey(b.key[:0], r.Owner, b.apex); !ok {
			return fmt.Errorf("%s %s: %w %s", r.Owner, dns.Type(r.Type), ErrOutOfZone, b.apex)
		}
		b.owner = append(b.owner[:0], r.Owner...)
	}
	t := &b.names
	if inNSEC3(r.Type, r.Data) {
		t = &b.nsec3
	}
	b.records++
	b.size += int64(len(r.Owner) + len(r.Data) + recordOverhead)
	if err := t.add(b.key, r.Type, r.TTL, r.Data); err != nil {
		return fmt.Errorf("%s: %w", r.Owner, err)
	}
	return nil
}

// Size returns the octets of the records that were added, duplicates included.
func (b *Builder) Size() int64 { return b.size }

// Records returns how many records were added, duplicates included.
func (b *Builder) Records() int { return b.records }

// Build returns the version. The Builder is of no use after it.
func (b *Builder) Build() (*Version, BuildReport, error) {
	var report BuildReport
	names, err := b.names.build(&report)
	if err != nil {
		return nil, report, fmt.Errorf("zone %s: %w", b.apex, err)
	}
	nsec3, err := b.nsec3.build(&report)
	if err != nil {
		return nil, report, fmt.Errorf("zone %s: %w", b.apex, err)
	}
	v, err := newVersion(b.apex, names, nsec3)
	if err != nil {
		return nil, report, fmt.Errorf("zone %s: %w", b.apex, err)
	}
	return v, report, nil
}

// A treeBuilder makes one tree: names in ascending order go straight to the cutter, the others aside.
type treeBuilder struct {
	out    cutter
	begun  bool
	key    Key // of the name whose records are in set
	set    nameSet
	buf    []byte
	report BuildReport
	aside  aside
}

func (t *treeBuilder) add(key Key, typ uint16, ttl uint32, data []byte) error {
	order := 1
	if t.begun {
		order = bytes.Compare(key, t.key)
	}
	switch {
	case order == 0:
		return t.set.add(typ, ttl, data)
	case order < 0:
		t.aside.add(key, typ, ttl, data)
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	t.begun = true
	t.key = append(t.key[:0], key...)
	t.set.reset()
	return t.set.add(typ, ttl, data)
}

// flush hands the current name to the cutter.
func (t *treeBuilder) flush() error {
	if !t.begun {
		return nil
	}
	var (
		p   packed
		err error
	)
	if t.buf, p, err = t.set.pack(t.buf[:0]); err != nil {
		return err
	}
	t.report.add(p)
	t.out.name(t.key, p, t.buf)
	return nil
}

func (r *BuildReport) add(p packed) {
	r.Duplicates += p.duplicates
	r.UnequalTTLs += p.unequalTTLs
}

func (t *treeBuilder) build(report *BuildReport) (tree, error) {
	if err := t.flush(); err != nil {
		return tree{}, err
	}
	out := t.out.finish()
	if t.aside.count() > 0 {
		t.aside.sort()
		var err error
		if out, err = out.rewrite(&asideEdits{aside: &t.aside, report: &t.report}, t.out.pool); err != nil {
			return tree{}, err
		}
		t.aside = aside{}
	}
	report.Duplicates += t.report.Duplicates
	report.UnequalTTLs += t.report.UnequalTTLs
	return out, nil
}
