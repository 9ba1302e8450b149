package concord

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/store"
)

// A database is a store that zones of this process keep their versions in. There is one for each file, whatever server blocks and
// instances name it, for as long as a zone holds it: a reload hands it on with the zones.
type database struct {
	path string
	db   *store.DB

	registry *registry
	tidying  sync.Mutex // held while zones that left are looked for
	tidy     *time.Timer
	ended    context.Context
	end      context.CancelFunc
}

const (
	// tidySoon is how long after a start or a reload zones that left the Corefile are looked for, and tidyAgain how often from then on.
	tidySoon  = time.Minute
	tidyAgain = 24 * time.Hour

	// openTime bounds the opening of a store, and readTime the reading of all zones: a server that waits for a disk that is stuck
	// should say so.
	openTime = time.Minute
	readTime = 5 * time.Minute
	// closeTime is how long a disk has to take what is left at the end. CoreDNS is given 5 s by most who stop it.
	closeTime = 4 * time.Second
)

// A keeping says where a zone is kept, and what was found there.
type keeping struct {
	config *config.Zone
	path   string
	base   *database     // nil: nowhere
	loaded *store.Loaded // nil: it was not looked for, or the zone has it
}

// keepings are those of the zones of an instance, by their origins. There are several where a name is several zones.
type keepings map[string][]*keeping

func (all keepings) of(c *config.Zone) *keeping {
	same := all[c.Origin]
	return same[slices.IndexFunc(same, func(k *keeping) bool { return k.config.Equal(c) })]
}

// findKept opens the stores that an instance's zones name, and reads those zones that do not run yet. An error says what to do.
func (r *registry) findKept(in *instance) (keepings, error) {
	all := make(keepings)
	var list []*keeping
	opened := make(map[string]*database)
	paths := make(map[string]string) // by what the Corefile calls them
	for e := range in.entries() {
		in.pace.step()
		c := &e.config.Zone
		if slices.ContainsFunc(all[c.Origin], func(k *keeping) bool { return k.config.Equal(c) }) {
			continue
		}
		k := &keeping{config: c}
		all[c.Origin] = append(all[c.Origin], k)
		list = append(list, k)
		if c.Store.Off {
			continue
		}
		if k.path = paths[c.Store.Path]; k.path == "" {
			k.path = sameFile(c.Store.Path)
			paths[c.Store.Path] = k.path
		}
		d, ok := opened[k.path]
		if !ok {
			var err error
			if d, err = r.store(k.path, c.Store.BestEffort); err != nil {
				return nil, fmt.Errorf("zone %s: %w; store off does without", c.Origin, err)
			}
			opened[k.path] = d
		}
		k.base = d
	}
	for _, same := range all {
		part(same)
	}
	r.load(list, &in.pace)
	return all, nil
}

// part has zones of the same name not share a store, which has one zone of a name.
func part(same []*keeping) {
	for i, k := range same {
		shared := false
		for _, other := range same[i+1:] {
			if k.path != "" && other.path == k.path {
				shared, other.base = true, nil
			}
		}
		if shared && k.base != nil {
			k.base = nil
			log.Warningf("%s is configured in several ways, and none of them is kept in %s: name a file of its own for each with store PATH",
				k.config.Origin, k.path)
		}
	}
}

// store returns the store of that path, which is opened if it is not open.
func (r *registry) store(path string, bestEffort bool) (*database, error) {
	r.mu.Lock()
	d := r.stores[path]
	r.mu.Unlock()
	if d != nil {
		return d, nil
	}
	return r.openStore(path, bestEffort)
}

// openStore opens one. With best-effort, a disk that does not let it costs the store and not the start.
func (r *registry) openStore(path string, bestEffort bool) (*database, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	db, err := store.Open(ctx, store.Options{Path: path})
	if err != nil {
		if bestEffort && !errors.Is(err, store.ErrLocked) && !errors.Is(err, store.ErrForeign) && !errors.Is(err, store.ErrFormat) {
			log.Errorf("%v; its zones are served and kept nowhere until the next reload, as best-effort has it", err)
			return nil, nil
		}
		return nil, err
	}
	tellReport(path, db.Report())
	d := &database{path: path, db: db, registry: r}
	d.ended, d.end = context.WithCancel(context.Background())
	d.tidy = time.AfterFunc(tidySoon, d.tidyUp)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stores == nil {
		r.stores = make(map[string]*database)
	}
	r.stores[path] = d
	return d, nil
}

