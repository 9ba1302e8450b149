package answer

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// AppendWire appends the response as a message in wire form to dst. It allocates nothing if dst has room for h.Size octets, and
// its message has no more octets than that.
//
// What does not fit is left out as whole RRsets (RFC 2181 section 9), and is then no longer in the Result either, so that
// [Result.Msg] says the same afterwards. The first RRset of the answer or of the authority section that does not fit with
// its signatures (RFC 4035 section 3.1.1), and the first glue that a referral needs (RFC 9471 section 3.1), sets TC, and
// nothing comes after it; so do NSD and Knot. Other additional records are left out without TC.
//
// Owner names are compressed, and names in RDATA of the types of RFC 1035 (RFC 3597 section 4). As with NSD and Knot, a
// name may point to one that differs in case.
func (r *Result) AppendWire(dst []byte, h Head) []byte {
	w := &r.wire
	w.begin(dst, min(max(h.Size, dns.MinMsgSize), maxMessage)-len(h.OPT))
	w.msg = append(w.msg, make([]byte, headerSize)...)
	questions := r.writeQuestion()
	answer := r.writeSection(&r.answer, r.writeRequired)
	authority := r.writeSection(&r.authority, r.writeRequired)
	additional := r.writeSection(&r.additional, r.writeAdditional)
	if len(h.OPT) > 0 && w.room() >= 0 {
		w.msg = append(w.msg, h.OPT...)
		additional++
	}

	bits := headerQR | h.Flags&headerRepeated | uint16(r.Rcode)
	if r.Authoritative {
		bits |= headerAA
	}
	if r.Truncated {
		bits |= headerTC
	}
	header := w.msg[w.base:]
	for i, field := range [...]uint16{h.ID, bits, uint16(questions), uint16(answer), uint16(authority), uint16(additional)} {
		binary.BigEndian.PutUint16(header[2*i:], field)
	}
	out := w.msg
	w.end()
	return out
}

// A Head is what a response has from its request, and from the server around, beside what answers the question.
type Head struct {
	ID    uint16
	Flags uint16 // the second word of the request's header, of which opcode, RD and CD are repeated
	Size  int    // octets that the response may have, the OPT record included; less than 512 is 512 (RFC 6891 section 6.2.3)
	OPT   []byte // the OPT record as it is to be sent; empty: none
}

// Fit leaves out what a message of so many octets has no room for, just as AppendWire does, and returns how many octets it
// has then. An OPT record is not counted.
func (r *Result) Fit(size int) int {
	w := &r.wire
	w.begin(w.scratch[:0], min(size, maxMessage))
	w.msg = append(w.msg, make([]byte, headerSize)...)
	r.writeQuestion()
	r.writeSection(&r.answer, r.writeRequired)
	r.writeSection(&r.authority, r.writeRequired)
	r.writeSection(&r.additional, r.writeAdditional)
	used := w.size()
	if cap(w.msg) <= maxScratch {
		w.scratch = w.msg[:0]
	}
	w.end()
	return used
}

// maxScratch is how much memory a Result keeps for Fit: enough for what UDP carries.
const maxScratch = 8192

// Bound returns octets that are enough for the message of [Result.Msg] without compression, as miekg/dns counts them before
// it truncates. It costs next to nothing: most answers are known by it to need no Fit. An OPT record is not counted.
func (r *Result) Bound() int {
	size := headerSize + len(r.question.Name) + questionSize
	for _, section := range [...][]entry{r.answer, r.authority, r.additional} {
		for i := range section {
			e := &section[i]
			owner := len(e.owner.name)
			switch {
			case e.owner.link == 0:
				owner = len(r.question.Name) + 1
			case e.owner.link > 0:
				owner = len(r.chain[e.owner.link])
			}
			size += e.set.Count*(owner+fixedSize) + e.set.Size() + surplus(&e.set)
			if e.alias {
				size += len(r.chain[e.owner.link+1])
			}
		}
	}
	return size
}

// surplus bounds what miekg/dns counts beyond the octets of RDATA: base64 by its groups, and text with its escapes.
func surplus(set *zone.RRset) int {
	switch set.Type {
	case dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypePTR, dns.TypeMX, dns.TypeSRV, dns.TypeDNAME,
		dns.TypeDS, dns.TypeNSEC, dns.TypeTLSA:
		return 0
	case dns.TypeRRSIG, dns.TypeDNSKEY:
		return 2 * set.Count
	case dns.TypeNSEC3:
		return set.Size()
	}
	return 3*set.Size() + 4*set.Count
}

const (
	fixedSize = 10 // type, class, TTL and RDLENGTH

	headerQR       = 1 << 15
	headerAA       = 1 << 10
	headerTC       = 1 << 9
	headerRepeated = 0xF<<11 | 1<<8 | 1<<4 // opcode, RD, CD
)

