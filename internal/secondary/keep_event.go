package secondary

import (
	"time"

	"github.com/concord-dns/concord/internal/zone"
)

// Restored says that the zone began with what the store had of it.
type Restored struct {
	Zone       string
	HasVersion bool        // there is one to serve:
	Serial     zone.Serial // its serial
	Expired    bool        // it is not served until a primary confirms it
	SavedAt    time.Time
	// ClockBack is how far the clock is known to be behind the one by which the zone was saved; its timers were moved by
	// that. 0: it is not.
	ClockBack time.Duration
	// Damage is what of it was damaged, and Refetch says that the version served last was.
	Damage  []error
	Refetch bool
}

// StoreFailed says that a version could not be written.
type StoreFailed struct {
	Zone   string
	Serial zone.Serial
	Err    error
	// Served: it is served all the same, as "best-effort" has it, and would be lost by a restart. Else the one before is.
	Served bool
}

// StoreRecovered says that it was written after all.
type StoreRecovered struct {
	Zone  string
	Since time.Time // of the first failure
}

// WordUnwritten says that an operator's word is in force and not on the disk.
type WordUnwritten struct {
	Zone     string
	Decision Decision
	Err      error
}

func (Restored) event()       {}
func (StoreFailed) event()    {}
func (StoreRecovered) event() {}
func (WordUnwritten) event()  {}

// tellStore tells of a version that could not be written: once, and again if the reason is another.
func (l *life) tellStore(v *zone.Version, served bool) {
	k := &l.keep
	err := k.trouble()
	if err == nil || k.told != "" && k.slow || k.told == err.Error() {
		return
	}
	k.tell()
	k.told = err.Error()
	l.event(StoreFailed{Zone: l.zone.config.Origin, Serial: v.Serial(), Err: err, Served: served})
}

// tellUnwritten tells of an operator's word that is not on the disk.
func (l *life) tellUnwritten(d *Decision, why error) {
	l.keep.tell()
	l.event(WordUnwritten{Zone: l.zone.config.Origin, Decision: *d, Err: why})
}

// tell notes since when there is trouble that somebody was told of.
func (k *keeper) tell() {
	if !k.toldAt.IsZero() {
		return
	}
	if k.toldAt = k.since; k.toldAt.IsZero() {
		k.toldAt = k.began
	}
}

func (l *life) tellStored() {
	k := &l.keep
	if k.toldAt.IsZero() {
		return
	}
	l.event(StoreRecovered{Zone: l.zone.config.Origin, Since: k.toldAt})
	k.told, k.toldAt = "", time.Time{}
}
