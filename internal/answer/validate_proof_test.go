package answer

import (
	"bytes"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// What single NSEC and NSEC3 records prove to a validator.

func (v *validator) below(name string, ancestor zone.Key) bool {
	key := v.key(name)
	return len(key) > len(ancestor) && bytes.HasPrefix(key, ancestor)
}

func (v *validator) match(name zone.Key) *dns.NSEC {
	for _, rr := range v.nsec {
		if bytes.Equal(v.key(rr.Hdr.Name), name) {
			return rr
		}
	}
	return nil
}

// covered returns an NSEC record that denies a name. That of a cut or DNAME says nothing of what is below (RFC 6840 section
// 4.1).
func (v *validator) covered(name zone.Key) *dns.NSEC {
	for _, rr := range v.nsec {
		owner, next := v.key(rr.Hdr.Name), v.key(rr.NextDomain)
		if bytes.Compare(owner, name) >= 0 || len(next) > 0 && bytes.Compare(name, next) >= 0 {
			continue
		}
		if bytes.HasPrefix(name, owner) && above(rr.TypeBitMap) {
			continue
		}
		return rr
	}
	return nil
}

// above reports whether types are those of a cut or of a DNAME's owner.
func above(types []uint16) bool {
	return slices.Contains(types, dns.TypeDNAME) || slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA)
}

// encloser is the closest encloser of a name as the NSEC record that covers it shows it.
func (v *validator) encloser(name zone.Key, cover *dns.NSEC) zone.Key {
	return name.First(max(name.Common(v.key(cover.Hdr.Name)), name.Common(v.key(cover.NextDomain))))
}

func (v *validator) hash(key zone.Key, rr *dns.NSEC3) string {
	return base32.HexEncoding.EncodeToString(answertest.Hash(zone.AppendOwner(nil, key, v.v.Apex()), rr.Salt, rr.Iterations))
}

func hashLabel(rr *dns.NSEC3) string {
	label, _, _ := strings.Cut(rr.Hdr.Name, ".")
	return strings.ToUpper(label)
}

func (v *validator) matchHash(name zone.Key) *dns.NSEC3 {
	for _, rr := range v.nsec3 {
		if hashLabel(rr) == v.hash(name, rr) {
			return rr
		}
	}
	return nil
}

func (v *validator) coveredHash(name zone.Key) *dns.NSEC3 {
	for _, rr := range v.nsec3 {
		owner, next, hash := hashLabel(rr), strings.ToUpper(rr.NextDomain), v.hash(name, rr)
		if owner < hash && hash < next || next <= owner && (owner < hash || hash < next) {
			return rr
		}
	}
	return nil
}

// closest is the closest encloser proof (RFC 5155 section 8.3).
func (v *validator) closest(name zone.Key) (encloser zone.Key, closer *dns.NSEC3, err error) {
	for encloser = name; len(encloser) > 0; {
		next := encloser
		encloser = encloser.Parent()
		rr := v.matchHash(encloser)
		if rr == nil {
			continue
		}
		if above(rr.TypeBitMap) {
			return nil, nil, fmt.Errorf("the closest encloser %q has the types %v", encloser, rr.TypeBitMap)
		}
		if closer = v.coveredHash(next); closer == nil {
			return nil, nil, fmt.Errorf("the next closer name %q is not denied", next)
		}
		return encloser, closer, nil
	}
	return nil, nil, errors.New("no closest encloser")
}

func wildcardOf(key zone.Key) zone.Key { return append(slices.Clone(key), '*', 0) }
