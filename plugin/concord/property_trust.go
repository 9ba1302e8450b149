package concord

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/concord-dns/concord/internal/config"
)

// namedType is a name and a type as they stand in the Corefile. Which records they are depends on the zone.
type namedType struct{ name, typ string }

// namedIn returns what names and types are in a zone.
func namedIn(origin, property string, named []namedType) ([]config.RecordName, error) {
	if len(named) == 0 {
		return nil, nil
	}
	records := make([]config.RecordName, len(named))
	for i, n := range named {
		var err error
		if records[i], err = config.ParseRecordName(n.name, n.typ, origin); err != nil {
			return nil, &config.Error{Property: property, Value: n.name + " " + n.typ, Problem: err.Error()}
		}
	}
	return records, nil
}

func readCompare(b *directive, args []string) error {
	s, err := one(args)
	if err != nil {
		return fmt.Errorf("%w; write strict, content or multisigner", err)
	}
	b.zone.Compare, err = config.ParseCompare(s)
	return err
}

// readIgnore reads ignore NAME TYPE.
func readIgnore(b *directive, args []string) error {
	if len(args) != 2 {
		return errors.New("wants a name and a type; write it as ignore www TXT, or as ignore *.dyn ANY for all below a name")
	}
	b.ignored = append(b.ignored, namedType{args[0], args[1]})
	return nil
}

// readDrift reads drift hold and drift prefer NAME DURATION.
func readDrift(b *directive, args []string) error {
	const remedy = "write drift hold, or drift prefer NAME DURATION"
	switch {
	case len(args) == 0:
		return fmt.Errorf("%w; %s", errNoValue, remedy)
	case args[0] == "hold" && len(args) == 1:
		b.zone.Drift = config.Drift{}
		return nil
	case args[0] == "prefer" && len(args) == 3:
		after, err := config.ParseDuration(args[2])
		b.zone.Drift = config.Drift{Prefer: args[1], After: after}
		return err
	case args[0] == "prefer":
		return errors.New("wants a primary and how long the drift must have lasted; write it as drift prefer ns1 30m")
	}
	return errors.New("is not a policy; " + remedy)
}

// readVerify reads verify zonemd [required|off], verify dnssec [FILE] and verify command PATH [ARGS...].
func readVerify(b *directive, args []string) error {
	const remedy = "write verify zonemd, verify dnssec or verify command"
	if len(args) == 0 {
		return fmt.Errorf("%w; %s", errNoValue, remedy)
	}
	if err := b.onceOf("verify", args[0]); err != nil {
		return err
	}
	v, rest := &b.zone.Verify, args[1:]
	switch args[0] {
	case "zonemd":
		switch strings.Join(rest, " ") {
		case "":
			v.ZONEMD = config.ZONEMDPresent
		case "required":
			v.ZONEMD = config.ZONEMDRequired
		case "off":
			v.ZONEMD = config.ZONEMDOff
		default:
			return fmt.Errorf("%q says nothing of it; write verify zonemd, verify zonemd required or verify zonemd off", strings.Join(rest, " "))
		}
	case "dnssec":
		v.DNSSEC = true
		switch len(rest) {
		case 0:
		case 1:
			v.Anchors = b.path(rest[0])
		default:
			return errors.New("wants one file of DS or DNSKEY records, or none; write it as verify dnssec /etc/coredns/example.org.ds")
		}
	case "command":
		if len(rest) == 0 {
			return fmt.Errorf("%w; write the path of a program and its arguments", errNoValue)
		}
		v.Command = append([]string{b.path(rest[0])}, rest[1:]...)
	default:
		return errors.New("is not a check; " + remedy)
	}
	return nil
}

// readGuard reads guard shrink N%, guard change N%, guard records MIN [MAX], guard keep NAME TYPE and guard off.
func readGuard(b *directive, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w; write guard shrink 30%%, guard change 50%%, guard records 100, guard keep www A or guard off", errNoValue)
	}
	if args[0] != "keep" {
		if err := b.onceOf("guard", args[0]); err != nil {
			return err
		}
	}
	if _, off := b.lines["guard off"]; off && b.guarded { // in this line or one before
		return errors.New("guard off does not stand beside other guards; remove it, or the others")
	}
	b.guarded = true
	g, rest := &b.zone.Guard, args[1:]
	var err error
	switch args[0] {
	case "shrink":
		g.Shrink, err = percent(rest)
	case "change":
		g.Change, err = percent(rest)
	case "records":
		if len(rest) != 1 && len(rest) != 2 {
			return errors.New("wants the least, and perhaps the most; write it as guard records 100 or guard records 100 5000")
		}
		if g.MinRecords, err = number(rest[0]); err == nil && len(rest) == 2 {
			if g.MaxRecords, err = number(rest[1]); err == nil && g.MaxRecords == 0 {
				err = errors.New("0 is no bound; write 1 or more, or leave it out")
			}
		}
		if err != nil {
			return fmt.Errorf("%w; write it as guard records 100 or guard records 100 5000", err)
		}
	case "keep":
		if len(rest) != 2 {
			return errors.New("wants a name and a type; write it as guard keep www A, or guard keep @ ANY")
		}
		b.kept = append(b.kept, namedType{rest[0], rest[1]})
	case "off":
		if len(rest) > 0 {
			return fmt.Errorf("%q is too much; write guard off", strings.Join(rest, " "))
		}
		*g = config.Guard{Off: true}
	default:
		return errors.New("is not a guard; write shrink, change, records, keep or off")
	}
	return err
}

func percent(args []string) (int, error) {
	s, err := one(args)
	if err != nil {
		return 0, fmt.Errorf("%w; write a percentage such as 30%%", err)
	}
	return config.ParsePercent(s)
}

// readSerial reads serial keep.
func readSerial(b *directive, args []string) error {
	if s, err := one(args); err != nil || s != "keep" {
		return errors.New("write serial keep, or leave it out: the serial served is the primaries'")
	}
	b.zone.SerialKeep = true
	return nil
}

// readStore reads store PATH [best-effort] and store off.
func readStore(b *directive, args []string) error {
	switch {
	case len(args) == 0:
		return fmt.Errorf("%w; write store %s, or store off", errNoValue, defaultStore)
	case args[0] == "off" && len(args) == 1:
		b.zone.Store = config.Store{Off: true}
		return nil
	case len(args) > 2, len(args) == 2 && args[1] != "best-effort":
		return fmt.Errorf("%q says nothing of it; write store PATH, store PATH best-effort or store off", strings.Join(args[1:], " "))
	}
	path, err := filepath.Abs(b.path(args[0]))
	if err != nil {
		return fmt.Errorf("%w; write an absolute path", err)
	}
	b.zone.Store = config.Store{Path: path, BestEffort: len(args) == 2}
	return nil
}

// defaultStore is the file below *root* in which versions are kept if nobody says otherwise.
const defaultStore = "concord.db"

func readForget(b *directive, args []string) (err error) {
	b.zone.Forget, err = duration(args)
	return err
}
