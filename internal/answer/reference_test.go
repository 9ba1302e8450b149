package answer

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
)

// A reference answers questions slowly, in the order of the text of RFC 1034 section 4.3.2 with its step 3 going down label by
// label, over a map of names.
type reference struct {
	origin string
	names  map[string][]dns.RR // by owner name in lower case
	exists map[string]bool     // names that own records, and those above them

	msg   dns.Msg
	chain []string
}

func newReference(z *answertest.Zone) *reference {
	ref := &reference{origin: strings.ToLower(z.Origin), names: map[string][]dns.RR{}, exists: map[string]bool{}}
	for _, rr := range z.Records {
		name := strings.ToLower(rr.Header().Name)
		if !slices.ContainsFunc(ref.names[name], func(old dns.RR) bool { return dns.IsDuplicate(old, rr) }) {
			ref.names[name] = append(ref.names[name], rr)
		}
		for ; name != ref.origin; name = answertest.Parent(name) {
			ref.exists[name] = true
		}
		ref.exists[ref.origin] = true
	}
	for _, rrs := range ref.names {
		for _, rr := range rrs {
			for _, other := range rrs {
				if rr.Header().Rrtype == other.Header().Rrtype { // RFC 2181 section 5.2
					rr.Header().Ttl = min(rr.Header().Ttl, other.Header().Ttl)
				}
			}
		}
	}
	return ref
}

// ask answers a question.
func (ref *reference) ask(name string, typ uint16) answertest.Response {
	ref.msg = dns.Msg{}
	ref.chain = []string{name}
	ref.msg.Authoritative = true
	for ref.step(typ) {
	}
	ref.additional()
	// RFC 2181 section 5: no record comes twice.
	r := answertest.ResponseOf(&ref.msg)
	r.Answer = slices.Compact(r.Answer)
	return r
}

// rrset returns the records of a type at a name, with another owner name.
func (ref *reference) rrset(at string, typ uint16, owner string) []dns.RR {
	var set []dns.RR
	for _, rr := range ref.names[at] {
		if rr.Header().Rrtype == typ {
			rr = dns.Copy(rr)
			rr.Header().Name = owner
			set = append(set, rr)
		}
	}
	return set
}

func (ref *reference) step(typ uint16) (again bool) {
	qname := ref.chain[len(ref.chain)-1]
	name := strings.ToLower(qname)
	if !dns.IsSubDomain(ref.origin, name) {
		return false
	}
	// The names from the apex down to the one that is asked for.
	path := []string{name}
	for path[0] != ref.origin {
		path = append([]string{answertest.Parent(path[0])}, path...)
	}
	for depth, node := range path {
		last := depth == len(path)-1
		if !ref.exists[node] {
			// c. The label does not exist: look for "*" below the closest encloser.
			return ref.notFound(path[depth-1], qname, typ)
		}
		owner := qname
		for range len(path) - 1 - depth {
			owner = answertest.Parent(owner)
		}
		if depth > 0 && len(ref.rrset(node, dns.TypeNS, owner)) > 0 && (!last || typ != dns.TypeDS) {
			// b. A referral.
			ref.msg.Ns = append(ref.msg.Ns, ref.rrset(node, dns.TypeNS, owner)...)
			ref.msg.Authoritative = len(ref.msg.Answer) > 0
			return false
		}
		if dname := ref.rrset(node, dns.TypeDNAME, owner); !last && len(dname) > 0 {
			return ref.dname(dname, qname, owner, typ)
		}
	}
	// a. The whole of the name is matched.
	return ref.found(name, qname, typ)
}

// wildcard returns the name whose data stands for names that are missing below the closest encloser.
func wildcard(encloser string) string {
	if encloser == "." {
		return "*."
	}
	return "*." + encloser
}

func (ref *reference) notFound(encloser, qname string, typ uint16) (again bool) {
	if at := wildcard(encloser); ref.exists[at] {
		return ref.found(at, qname, typ)
	}
	ref.msg.Rcode = dns.RcodeNameError
	ref.soa()
	return false
}

func (ref *reference) found(node, qname string, typ uint16) (again bool) {
	if typ == dns.TypeANY {
		for _, rr := range ref.names[node] {
			rr = dns.Copy(rr)
			rr.Header().Name = qname
			ref.msg.Answer = append(ref.msg.Answer, rr)
		}
		if len(ref.names[node]) == 0 {
			ref.soa()
		}
		return false
	}
	set := ref.rrset(node, typ, qname)
	beside := typ == dns.TypeRRSIG || typ == dns.TypeNSEC // a CNAME: RFC 4035 section 2.5
	if cname := ref.rrset(node, dns.TypeCNAME, qname); len(set) == 0 && len(cname) > 0 && !beside {
		slices.SortFunc(cname, compareRDATA)
		ref.msg.Answer = append(ref.msg.Answer, cname...)
		return ref.follow(cname[0].(*dns.CNAME).Target)
	}
	ref.msg.Answer = append(ref.msg.Answer, set...)
	if len(set) == 0 {
		ref.soa()
	}
	return false
}

