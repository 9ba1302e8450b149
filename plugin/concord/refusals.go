package concord

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// refusals keep NOTIFYs that are refused from filling the log: whoever can send a packet can send a million.
type refusals struct {
	mu    sync.Mutex // guards what follows
	kinds [refusalKinds]struct {
		last  time.Time
		since int    // NOTIFYs since the last line
		all   uint64 // NOTIFYs
	}
}

// refusal is why a NOTIFY is refused.
type refusal uint8

const (
	stranger refusal = iota // not from an address of a primary
	unsigned                // not signed with a key of its primary
	badKey                  // signed with a key that there is not
	badSig                  // its signature is wrong
	badTime                 // it was signed at another time
)

const refusalKinds = badTime + 1

// refusalEvery is the least time between two lines of the same kind.
const refusalEvery = time.Minute

// tell writes a line, or counts. What is the name of the key that was used, or what is wrong with the signature.
func (s *refusals) tell(zone string, why refusal, from netip.Addr, what string) {
	s.mu.Lock()
	k := &s.kinds[why]
	k.since++
	k.all++
	n, tell := k.since, time.Since(k.last) >= refusalEvery
	if tell {
		k.since, k.last = 0, time.Now()
	}
	s.mu.Unlock()
	if !tell {
		return
	}
	others := ""
	if n > 1 {
		others = fmt.Sprintf(" (and %d since the last such line)", n-1)
	}
	reason := what
	switch why {
	case stranger:
		reason = "it is no address of a primary; add it to notify_from if it should be"
	case unsigned:
		reason = "it is not signed, and the primary there has a key; have it sign NOTIFY too, or take the key away here"
		if what != "" {
			reason = fmt.Sprintf("it is signed with key %s, which the primary there does not have here; add it to key in its block if it should", what)
		}
	}
	log.Warningf("%s NOTIFY from %s refused%s: %s", zone, from, others, reason)
}

// badSignatures returns how many NOTIFYs had a signature that is not good.
func (s *refusals) badSignatures() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[badKey].all + s.kinds[badSig].all + s.kinds[badTime].all
}
