package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// MaxIgnored and MaxKept bound the names that a zone may leave out of comparisons, and have guarded: each is looked for
	// at every check.
	MaxIgnored = 1000
	MaxKept    = 1000

	// MaxChange is the greatest bound of changes in percent: a record that is deleted and one that is added in its place
	// are two, and a zone may grow.
	MaxChange = 1000
)

func (z *Zone) checkCompare() *Error {
	if int(z.Compare) >= len(compareNames) {
		return &Error{"compare", z.Compare.String(), "is not a comparison", "write strict, content or multisigner"}
	}
	if len(z.Ignore) > MaxIgnored {
		return &Error{"ignore", "", fmt.Sprintf("%d names are left out, at most %d can be", len(z.Ignore), MaxIgnored),
			"write one line with *. in front for many names below one"}
	}
	for i, r := range z.Ignore {
		if err := z.checkRecordName("ignore", r); err != nil {
			return err
		}
		if slices.Contains(z.Ignore[:i], r) {
			return &Error{"ignore", r.String(), "is given twice", "remove one"}
		}
	}
	if slices.Contains(z.Ignore, RecordName{Name: z.Origin}) && slices.Contains(z.Ignore, RecordName{Name: below(z.Origin)}) {
		return &Error{"ignore", below(z.Origin) + " ANY", "leaves nothing to compare", "remove the line, or that of " + z.Origin}
	}
	if z.SerialKeep && z.Compare != CompareContent {
		return &Error{"serial", "keep", "needs compare content, and the zone has compare " + z.Compare.String(),
			"write compare content, or remove the line"}
	}
	return nil
}

// below stands for every name below another.
func below(name string) string {
	if name == "." {
		return "*."
	}
	return "*." + name
}

// checkRecordName checks one that must be of the zone.
func (z *Zone) checkRecordName(property string, r RecordName) *Error {
	switch {
	case !strings.HasSuffix(r.Name, ".") || strings.ContainsAny(r.Name, " \t\r\n"):
		return &Error{property, fmt.Sprintf("%q", r.Name), "is not an absolute name", "write it with a final dot, or as it is in a zone file"}
	case r.Name != strings.ToLower(r.Name):
		return &Error{property, r.String(), "is not in lower case", "write " + strings.ToLower(r.Name)}
	case z.Origin != "." && r.Name != z.Origin && !strings.HasSuffix(r.Name, "."+z.Origin):
		return &Error{property, r.String(), "is not in the zone " + z.Origin, "write a name of the zone, or remove the line"}
	}
	return nil
}

func (z *Zone) checkDrift() *Error {
	d := z.Drift
	if d.Prefer == "" {
		if d.After != 0 {
			return &Error{"drift", FormatDuration(d.After), "has a time and no primary", "write drift hold, or drift prefer NAME " + FormatDuration(d.After)}
		}
		return nil
	}
	value := "prefer " + d.Prefer
	var names []string
	for _, p := range z.Primaries {
		if p.Name == d.Prefer {
			if d.After <= 0 {
				return &Error{"drift", value + " " + FormatDuration(d.After), "the time must be longer than 0s",
					"write how long the drift must have lasted, such as 30m"}
			}
			return nil
		}
		names = append(names, p.Name)
	}
	return &Error{"drift", value, "there is no primary of this name", "write one of: " + strings.Join(names, ", ")}
}

func (z *Zone) checkVerify() *Error {
	v := z.Verify
	if v.ZONEMD > ZONEMDOff {
		return &Error{"verify zonemd", v.ZONEMD.String(), "is not a check", "write verify zonemd, verify zonemd required or verify zonemd off"}
	}
	if v.Anchors != "" && !v.DNSSEC {
		return &Error{"verify dnssec", v.Anchors, "a file of trust anchors is of no use without the check", "write verify dnssec " + v.Anchors}
	}
	if len(v.Command) == 0 {
		return nil
	}
	value := fmt.Sprintf("%q", v.Command[0])
	switch {
	case !filepath.IsAbs(v.Command[0]):
		return &Error{"verify command", value, "is not an absolute path", "write it as /usr/bin/ldns-verify-zone"}
	case slices.ContainsFunc(v.Command, func(s string) bool { return strings.ContainsRune(s, 0) }):
		return &Error{"verify command", value, "has an octet 0 in it, which no argument can have", "remove it"}
	}
	return nil
}

func (z *Zone) checkGuard() *Error {
	g := z.Guard
	switch {
	case g.Off && (g.Shrink != 0 || g.Change != 0 || g.MinRecords != 0 || g.MaxRecords != 0 || len(g.Keep) > 0):
		return &Error{"guard", "off", "stands beside other guards", "remove it, or the others"}
	case g.Shrink < 0 || g.Shrink > 100:
		return &Error{"guard shrink", fmt.Sprintf("%d%%", g.Shrink), "is out of range", "write between 1% and 100%"}
	case g.Change < 0 || g.Change > MaxChange:
		return &Error{"guard change", fmt.Sprintf("%d%%", g.Change), "is out of range", fmt.Sprintf("write between 1%% and %d%%", MaxChange)}
	case g.MinRecords < 0 || g.MaxRecords < 0:
		return &Error{"guard records", fmt.Sprint(min(g.MinRecords, g.MaxRecords)), "is no number of records", "write 1 or more"}
	case g.MaxRecords > 0 && g.MinRecords > g.MaxRecords:
		return &Error{"guard records", fmt.Sprintf("%d %d", g.MinRecords, g.MaxRecords), "the least is greater than the most",
			fmt.Sprintf("write them as: guard records %d %d", g.MaxRecords, g.MinRecords)}
	case len(g.Keep) > MaxKept:
		return &Error{"guard keep", "", fmt.Sprintf("%d names are guarded, at most %d can be", len(g.Keep), MaxKept), "keep the most important ones"}
	}
	for i, r := range g.Keep {
		if err := z.checkRecordName("guard keep", r); err != nil {
			return err
		}
		if slices.Contains(g.Keep[:i], r) {
			return &Error{"guard keep", r.String(), "is given twice", "remove one"}
		}
	}
	return nil
}

func (z *Zone) checkStore() *Error {
	s := z.Store
	switch {
	case s.Off && s.Path != "":
		return &Error{"store", s.Path, "has a path and is off", "write store off or store " + s.Path}
	case s.Off && s.BestEffort:
		return &Error{"store", "off", "best-effort says nothing of a store that is off", "remove it"}
	case !s.Off && s.Path == "":
		return &Error{"store", "", "has no path", "write it as store /var/lib/concord/concord.db, or store off"}
	case !s.Off && !filepath.IsAbs(s.Path):
		return &Error{"store", s.Path, "is not an absolute path", "write it as /var/lib/concord/concord.db"}
	}
	if z.Forget < time.Hour { // a Corefile that is mended at once must not cost the history of its zones
		return &Error{"forget", FormatDuration(z.Forget), "is below 1h", "write a longer duration, such as 30d"}
	}
	return nil
}
