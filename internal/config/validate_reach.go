package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func (z *Zone) checkKeys() *Error {
	seen := make(map[string]bool, len(z.Keys))
	for _, k := range z.Keys {
		switch {
		case !goodKeyName(k.Name):
			return &Error{"key", fmt.Sprintf("%q", k.Name), "is not the name of a key", "write it in lower case and with a final dot, as transfer.example.org."}
		case seen[k.Name]:
			return &Error{"key", k.Name, "is given twice", "keep one, or rename one here and at the primary"}
		case k.Algorithm < HMACMD5 || k.Algorithm > HMACSHA512:
			return &Error{"key", k.Name, k.Algorithm.String() + " is not an algorithm", "write one such as hmac-sha256"}
		case k.Algorithm == HMACMD5 && !z.AllowMD5:
			return &Error{"key", k.Name, "hmac-md5 is not safe any more", "make a key with hmac-sha256 at the primary; if it can do nothing better, add a line allow_md5"}
		case len(k.Secret.Reveal()) == 0:
			return &Error{"key", k.Name, "has no secret", "write it in base64 after the algorithm"}
		}
		seen[k.Name] = true
	}
	for _, path := range z.KeyFiles {
		if path == "" {
			return &Error{"keys", "", "names no file", "write it as: keys /etc/concord/keys"}
		}
	}
	for _, p := range z.Primaries {
		if len(p.Keys) > MaxKeys {
			return &Error{"key", strings.Join(p.Keys, " "), fmt.Sprintf("primary %s names %d keys", p.Name, len(p.Keys)),
				fmt.Sprintf("name at most %d: the one in use, and the one that it changes to", MaxKeys)}
		}
		for i, name := range p.Keys {
			switch {
			case i > 0 && name == p.Keys[0]:
				return &Error{"key", name, "primary " + p.Name + " names it twice", "remove one"}
			case len(z.KeyFiles) == 0 && !seen[name]:
				return &Error{"key", name, "primary " + p.Name + " names a key that there is not", "add a line such as: key " + name + " hmac-sha256 SECRET"}
			}
		}
	}
	return nil
}

func goodKeyName(s string) bool {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'`{};", r) }
	return len(s) > 1 && len(s) < 255 && strings.HasSuffix(s, ".") && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..") &&
		s == strings.ToLower(s) && strings.IndexFunc(s, bad) < 0
}

func (z *Zone) checkSources() *Error {
	family := func(a netip.Addr) string {
		if a.Unmap().Is4() {
			return "IPv4"
		}
		return "IPv6"
	}
	for i := range z.Primaries {
		p := &z.Primaries[i]
		seen := make(map[string]bool)
		for _, s := range p.Sources {
			switch {
			case !s.IsValid() || s.IsUnspecified() || s.IsMulticast():
				return &Error{"source", s.String(), "primary " + p.Name + " cannot be asked from this address", "write one of this machine's own"}
			case seen[family(s)]:
				return &Error{"source", s.String(), "primary " + p.Name + " has two " + family(s) + " sources", "keep one"}
			}
			seen[family(s)] = true
		}
		for _, a := range p.Addresses {
			if len(p.Sources) > 0 && !seen[family(a.Addr())] {
				return &Error{"source", p.Sources[0].String(), fmt.Sprintf("primary %s has the %s address %v too", p.Name, family(a.Addr()), a.Addr()),
					"add a source for it, or give it to a primary of its own"}
			}
		}
	}
	return nil
}

func (z *Zone) checkTLS() *Error {
	for _, p := range z.Primaries {
		t := p.TLS
		switch {
		case !t.On && (t.ServerName != "" || t.CA != "" || t.Cert != "" || t.Key != "" || len(t.Pins) > 0):
			return &Error{"tls", "", "primary " + p.Name + " is asked without TLS", "write tls:// before its addresses, or remove what is said of TLS"}
		case (t.Cert == "") != (t.Key == ""):
			return &Error{"tls", t.Cert + t.Key, "primary " + p.Name + " has one of certificate and private key", "name both files, or none"}
		case len(t.Pins) > MaxPins:
			return &Error{"tls_pin", "", fmt.Sprintf("primary %s has %d pins", p.Name, len(t.Pins)), "keep the one in use and the one that comes after it"}
		case t.ServerName != "" && !goodHostName(t.ServerName):
			return &Error{"tls_servername", fmt.Sprintf("%q", t.ServerName), "is not a name that a certificate can have", "write one such as ns1.example.net"}
		}
	}
	return nil
}

func goodHostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	return len(s) < 254 && s != "" && strings.IndexFunc(s, bad) < 0 && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") &&
		!strings.Contains(s, "..")
}
