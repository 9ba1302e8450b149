package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
)

// Error is a value that cannot be used, in one line that says what to do:
//
//	agree 3: only 2 primaries are configured; lower it or add one
//
// It has fields so that whoever read the text can find the property's line.
type Error struct {
	Property string // as in the Corefile: "agree", "limit idle"
	Value    string // as in the Corefile; "" when nothing was said
	Problem  string
	Remedy   string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Property)
	if e.Value != "" {
		b.WriteByte(' ')
		b.WriteString(e.Value)
	}
	b.WriteString(": ")
	b.WriteString(e.Problem)
	if e.Remedy != "" {
		b.WriteString("; ")
		b.WriteString(e.Remedy)
	}
	return b.String()
}

// Validate returns the first thing that is wrong as an *[Error], or nil.
func (z *Zone) Validate() error {
	for _, check := range []func() *Error{
		z.checkOrigin, z.checkPrimaries, z.checkAddresses, z.checkKeys, z.checkSources, z.checkTLS, z.checkPolicy, z.checkCompare,
		z.checkDrift, z.checkVerify, z.checkGuard, z.checkStore, z.checkTimers, z.checkLimits,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (z *Zone) checkOrigin() *Error {
	switch {
	case z.Origin == "":
		return &Error{"zone", "", "has no name", "name it in the server block or after concord"}
	case !strings.HasSuffix(z.Origin, "."):
		return &Error{"zone", z.Origin, "is not absolute", "end it with a dot"}
	case z.Origin != strings.ToLower(z.Origin):
		return &Error{"zone", z.Origin, "is not in lower case", "write " + strings.ToLower(z.Origin)}
	}
	return nil
}

func (z *Zone) checkPrimaries() *Error {
	switch n := len(z.Primaries); {
	case n == 0:
		return &Error{"primary", "", "none is configured", "add a line such as: primary ns1 192.0.2.1"}
	case n > MaxPrimaries:
		return &Error{"primary", "", fmt.Sprintf("%d are configured, at most %d can be", n, MaxPrimaries),
			"give the addresses of one organisation to one primary"}
	}
	names := make(map[string]string, len(z.Primaries))
	for _, p := range z.Primaries {
		if !goodName(p.Name) {
			return &Error{"primary", fmt.Sprintf("%q", p.Name), "is not a name",
				"use up to 64 printable characters without spaces, quotes or braces"}
		}
		// Names end up in metrics and in the log, where two that differ in
		// case only would be taken for one.
		folded := strings.ToLower(p.Name)
		if first, ok := names[folded]; ok {
			problem := "the name is given to two primaries"
			if first != p.Name {
				problem = "differs from " + first + " in case only"
			}
			return &Error{"primary", p.Name, problem, "rename one, or put their addresses on one line"}
		}
		names[folded] = p.Name

		if p.Transfers < 0 || p.Transfers > MaxTransfers {
			return &Error{"transfers", fmt.Sprint(p.Transfers), "primary " + p.Name + " needs between 1 and " + fmt.Sprint(MaxTransfers),
				"change it, or leave it out for no limit of its own"}
		}
		for _, prefix := range p.NotifyFrom {
			if !prefix.IsValid() {
				return &Error{"notify_from", prefix.String(), "primary " + p.Name + " has a network that is not valid", "write it as 192.0.2.0/24"}
			}
		}
	}
	return nil
}

func goodName(s string) bool {
	bad := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar || strings.ContainsRune("\"'`{}", r)
	}
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, bad) < 0
}

func (z *Zone) checkAddresses() *Error {
	holders := make(map[netip.AddrPort]string)
	for _, p := range z.Primaries {
		if len(p.Addresses) == 0 {
			return &Error{"primary", p.Name, "has no address", "add one after its name"}
		}
		for _, addr := range p.Addresses {
			where := p.Name + " " + addr.String()
			switch ip := addr.Addr(); {
			case !addr.IsValid():
				return &Error{"primary", p.Name, "has an address that is not valid", "write it as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53"}
			case ip.IsUnspecified() || ip.IsMulticast():
				return &Error{"primary", where, "nobody can be asked at this address", "use the primary's own"}
			case addr.Port() == 0:
				return &Error{"primary", where, "port 0 cannot be asked", "leave the port out for 53"}
			}
			// One server counted as two primaries would agree with itself.
			key := netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
			switch first, ok := holders[key]; {
			case ok && first == p.Name:
				return &Error{"primary", where, "the address is given twice", "remove one"}
			case ok:
				return &Error{"primary", where, "the address is " + first + "'s already", "two primaries must be two servers; remove one"}
			}
			holders[key] = p.Name
		}
	}
	return nil
}

func (z *Zone) checkPolicy() *Error {
	a := z.Agree
	switch n := len(z.Primaries); {
	case a.Kind > Count:
		return &Error{"agree", a.String(), "is not a policy", "write all, majority, any or a number"}
	case a.Kind == Count && a.N < 1:
		return &Error{"agree", a.String(), "at least one primary must hold what is served", "write 1 or more"}
	case a.Kind == Count && a.N > n:
		return &Error{"agree", a.String(), fmt.Sprintf("only %s configured", areConfigured(n)), "lower it or add one"}
	}
	if err := checkPositive("settle", z.Settle); err != nil {
		return err
	}
	if z.Absent != Never {
		if err := checkPositive("absent", z.Absent); err != nil {
			err.Remedy += ", or never"
			return err
		}
	}
	if z.History < 1 || z.History > MaxHistory {
		return &Error{"history", fmt.Sprint(z.History), "is out of range", fmt.Sprintf("keep between 1 and %d versions", MaxHistory)}
	}
	return nil
}

func areConfigured(n int) string {
	if n == 1 {
		return "1 primary is"
	}
	return fmt.Sprintf("%d primaries are", n)
}

func (z *Zone) checkTimers() *Error {
	for _, t := range []struct {
		property string
		clamp    Clamp
	}{{"refresh", z.Refresh}, {"retry", z.Retry}, {"expire", z.Expire}} {
		value := func() string { return FormatDuration(t.clamp.Min) + " " + FormatDuration(t.clamp.Max) }
		switch {
		// A timer of less than a second would be a flood of checks.
		case t.clamp.Min < time.Second:
			return &Error{t.property, value(), "the least is below 1s", "write a longer one first"}
		case t.clamp.Min > t.clamp.Max:
			return &Error{t.property, value(), "the least is greater than the most",
				"write them as: " + t.property + " " + FormatDuration(t.clamp.Max) + " " + FormatDuration(t.clamp.Min)}
		}
	}
	return nil
}

func (z *Zone) checkLimits() *Error {
	l := z.Limit
	if l.Size < 0 {
		return &Error{"limit size", fmt.Sprint(l.Size), "is not a size", "write one such as 256MiB, or leave it out for the default"}
	}
	if err := checkPositive("limit time", l.Time); err != nil {
		return err
	}
	if err := checkPositive("limit idle", l.Idle); err != nil {
		return err
	}
	if l.Transfers < 1 || l.Transfers > MaxTransfers {
		return &Error{"limit transfers", fmt.Sprint(l.Transfers), "is out of range", fmt.Sprintf("write between 1 and %d", MaxTransfers)}
	}
	return nil
}

func checkPositive(property string, d time.Duration) *Error {
	if d > 0 {
		return nil
	}
	return &Error{property, FormatDuration(d), "must be longer than 0s", "write a duration such as 30s"}
}
