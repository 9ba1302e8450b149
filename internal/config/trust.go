package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Compare says what must be the same in two copies for them to agree.
type Compare uint8

const (
	// CompareStrict compares everything.
	CompareStrict Compare = iota
	// CompareContent leaves aside what providers have of their own: SOA, the
	// NS RRset at the apex, and ZONEMD.
	CompareContent
	// CompareMultisigner leaves aside, as CompareContent does, and also what
	// each signer makes (RFC 8901): RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS
	// and CDNSKEY.
	CompareMultisigner
)

var compareNames = [...]string{"strict", "content", "multisigner"}

// String returns the value as the Corefile has it.
func (c Compare) String() string {
	if int(c) < len(compareNames) {
		return compareNames[c]
	}
	return fmt.Sprintf("Compare(%d)", c)
}

// ParseCompare reads "strict", "content" or "multisigner".
func ParseCompare(s string) (Compare, error) {
	for c, name := range compareNames {
		if s == name {
			return Compare(c), nil
		}
	}
	return 0, &Error{"compare", s, "is not a comparison", "write strict, content or multisigner"}
}

// RecordName names RRsets by their owner and type.
type RecordName struct {
	// Name is absolute, in presentation form, lower-case. With "*." in front it
	// is every name below, and that name itself is not.
	Name string
	// Type is the type; 0 is every type.
	Type uint16
}

// String returns the value as the Corefile has it.
func (r RecordName) String() string {
	if r.Type == 0 {
		return r.Name + " ANY"
	}
	return r.Name + " " + dns.Type(r.Type).String()
}

// ParseRecordName reads a name and a type. The name is as in a zone file:
// absolute with a final dot, and else below the zone; @ is the zone itself, and
// "*." in front is every name below. The type ANY is every type.
func ParseRecordName(name, typ, origin string) (RecordName, error) {
	bad := func(format string, args ...any) (RecordName, error) { return RecordName{}, fmt.Errorf(format, args...) }
	bare := strings.TrimSuffix(origin, ".")
	absolute := strings.ToLower(name)
	switch {
	case absolute == "@":
		absolute = origin
	case strings.HasSuffix(absolute, "."):
	case bare != "" && (absolute == bare || strings.HasSuffix(absolute, "."+bare)):
		// It would be one name in most of a Corefile, and another in a zone file.
		return bad("%q could be meant with and without a final dot; write %s. for the name in the zone", name, name)
	case origin == ".":
		absolute += "."
	default:
		absolute += "." + origin
	}
	if _, ok := dns.IsDomainName(absolute); !ok || name == "" || strings.ContainsAny(name, " \t") {
		return bad("%q is not a name; write it as in a zone file: www, or www.example.org. with a final dot", name)
	}
	r := RecordName{Name: absolute}
	upper := strings.ToUpper(typ)
	if upper == "ANY" {
		return r, nil
	}
	t, ok := dns.StringToType[upper]
	if number, found := strings.CutPrefix(upper, "TYPE"); !ok && found {
		n, err := strconv.ParseUint(number, 10, 16)
		t, ok = uint16(n), err == nil
	}
	if !ok || t == dns.TypeNone || t == dns.TypeOPT || t >= firstMeta && t <= lastMeta {
		return bad("%q is not a type of records; write one such as TXT, or ANY for all", typ)
	}
	r.Type = t
	return r, nil
}

// Types of questions, and of records that no zone has (RFC 6895 section 3.1).
const firstMeta, lastMeta = 128, 255

// Drift says what becomes of a zone whose primaries have diverged. The zero
// value holds the last good version.
type Drift struct {
	// Prefer is the primary whose copy is taken then; "" is nobody's.
	Prefer string
	// After is how long the drift must have lasted.
	After time.Duration
}

// Verify says what a copy is checked for, beside its structure, which always
// is.
type Verify struct {
	ZONEMD ZONEMD
	// DNSSEC has every signature and the chain of denial verified. Without it
	// nothing of them is looked at.
	DNSSEC bool
	// Anchors is a file with the DS or DNSKEY records that the zone's keys must
	// lead to, in master-file form; "" is none.
	Anchors string
	// Command is a program, by its absolute path, and its arguments: it reads
	// the zone and says by its exit status whether it may be served.
	Command []string
}

// ZONEMD says what is asked of a zone's own digest (RFC 8976).
type ZONEMD uint8

const (
	ZONEMDPresent  ZONEMD = iota // one that is there must verify
	ZONEMDRequired               // one must be there, and verify
	ZONEMDOff                    // it is not looked at
)

// String returns the value as the Corefile has it.
func (z ZONEMD) String() string {
	switch z {
	case ZONEMDPresent:
		return "present"
	case ZONEMDRequired:
		return "required"
	case ZONEMDOff:
		return "off"
	}
	return fmt.Sprintf("ZONEMD(%d)", uint8(z))
}

// Guard says what a copy may not do to what is served. While nothing is, only
// MinRecords and MaxRecords apply.
type Guard struct {
	// Off: everything may be done.
	Off bool
	// Shrink and Change are percentages of the served records: how many fewer
	// there may be, and how many may be added, deleted or replaced. 0 is no
	// bound. They apply from GuardFrom served records up.
	Shrink, Change int
	// MinRecords and MaxRecords bound how many records there are; 0 is no bound.
	MinRecords, MaxRecords int
	// Keep are RRsets that must stay there: not the same, but not gone.
	Keep []RecordName
}

// GuardFrom is how many records a zone must have for percentages of them to
// mean something.
const GuardFrom = 10

// Store says where versions outlive the process.
type Store struct {
	// Path is the file, absolute; "" while Off.
	Path string
	// Off: nowhere.
	Off bool
	// BestEffort: what could not be written is served all the same.
	BestEffort bool
}
