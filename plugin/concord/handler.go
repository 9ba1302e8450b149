package concord

import (
	"context"

	"github.com/coredns/coredns/plugin"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/zone"
)

// Handler serves the zones of a server block in one chain of plugins.
type Handler struct {
	Next  plugin.Handler
	block *block
}

// Name implements the plugin.Handler interface.
func (h *Handler) Name() string { return pluginName }

// ServeDNS implements the plugin.Handler interface.
//
// It runs in a goroutine of its own for every UDP query, whose stack has to grow to what the deepest call needs: what is not
// the common case is therefore left to other functions, and nothing large lives here.
func (h *Handler) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if len(r.Question) == 0 || r.Question[0].Qclass != dns.ClassINET {
		return h.pass(ctx, w, r)
	}
	q := &r.Question[0]
	e := h.block.match(q.Name, q.Qtype)
	if e == nil {
		if r.Opcode == dns.OpcodeNotify {
			return h.serveNotify(ctx, w, r)
		}
		return h.pass(ctx, w, r)
	}
	if r.Opcode != dns.OpcodeQuery || q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		return h.serveOther(ctx, w, r)
	}
	s := e.running.zone.Snapshot()
	if s.Version == nil || s.Expired {
		return unavailable(w, r, e, s)
	}
	opt := r.IsEdns0()
	question := answer.Question{
		Name: q.Name, Type: q.Qtype, DO: opt != nil && opt.Do(), MinimalAny: !e.config.answering.fullAny,
	}
	if e.config.answering.follow {
		question.Elsewhere = h.block.elsewhere(q.Qtype)
	}
	result := answer.Answer(s.Version, question)
	if e.fall != nil && falls(e, s, result, q.Name) {
		result.Release()
		return h.pass(ctx, w, r)
	}
	m := message(w, r, e, s, result)
	result.Release()
	return dns.RcodeSuccess, w.WriteMsg(m)
}

// pass hands a query to the next plugin. Without one we are who knows best, and do not have it.
func (h *Handler) pass(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if h.Next == nil {
		return dns.RcodeRefused, nil
	}
	return plugin.NextOrFailure(pluginName, h.Next, ctx, w, r)
}

// serveOther deals with what is not a question for data of a zone.
func (h *Handler) serveOther(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	switch r.Opcode {
	case dns.OpcodeQuery:
		// A transfer that the transfer plugin did not take: it is not there, or does not have this zone.
		return dns.RcodeRefused, nil
	case dns.OpcodeNotify:
		return h.serveNotify(ctx, w, r)
	}
	if h.Next == nil {
		return dns.RcodeNotImplemented, nil
	}
	return h.pass(ctx, w, r)
}

// falls says whether a question goes on to the next plugin, as with *file*: the name is one for which fallthrough was asked,
// and owns nothing here. An empty non-terminal owns nothing.
func falls(e *entry, s *secondary.Snapshot, result *answer.Result, name string) bool {
	return e.fall.Through(name) && (result.NameError() || emptyNonTerminal(s.Version, name))
}

func emptyNonTerminal(v *zone.Version, name string) bool {
	key, ok := zone.AppendKeyString(nil, name, v.Apex())
	if !ok {
		return false
	}
	m := v.Find(key)
	return m.Exists && m.Node.IsZero() && m.Cut.IsZero()
}
