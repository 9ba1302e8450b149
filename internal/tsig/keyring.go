package tsig

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/files"
	"github.com/concord-dns/concord/internal/zone"
)

// A Keyring finds keys by their names. It may be used by any number of goroutines.
type Keyring struct {
	own      map[string]Key
	files    []*File
	allowMD5 bool
}

// NewKeyring returns a Keyring of keys that are configured and of those in files. Keys that sign by MD5 are there only if
// they are allowed.
func NewKeyring(keys []config.Key, files []*File, allowMD5 bool) (*Keyring, error) {
	r := &Keyring{own: make(map[string]Key, len(keys)), files: files, allowMD5: allowMD5}
	for _, k := range keys {
		key, err := New(k)
		if err != nil {
			return nil, err
		}
		if key.algorithm == config.HMACMD5 && !allowMD5 {
			return nil, errMD5(key.name)
		}
		r.own[key.name] = key
	}
	return r, nil
}

// canonical returns a name as keys have it.
func canonical(name string) string {
	n, err := zone.ParseName(name)
	if err != nil {
		return name
	}
	lower(n)
	return n.String()
}

func errMD5(name string) error {
	return fmt.Errorf("key %s: hmac-md5 is not safe any more; make a key with hmac-sha256 at the primary", name)
}

// Keys returns the keys with these names, in this order, as far as there are such: while a key is changed, one of two may not
// be there yet or any more. It fails when there is none of them.
func (r *Keyring) Keys(now time.Time, names ...string) ([]Key, error) {
	keys := make([]Key, 0, len(names))
	var failed error
	for _, name := range names {
		key, err := r.key(now, name)
		if err == nil {
			keys = append(keys, key)
		} else if failed == nil {
			failed = err
		}
	}
	if len(keys) == 0 {
		return nil, failed
	}
	return keys, nil
}

func (r *Keyring) key(now time.Time, name string) (Key, error) {
	name = canonical(name)
	if key, ok := r.own[name]; ok {
		return key, nil
	}
	var failed error
	for _, f := range r.files {
		keys, err := f.content.Get(now)
		if err != nil && failed == nil {
			failed = fmt.Errorf("key %s: %w", name, err)
		}
		key, ok := keys[name]
		switch {
		case ok && key.algorithm == config.HMACMD5 && !r.allowMD5:
			return Key{}, errMD5(name)
		case ok:
			return key, nil
		}
	}
	switch {
	case failed != nil:
		return Key{}, failed
	case len(r.files) == 0:
		return Key{}, fmt.Errorf("key %s: there is no such key; add a line such as: key %[1]s hmac-sha256 SECRET", name)
	}
	paths := make([]string, len(r.files))
	for i, f := range r.files {
		paths[i] = f.path
	}
	return Key{}, fmt.Errorf("key %s: it is not in %s; add it there as tsig-keygen prints it", name, strings.Join(paths, " or "))
}

// Problem returns why a file of the ring, as it was at the last look, is not in use: its keys are those of the last time when
// it could be read.
func (r *Keyring) Problem() error {
	for _, f := range r.files {
		if err := f.content.Problem(); err != nil {
			return err
		}
	}
	return nil
}

// A File is a file of keys in the form of BIND. It is read when a key is looked for, and again when it has changed.
type File struct {
	path    string
	content *files.Cached[map[string]Key]
}

// OpenFile returns the file without reading it yet.
func OpenFile(path string) *File {
	return &File{path, files.New(func(contents [][]byte) (map[string]Key, error) { return ParseKeys(path, contents[0]) }, path)}
}

// Load reads the file now, so that a mistake in it is found when the process starts.
func (f *File) Load(now time.Time) error {
	_, err := f.content.Get(now)
	return err
}

// Files are the key files of a process: zones that name the same one share it. The zero Files is ready to use.
type Files struct {
	mu   sync.Mutex // guards open
	open map[string]*File
}

// Open returns the file with this path.
func (f *Files) Open(path string) *File {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.open[path]
	if file == nil {
		if f.open == nil {
			f.open = make(map[string]*File)
		}
		file = OpenFile(path)
		f.open[path] = file
	}
	return file
}
