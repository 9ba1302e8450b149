package test

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"text/template"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/tsig"
)

// Secured is what peers have that are asked with TSIG, over TLS, and for changes. Each lets zones whose names begin with
// "keyed." be transferred with its keys alone, and all others by anyone at 127.0.0.0/8.
type Secured struct {
	Keys []SecuredKey
	// TLS is where the peer speaks TLS, with the certificate and its key in files; not valid: nowhere.
	TLS       netip.AddrPort
	Cert, Key string
	// ClientCA is a file of what signs the certificates that clients must have; empty: they need none.
	ClientCA string
}

// SecuredKey is one TSIG key as both ends have it.
type SecuredKey struct {
	Name      string
	Algorithm config.Algorithm
	Octets    string
}

// Secret returns the secret as configurations have it.
func (k SecuredKey) Secret() string { return base64.StdEncoding.EncodeToString([]byte(k.Octets)) }

// Ours returns the key as we have it.
func (k SecuredKey) Ours(t testing.TB) tsig.Key {
	t.Helper()
	key, err := tsig.New(config.Key{Name: k.Name, Algorithm: k.Algorithm, Secret: config.NewSecret([]byte(k.Octets))})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Theirs returns the key as a scripted primary has it.
func (k SecuredKey) Theirs() primarytest.Key {
	algorithm := k.Algorithm.String() + "."
	if k.Algorithm == config.HMACMD5 {
		algorithm = "hmac-md5.sig-alg.reg.int."
	}
	return primarytest.Key{Name: k.Name, Algorithm: algorithm, Secret: k.Secret()}
}

// AllAlgorithms returns a key for each algorithm.
func AllAlgorithms() (keys []SecuredKey) {
	for a := config.HMACMD5; a <= config.HMACSHA512; a++ {
		keys = append(keys, SecuredKey{a.String() + ".key.", a, "the secret of " + a.String() + " in tests, and long enough"})
	}
	return keys
}

// template returns the configuration of a peer of this kind, to be filled in with the peer itself.
func (s Secured) template(text string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"secured": func() Secured { return s },
		"keyed":   func(zone string) bool { return strings.HasPrefix(zone, "keyed.") },
	}).Parse(text))
}

// NSD returns the kind that has all this: changes are made of the master files that it loads, and there is no way to ask
// for certificates of clients.
func (s Secured) NSD() *Kind {
	k := *NSD
	k.config = s.template(`server:
	ip-address: {{.Addr.Addr}}@{{.Addr.Port}}
{{- with secured}}{{if .TLS.IsValid}}
	ip-address: {{.TLS.Addr}}@{{.TLS.Port}}
	tls-port: {{.TLS.Port}}
	tls-service-pem: "{{.Cert}}"
	tls-service-key: "{{.Key}}"
{{- end}}{{end}}
	server-count: 1
	username: ""
	zonesdir: "{{.Path ""}}"
	database: ""
	xfrdfile: "{{.Path "xfrd.state"}}"
	xfrdir: "{{.Path ""}}"
	zonelistfile: "{{.Path "zone.list"}}"
	pidfile: "{{.Path "pid"}}"
	rrl-ratelimit: 0
	verbosity: 2
remote-control:
	control-enable: yes
	control-interface: "{{.Path "control"}}"
{{- range secured.Keys}}
key:
	name: "{{.Name}}"
	algorithm: {{.Algorithm}}
	secret: "{{.Secret}}"
{{- end}}
pattern:
	name: open
	provide-xfr: 127.0.0.0/8 NOKEY
{{- range secured.Keys}}
	provide-xfr: 127.0.0.0/8 {{.Name}}
{{- end}}
	store-ixfr: yes
	create-ixfr: yes
pattern:
	name: keyed
{{- range secured.Keys}}
	provide-xfr: 127.0.0.0/8 {{.Name}}
{{- end}}
	store-ixfr: yes
	create-ixfr: yes
{{- range .Zones}}
zone:
	name: "{{.Name}}"
	zonefile: "{{.File}}"
	include-pattern: {{if keyed .Name}}keyed{{else}}open{{end}}
{{- end}}
`)
	return &k
}

