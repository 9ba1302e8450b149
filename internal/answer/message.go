package answer

import (
	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/zone"
)

// Msg returns the response to req as a message that shares no memory with the version or with any other message, for the
// plugins and writers that come after. It neither compresses nor truncates, and leaves EDNS to the server.
func (r *Result) Msg(req *dns.Msg) *dns.Msg {
	answer, authority, additional := records(r.answer), records(r.authority), records(r.additional)
	total := answer + authority + additional

	block := new(block)
	m := &block.msg
	m.Id = req.Id
	m.Response = true
	m.Opcode = req.Opcode
	m.RecursionDesired = req.RecursionDesired
	m.CheckingDisabled = req.CheckingDisabled
	m.Authoritative = r.Authoritative
	m.Truncated = r.Truncated
	m.Rcode = r.Rcode
	if len(req.Question) > 0 {
		block.question[0] = req.Question[0]
		m.Question = block.question[:]
	}

	rrs := block.rrs[:0]
	if total+1 > len(block.rrs) {
		rrs = make([]dns.RR, 0, total+1) // and the server's OPT record
	}
	r.text.Grow(r.textSize())
	if len(r.chain) > 0 {
		r.links = append(r.links[:0], r.question.Name)
	}
	rrs = r.appendSection(rrs, r.answer)
	rrs = r.appendSection(rrs, r.authority)
	rrs = r.appendSection(rrs, r.additional)
	r.text.Reset()

	if answer > 0 {
		m.Answer = rrs[:answer:answer]
	}
	if authority > 0 {
		m.Ns = rrs[answer : answer+authority : answer+authority]
	}
	m.Extra = rrs[answer+authority:]
	return m
}

// block is a message with what a typical one refers to, so that they are one allocation.
type block struct {
	msg      dns.Msg
	question [1]dns.Question
	rrs      [4]dns.RR
}

func records(section []entry) int {
	n := 0
	for i := range section {
		n += section[i].set.Count
	}
	return n
}

// textSize is the room that all names and strings of the message take, if nothing in them needs an escape. They are
// written into one piece of memory and share it.
func (r *Result) textSize() int {
	size := 0
	for _, section := range [...][]entry{r.answer, r.authority, r.additional} {
		for i := range section {
			e := &section[i]
			if e.owner.link < 0 {
				size += len(e.owner.name)
			}
			if e.alias {
				size += len(r.chain[e.owner.link+1])
			} else {
				size += textOf(&e.set)
			}
		}
	}
	return size
}

func (r *Result) appendSection(rrs []dns.RR, section []entry) []dns.RR {
	for i := range section {
		e := &section[i]
		h := dns.RR_Header{Name: r.ownerText(e.owner), Rrtype: e.set.Type, Class: dns.ClassINET, Ttl: e.ttl}
		if e.alias {
			rrs = r.appendAlias(rrs, h, e)
		} else {
			rrs = r.appendRRset(rrs, h, e.set)
		}
	}
	return rrs
}

// appendAlias appends a CNAME and makes its target the next name of the chain. There is one CNAME at a name; should a
// primary have sent more, the first is the alias.
func (r *Result) appendAlias(rrs []dns.RR, h dns.RR_Header, e *entry) []dns.RR {
	target := r.name(r.chain[e.owner.link+1])
	r.links = append(r.links, target)
	for data := range e.set.All() {
		if target == "" {
			target = r.name(data)
		}
		rrs = append(rrs, &dns.CNAME{Hdr: h, Target: target})
		target = ""
	}
	return rrs
}

// name writes a name in presentation form.
func (r *Result) name(n zone.Name) string {
	r.buf = n.AppendString(r.buf[:0])
	return r.write(r.buf)
}

// write keeps text in the memory that the message's strings share.
func (r *Result) write(b []byte) string {
	start := r.text.Len()
	r.text.Write(b)
	return r.text.String()[start:]
}
