package secondary

import (
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// KeepStatus is how it stands with the store.
type KeepStatus struct {
	Path    string    // "": the store is off
	Written bool      // what is served is on the disk: a restart finds it
	Err     error     // what is wrong with the disk; nil: nothing is known to be
	Since   time.Time // of Err

	// Holds: a version is agreed on, and not served since it is not on the disk; Serial is its serial.
	Holds  bool
	Serial zone.Serial
}

func (k *keeper) status(served *zone.Version) KeepStatus {
	s := KeepStatus{Path: k.db.Path(), Err: k.trouble(), Since: k.since}
	if k.slow && k.err == nil {
		s.Since = k.began
	}
	s.Written = served != nil && k.roots.has(served)
	if v := k.want.version; v != nil && s.Err != nil {
		s.Holds, s.Serial = true, v.Serial()
	}
	return s
}

// Keep has what the zone knows written, with its versions, whatever the store should have of it. It does not wait, and a zone that has
// yet to look at its primaries for the first time has it done then: thousands take over from others at once. Of a zone that was
// stopped it is the last state, to be called unless another zone of the same name goes on in the same store.
func (z *Zone) Keep() {
	if z.keepGoing() {
		return
	}
	z.turn.Lock()
	defer z.turn.Unlock()
	l := &z.life
	if s := l.keep.status(l.served()); s.Path == "" || !s.Written || s.Err != nil { // its record there is the last that could be written
		return
	}
	state, _ := l.state()
	if kept, err := state.kept(z.config); err == nil {
		z.options.Store.Save(kept)
	}
}

// keepGoing has a zone that runs do what Keep is for, and reports whether it does.
func (z *Zone) keepGoing() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.stopped {
		return false
	}
	z.inbox.keep = true
	if z.looked {
		z.wake()
	}
	return true
}

// keepDone hands over how a write ended.
func (z *Zone) keepDone(w written) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.inbox.written = &w
	z.wake()
}
