package concord

import (
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer"
	"github.com/concord-dns/concord/internal/secondary"
)

// message makes the response of an answer.
func message(w dns.ResponseWriter, r *dns.Msg, e *entry, s *secondary.Snapshot, result *answer.Result) *dns.Msg {
	reserved := 0
	if tsig := r.IsTsig(); tsig != nil {
		reserved = dns.Len(tsig) + tsigMAC
	}
	opt := r.IsEdns0()
	if opt == nil {
		return sized(w, r, result, reserved)
	}
	clearFlags(opt)
	if len(opt.Option) == 0 {
		return sized(w, r, result, reserved+optSize)
	}
	options := appendOptions(nil, e, s, &r.Question[0], opt.Option)
	if len(options) == 0 {
		return sized(w, r, result, reserved+dns.Len(opt)+roomForOthers)
	}
	ours := optOf(opt, options)
	m := sized(w, r, result, reserved+dns.Len(ours)+roomForOthers)
	m.Extra = append(m.Extra, ours)
	return m
}

const (
	// optSize is the size of an OPT record without options.
	optSize = 11
	// roomForOthers is what other plugins may add to an OPT record if the request has options: the name of this server.
	roomForOthers = 68
	// tsigMAC is what the TSIG record of a response may have beyond the request's.
	tsigMAC = 64
)

// sized makes a response that fits in what the client takes, beside so many octets that are the server's.
//
// The server would make any response fit, but record by record, and with TC for whatever it leaves out. What fits already it
// leaves alone.
func sized(w dns.ResponseWriter, r *dns.Msg, result *answer.Result, reserved int) *dns.Msg {
	if result.Bound() <= dns.MinMsgSize-reserved {
		return result.Msg(r) // no client takes less
	}
	return fitted(w, r, result, reserved)
}

func fitted(w dns.ResponseWriter, r *dns.Msg, result *answer.Result, reserved int) *dns.Msg {
	state := request.Request{W: w, Req: r}
	size := state.Size() - reserved
	if result.Bound() <= size {
		return result.Msg(r)
	}
	for room := size; ; {
		used := result.Fit(room)
		m := result.Msg(r)
		m.Compress = true
		// The server goes by what miekg/dns counts, which is a little more: names that differ in case do not share octets, and
		// some RDATA is counted in its text form. Each turn leaves out one RRset at least.
		over := m.Len() - size
		if over <= 0 || len(m.Answer)+len(m.Ns)+len(m.Extra) == 0 {
			return m
		}
		room = used - over
	}
}
