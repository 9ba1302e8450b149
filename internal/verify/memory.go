package verify

import (
	"context"
	"slices"
	"sync"

	"github.com/concord-dns/concord/internal/zone"
)

// memory is what contents came to, by their roots: several primaries have the same one, and what was a copy is the served
// version later. It holds no version.
type memory struct {
	mu   sync.Mutex
	list []*memo // the one asked for last is the last
}

// memo is what one content came to. Its fields belong to whoever has it open.
type memo struct {
	root     zone.Hash
	busy     chan struct{}
	survey   *survey
	zonemd   []Finding
	digested bool
}

// mostKnown is more contents than a zone has at once: one of each primary, the served one, and a few before.
const mostKnown = 48

// open returns what is known of a content, when nobody else is at work on it: what one finds out the next need not. Nobody opens
// two at once.
func (m *memory) open(ctx context.Context, root zone.Hash) (*memo, func(), error) {
	k := m.find(root)
	if err := acquire(ctx, k.busy); err != nil {
		return nil, nil, err
	}
	return k, func() { release(k.busy, 1) }, nil
}

func (m *memory) find(root zone.Hash) *memo {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.list, func(k *memo) bool { return k.root == root })
	var k *memo
	if i >= 0 {
		k = m.list[i]
		m.list = slices.Delete(m.list, i, i+1)
	} else {
		k = &memo{root: root, busy: make(chan struct{}, 1)}
		if len(m.list) == mostKnown {
			m.list = slices.Delete(m.list, 0, 1)
		}
	}
	m.list = append(m.list, k)
	return k
}
