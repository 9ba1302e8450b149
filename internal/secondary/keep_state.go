package secondary

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/store"
	"github.com/concord-dns/concord/internal/zone"
)

// kept is the state as the store takes it. It has the state whole, and beside it what the store itself goes by: which versions
// are worth keeping, in what order, and for how long once the zone has left.
func (s *State) kept(cfg *config.Zone) (store.State, error) {
	detail, err := s.text()
	if err != nil {
		return store.State{}, fmt.Errorf("zone %s: store: encode its state: %w", s.Zone, err)
	}
	out := store.State{
		Zone: s.Zone, Forget: cfg.Forget, Served: s.Root, Source: s.Source, First: s.First, Since: s.Swapped,
		Timers: store.Timers{Expire: s.ExpireAt, Refresh: s.NextCheck}, Detail: detail,
	}
	for _, root := range s.History {
		out.History = append(out.History, store.Entry{Root: root})
	}
	if s.Pin != nil {
		out.Pin = &store.Pin{Root: s.Pin.Root}
	}
	for i := range s.Primaries {
		out.Primaries = append(out.Primaries, store.Primary{Name: s.Primaries[i].Name, Root: s.Primaries[i].Root})
	}
	return out, nil
}

// restoredState is kept the other way round: the state that a zone goes on with, at now, and its versions. The clock may have
// gone back since, and what was served may be damaged: then an older version is. It returns by how much the clock went back.
func restoredState(k *store.Loaded, now time.Time) (s State, versions []*zone.Version, back time.Duration) {
	kept, back := k.State.Rebase(now)
	s, err := readState(kept.Detail)
	if err != nil { // of a file that something else wrote
		s = State{First: kept.First, Swapped: kept.Since, ExpireAt: kept.Timers.Expire, NextCheck: kept.Timers.Refresh, Source: kept.Source}
		for _, e := range kept.History {
			s.History = append(s.History, e.Root)
		}
	} else if back > 0 {
		shiftState(&s, -back)
	}
	s.Zone = kept.Zone
	s.Root = zone.Hash{}
	if k.Served != nil {
		s.Root = k.Served.Root()
	}
	if k.Refetch {
		s.NextCheck = time.Time{}
		if at := slices.Index(s.History, s.Root); at >= 0 {
			s.History = s.History[:at+1] // the rest is damaged
		}
		for i := range s.Primaries {
			s.Primaries[i].RetryAt = time.Time{}
		}
	}
	return s, slices.Collect(maps.Values(k.Versions)), back
}

// shiftState moves all instants of a state.
func shiftState(s *State, by time.Duration) { shift(reflect.ValueOf(s).Elem(), by) }

// shift moves all instants in a value, however deep: a field that is added to State is not forgotten here.
func shift(v reflect.Value, by time.Duration) {
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			if !t.IsZero() {
				v.Set(reflect.ValueOf(t.Add(by)))
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				shift(v.Field(i), by)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			shift(v.Index(i), by)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			shift(v.Elem(), by)
		}
	}
}

// takeUp goes on with what the store had. What it had is of no use where no primary stayed: what others sent is not what
// these are to be held against.
func (l *life) takeUp(k *store.Loaded, now time.Time) {
	if !k.Found {
		return
	}
	s, versions, back := restoredState(k, now)
	event := &Restored{
		Zone: l.zone.config.Origin, SavedAt: k.State.SavedAt, ClockBack: back, Damage: k.Damage, Refetch: k.Refetch,
	}
	l.keep.restored = event
	if len(s.Primaries) > 0 && !slices.ContainsFunc(s.Primaries, l.stayed) {
		if len(k.Damage) == 0 {
			l.keep.restored = nil
		}
		return
	}
	l.restore(&s, versions, now)
	l.keep.roots = slices.Collect(maps.Keys(k.Versions))
	if v := l.served(); v != nil {
		event.HasVersion, event.Serial, event.Expired = true, v.Serial(), l.expired
	}
}

// startAfter returns how long after the start of a zone its goroutine looks at it first. Where it serves already that is spread over
// a while, since thousands of others start with it, after a reload too, and queries should not wait for them.
func startAfter(s *Snapshot, o *Options) time.Duration {
	if s.Version == nil || s.Expired {
		return 0
	}
	after := time.Duration(o.Seed % uint64(max(startWithin, o.StartWithin)))
	return min(after, max(0, time.Until(s.ExpireAt))) // or it would be served past its end
}

// startWithin is the least that [Options.StartWithin] can be.
const startWithin = time.Second

// stayed reports whether a primary is still configured as it was.
func (l *life) stayed(o PrimaryState) bool {
	return slices.ContainsFunc(l.primaries, func(p *primary) bool {
		return p.config.Name == o.Name && slices.Equal(p.config.Addresses, o.Addresses)
	})
}
