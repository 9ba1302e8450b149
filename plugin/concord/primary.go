package concord

import (
	"errors"
	"fmt"
	"maps"
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
	if _, _, err := address(p.Name); err == nil {
		return errors.New("the name is missing before the address; write it as primary ns1 " + p.Name)
	}
	for i, arg := range args[1:] {
		addr, secured, err := address(arg)
		switch {
		case err != nil:
			return err
		case i > 0 && secured != p.TLS.On:
			return errors.New("some of its addresses are asked over TLS and some are not; write tls:// before each or before none")
		}
		p.Addresses, p.TLS.On = append(p.Addresses, addr), secured
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

// primaryProperties reads each property of a primary's block, given its arguments.
var primaryProperties = map[string]func(b *directive, p *config.Primary, args []string) error{
	"key":            readPrimaryKey,
	"notify_from":    readNotifyFrom,
	"source":         readSource,
	"tls":            readTLS,
	"tls_pin":        readTLSPin,
	"tls_servername": readTLSServerName,
	"transfers":      readTransfers,
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
		args := b.RemainingArgs()
		read, ok := primaryProperties[name]
		switch {
		case !ok:
			return fail("is not a property of a primary; write one of: %s", strings.Join(slices.Sorted(maps.Keys(primaryProperties)), ", "))
		case slices.Contains(args, "}"):
			return fail("the closing brace is on its line; put it on one of its own")
		case seen[name]:
			return fail("is given twice; keep one")
		case strings.HasPrefix(name, "tls") && !p.TLS.On:
			return fail("the primary is asked without TLS; write tls:// before its addresses, or remove the line")
		}
		seen[name] = true
		b.lines[name] = at
		for _, arg := range args {
			b.lines[name+" "+arg] = at
		}
		if err := read(b, p, args); err != nil {
			return fail("%w", err)
		}
		if b.NextArg() {
			return fail("takes no block; remove the braces")
		}
	}
	return fmt.Errorf("the block is not closed; add a line with }")
}

// readPrimaryKey reads key NAME [NAME]. A whole key could stand here by mistake, and is not shown.
func readPrimaryKey(b *directive, p *config.Primary, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w; write the name of a key, or of two while one takes the place of the other", errNoValue)
	}
	if len(args) > config.MaxKeys {
		return fmt.Errorf("wants the names of one key or two; keys have lines of their own: key NAME ALGORITHM SECRET, beside the primaries")
	}
	for _, arg := range args {
		name, err := keyName(arg)
		if err != nil {
			return err
		}
		b.lines["key "+name] = here(b.Controller)
		p.Keys = append(p.Keys, name)
	}
	return nil
}

func readNotifyFrom(_ *directive, p *config.Primary, args []string) error {
	if len(args) == 0 {
		return errors.New("wants networks; write it as notify_from 192.0.2.0/24")
	}
	for _, arg := range args {
		prefix, err := network(arg)
		if err != nil {
			return err
		}
		p.NotifyFrom = append(p.NotifyFrom, prefix)
	}
	return nil
}

func readSource(_ *directive, p *config.Primary, args []string) error {
	if len(args) == 0 {
		return errors.New("wants addresses of this machine, at most one of IPv4 and one of IPv6; write it as source 192.0.2.53")
	}
	for _, arg := range args {
		addr, err := netip.ParseAddr(arg)
		if err != nil {
			return fmt.Errorf("%q is not an IP address; write it as 192.0.2.53 or 2001:db8::53", arg)
		}
		p.Sources = append(p.Sources, addr)
	}
	return nil
}

func readTransfers(_ *directive, p *config.Primary, args []string) error {
	s, err := one(args)
	if err == nil {
		p.Transfers, err = number(s)
	}
	if err == nil && p.Transfers < 1 {
		err = fmt.Errorf("%s is none", s)
	}
	if err != nil {
		return fmt.Errorf("%w; write 1 or more, or leave it out", err)
	}
	return nil
}

// address reads IP, IP:PORT, [IPv6] or [IPv6]:PORT, with tls:// before it if it is to be asked over TLS. Names are not looked
// up: the zones that would answer may be our own.
func address(s string) (addr netip.AddrPort, secured bool, err error) {
	bare, secured := strings.CutPrefix(s, "tls://")
	port := uint16(53)
	if secured {
		port = 853
	}
	if addr, err := netip.ParseAddrPort(bare); err == nil {
		return addr, secured, nil
	}
	if host, text, err := net.SplitHostPort(bare); err == nil && net.ParseIP(host) != nil {
		return netip.AddrPort{}, secured, fmt.Errorf("%q is not a port; write 1 to 65535, or leave it out for %d", text, port)
	}
	if strings.HasPrefix(bare, "[") && strings.HasSuffix(bare, "]") {
		bare = bare[1 : len(bare)-1]
	}
	ip, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.AddrPort{}, secured, fmt.Errorf("%q is not an IP address; write it as 192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53 or tls://192.0.2.1", s)
	}
	return netip.AddrPortFrom(ip, port), secured, nil
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
