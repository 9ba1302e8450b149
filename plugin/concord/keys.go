package concord

import (
	"encoding/base64"
	"fmt"
	"maps"
	"time"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/secondary"
	"github.com/concord-dns/concord/internal/tsig"
)

// shareKeys tells the server the keys that primaries sign their NOTIFYs with, as they are now: the tsig plugin, which stands
// before us, refuses what is signed with others. It has one secret for a name.
func shareKeys(cfg *dnsserver.Config, zones []zoneConfig) error {
	plugged := cfg.TsigSecret != nil // the plugin has been set up before us
	secrets := make(map[string]string, len(cfg.TsigSecret))
	maps.Copy(secrets, cfg.TsigSecret) // that map is the plugin's own
	for i := range zones {
		z := &zones[i].Zone
		if len(z.Keys)+len(z.KeyFiles) == 0 {
			continue
		}
		ring, err := keyring(z)
		if err != nil {
			return err
		}
		for _, key := range keysOf(z, ring) {
			secret := base64.StdEncoding.EncodeToString(key.Secret().Reveal())
			switch first, ok := secrets[key.String()]; {
			case key.Algorithm() == config.HMACMD5: // the server knows none
			case !ok:
				secrets[key.String()] = secret
			case first != secret && plugged:
				return fmt.Errorf("zone %s: key %v has two secrets in this server block, which the tsig plugin cannot know both; rename one", z.Origin, key)
			}
		}
	}
	if len(secrets) > 0 {
		cfg.TsigSecret = secrets
	}
	return nil
}

// keyring reads the keys of a zone on its own.
func keyring(z *config.Zone) (*tsig.Keyring, error) {
	opened := make([]*tsig.File, len(z.KeyFiles))
	for i, path := range z.KeyFiles {
		opened[i] = tsig.OpenFile(path)
	}
	return tsig.NewKeyring(z.Keys, opened, z.AllowMD5)
}

// keysOf returns the keys that the primaries of a zone name, as far as there are such now.
func keysOf(z *config.Zone, ring *tsig.Keyring) []tsig.Key {
	var all []tsig.Key
	for i := range z.Primaries {
		if keys, err := ring.Keys(time.Now(), z.Primaries[i].Keys...); err == nil {
			all = append(all, keys...)
		}
	}
	return all
}

// warnMD5 tells of keys that are not safe.
func warnMD5(label string, z *secondary.Zone) {
	cfg := z.Config()
	if !cfg.AllowMD5 {
		return
	}
	told := make(map[string]bool)
	for _, key := range keysOf(cfg, z.Keyring()) {
		if key.Algorithm() == config.HMACMD5 && !told[key.String()] {
			told[key.String()] = true
			log.Warningf("%s key %v signs by hmac-md5, which is not safe any more: have the primary make one with hmac-sha256", label, key)
		}
	}
}
