package test

import (
	"fmt"
	"strings"
)

// MasterFile is a small zone, example.org, that every primary can load.
type MasterFile struct {
	Serial  uint32
	Timers  string   // refresh, retry, expire; an hour, a minute and a week if empty
	WWW     string   // the address of www; 192.0.2.1 if empty
	Records []string // further lines
}

func (m MasterFile) String() string {
	if m.Timers == "" {
		m.Timers = "3600 60 604800"
	}
	if m.WWW == "" {
		m.WWW = "192.0.2.1"
	}
	return fmt.Sprintf(`$ORIGIN example.org.
$TTL 300
@	SOA	ns1 hostmaster %d %s 300
@	NS	ns1
@	NS	ns2.example.net.
@	MX	10 mail
ns1	A	192.0.2.53
mail	A	192.0.2.25
www	A	%s
*.wild	TXT	"any name"
child	NS	ns.child
ns.child	A	192.0.2.99
%s
`, m.Serial, m.Timers, m.WWW, strings.Join(m.Records, "\n"))
}
