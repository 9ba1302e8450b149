package answertest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// Child is a zone below a delegation.
type Child struct {
	*Zone
	Secure bool // the parent has its DS
}

// Delegate makes a zone for every delegation of a zone that is not signed yet, and puts its DS into the parent where there was one
// before. A delegation whose name is no host name gets none, nor does one that another takes away.
func (z *Zone) Delegate(r *rand.Rand) (children []Child) {
	kept := z.Records[:0]
	secure := map[string]uint32{} // TTLs of the DS RRsets
	for _, rr := range z.Records {
		if rr.Header().Rrtype == dns.TypeDS {
			secure[strings.ToLower(rr.Header().Name)] = rr.Header().Ttl
		} else {
			kept = append(kept, rr)
		}
	}
	z.Records = kept
	seen := map[string]bool{strings.ToLower(z.Origin): true}
	for _, rr := range z.Records {
		name := rr.Header().Name
		lower := strings.ToLower(name)
		if rr.Header().Rrtype != dns.TypeNS || seen[lower] || !isHostName(name) || !z.authoritative(Parent(name)) {
			continue
		}
		seen[lower] = true
		child := Child{Zone: must(Parse(lower, fmt.Sprintf(childZone, lower)))}
		if ttl, ok := secure[lower]; ok {
			child.Zone, child.Secure = child.Signed(RandomSigning(r)), true
			for _, key := range child.TrustAnchors() {
				ds := key.ToDS(dns.SHA256)
				ds.Hdr.Name, ds.Hdr.Ttl = name, ttl
				z.Records = append(z.Records, ds)
			}
		}
		children = append(children, child)
	}
	return children
}

const childZone = `$ORIGIN %s
@     300 IN SOA  ns1 hostmaster 1 3600 600 86400 60
@     300 IN NS   ns1
ns1   300 IN A    192.0.2.1
www   300 IN A    192.0.2.2
*.any 300 IN TXT  "any name"
cname 300 IN CNAME www
a.ent 300 IN A    192.0.2.3
dname 300 IN DNAME ent
`

func isHostName(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.'
	})
}
