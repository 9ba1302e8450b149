package concord

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/secondary"
)

// serveNotify answers a NOTIFY (RFC 1996) at once. What it asks for happens in the zone's own goroutine.
func (h *Handler) serveNotify(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	q := r.Question[0]
	e := h.block.exact(q.Name)
	if e == nil { // below one of our zones, and perhaps another plugin's
		if h.Next != nil {
			return h.pass(ctx, w, r)
		}
		m := new(dns.Msg).SetRcode(r, dns.RcodeNotAuth)
		return dns.RcodeSuccess, w.WriteMsg(m)
	}
	state := request.Request{W: w, Req: r}
	from, err := netip.ParseAddr(state.IP())
	if err != nil || e.running.zone.Notify(from) == secondary.NotifyRefused {
		e.running.strangers.tell(*e.running.label.Load(), state.IP())
		return dns.RcodeRefused, nil
	}
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	return dns.RcodeSuccess, w.WriteMsg(m)
}

// strangers keeps NOTIFYs that nobody is to send from filling the log.
type strangers struct {
	mu    sync.Mutex // guards what follows
	last  time.Time
	since int // NOTIFYs since the last line
}

const strangersEvery = time.Minute

func (s *strangers) tell(zone, from string) {
	s.mu.Lock()
	s.since++
	n, tell := s.since, time.Since(s.last) >= strangersEvery
	if tell {
		s.since, s.last = 0, time.Now()
	}
	s.mu.Unlock()
	if !tell {
		return
	}
	others := ""
	if n > 1 {
		others = fmt.Sprintf(" (and %d since the last such line)", n-1)
	}
	log.Warningf("%s NOTIFY from %s refused%s: it is no address of a primary; add it to notify_from if it should be", zone, from, others)
}
