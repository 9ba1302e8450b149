package zone

import (
	"errors"
	"fmt"
)

// The types below have fields that say what other fields are. Their names are neither compressed nor lower-cased, so
// their RDATA is checked and taken over as it is.

// checkSVCB wants a priority, a target and parameters in strictly increasing order (RFC 9460 section 2.2). What the
// values of the parameters hold is the client's to judge.
func checkSVCB(b []byte) error {
	if len(b) < 2 {
		return fmt.Errorf("RDATA of %d octets is too short for its priority", len(b))
	}
	n, err := nameSize(b[2:])
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	b = b[2+n:]
	for last := -1; len(b) > 0; {
		if len(b) < 4 || len(b) < 4+u16(b[2:]) {
			return errors.New("RDATA ends within a parameter")
		}
		key := u16(b)
		if key <= last {
			return fmt.Errorf("parameter key%d comes after key%d, want increasing order", key, last)
		}
		last = key
		b = b[4+u16(b[2:]):]
	}
	return nil
}

// checkIPSECKEY wants a gateway as its type says, then the key, which may be empty (RFC 4025 section 2.1).
func checkIPSECKEY(b []byte) error {
	if len(b) < 3 {
		return fmt.Errorf("RDATA of %d octets is too short for its algorithm", len(b))
	}
	_, err := gatewaySize(b[1], b[3:])
	return err
}

// checkAMTRELAY wants a relay as its type says, and nothing after it (RFC 8777 section 4.2).
func checkAMTRELAY(b []byte) error {
	if len(b) < 2 {
		return fmt.Errorf("RDATA of %d octets is too short for its relay type", len(b))
	}
	kind := b[1] & 0x7F
	n, err := gatewaySize(kind, b[2:])
	if err == nil && kind <= 3 && 2+n < len(b) {
		err = fmt.Errorf("RDATA of %d octets, want %d", len(b), 2+n)
	}
	return err
}

// gatewaySize returns the size of the gateway or relay at the start of b. Of a kind that is not known it is 0.
func gatewaySize(kind byte, b []byte) (n int, err error) {
	switch kind {
	case 1:
		n = 4
	case 2:
		n = 16
	case 3:
		n, err = nameSize(b)
	}
	if err != nil {
		return 0, fmt.Errorf("gateway: %w", err)
	}
	if n > len(b) {
		return 0, fmt.Errorf("gateway of %d octets, want %d", len(b), n)
	}
	return n, nil
}

// checkHIP wants a HIT and a public key, neither of them empty, and names of rendezvous servers (RFC 8005 section 5).
func checkHIP(b []byte) error {
	if len(b) < 4 || len(b) < 4+int(b[0])+u16(b[2:]) {
		return fmt.Errorf("RDATA of %d octets is too short for its public key", len(b))
	}
	hit, key := int(b[0]), u16(b[2:])
	if hit == 0 || key == 0 {
		return errors.New("HIT or public key is empty")
	}
	for b = b[4+hit+key:]; len(b) > 0; {
		n, err := nameSize(b)
		if err != nil {
			return fmt.Errorf("rendezvous server: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// checkAPL wants a list of prefixes, which may be empty. Families that are not known are let through; an address
// that ends in a zero octet is refused in any (RFC 3123 section 4).
func checkAPL(b []byte) error {
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(b[3]&0x7F) {
			return errors.New("RDATA ends within a prefix")
		}
		size := int(b[3] & 0x7F)
		if most, ok := aplFamily(b); ok && (size > most || int(b[2]) > 8*most) {
			return fmt.Errorf("prefix of %d bits with %d octets is too long for its family", b[2], size)
		}
		if size > 0 && b[3+size] == 0 {
			return errors.New("address ends in a zero octet")
		}
		b = b[4+size:]
	}
	return nil
}

// aplFamily returns how many octets an address of the prefix at the start of b has.
func aplFamily(b []byte) (octets int, ok bool) {
	switch u16(b) {
	case 1:
		return 4, true
	case 2:
		return 16, true
	}
	return 0, false
}

// checkLOC wants the 16 octets of version 0; other versions have a form that is not defined (RFC 1876 section 2).
func checkLOC(b []byte) error {
	if len(b) == 0 || b[0] == 0 && len(b) != 16 {
		return fmt.Errorf("RDATA of %d octets, want 16", len(b))
	}
	return nil
}

// checkISDN wants one or two character-strings (RFC 1183 section 3.2).
func checkISDN(b []byte) error {
	n := 0
	for ; len(b) > 0; n++ {
		if len(b) < 1+int(b[0]) {
			return errors.New("RDATA ends within a character-string")
		}
		b = b[1+int(b[0]):]
	}
	if n < 1 || n > 2 {
		return fmt.Errorf("RDATA of %d character-strings, want 1 or 2", n)
	}
	return nil
}

// nameSize returns the size of the uncompressed name at the start of RDATA b.
func nameSize(b []byte) (int, error) {
	for n := 0; n < len(b); n += 1 + int(b[n]) {
		switch c := b[n]; {
		case c == 0 && n >= maxName:
			return 0, errNameLong
		case c == 0:
			return n + 1, nil
		case c >= 0xC0:
			return 0, errNameNoPtr
		case c > maxLabel:
			return 0, errNameType
		}
	}
	return 0, errNameRDATA
}

// a6Suffix returns the size of an A6 address suffix after a prefix of so many bits (RFC 2874 section 3.1).
func a6Suffix(prefix byte) int { return (128 - int(prefix) + 7) / 8 }
