package concord

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// zoneConfig is what a Corefile says of one zone: what it is, which is the business of the rooms below, and what the
// plugin chain wants to know of it.
type zoneConfig struct {
	config.Zone
	fall      fall.F
	answering answering
}

// parse reads every concord directive of one server block. An error is one line: file and line, the property, what is
// wrong with it, and what to do.
func parse(c *caddy.Controller, pace *pacing) ([]zoneConfig, error) {
	var zones []zoneConfig
	lines := make(map[string]position)
	for c.Next() {
		start := here(c)
		parsed, err := parseDirective(c, pace)
		if err != nil {
			return nil, err
		}
		for _, z := range parsed {
			if first, ok := lines[z.Origin]; ok {
				return nil, start.errorf("zone %s: is configured twice in this server block, first at %s; keep one", z.Origin, first)
			}
			lines[z.Origin] = start
		}
		if zones == nil {
			zones = parsed // which are thousands now and then
		} else {
			zones = append(zones, parsed...)
		}
	}
	return zones, nil
}

// parseDirective reads one directive with its block. The zones that it names differ in nothing but their origins.
func parseDirective(c *caddy.Controller, pace *pacing) ([]zoneConfig, error) {
	start := here(c)
	origins, err := parseOrigins(c, pace)
	if err != nil {
		return nil, err
	}
	b := &directive{
		Controller: c, root: dnsserver.GetConfig(c).Root, zone: config.Defaults(),
		lines: map[string]position{"zone": start}, keyLines: make(map[string]position),
	}
	for c.NextBlock() {
		if err := b.property(); err != nil {
			return nil, err
		}
	}
	if err := b.keep(); err != nil {
		return nil, start.errorf("%v", err)
	}
	zones := make([]zoneConfig, 0, len(origins))
	for _, origin := range origins {
		pace.step()
		z := zoneConfig{Zone: b.zone, fall: b.fall, answering: b.answering}
		if err := b.complete(&z.Zone, origin); err != nil {
			return nil, b.position(err, start).errorf("%v", err)
		}
		zones = append(zones, z)
	}
	return zones, nil
}

// parseOrigins returns the zones that the directive names, or those of the server block. A reverse zone may be written
// as a network, as everywhere in CoreDNS, and is then one zone or several.
func parseOrigins(c *caddy.Controller, pace *pacing) ([]string, error) {
	args := c.RemainingArgs()
	named := len(args) > 0
	if !named {
		args = c.ServerBlockKeys
	}
	var origins []string
	seen := make(map[string]bool, len(args)) // thousands may be named
	for _, arg := range args {
		pace.step()
		hosts := plugin.Host(arg).NormalizeExact()
		if len(hosts) == 0 {
			return nil, here(c).errorf("zone %s: is not a domain name or network; write it as example.org or 192.0.2.0/24", arg)
		}
		for _, host := range hosts {
			name, err := zone.ParseName(host)
			if err != nil {
				return nil, here(c).errorf("zone %s: %v; write it as example.org or 192.0.2.0/24", arg, err)
			}
			// In the form that questions have after unpacking, so that the handler can compare strings.
			origin := strings.ToLower(name.String())
			if !seen[origin] {
				seen[origin] = true
				origins = append(origins, origin)
			} else if named {
				return nil, here(c).errorf("zone %s: is named twice; remove one", origin)
			} // else the server block listens for it in two ways
		}
	}
	if len(origins) == 0 {
		return nil, here(c).errorf("zone: has no name; name it in the server block or after concord")
	}
	return origins, nil
}

// directive is one directive while its block is read.
type directive struct {
	*caddy.Controller
	root          string // that paths are below
	zone          config.Zone
	ignored, kept []namedType // which records these are depends on the zone
	fall          fall.F
	answering     answering
	lines         map[string]position // of each property, by its name and by its name and value
	keyLines      map[string]position // of each key, by its name
	guarded       bool                // a guard has been read
}

// complete makes one zone of what the directive says of all of its zones.
func (b *directive) complete(z *config.Zone, origin string) (err error) {
	z.Origin = origin
	if z.Ignore, err = namedIn(origin, "ignore", b.ignored); err != nil {
		return err
	}
	if z.Guard.Keep, err = namedIn(origin, "guard keep", b.kept); err != nil {
		return err
	}
	if err := z.Validate(); err != nil {
		return err
	}
	if err := checkKeys(z); err != nil {
		return err
	}
	return checkTrustFiles(z)
}

// path returns a file's path as other plugins have it: below *root* unless it is absolute.
func (b *directive) path(s string) string {
	if b.root == "" || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(b.root, s)
}

// onceOf returns an error unless a property that may be repeated stands with this word for the first time.
func (b *directive) onceOf(property, word string) error {
	key := property + " " + word + " "
	if first, ok := b.lines[key]; ok {
		return fmt.Errorf("is given twice, first at %s; keep one", first)
	}
	b.lines[key] = here(b.Controller)
	return nil
}

// property reads the property at the cursor.
func (b *directive) property() error {
	name, at := b.Val(), here(b.Controller)
	args := b.RemainingArgs()
	if why, ok := notHere[name]; ok {
		return at.errorf("%s: %s", name, why)
	}
	read, ok := properties[name]
	if !ok {
		return at.errorf("%s: is not a property; write one of: %s", name, strings.Join(propertyNames(), ", "))
	}
	key := strings.TrimSpace(name + " " + firstOf(args))
	if first, ok := b.lines[name]; ok && !repeated[name] {
		return at.errorf("%s: is given twice, first at %s; keep one", name, first)
	}
	b.lines[name], b.lines[key] = at, at
	if err := read(b, args); err != nil {
		return at.wrap(name, args, err)
	}
	if b.NextArg() { // only an opening brace can be left on the line
		return at.errorf("%s: takes no block; remove the braces", name)
	}
	return nil
}

// position finds the line that a [config.Error] is about.
func (b *directive) position(err error, otherwise position) position {
	var e *config.Error
	if !errors.As(err, &e) {
		return otherwise
	}
	value, _, _ := strings.Cut(e.Value, " ")
	for _, key := range []string{e.Property + " " + strings.Trim(value, `"`), e.Property} {
		if at, ok := b.lines[key]; ok {
			return at
		}
	}
	return otherwise
}

// position is a place in a Corefile.
type position struct {
	file string
	line int
}

func here(c *caddy.Controller) position { return position{c.File(), c.Line()} }

func (p position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// errorf makes an error in the form of CoreDNS's own parse errors. It is one line, whatever somebody put in quotes.
func (p position) errorf(format string, args ...any) error {
	text := fmt.Sprintf("%s - Error during parsing: ", p) + fmt.Sprintf(format, args...)
	return errors.New(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text))
}

// wrap puts the place, and the property unless err names it, before err.
func (p position) wrap(property string, args []string, err error) error {
	var placed *placedError
	if errors.As(err, &placed) {
		return placed.at.errorf("%v", placed.error)
	}
	var e *config.Error
	if errors.As(err, &e) {
		return p.errorf("%v", err)
	}
	var quiet *quietError
	if errors.As(err, &quiet) {
		return p.errorf("%s: %v", property, err)
	}
	return p.errorf("%s: %v", strings.TrimSpace(property+" "+strings.Join(args, " ")), err)
}

// placedError is an error about another line than the property's own: one in the block of a primary.
type placedError struct {
	error
	at position
}

func firstOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
