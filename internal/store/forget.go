package store

import (
	"context"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Forget looks at the zones that are not among the known ones. It remembers when it first missed each, and drops those that it
// missed as long ago as their State.Forget says. It returns the names of those. A zone that is known again, or committed,
// is not missed any more.
func (db *DB) Forget(ctx context.Context, now time.Time, known []string) (dropped []string, err error) {
	if db.off {
		return nil, nil
	}
	here := make(map[string]bool, len(known))
	for _, name := range known {
		here[name] = true
	}
	names, err := db.Zones(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		here := here[name]
		s, ok := db.peek(ctx, name)
		switch {
		case !ok:
			continue // damaged: whoever loads it is told
		case here && s.LeftAt.IsZero():
		case here:
			s.LeftAt = time.Time{}
			db.save(s, false)
		case s.LeftAt.IsZero() || s.LeftAt.After(now): // or the clock went back
			s.LeftAt = now
			db.save(s, false)
		case now.Sub(s.LeftAt) >= s.Forget:
			if err := db.await(ctx, &request{forget: name}); err != nil {
				return dropped, err
			}
			dropped = append(dropped, name)
		}
	}
	return dropped, db.Flush(ctx)
}

// peek returns the state of a zone without its versions.
func (db *DB) peek(ctx context.Context, name string) (s State, ok bool) {
	if db.reading(ctx) != nil {
		return s, false
	}
	defer db.disk.RUnlock()
	if db.file == nil {
		return s, false
	}
	err := guarded(func() error {
		return db.file.bolt.View(func(tx *bolt.Tx) error {
			r, err := decodeRecord(tx.Bucket(bucketZones).Get([]byte(name)))
			if err == nil {
				s, err = r.state(name)
			}
			return err
		})
	})
	return s, err == nil
}
