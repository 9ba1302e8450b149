package concord

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin"

	"github.com/concord-dns/concord/internal/config"
)

// properties reads each property of a directive's block, given its arguments.
var properties = map[string]func(b *directive, args []string) error{
	"primary":     readPrimary,
	"transfer":    readTransfer,
	"key":         readKey,
	"keys":        readKeys,
	"allow_md5":   readAllowMD5,
	"agree":       readAgree,
	"compare":     readCompare,
	"ignore":      readIgnore,
	"settle":      readSettle,
	"absent":      readAbsent,
	"drift":       readDrift,
	"verify":      readVerify,
	"guard":       readGuard,
	"serial":      readSerial,
	"store":       readStore,
	"forget":      readForget,
	"refresh":     readClamp(func(z *config.Zone) *config.Clamp { return &z.Refresh }),
	"retry":       readClamp(func(z *config.Zone) *config.Clamp { return &z.Retry }),
	"expire":      readClamp(func(z *config.Zone) *config.Clamp { return &z.Expire }),
	"limit":       readLimit,
	"history":     readHistory,
	"fallthrough": readFallthrough,

	"minimal_any":     readMinimalAny,
	"confine_to_zone": readConfineToZone,
}

// repeated are the properties that may stand more than once.
var repeated = map[string]bool{
	"primary": true, "transfer": true, "limit": true, "key": true, "keys": true, "ignore": true, "verify": true, "guard": true,
}

// notHere are properties of *secondary* that are not to come, and what to do in their place.
var notHere = map[string]string{
	"catalog": "concord has no catalog zones; keep a secondary block for the catalog zone and its members",
}

// propertyNames are the properties that may be written.
func propertyNames() []string { return slices.Sorted(maps.Keys(properties)) }

var errNoValue = errors.New("the value is missing")

// one returns the only argument.
func one(args []string) (string, error) {
	switch len(args) {
	case 0:
		return "", errNoValue
	case 1:
		return args[0], nil
	}
	return "", fmt.Errorf("%q is too much; write one value", strings.Join(args[1:], " "))
}

func readAgree(b *directive, args []string) error {
	s, err := one(args)
	if err != nil {
		return fmt.Errorf("%w; write all, majority, any or a number", err)
	}
	b.zone.Agree, err = config.ParseAgree(s)
	return err
}

func readSettle(b *directive, args []string) (err error) {
	b.zone.Settle, err = duration(args)
	return err
}

func readAbsent(b *directive, args []string) (err error) {
	if slices.Equal(args, []string{"never"}) {
		b.zone.Absent = config.Never
		return nil
	}
	if b.zone.Absent, err = duration(args); err != nil {
		return fmt.Errorf("%w, or never", err)
	}
	return nil
}

func readClamp(of func(*config.Zone) *config.Clamp) func(*directive, []string) error {
	return func(b *directive, args []string) error {
		if len(args) != 2 {
			return errors.New("wants the least and the most; write two durations such as 1m 1d")
		}
		least, err := config.ParseDuration(args[0])
		if err != nil {
			return err
		}
		most, err := config.ParseDuration(args[1])
		if err != nil {
			return err
		}
		*of(&b.zone) = config.Clamp{Min: least, Max: most}
		return nil
	}
}

func readLimit(b *directive, args []string) error {
	if len(args) != 2 {
		return errors.New("wants what and how much; write it as limit size 256MiB, limit time 10m, limit idle 30s or limit transfers 10")
	}
	if err := b.onceOf("limit", args[0]); err != nil {
		return err
	}
	var err error
	l := &b.zone.Limit
	switch args[0] {
	case "size":
		if l.Size, err = config.ParseSize(args[1]); err == nil && l.Size == 0 {
			err = errors.New("is no size; write one such as 256MiB, or leave the line out for the default")
		}
	case "time":
		l.Time, err = config.ParseDuration(args[1])
	case "idle":
		l.Idle, err = config.ParseDuration(args[1])
	case "transfers":
		if l.Transfers, err = number(args[1]); err != nil {
			err = fmt.Errorf("%w; write how many run at once, such as 10", err)
		}
	default:
		err = errors.New("is not a limit; write size, time, idle or transfers")
	}
	return err
}

func readHistory(b *directive, args []string) error {
	s, err := one(args)
	if err == nil {
		b.zone.History, err = number(s)
	}
	if err != nil {
		return fmt.Errorf("%w; write how many versions are kept, such as 16", err)
	}
	return nil
}

func readFallthrough(b *directive, args []string) error {
	for _, arg := range args {
		if len(plugin.Host(arg).NormalizeExact()) == 0 {
			return fmt.Errorf("%q is not a domain name; write it as example.org", arg)
		}
	}
	b.fall.SetZonesFromArgs(args)
	return nil
}

// readTransfer reads the syntax of *secondary*: transfer from ADDRESS... Each address is a primary named by itself; one
// that is repeated is one, as it is there.
func readTransfer(b *directive, args []string) error {
	if len(args) < 2 || args[0] != "from" {
		return errors.New("write it as transfer from 192.0.2.1; transfers out are the transfer plugin's, beside concord")
	}
	for _, arg := range args[1:] {
		addr, secured, err := address(arg)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(b.zone.Primaries, func(p config.Primary) bool { return p.Name == arg }) {
			b.zone.Primaries = append(b.zone.Primaries, config.Primary{
				Name: arg, Addresses: []netip.AddrPort{addr}, TLS: config.TLS{On: secured},
			})
			b.lines["primary "+arg] = b.lines["transfer"]
		}
	}
	return nil
}

func duration(args []string) (time.Duration, error) {
	s, err := one(args)
	if err != nil {
		return 0, fmt.Errorf("%w; write a duration such as 30s", err)
	}
	return config.ParseDuration(s)
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return n, nil
}
