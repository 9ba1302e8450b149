package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration as the Corefile has it: numbers with units,
// as in Go, and also d (24 hours) and w (7 days): "30s", "1d12h", "60d". It
// refuses negative durations and numbers without a unit.
func ParseDuration(s string) (time.Duration, error) {
	bad := func(why string) error {
		return fmt.Errorf("%q is not a duration: %s; write one such as 30s, 10m, 12h or 7d", s, why)
	}
	if s == "" {
		return 0, bad("it is empty")
	}
	var total float64
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		value, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, bad("a number is missing")
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzµμ"))
		unit, ok := units[rest[:letters]]
		switch {
		case letters == 0:
			return 0, bad("a unit is missing")
		case !ok:
			return 0, bad("there is no unit " + strconv.Quote(rest[:letters]))
		}
		total += value * float64(unit)
		rest = rest[letters:]
	}
	if total >= math.MaxInt64 {
		return 0, bad("it is too long")
	}
	return time.Duration(math.Round(total)), nil
}

var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day,
}

// FormatDuration writes d in the shortest form that [ParseDuration] reads:
// "1d", not "24h0m0s". [Never] is "never".
func FormatDuration(d time.Duration) string {
	switch {
	case d == Never:
		return "never"
	case d == 0:
		return "0s"
	case d < 0:
		return d.String()
	}
	var b strings.Builder
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	if d > 0 {
		b.WriteString(d.String())
	}
	return b.String()
}

// ParseSize reads a number of bytes: "1048576", "64KiB", "16MiB", "1GiB", and
// with decimal units "500MB".
func ParseSize(s string) (int64, error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	unit, ok := sizes[s[digits:]]
	if err != nil || !ok || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size; write one such as 1048576, 256MiB or 1GiB", s)
	}
	return n * unit, nil
}

var sizes = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// ParsePercent reads a whole number of percent, with its sign: "30%".
func ParsePercent(s string) (int, error) {
	digits, ok := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || digits[0] == '+' {
		return 0, fmt.Errorf("%q is not a percentage; write one such as 30%%", s)
	}
	return n, nil
}
