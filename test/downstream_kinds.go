package test

import (
	"net/netip"
	"text/template"
)

// Downstream returns NSD, Knot and BIND as secondaries of one server: told by NOTIFY, they ask it for changes, and let
// 127.0.0.0/8 transfer what they have. The master files of their zones only say with which serial they begin.
func Downstream(of netip.AddrPort) []*Kind {
	upstream := func(text string) *template.Template {
		return template.Must(template.New("").Funcs(template.FuncMap{"upstream": func() netip.AddrPort { return of }}).Parse(text))
	}
	nsd, knot, bind := *NSD, *Knot, *BIND
	nsd.config = upstream(`server:
	ip-address: {{.Addr.Addr}}@{{.Addr.Port}}
	server-count: 1
	username: ""
	zonesdir: "{{.Path ""}}"
	database: ""
	xfrdfile: "{{.Path "xfrd.state"}}"
	xfrdir: "{{.Path ""}}"
	zonelistfile: "{{.Path "zone.list"}}"
	pidfile: "{{.Path "pid"}}"
	xfrd-reload-timeout: 0
	rrl-ratelimit: 0
	verbosity: 3
remote-control:
	control-enable: no
{{- range .Zones}}
zone:
	name: "{{.Name}}"
	request-xfr: {{upstream.Addr}}@{{upstream.Port}} NOKEY
	allow-notify: 127.0.0.0/8 NOKEY
	provide-xfr: 127.0.0.0/8 NOKEY
{{- end}}
`)
	knot.config = upstream(`server:
  rundir: "{{.Path ""}}"
  listen: {{.Addr.Addr}}@{{.Addr.Port}}
  udp-workers: 1
  tcp-workers: 1
  tcp-io-timeout: 30000
  background-workers: 2
database:
  storage: "{{.Path ""}}"
log:
  - target: stderr
    any: info
remote:
  - id: upstream
    address: {{upstream.Addr}}@{{upstream.Port}}
acl:
  - id: notify
    address: 127.0.0.0/8
    action: notify
  - id: out
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    storage: "{{.Path ""}}"
    master: upstream
    acl: [notify, out]
    zonefile-sync: -1
    zonefile-load: none
    journal-content: none
    semantic-checks: off
zone:
{{- range .Zones}}
  - domain: "{{.Name}}"
{{- end}}
`)
	bind.config = upstream(`options {
	directory "{{.Path ""}}";
	pid-file none;
	session-keyfile none;
	lock-file none;
	listen-on port {{.Addr.Port}} { {{.Addr.Addr}}; };
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	allow-transfer { 127.0.0.0/8; };
	allow-notify { 127.0.0.0/8; };
	check-names secondary ignore;
	notify no;
	serial-query-rate 1000;
	transfers-in 100;
	transfers-per-ns 100;
};
controls { };
{{- range .Zones}}
zone "{{.Name}}" { type secondary; primaries { {{upstream.Addr}} port {{upstream.Port}}; }; file "{{.Name}}bak"; };
{{- end}}
`)
	return []*Kind{&nsd, &knot, &bind}
}
