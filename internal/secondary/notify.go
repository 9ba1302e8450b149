package secondary

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/refresh"
	"github.com/concord-dns/concord/internal/zone"
)

// A Notice is a NOTIFY as it came (RFC 1996).
type Notice struct {
	From netip.Addr
	// Key is the name of the TSIG key whose signature was verified; empty: it was not signed.
	Key string
	// Serial is that of the SOA record in it, if Told. It could be anybody's invention: the primaries are asked whatever it
	// is. Only, if the primary then tells an older one, it is asked once more after a while.
	Serial zone.Serial
	Told   bool
}

// NotifyResult says what became of a NOTIFY.
type NotifyResult uint8

const (
	NotifyAccepted NotifyResult = iota // the primaries will be asked
	NotifyFolded                       // they were to be asked already
	NotifyRefused                      // not from a primary of this zone
	NotifyUnsigned                     // from a primary that has keys, and not signed with one of them
)

// notifyResults is how many there are.
const notifyResults = 4

// Refused reports whether it came from somebody who may not send it.
func (r NotifyResult) Refused() bool { return r == NotifyRefused || r == NotifyUnsigned }

// String returns the result in one word.
func (r NotifyResult) String() string {
	switch r {
	case NotifyAccepted:
		return "accepted"
	case NotifyFolded:
		return "folded"
	case NotifyRefused:
		return "refused"
	case NotifyUnsigned:
		return "unsigned"
	}
	return fmt.Sprintf("NotifyResult(%d)", uint8(r))
}

// notices counts the NOTIFYs that the zone's goroutine is not woken for.
type notices struct{ refused, unsigned atomic.Uint64 }

// notice is a NOTIFY of a primary.
type notice struct {
	Notice
	primary int
}

// Notify says that a NOTIFY came. It returns at once; the zone's own goroutine does what it asks for. A primary that has keys
// is believed only with one of them: without, anybody could send it in the primary's name.
func (z *Zone) Notify(n Notice) NotifyResult {
	n.From = n.From.Unmap().WithZone("")
	i, result := z.sender(&n)
	switch result {
	case NotifyRefused:
		z.notices.refused.Add(1)
		return result
	case NotifyUnsigned:
		z.notices.unsigned.Add(1)
		return result
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.inbox.notifies++
	// The last of each primary is enough, and so a flood takes no memory.
	if at := slices.IndexFunc(z.inbox.notices, func(o notice) bool { return o.primary == i }); at >= 0 {
		z.inbox.notices[at] = notice{n, i}
	} else {
		z.inbox.notices = append(z.inbox.notices, notice{n, i})
	}
	if z.inbox.notifies > 1 {
		return NotifyFolded
	}
	z.wake()
	return NotifyAccepted
}

// sender returns the index of the primary that sent a NOTIFY, or why it is not to be believed.
func (z *Zone) sender(n *Notice) (int, NotifyResult) {
	result := NotifyRefused
	for i := range z.config.Primaries {
		p := &z.config.Primaries[i]
		switch {
		case !mayNotify(p, n.From):
		case len(p.Keys) == 0 || slices.Contains(p.Keys, keyName(n.Key)):
			return i, NotifyAccepted
		default:
			result = NotifyUnsigned
		}
	}
	return -1, result
}

func mayNotify(p *config.Primary, from netip.Addr) bool {
	for _, addr := range p.Addresses {
		if addr.Addr().Unmap().WithZone("") == from {
			return true
		}
	}
	for _, prefix := range p.NotifyFrom {
		if prefix.Contains(from) {
			return true
		}
	}
	return false
}

// keyName returns the name of a key as the configuration has it.
func keyName(name string) string {
	if name == "" {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(name), ".") + "."
}

// notified takes in that NOTIFYs came: the timers make one check of them.
func (l *life) notified(in inbox, now time.Time) {
	accepted := false
	for i := range in.notices {
		n := &in.notices[i]
		p := l.primaries[n.primary]
		p.prefer(n.From)
		p.wanted, p.tries = true, 0
		p.hint, p.hinted = n.Serial, n.Told
		folded := l.timers.Notify(now, &p.bucket)
		accepted = accepted || !folded
		if !folded {
			l.event(Notified{Zone: l.zone.config.Origin, Primary: p.config.Name, From: n.From})
		}
	}
	l.counts.notifies[NotifyFolded] += uint64(in.notifies - 1)
	if accepted {
		l.counts.notifies[NotifyAccepted]++
	} else {
		l.counts.notifies[NotifyFolded]++
	}
	l.round.again = true
}

// bucket is what refresh bounds the NOTIFYs of one primary with, so that a flood in the name of one delays none of another.
type bucket = refresh.Bucket
