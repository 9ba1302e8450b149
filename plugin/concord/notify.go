package concord

import (
	"context"
	"net/netip"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/zone"
)

// serveNotify answers a NOTIFY (RFC 1996) at once. What it asks for happens in the zone's own goroutine.
func (h *Handler) serveNotify(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	e := h.block.exact(r.Question[0].Name)
	if e == nil { // perhaps another plugin's
		return h.passNotify(ctx, w, r)
	}
	state := request.Request{W: w, Req: r}
	from, err := netip.ParseAddr(state.IP())
	if err != nil {
		return dns.RcodeRefused, nil
	}
	run := e.running
	s := verifySignature(ctx, run.zone.Keyring(), w, r)
	if s.code != dns.RcodeSuccess {
		run.refused.tell(*run.label.Load(), s.refusal(), from, s.String())
		return dns.RcodeSuccess, s.answer(ctx, w, r, dns.RcodeNotAuth)
	}
	n := secondary.Notice{From: from, Key: s.key.String()}
	n.Serial, n.Told = hintOf(r)
	switch run.zone.Notify(n) {
	case secondary.NotifyRefused:
		run.refused.tell(*run.label.Load(), stranger, from, "")
		return dns.RcodeSuccess, s.answer(ctx, w, r, dns.RcodeRefused)
	case secondary.NotifyUnsigned:
		run.refused.tell(*run.label.Load(), unsigned, from, s.key.String())
		return dns.RcodeSuccess, s.answer(ctx, w, r, dns.RcodeRefused)
	}
	return dns.RcodeSuccess, s.answer(ctx, w, r, dns.RcodeSuccess)
}

// passNotify hands on a NOTIFY for a zone that is not ours. If nobody else has the zone either, the answer says so.
func (h *Handler) passNotify(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if h.Next != nil {
		if rcode, err := h.pass(ctx, w, r); plugin.ClientWrite(rcode) {
			return rcode, err
		}
	}
	return dns.RcodeSuccess, w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeNotAuth))
}

// hintOf returns the serial that a NOTIFY tells, if it does.
func hintOf(r *dns.Msg) (zone.Serial, bool) {
	for _, rr := range r.Answer {
		if soa, ok := rr.(*dns.SOA); ok && strings.EqualFold(soa.Hdr.Name, r.Question[0].Name) {
			return zone.Serial(soa.Serial), true
		}
	}
	return 0, false
}
