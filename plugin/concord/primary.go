package concord

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/concord-dns/concord/internal/config"
)

// readPrimary reads primary NAME ADDRESS... and the block that may follow it.
func readPrimary(b *directive, args []string) error {
	if len(args) < 2 {
		return errors.New("wants a name and addresses; write it as primary ns1 192.0.2.1")
	}
	p := config.Primary{Name: args[0]}
	if _, err := address(p.Name); err == nil {
		return errors.New("the name is missing before the address; write it as primary ns1 " + p.Name)
	}
	for _, arg := range args[1:] {
		addr, err := address(arg)
		if err != nil {
			return err
		}
		p.Addresses = append(p.Addresses, addr)
	}
	// RemainingArgs leaves an opening brace; anything else on this line it has taken.
	if b.NextArg() {
		if err := readPrimaryBlock(b, &p); err != nil {
			return err
		}
	}
	b.zone.Primaries = append(b.zone.Primaries, p)
	return nil
}

// laterOfPrimary is as [later], for the block of a primary.
var laterOfPrimary = map[string]struct{ what, remedy string }{
	"key":            {"TSIG yet", "remove the line and let the primary allow this server by its address"},
	"source":         {"source address of its own yet", "remove the line: the system chooses it"},
	"tls":            {"transfers over TLS yet", "remove the line and transfer over a network that you trust"},
	"tls_servername": {"transfers over TLS yet", "remove the line and transfer over a network that you trust"},
	"tls_pin":        {"transfers over TLS yet", "remove the line and transfer over a network that you trust"},
}

func readPrimaryBlock(b *directive, p *config.Primary) error {
	seen := make(map[string]bool)
	for b.Next() {
		name, at := b.Val(), here(b.Controller)
		if name == "}" {
			return nil
		}
		fail := func(format string, args ...any) error {
			return &placedError{fmt.Errorf("%s of primary %s: %w", name, p.Name, fmt.Errorf(format, args...)), at}
		}
		if why, ok := laterOfPrimary[name]; ok {
			return fail("this version of concord has no %s; %s", why.what, why.remedy)
		}
		args := b.RemainingArgs()
		if slices.Contains(args, "}") {
			return fail("the closing brace is on its line; put it on one of its own")
		}
		if seen[name] {
			return fail("is given twice; keep one")
		}
		seen[name] = true
		b.lines[strings.TrimSpace(name+" "+firstOf(args))] = at
		switch name {
		case "notify_from":
			if len(args) == 0 {
				return fail("wants networks; write it as notify_from 192.0.2.0/24")
			}
			for _, arg := range args {
				prefix, err := network(arg)
				if err != nil {
					return fail("%w", err)
				}
				p.NotifyFrom = append(p.NotifyFrom, prefix)
			}
		case "transfers":
			s, err := one(args)
			if err == nil {
				p.Transfers, err = number(s)
			}
			if err == nil && p.Transfers < 1 {
				err = fmt.Errorf("%s is none", s)
			}
			if err != nil {
				return fail("%w; write 1 or more, or leave it out", err)
			}
		default:
			return fail("is not a property of a primary; write one of: notify_from, transfers")
		}
		if b.NextArg() {
			return fail("takes no block; remove the braces")
		}
	}
	return fmt.Errorf("the block is not closed; add a line with }")
}

// address reads IP, IP:PORT, [IPv6] or [IPv6]:PORT. Names are not looked up: the zones that would answer may be our own.
func address(s string) (netip.AddrPort, error) {
	if strings.HasPrefix(s, "tls://") {
		return netip.AddrPort{}, fmt.Errorf("this version of concord has no transfers over TLS yet; "+
			"write %s and transfer over a network that you trust", strings.TrimPrefix(s, "tls://"))
	}
	if addr, err := netip.ParseAddrPort(s); err == nil {
		return addr, nil
	}
	if host, port, err := net.SplitHostPort(s); err == nil && net.ParseIP(host) != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not a port; write 1 to 65535, or leave it out for 53", port)
	}
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an IP address; write it as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53", s)
	}
	return netip.AddrPortFrom(addr, 53), nil
}

// network reads a CIDR, or an address as the network that holds nothing else.
func network(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network; write it as 192.0.2.0/24", s)
	}
	return prefix.Masked(), nil
}
