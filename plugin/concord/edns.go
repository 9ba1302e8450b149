package concord

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin/pkg/edns"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/secondary"
)

// EDNS as a whole is the server's: it refuses versions that it does not know, and finishes each response with an OPT record of
// the request's size and DO bit. What it finds in an OPT record that a response has already it leaves there, and *nsid* adds
// to it. So all there is to do here is to add one, for responses that have an option of ours.

// appendOptions appends the options that a request asks for and that are this zone's to answer. Others are ignored (RFC 6891
// section 6.1.2), save those that a plugin has the server give back.
func appendOptions(options []dns.EDNS0, e *entry, s *secondary.Snapshot, q *dns.Question, asked []dns.EDNS0) []dns.EDNS0 {
	var version, expire bool
	for _, o := range asked {
		switch code := o.Option(); code {
		case dns.EDNS0ZONEVERSION:
			version = true
		case dns.EDNS0EXPIRE:
			// The expiry of what is answered (RFC 7314 section 3), told to those who ask for it as secondaries do.
			expire = q.Qtype == dns.TypeSOA && strings.EqualFold(q.Name, e.config.Origin)
		default:
			if edns.SupportedOption(code) {
				options = append(options, o)
			}
		}
	}
	if version {
		options = append(options, zoneVersion(s))
	}
	if expire && !s.Expired {
		options = append(options, &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Expire: secondsUntil(s.ExpireAt)})
	}
	return options
}

// zoneVersion tells the version that answers, by its serial: RFC 9660 section 2. A referral or a denial is an answer of the zone
// like any other, and at the end of a chain of aliases it is still the zone of the name asked for that is meant.
func zoneVersion(s *secondary.Snapshot) dns.EDNS0 {
	const soaSerial = 0
	var serial [4]byte
	binary.BigEndian.PutUint32(serial[:], uint32(s.Version.Serial()))
	return &dns.EDNS0_ZONEVERSION{
		Code: dns.EDNS0ZONEVERSION, LabelCount: uint8(s.Version.Apex().Labels()), Type: soaSerial, Version: string(serial[:]),
	}
}

// secondsUntil is never more than is left, so that a secondary behind us does not keep the zone for longer than we do.
func secondsUntil(t time.Time) uint32 {
	return uint32(min(max(time.Until(t)/time.Second, 0), math.MaxUint32))
}

// optOf makes the OPT record of a response. The server sets its size and DO bit again, should a plugin have changed them.
func optOf(request *dns.OPT, options []dns.EDNS0) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: options}
	opt.SetUDPSize(request.UDPSize())
	if request.Do() {
		opt.SetDo()
	}
	return opt
}

// clearFlags clears the flags of a request's OPT record that are not known here (RFC 6891 section 6.1.4). The server sends
// that very record back, in responses that have none.
func clearFlags(opt *dns.OPT) {
	const do, flags = 1 << 15, 1<<16 - 1
	if opt.Hdr.Ttl&flags&^do != 0 {
		opt.Hdr.Ttl &^= flags &^ do
	}
}

// unavailable answers for a zone of which nothing may be served: SERVFAIL and, if the client can read it, why (RFC 8914).
func unavailable(w dns.ResponseWriter, r *dns.Msg, e *entry, s *secondary.Snapshot) (int, error) {
	opt := r.IsEdns0()
	if opt == nil {
		return dns.RcodeServerFailure, nil
	}
	clearFlags(opt)
	options := whyUnavailable(s)
	if s.Version != nil {
		options = appendOptions(options, e, s, &r.Question[0], opt.Option)
	}
	m := new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
	m.Extra = append(m.Extra, optOf(opt, options))
	return dns.RcodeSuccess, w.WriteMsg(m) // written, so not for the server to write
}

// whyUnavailable says what is true of a zone that is not served. That it expired is Invalid Data in every case: "its most recent
// zone being too old, or having expired" (RFC 8914 section 4.25). That nobody could be reached for a newer one is true only
// if so: primaries that answer and do not agree let a zone expire too, and so do those of which no copy passes its checks, or can
// be checked. Stale Answer is never true here.
func whyUnavailable(s *secondary.Snapshot) []dns.EDNS0 {
	if !s.Expired {
		return []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNotReady, ExtraText: "no version of the zone yet"}}
	}
	why := []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeInvalidData, ExtraText: "the zone has expired"}}
	if s.Abandoned {
		why = append(why, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNoReachableAuthority, ExtraText: "no primary gives us the zone"})
	}
	return why
}
