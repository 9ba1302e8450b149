package concord

import (
	"errors"

	"github.com/concord-dns/concord/internal/zone"
)

// answering is what a Corefile says of how a zone answers, where the field has not one way.
type answering struct {
	// fullAny answers ANY with all RRsets. One of them is the default, as with NSD and Knot (RFC 8482 section 4.1): the
	// rest is of use only to those who want a large response.
	fullAny bool
	// follow goes on with an alias's target in the other zones of the server block, as NSD does unless told otherwise. That it
	// ends with the zone is the default, as it is with BIND and Knot: a resolver asks for the target itself, since it
	// would not believe what one zone says of another.
	follow bool
}

func readMinimalAny(b *directive, args []string) error {
	minimal, err := yes(args)
	b.answering.fullAny = !minimal
	return err
}

func readConfineToZone(b *directive, args []string) error {
	confined, err := yes(args)
	b.answering.follow = !confined
	return err
}

func yes(args []string) (bool, error) {
	if len(args) == 1 {
		switch args[0] {
		case "yes":
			return true, nil
		case "no":
			return false, nil
		}
	}
	return false, errors.New("is yes or no; write one of them")
}

// elsewhere returns what finds the zone of an alias's target: the one that a question for the target would be answered from, if
// it is served now.
func (b *block) elsewhere(typ uint16) func(zone.Name) *zone.Version {
	return func(target zone.Name) *zone.Version {
		e := b.match(target.String(), typ)
		if e == nil {
			return nil
		}
		s := e.running.zone.Snapshot()
		if s.Expired {
			return nil
		}
		return s.Version
	}
}
