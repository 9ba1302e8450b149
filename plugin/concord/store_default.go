package concord

import (
	"path/filepath"

	"github.com/concord-dns/concord/internal/config"
)

// storeByDefault says that zones are kept on the disk unless somebody says otherwise. Tests of this package do.
var storeByDefault = true

// keep gives the directive the store of one that does not name any.
func (b *directive) keep() error {
	if _, named := b.lines["store"]; named || !storeByDefault {
		return nil
	}
	path, err := filepath.Abs(b.path(defaultStore))
	if err != nil {
		return &config.Error{Property: "store", Value: defaultStore, Problem: err.Error(), Remedy: "write an absolute path, or store off"}
	}
	b.zone.Store = config.Store{Path: path}
	return nil
}