// writeQuestion writes the question, whose name is where most owner names point to.
func (r *Result) writeQuestion() (questions int) {
	var name zone.Name
	if len(r.chain) > 0 {
		name = r.linkName(0)
	} else if n, err := zone.ParseName(r.question.Name); err == nil {
		name = n
	} else {
		return 0
	}
	w := &r.wire
	w.question = name
	w.msg = append(w.msg, name...)
	w.msg = binary.BigEndian.AppendUint16(w.msg, r.question.Type)
	w.msg = binary.BigEndian.AppendUint16(w.msg, dns.ClassINET)
	return 1
}

// writeSection writes a section, and leaves in it what it has written. An RRset and its signatures are written in one go.
func (r *Result) writeSection(section *[]entry, write func([]entry) int) (records int) {
	all, kept := *section, 0
	for i := 0; i < len(all) && !r.wire.ended; {
		next := i + 1
		for next < len(all) && all[next].signature {
			next++
		}
		for n := range write(all[i:next]) {
			records += all[i+n].set.Count
			if kept != i+n {
				all[kept] = all[i+n]
			}
			kept++
		}
		i = next
	}
	clear(all[kept:])
	*section = all[:kept]
	return records
}

// writeRequired writes an RRset and its signatures, all of them or, at the end of a truncated message, nothing.
func (r *Result) writeRequired(unit []entry) (written int) {
	mark := r.wire.mark()
	for i := range unit {
		if !r.writeSet(&unit[i]) {
			r.wire.reset(mark)
			r.wire.ended, r.Truncated = true, true
			return 0
		}
	}
	return len(unit)
}

// writeAdditional writes an RRset of the additional section. Its signatures may be left out (RFC 4035 section 3.1.1). Once
// something that may be left out has been, only required glue is tried.
func (r *Result) writeAdditional(unit []entry) (written int) {
	w := &r.wire
	for i := range unit {
		e := &unit[i]
		if w.full && !e.glue {
			break
		}
		mark := w.mark()
		if !r.writeSet(e) {
			w.reset(mark)
			w.full = true
			if e.glue {
				w.ended, r.Truncated = true, true
			}
			break
		}
		written++
	}
	return written
}

// writeSet writes the records of an entry. It reports false when there is no room; the caller takes back what was written.
func (r *Result) writeSet(e *entry) bool {
	w := &r.wire
	name := r.wireName(e.owner)
	ref := 0
	if e.owner.link == 0 && len(name) > 1 {
		ref = headerSize + len(w.question) - len(name)
	}
	shape := shapeOf(e.set.Type)
	it := e.set.Iter()
	for n := 0; ; n++ {
		data, ok := it.Next()
		if !ok {
			return true
		}
		if e.alias && n == 0 {
			data = r.chain[e.owner.link+1]
		}
		if ref > 0 && w.room() >= 2 {
			w.msg = binary.BigEndian.AppendUint16(w.msg, pointer|uint16(ref))
		} else if ref, ok = w.name(name, compressed); !ok {
			return false
		}
		if w.room() < fixedSize {
			return false
		}
		w.msg = binary.BigEndian.AppendUint16(w.msg, e.set.Type)
		w.msg = binary.BigEndian.AppendUint16(w.msg, dns.ClassINET)
		w.msg = binary.BigEndian.AppendUint32(w.msg, e.ttl)
		w.msg = append(w.msg, 0, 0)
		start := len(w.msg)
		if !w.rdata(data, shape) {
			return false
		}
		binary.BigEndian.PutUint16(w.msg[start-2:], uint16(len(w.msg)-start))
	}
}

// A shape says where in RDATA of a type are names that matter for compression: so many in a row, after the first octets.
type shape struct {
	skip, names uint8
	spelling    spelling
}

func shapeOf(typ uint16) shape {
	switch typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeMB, dns.TypeMD, dns.TypeMF, dns.TypeMG, dns.TypeMR:
		return shape{names: 1}
	case dns.TypeMX:
		return shape{skip: 2, names: 1}
	case dns.TypeSOA, dns.TypeMINFO:
		return shape{names: 2}
	// Not to be compressed, but the owners of addresses in the additional section may point there.
	case dns.TypeSRV:
		return shape{skip: 6, names: 1, spelling: spelt}
	case dns.TypeSVCB, dns.TypeHTTPS, dns.TypeKX, dns.TypeRT, dns.TypeAFSDB:
		return shape{skip: 2, names: 1, spelling: spelt}
	}
	return shape{}
}

// rdata writes RDATA, all of which a version has uncompressed.
func (w *wire) rdata(data []byte, s shape) bool {
	if s.names > 0 {
		if w.room() < int(s.skip) {
			return false
		}
		w.msg = append(w.msg, data[:s.skip]...)
		data = data[s.skip:]
		for range s.names {
			var name zone.Name
			name, data = splitName(data)
			if _, ok := w.name(name, s.spelling); !ok {
				return false
			}
		}
	}
	if w.room() < len(data) {
		return false
	}
	w.msg = append(w.msg, data...)
	return true
}
