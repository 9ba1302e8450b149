// Package files reads small files that may change while the process runs: keys and certificates, as an operator or Kubernetes
// renews them.
//
// A [Cached] looks at its files when it is used, and at most every few seconds. So it needs no goroutine and no notification
// of the system, and a file that is replaced by a rename or by a symbolic link that moves is seen as any other change. The
// package refuses to watch: what nobody asks for is not read.
package files

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Cached is what was made of some files. It may be used by any number of goroutines.
type Cached[T any] struct {
	paths []string
	parse func(contents [][]byte) (T, error)

	mu      sync.Mutex // guards what follows, and is held while files are read
	looked  time.Time  // zero: never
	seen    []glance
	value   T
	good    bool  // value was made
	problem error // why the files, as they are now, are not in use
}

const (
	// Every is the least time between two looks at the same files.
	Every = 5 * time.Second

	// MaxSize bounds a file: a bundle of certificates has a few hundred KiB.
	MaxSize = 16 << 20

	// settled is how old a file must have been when it was read for its time to tell whether it has changed since. Clocks of
	// file systems may be coarse.
	settled = 3 * time.Second
)

// glance is what a file looked like when it was read.
type glance struct {
	modified time.Time
	size     int64
	hash     [sha256.Size]byte
	fresh    bool // so fresh that it may have changed since without a trace
}

// New returns what parse makes of the files, which it gets together and in order: a certificate and its key are renewed
// together. It is called once for each content, and keeps nothing of the octets. Nothing is read yet.
func New[T any](parse func(contents [][]byte) (T, error), paths ...string) *Cached[T] {
	return &Cached[T]{parse: parse, paths: paths}
}

// Get returns the value of the files as they are, or as they were when they could be used last. It fails only if they never
// could.
func (c *Cached[T]) Get(now time.Time) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := now.Sub(c.looked); c.looked.IsZero() || since < 0 || since >= Every {
		c.looked = now
		c.look(now)
	}
	if !c.good {
		var none T
		return none, c.problem
	}
	return c.value, nil
}

// Problem returns why the files, as they were at the last look, could not be used.
func (c *Cached[T]) Problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}

// look reads the files if they seem to have changed.
func (c *Cached[T]) look(now time.Time) {
	if c.seen != nil && !c.changed() {
		return
	}
	var (
		seen     = make([]glance, len(c.paths))
		contents = make([][]byte, len(c.paths))
		same     = c.seen != nil
	)
	for i, path := range c.paths {
		var err error
		if contents[i], seen[i], err = read(path, now); err != nil {
			c.seen, c.problem = nil, err
			return
		}
		same = same && seen[i].hash == c.seen[i].hash
	}
	c.seen = seen
	if same {
		return
	}
	value, err := c.parse(contents)
	if c.problem = err; err == nil {
		c.value, c.good = value, true
	}
}

func (c *Cached[T]) changed() bool {
	for i, path := range c.paths {
		info, err := os.Stat(path)
		if g := c.seen[i]; err != nil || g.fresh || info.Size() != g.size || !info.ModTime().Equal(g.modified) {
			return true
		}
	}
	return false
}

func read(path string, now time.Time) (content []byte, g glance, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, g, failure(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, g, failure(path, err)
	}
	if content, err = io.ReadAll(io.LimitReader(f, MaxSize+1)); err != nil {
		return nil, g, failure(path, err)
	}
	if len(content) > MaxSize {
		return nil, g, fmt.Errorf("%s: larger than %d octets, which is no file of keys or certificates", path, MaxSize)
	}
	g = glance{modified: info.ModTime(), size: info.Size(), hash: sha256.Sum256(content)}
	g.fresh = now.Sub(g.modified) < settled
	return content, g, nil
}

// failure says what to do about a file that cannot be read.
func failure(path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this user may not read it: %w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