// tellReport tells what was found when a store was opened.
func tellReport(path string, r store.Report) {
	for _, err := range r.Damage {
		log.Warningf("store %s: %v", path, err)
	}
	if r.SetAside != "" {
		log.Errorf("store %s: it was damaged, and is %s now; %s of %s went over to a new one, and what is missing is fetched again",
			path, r.SetAside, count(r.Pages, "page"), count(r.Zones, "zone"))
	}
	if r.ReadOnly != nil {
		log.Errorf("store %s: it can only be read, and no update of its zones is served until it can be written: %v", path, r.ReadOnly)
	}
}

// sameFile returns one path for all that lead to a file.
func sameFile(path string) string {
	if there, err := filepath.EvalSymlinks(path); err == nil {
		return there
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// load reads those zones that do not run yet, several at a time unless it is a reload.
func (r *registry) load(all []*keeping, pace *pacing) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	var found atomic.Int64
	each(len(all), pace.workers(), func(i int) {
		pace.step()
		k := all[i]
		if k.base == nil || r.runs(k.config) {
			return
		}
		loaded, err := k.base.db.Load(ctx, k.config.Origin)
		if err != nil {
			log.Errorf("%s cannot be read from the store, and is fetched again: %v", k.config.Origin, err)
			return
		}
		if loaded.Found {
			found.Add(1)
		}
		k.loaded = &loaded
	})
	if n := int(found.Load()); n > 0 {
		log.Infof("%s read from the store in %v", count(n, "zone"), brief(time.Since(began)))
		r.memory.collectSoon()
	}
}

// runs reports whether there is a zone that one with this configuration takes over from, or is.
func (r *registry) runs(cfg *config.Zone) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.origins[cfg.Origin], func(run *running) bool { return run.config.Equal(cfg) }) || r.predecessor(cfg) != nil
}

// tidyUp looks for zones that left the Corefile, and has the store forget those that left long ago.
func (d *database) tidyUp() {
	d.tidying.Lock()
	defer d.tidying.Unlock()
	if d.ended.Err() != nil {
		return
	}
	dropped, err := d.db.Forget(d.ended, time.Now(), d.registry.keptIn(d))
	for _, name := range dropped {
		log.Infof("%s left the Corefile long ago: the store %s forgets it", name, d.path)
	}
	if err != nil && d.ended.Err() == nil {
		log.Warningf("looking for zones that left the Corefile: %v; tried again in a day", err)
	}
	d.tidy.Reset(tidyAgain)
}

// keptIn returns the zones that run and are kept there.
func (r *registry) keptIn(d *database) (origins []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.zones {
		if run.base == d {
			origins = append(origins, run.config.Origin)
		}
	}
	return origins
}

// keepLast has the last state of zones that have ended written or, where another zone of the name goes on in the same store, that
// one's: the two ran side by side, and the record may be either's.
func (r *registry) keepLast(ended []*running) {
	r.mu.Lock()
	heirs := make([]*secondary.Zone, len(ended))
	for i, run := range ended {
		heirs[i] = run.zone
		for _, other := range r.origins[run.config.Origin] {
			if other.base == run.base {
				heirs[i] = other.zone
			}
		}
	}
	r.mu.Unlock()
	for i, run := range ended {
		if run.base != nil {
			heirs[i].Keep()
		}
	}
}

// closeStores closes the stores that no zone is kept in any more.
func (r *registry) closeStores() {
	r.mu.Lock()
	var unused []*database
	for path, d := range r.stores {
		if !slices.ContainsFunc(r.zones, func(run *running) bool { return run.base == d }) {
			unused = append(unused, d)
			delete(r.stores, path)
		} else {
			d.tidy.Reset(tidySoon)
		}
	}
	r.mu.Unlock()
	for _, d := range unused {
		d.close()
	}
}

func (d *database) close() {
	d.end()
	d.tidying.Lock() // whoever has it sees that it is over
	d.tidy.Stop()
	d.tidying.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := d.db.Close(ctx); err != nil {
		log.Errorf("%v; a restart finds what was written before", err)
	}
}

// storeStatus is how a store is doing.
type storeStatus struct {
	Path   string
	Health store.Health
	Stats  store.Stats
}

// storeStatuses are those of the stores that are open, by their paths.
func (r *registry) storeStatuses() []storeStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []storeStatus
	for path, d := range r.stores {
		all = append(all, storeStatus{path, d.db.Health(), d.db.Stats()})
	}
	slices.SortFunc(all, func(a, b storeStatus) int { return strings.Compare(a.Path, b.Path) })
	return all
}
