package concord

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/tsig"
	"github.com/concord-dns/concord/internal/zone"
)

// readKey reads key NAME ALGORITHM SECRET. None of its errors shows what could be the secret.
func readKey(b *directive, args []string) error {
	if len(args) != 3 {
		return &quietError{errors.New("wants a name, an algorithm and a secret; write it as key transfer.example.org. hmac-sha256 SECRET")}
	}
	algorithm, err := config.ParseAlgorithm(args[1])
	if err != nil {
		if !strings.HasPrefix(strings.ToLower(args[1]), "hmac-") { // it could be the secret, in the wrong place
			err = errors.New("the second word is not an algorithm; write one such as hmac-sha256")
		}
		return &quietError{err}
	}
	secret, err := config.ParseSecret(args[2])
	if err != nil {
		return &quietError{err}
	}
	name, err := keyName(args[0])
	if err != nil {
		return &quietError{err}
	}
	if slices.ContainsFunc(b.zone.Keys, func(k config.Key) bool { return k.Name == name }) {
		return &quietError{fmt.Errorf("%s is given twice, first at %s; keep one", name, b.keyLines[name])}
	}
	b.keyLines[name] = here(b.Controller)
	b.zone.Keys = append(b.zone.Keys, config.Key{Name: name, Algorithm: algorithm, Secret: secret})
	return nil
}

// keyName returns the name of a key as configurations have it: lower-case and with a final dot.
func keyName(s string) (string, error) {
	if likeSecret(s) {
		return "", errors.New("the name of a key is wanted, and this looks like a secret; if it is a name, end it with a dot")
	}
	n, err := zone.ParseName(strings.ToLower(strings.TrimSuffix(s, ".")) + ".")
	if err != nil || len(n) == 1 {
		return "", fmt.Errorf("%q is not the name of a key; write it as a domain name, such as transfer.example.org", s)
	}
	return n.String(), nil
}

// likeSecret reports whether a word could be a secret in the place of a name.
func likeSecret(s string) bool {
	octets, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(octets) >= 10 && s != strings.ToLower(s) && strings.ContainsAny(s, "0123456789+/=")
}

// readKeys reads keys FILE.
func readKeys(b *directive, args []string) error {
	s, err := one(args)
	if err != nil {
		return fmt.Errorf("%w; write a file with keys as tsig-keygen prints them", err)
	}
	path := b.path(s)
	if slices.Contains(b.zone.KeyFiles, path) {
		return errors.New("is given twice; keep one")
	}
	if err := tsig.OpenFile(path).Load(time.Now()); err != nil {
		if missing := missingFile(err, path); missing != nil {
			err = missing
		}
		return &quietError{err} // the path is in it
	}
	b.zone.KeyFiles = append(b.zone.KeyFiles, path)
	return nil
}

func readAllowMD5(b *directive, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is too much; the property has no value", strings.Join(args, " "))
	}
	b.zone.AllowMD5 = true
	return nil
}

// checkKeys has every primary find one of its keys at least, now and not at the first transfer.
func checkKeys(z *config.Zone) error {
	ring, err := keyring(z)
	if err != nil {
		return err // Validate has found nothing wrong with the same keys
	}
	for _, p := range z.Primaries {
		if len(p.Keys) == 0 {
			continue
		}
		if _, err := ring.Keys(time.Now(), p.Keys...); err != nil {
			why := strings.TrimPrefix(err.Error(), "key "+p.Keys[0]+": ")
			return &config.Error{Property: "key", Value: p.Keys[0], Problem: "primary " + p.Name + " has no key: " + why}
		}
	}
	return nil
}

// quietError is an error in which the arguments of the property are not repeated: one could be a secret, or all that there
// is to tell is in it.
type quietError struct{ error }

func (e *quietError) Unwrap() error { return e.error }
