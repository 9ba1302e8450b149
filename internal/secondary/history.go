package secondary

import "github.com/concord-dns/concord/internal/zone"

// History returns the versions that were served, the newest last: it is the one that is served now. It is not to be
// altered. There are at most as many as the configuration keeps.
func (z *Zone) History() []*zone.Version { return *z.history.Load() }
