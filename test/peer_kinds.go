package test

import (
	"errors"
	"strings"
	"syscall"
	"text/template"
)

// NSD, Knot and BIND, each run as the current user from one directory, with nothing of its own opinion: no rate limits,
// no minimal answers, no checks of a zone's sense.
var (
	NSD  = Secured{}.NSD()
	Knot = Secured{}.Knot()
	BIND = Secured{}.BIND()
)

// NSD returns the kind that has all this: changes are made of the master files that it loads, and there is no way to ask
// for certificates of clients.
func (s Secured) NSD() *Kind {
	return &Kind{
		Name:   "nsd",
		server: "nsd",
		args:   []string{"-d", "-c", "conf"},
		config: s.template(`server:
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
	minimal-responses: no
	refuse-any: no
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
	name: keyed
{{- range secured.Keys}}
	provide-xfr: 127.0.0.0/8 {{.Name}}
{{- end}}
	outgoing-interface: {{.Addr.Addr}}
{{- range .Notify}}
	notify: {{.Addr}}@{{.Port}} {{or secured.NotifyKey "NOKEY"}}
{{- end}}
{{- if secured.Journal}}
	store-ixfr: yes
	create-ixfr: yes
{{- end}}
pattern:
	name: open
	provide-xfr: 127.0.0.0/8 NOKEY
	include-pattern: keyed
{{- range .Zones}}
zone:
	name: "{{.Name}}"
	zonefile: "{{.File}}"
	include-pattern: {{if keyed .Name}}keyed{{else}}open{{end}}
{{- end}}
`),
		reload: func(p *Peer, zone string) error { return p.control("nsd-control", "-c", "conf", "reload", zone) },
	}
}

// Knot returns the kind that has keys and journals: Knot 3.2 serves no TLS.
func (s Secured) Knot() *Kind {
	return &Kind{
		Name:   "knot",
		server: "knotd",
		args:   []string{"-c", "conf"},
		config: s.template(`server:
  rundir: "{{.Path ""}}"
  listen: {{.Addr.Addr}}@{{.Addr.Port}}
  udp-workers: 1
  tcp-workers: 1
  tcp-io-timeout: 30000
  background-workers: 1
control:
  listen: "{{.Path "control"}}"
database:
  storage: "{{.Path ""}}"
log:
  - target: stderr
    any: info
{{- if secured.Keys}}
key:
{{- range secured.Keys}}
  - id: "{{.Name}}"
    algorithm: {{.Algorithm}}
    secret: "{{.Secret}}"
{{- end}}
{{- end}}
{{- if .Notify}}
remote:
{{- range $i, $addr := .Notify}}
  - id: "n{{$i}}"
    address: {{$addr.Addr}}@{{$addr.Port}}
    via: {{$.Addr.Addr}}
{{- with secured.NotifyKey}}
    key: "{{.}}"
{{- end}}
{{- end}}
{{- end}}
acl:
  - id: open
    address: 127.0.0.0/8
    action: transfer
{{- if secured.Keys}}
  - id: keyed
    key: [{{range $i, $k := secured.Keys}}{{if $i}}, {{end}}"{{$k.Name}}"{{end}}]
    action: transfer
{{- end}}
template:
  - id: default
    storage: "{{.Path ""}}"
{{- if .Notify}}
    notify: [{{range $i, $addr := .Notify}}{{if $i}}, {{end}}n{{$i}}{{end}}]
{{- end}}
    zonefile-sync: -1
    zonefile-load: {{if secured.Journal}}difference{{else}}whole{{end}}
    journal-content: {{if secured.Journal}}changes{{else}}none{{end}}
    semantic-checks: off
zone:
{{- range .Zones}}
  - domain: "{{.Name}}"
    file: "{{.File}}"
    acl: [{{if not (keyed .Name)}}open{{if secured.Keys}}, {{end}}{{end}}{{if secured.Keys}}keyed{{end}}]
{{- end}}
`),
		reload: func(p *Peer, zone string) error { return p.control("knotc", "-c", "conf", "-b", "zone-reload", zone) },
	}
}

// BIND returns the kind that has all this.
func (s Secured) BIND() *Kind {
	return &Kind{
		Name:   "bind",
		server: "named",
		args:   []string{"-g", "-4", "-n", "1", "-c", "conf"},
		config: s.template(`
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
	minimal-responses no;
	allow-transfer { 127.0.0.0/8; };
	check-names primary ignore;
	check-integrity no;
	check-sibling no;
{{- if secured.Journal}}
	ixfr-from-differences yes;
{{- end}}
	notify explicit;
	notify-delay 0;
	notify-source {{.Addr.Addr}};
	also-notify { {{range .Notify}}{{.Addr}} port {{.Port}}{{with secured.NotifyKey}} key "{{.}}"{{end}}; {{end}}};
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
`),
		// Without a control channel, which would need a port and a key.
		reload: func(p *Peer, _ string) error { p.signal(syscall.SIGHUP); return nil },
	}
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
{{- if .Notify}}
primary=yes
only-notify=
also-notify={{range $i, $a := .Notify}}{{if $i}},{{end}}{{$a}}{{end}}
query-local-address={{.Addr.Addr}}
{{- end}}
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
			err := p.control("pdns_control", "--config-dir=.", "bind-reload-now", strings.TrimSuffix(zone, "."))
			for _, addr := range p.Notify { // it tells of changes in its own time
				err = errors.Join(err, p.control("pdns_control", "--config-dir=.", "notify-host", strings.TrimSuffix(zone, "."), addr.String()))
			}
			return err
		},
	}
}

func parse(text string) *template.Template { return template.Must(template.New("").Parse(text)) }
