package config

import (
	"fmt"
	"strconv"
)

// Agree says how many primaries must hold the same content before it is
// served. The zero value is Agree{Kind: All}.
type Agree struct {
	Kind AgreeKind
	N    int // with Count only
}

// AgreeKind is one of the ways to count.
type AgreeKind uint8

const (
	All      AgreeKind = iota // every counted primary
	Majority                  // more than half of the counted ones
	Any                       // one is enough
	Count                     // N, whatever number is counted
)

// Need returns how many of the counted primaries must agree. It is at least
// one: content that nobody holds is never agreed on.
func (a Agree) Need(counted int) int {
	switch a.Kind {
	case Any:
		return 1
	case Count:
		return max(a.N, 1)
	case Majority:
		return counted/2 + 1
	}
	return max(counted, 1)
}

// String returns the value as the Corefile has it.
func (a Agree) String() string {
	switch a.Kind {
	case All:
		return "all"
	case Majority:
		return "majority"
	case Any:
		return "any"
	case Count:
		return strconv.Itoa(a.N)
	}
	return fmt.Sprintf("AgreeKind(%d)", a.Kind)
}

// ParseAgree reads "all", "majority", "any" or a number.
func ParseAgree(s string) (Agree, error) {
	switch s {
	case "all":
		return Agree{Kind: All}, nil
	case "majority":
		return Agree{Kind: Majority}, nil
	case "any":
		return Agree{Kind: Any}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return Agree{}, &Error{"agree", s, "is not a policy", "write all, majority, any or a number"}
	}
	return Agree{Kind: Count, N: n}, nil
}
