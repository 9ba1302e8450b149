package test

import (
	"syscall"
	"text/template"
)

// NSD, Knot and BIND, each run as the current user from one directory, with nothing of its own opinion: no rate limits,
// no minimal answers, no checks of a zone's sense.
var (
	NSD = &Kind{
		Name:   "nsd",
		server: "nsd",
		args:   []string{"-d", "-c", "conf"},
		config: parse(`server:
	ip-address: {{.Addr.Addr}}@{{.Addr.Port}}
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
pattern:
	name: primary
	provide-xfr: 127.0.0.0/8 NOKEY
	outgoing-interface: {{.Addr.Addr}}
{{- range .Notify}}
	notify: {{.Addr}}@{{.Port}} NOKEY
{{- end}}
{{- range .Zones}}
zone:
	name: "{{.Name}}"
	zonefile: "{{.File}}"
	include-pattern: primary
{{- end}}
`),
		reload: func(p *Peer, zone string) error { return p.control("nsd-control", "-c", "conf", "reload", zone) },
	}

	Knot = &Kind{
		Name:   "knot",
		server: "knotd",
		args:   []string{"-c", "conf"},
		config: parse(`server:
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
{{- if .Notify}}
remote:
{{- range $i, $addr := .Notify}}
  - id: "n{{$i}}"
    address: {{$addr.Addr}}@{{$addr.Port}}
    via: {{$.Addr.Addr}}
{{- end}}
{{- end}}
acl:
  - id: out
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    storage: "{{.Path ""}}"
    acl: out
{{- if .Notify}}
    notify: [{{range $i, $addr := .Notify}}{{if $i}}, {{end}}n{{$i}}{{end}}]
{{- end}}
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
{{- range .Zones}}
  - domain: "{{.Name}}"
    file: "{{.File}}"
{{- end}}
`),
		reload: func(p *Peer, zone string) error { return p.control("knotc", "-c", "conf", "-b", "zone-reload", zone) },
	}

	BIND = &Kind{
		Name:   "bind",
		server: "named",
		args:   []string{"-g", "-4", "-n", "1", "-c", "conf"},
		config: parse(`options {
	directory "{{.Path ""}}";
	pid-file none;
	session-keyfile none;
	lock-file none;
	listen-on port {{.Addr.Port}} { {{.Addr.Addr}}; };
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	minimal-responses no;
	allow-transfer { 127.0.0.0/8; };
	check-names primary ignore;
	check-integrity no;
	check-sibling no;
	notify explicit;
	notify-delay 0;
	notify-source {{.Addr.Addr}};
	also-notify { {{range .Notify}}{{.Addr}} port {{.Port}}; {{end}}};
};
controls { };
{{- range .Zones}}
zone "{{.Name}}" { type primary; file "{{.File}}"; };
{{- end}}
`),
		// Without a control channel, which would need a port and a key.
		reload: func(p *Peer, _ string) error { p.signal(syscall.SIGHUP); return nil },
	}
)

func parse(text string) *template.Template { return template.Must(template.New("").Parse(text)) }
