package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestLocked(t *testing.T) {
	path := fresh(t)
	open(t, path)
	db, err := Open(t.Context(), Options{Path: path, LockWait: time.Millisecond})
	if db != nil || !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "stop that process") {
		t.Errorf("error %v, want ErrLocked, with the path and what to do", err)
	}
}

// TestForeign: files that are not a store are refused with what to do, and keep every octet.
func TestForeign(t *testing.T) {
	other := func(t *testing.T, change func(tx *bolt.Tx) error) []byte {
		path := filepath.Join(t.TempDir(), "other.db")
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(change), db.Close()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	bucket := func(name, key, value string) func(tx *bolt.Tx) error {
		return func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte(name))
			if err != nil {
				return err
			}
			return b.Put([]byte(key), []byte(value))
		}
	}
	damaged := other(t, bucket("members", "a", "b"))
	for i := 2 * 4096; i < len(damaged); i++ {
		damaged[i] ^= 0x55
	}
	for _, tc := range []struct {
		name string
		text []byte
		want error
	}{
		{"text", []byte("; a zone file\nexample.org. SOA\n"), ErrForeign},
		{"zeros", make([]byte, 1<<16), ErrForeign},
		{"one octet", []byte{0}, ErrForeign},
		{"another's database", other(t, bucket("members", "a", "b")), ErrForeign},
		{"another's database, damaged", damaged, ErrForeign},
		{"a later format", other(t, bucket("concord", "format", "2")), ErrFormat},
		{"no format", other(t, bucket("concord", "a", "b")), ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := fresh(t)
			if err := os.WriteFile(path, tc.text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), Options{Path: path})
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move") {
				t.Errorf("error %v, want %v, with the path and what to do", err, tc.want)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, tc.text) {
				t.Error("the file was changed")
			}
			if list, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(list) != 1 {
				t.Errorf("files are left: %v", list)
			}
		})
	}
}

func TestOpenOdd(t *testing.T) {
	t.Run("zero length", func(t *testing.T) {
		path := fresh(t)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		v := small(t, "example.org.", 1, 3)
		db := open(t, path)
		commit(t, db, v)
		shut(t, db)
		mustServe(t, open(t, path), v)
	})
	t.Run("directory", func(t *testing.T) {
		if _, err := Open(t.Context(), Options{Path: t.TempDir()}); !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		_, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "none", "concord.db")})
		if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "create its directory") {
			t.Error(err)
		}
	})
}
