package concord

import (
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"
)

// A block is the zones of one server block. It is complete before the first query comes, and never changes after.
type block struct {
	instance *instance
	zones    map[string]*entry
	order    []*entry // as in the Corefile
	root     *entry   // the entry of the root zone, if there is one

	findTransfer func() plugin.Handler
	transfer     *transfer.Transfer // the plugin of that name in the same server block, if there
	streams      streams
}

// An entry is one zone of a block.
type entry struct {
	config  zoneConfig
	fall    *fall.F // nil without fallthrough, which is the rule
	running *running
}

func newBlock(zones []zoneConfig, pace *pacing, findTransfer func() plugin.Handler) *block {
	b := &block{zones: make(map[string]*entry, len(zones)), findTransfer: findTransfer}
	for _, z := range zones {
		pace.step()
		e := &entry{config: z}
		if len(z.fall.Zones) > 0 {
			e.fall = &z.fall
		}
		b.zones[z.Origin] = e
		b.order = append(b.order, e)
	}
	b.root = b.zones["."]
	return b
}

// connect finds the transfer plugin, which the chain has by now.
func (b *block) connect() {
	if t, ok := b.findTransfer().(*transfer.Transfer); ok {
		b.transfer = t
	}
}

// match returns the zone that a question belongs to: the longest that the name is in, save that DS at the apex of a zone is
// asked of the zone above (RFC 4035 section 3.1.4.1), if that one is here too.
func (b *block) match(name string, typ uint16) *entry {
	name = strings.ToLower(name)
	var apex *entry
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		e, ok := b.zones[name[off:]]
		if !ok {
			continue
		}
		if typ == dns.TypeDS && off == 0 {
			apex = e
			continue
		}
		return e
	}
	if b.root != nil && name != "." || apex == nil {
		return b.root
	}
	return apex
}

// exact returns the zone of that name.
func (b *block) exact(name string) *entry { return b.zones[strings.ToLower(name)] }