// Knot returns the kind that has keys and journals: Knot 3.2 serves no TLS.
func (s Secured) Knot() *Kind {
	k := *Knot
	k.config = s.template(`server:
  rundir: "{{.Path ""}}"
  listen: {{.Addr.Addr}}@{{.Addr.Port}}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: "{{.Path "control"}}"
database:
  storage: "{{.Path ""}}"
log:
  - target: stderr
    any: info
key:
{{- range secured.Keys}}
  - id: "{{.Name}}"
    algorithm: {{.Algorithm}}
    secret: "{{.Secret}}"
{{- end}}
acl:
  - id: open
    address: 127.0.0.0/8
    action: transfer
  - id: keyed
    key: [{{range $i, $k := secured.Keys}}{{if $i}}, {{end}}"{{$k.Name}}"{{end}}]
    action: transfer
template:
  - id: default
    storage: "{{.Path ""}}"
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    semantic-checks: off
zone:
{{- range .Zones}}
  - domain: "{{.Name}}"
    file: "{{.File}}"
    acl: [{{if not (keyed .Name)}}open, {{end}}keyed]
{{- end}}
`)
	return &k
}

// BIND returns the kind that has all this.
func (s Secured) BIND() *Kind {
	k := *BIND
	k.config = s.template(`
{{- range secured.Keys}}
key "{{.Name}}" { algorithm {{.Algorithm}}; secret "{{.Secret}}"; };
{{- end}}
{{- with secured}}{{if .TLS.IsValid}}
tls server {
	cert-file "{{.Cert}}"; key-file "{{.Key}}";
{{- if .ClientCA}} ca-file "{{.ClientCA}}";{{end}}
	protocols { TLSv1.3; };
};
{{- end}}{{end}}
options {
	directory "{{.Path ""}}";
	pid-file none;
	session-keyfile none;
	lock-file none;
	listen-on port {{.Addr.Port}} { {{.Addr.Addr}}; };
{{- with secured}}{{if .TLS.IsValid}}
	listen-on port {{.TLS.Port}} tls server { {{.TLS.Addr}}; };
{{- end}}{{end}}
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	allow-transfer { 127.0.0.0/8; };
	check-names primary ignore;
	check-integrity no;
	check-sibling no;
	ixfr-from-differences yes;
	notify no;
};
controls { };
{{- range .Zones}}
zone "{{.Name}}" {
	type primary;
	file "{{.File}}";
{{- if keyed .Name}}
	allow-transfer { {{range secured.Keys}}key "{{.Name}}"; {{end}}};
{{- end}}
};
{{- end}}
`)
	return &k
}

// PowerDNS returns the kind that has keys: it answers IXFR with the whole zone, and lets who is allowed by its address
// transfer keyed zones as well. Its configuration is a script that makes the real one, as keys are in a database.
func (s Secured) PowerDNS() *Kind {
	return &Kind{
		Name:   "powerdns",
		server: "sh",
		args:   []string{"-e", "conf"},
		config: s.template(`PATH=$PATH:/usr/sbin
cat >pdns.conf <<END
launch=bind
bind-config={{.Path "zones"}}
bind-dnssec-db={{.Path "keys.db"}}
local-address={{.Addr.Addr}}
local-port={{.Addr.Port}}
socket-dir={{.Path ""}}
daemon=no
guardian=no
disable-syslog=yes
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
allow-axfr-ips=127.0.0.0/8
receiver-threads=1
distributor-threads=1
END
cat >zones <<END
{{- range .Zones}}
zone "{{.Name}}" { type master; file "{{.File}}"; };
{{- end}}
END
pdnsutil --config-dir=. create-bind-db keys.db
{{- range $k := secured.Keys}}
pdnsutil --config-dir=. import-tsig-key {{.Name}} {{.Algorithm}} '{{.Secret}}'
{{- range $.Zones}}
pdnsutil --config-dir=. activate-tsig-key {{.Name}} {{$k.Name}} primary
{{- end}}
{{- end}}
exec pdns_server --config-dir=.
`),
		reload: func(p *Peer, zone string) error {
			return p.control("pdns_control", "--config-dir=.", "bind-reload-now", strings.TrimSuffix(zone, "."))
		},
	}
}
