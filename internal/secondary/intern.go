package secondary

import (
	"sync"
	"weak"

	"github.com/concord-dns/concord/internal/zone"
)

// versions are those that a zone uses, so that a content is in memory once, whoever sent it, however many came at a time.
type versions struct {
	mu     sync.Mutex // guards byRoot
	byRoot map[zone.Hash]weak.Pointer[zone.Version]
}

// one returns the version with the root of v that is in use, or else v, which is from now on.
func (s *versions) one(v *zone.Version) *zone.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.byRoot[v.Root()].Value(); known != nil {
		return known
	}
	for root, p := range s.byRoot {
		if p.Value() == nil {
			delete(s.byRoot, root)
		}
	}
	if s.byRoot == nil {
		s.byRoot = make(map[zone.Hash]weak.Pointer[zone.Version])
	}
	s.byRoot[v.Root()] = weak.Make(v)
	return v
}