// compareRDATA orders CNAMEs canonically (RFC 4034 section 6.3).
func compareRDATA(a, b dns.RR) int {
	wire := func(rr dns.RR) string {
		var buf [256]byte
		n, _ := dns.PackDomainName(strings.ToLower(rr.(*dns.CNAME).Target), buf[:], 0, nil, false)
		return string(buf[:n])
	}
	return strings.Compare(wire(a), wire(b))
}

// dname is RFC 6672 section 3.2.
func (ref *reference) dname(set []dns.RR, qname, owner string, typ uint16) (again bool) {
	slices.SortFunc(set, func(a, b dns.RR) int {
		return compareRDATA(&dns.CNAME{Target: a.(*dns.DNAME).Target}, &dns.CNAME{Target: b.(*dns.DNAME).Target})
	})
	target := set[0].(*dns.DNAME).Target
	known := slices.ContainsFunc(ref.msg.Answer, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeDNAME && strings.EqualFold(rr.Header().Name, owner)
	})
	switch {
	case !known:
		ref.msg.Answer = append(ref.msg.Answer, set...)
	case dns.IsSubDomain(strings.ToLower(owner), strings.ToLower(target)):
		return false
	}
	name := strings.TrimSuffix(qname, owner)
	if owner == "." {
		name = qname
	}
	if target != "." {
		name += target
	}
	if n, err := dns.PackDomainName(name, make([]byte, 1000), 0, nil, false); err != nil || n > 255 {
		ref.msg.Rcode = dns.RcodeYXDomain
		return false
	}
	ref.msg.Answer = append(ref.msg.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: qname, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: set[0].Header().Ttl},
		Target: name,
	})
	return ref.follow(name) && typ != dns.TypeCNAME
}

func (ref *reference) follow(target string) bool {
	seen := slices.ContainsFunc(ref.chain, func(old string) bool { return strings.EqualFold(old, target) })
	ref.chain = append(ref.chain, target)
	return !seen && len(ref.chain) <= maxAliases
}

// soa is RFC 2308 sections 2 and 3.
func (ref *reference) soa() {
	for _, rr := range ref.rrset(ref.origin, dns.TypeSOA, ref.origin) {
		soa := rr.(*dns.SOA)
		soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
		ref.msg.Ns = append(ref.msg.Ns, soa)
	}
}

func (ref *reference) additional() {
	for _, rr := range append(slices.Clone(ref.msg.Answer), ref.msg.Ns...) {
		switch rr := rr.(type) {
		case *dns.NS:
			ref.addresses(rr.Ns, true)
		case *dns.MX:
			ref.addresses(rr.Mx, false)
		case *dns.SRV:
			ref.addresses(rr.Target, false)
		}
	}
}

func (ref *reference) addresses(host string, glue bool) {
	name := strings.ToLower(host)
	if !dns.IsSubDomain(ref.origin, name) {
		return
	}
	for up := name; up != ref.origin; up = answertest.Parent(up) {
		if len(ref.rrset(up, dns.TypeNS, up)) == 0 {
			continue
		}
		if !glue {
			return
		}
	}
	// The topmost of cuts and DNAMEs above the host decides what it is below.
	below := ""
	for up := name; ; up = answertest.Parent(up) {
		if up != ref.origin && len(ref.rrset(up, dns.TypeNS, up)) > 0 {
			below = "NS"
		} else if up != name && len(ref.rrset(up, dns.TypeDNAME, up)) > 0 {
			below = "DNAME"
		}
		if up == ref.origin {
			break
		}
	}
	if below == "DNAME" {
		return
	}
	node := name
	if !ref.exists[name] {
		for !ref.exists[node] {
			node = answertest.Parent(node)
		}
		node = wildcard(node)
	}
	for _, rr := range append(ref.rrset(node, dns.TypeA, host), ref.rrset(node, dns.TypeAAAA, host)...) {
		same := func(old dns.RR) bool { return dns.IsDuplicate(old, rr) }
		if !slices.ContainsFunc(ref.msg.Answer, same) && !slices.ContainsFunc(ref.msg.Extra, same) {
			ref.msg.Extra = append(ref.msg.Extra, rr)
		}
	}
}
