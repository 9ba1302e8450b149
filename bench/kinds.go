package main

import (
	"strings"
	"text/template"
)

// servers are the peers, ours last. Each has its defaults but for what a shared machine forces on it, rate limits, which
// measure something else, and as many workers as there are CPUs for it.
var servers = []*server{
	{
		name: "knot", program: "knotd", versionBy: []string{"-V"}, primaries: 1,
		args: []string{"-c", "conf"}, keeps: "%s.zone",
		config: parseConfig(`server:
  rundir: "{{.Dir}}"
  listen: {{.Addr.Addr}}@{{.Addr.Port}}
  udp-workers: {{.Workers}}
  tcp-workers: {{.Workers}}
  background-workers: {{.Workers}}
control:
  listen: "{{.Dir}}/control"
database:
  storage: "{{.Dir}}"
log:
  - target: stderr
    any: warning
acl:
  - id: notify
    address: 127.0.0.0/8
    action: notify
{{- if .Zones}}
remote:
{{- range $i, $p := .Primaries}}
  - id: p{{$i}}
    address: {{$p.Addr}}@{{$p.Port}}
{{- end}}
template:
  - id: default
    storage: "{{.Dir}}"
    acl: notify
    master: [{{range $i, $p := .Primaries}}{{if $i}}, {{end}}p{{$i}}{{end}}]
zone:
{{- range .Zones}}
  - domain: "{{.}}"
{{- end}}
{{- end}}
`)},
	{
		name: "nsd", program: "nsd", versionBy: []string{"-v"}, primaries: 1,
		args: []string{"-d", "-c", "conf"}, keeps: "%s.zone", keepBy: []string{"nsd-control", "-c", "conf", "write"},
		config: parseConfig(`server:
	ip-address: {{.Addr.Addr}}@{{.Addr.Port}}
	server-count: {{.Workers}}
	reuseport: yes
	username: ""
	zonesdir: "{{.Dir}}"
	database: ""
	xfrdfile: "{{.Dir}}/xfrd.state"
	xfrdir: "{{.Dir}}"
	zonelistfile: "{{.Dir}}/zone.list"
	pidfile: "{{.Dir}}/pid"
	rrl-ratelimit: 0
remote-control:
	control-enable: {{if .Control}}yes{{else}}no{{end}}
	control-interface: "{{.Dir}}/control"
pattern:
	name: secondary
	zonefile: "%szone"
	allow-notify: 127.0.0.0/8 NOKEY
{{- range .Primaries}}
	request-xfr: {{.Addr}}@{{.Port}} NOKEY
{{- end}}
{{- range .Zones}}
zone:
	name: "{{.}}"
	include-pattern: secondary
{{- end}}
`)},
	{
		name: "bind", program: "named", versionBy: []string{"-v"}, primaries: 1,
		args: []string{"-f", "-4", "-c", "conf"}, keeps: "%s.zone",
		config: parseConfig(`options {
	directory "{{.Dir}}";
	pid-file none;
	session-keyfile none;
	lock-file none;
	listen-on port {{.Addr.Port}} { {{.Addr.Addr}}; };
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	allow-transfer { none; };
	notify no;
{{- if gt (len .Zones) 1}}
	serial-query-rate 1000;
	transfers-in 50;
	transfers-per-ns 50;
{{- end}}
};
controls { };
logging {
	channel here { stderr; severity warning; };
	category default { here; };
};
{{- range .Zones}}
zone "{{.}}" {
	type secondary;
	file "{{.}}zone";
	primaries { {{range $.Primaries}}{{.Addr}} port {{.Port}}; {{end}}};
	allow-notify { 127.0.0.0/8; };
};
{{- end}}
`)},
	{
		name: "stock", versionBy: []string{"-version"}, plugin: "secondary", primaries: 1,
		args: []string{"-conf", "conf", "-quiet"},
		config: parseConfig(`.:{{.Addr.Port}} {
	bind {{.Addr.Addr}}
{{- if .Pprof}}
	pprof {{.Pprof}}
{{- end}}
{{- if .Zones}}
	secondary {{join .Zones " "}} {
		transfer from{{range .Primaries}} {{.}}{{end}}
	}
{{- end}}
}
`)},
	{name: "concord", versionBy: []string{"-version"}, plugin: "concord", primaries: 2, args: []string{"-conf", "conf", "-quiet"}, config: concordConfig},
	// From one primary, as the others: what agreement costs is the difference to concord.
	{
		name: "concord1", versionBy: []string{"-version"}, plugin: "concord", primaries: 1, args: []string{"-conf", "conf", "-quiet"},
		config: concordConfig, parts: []string{"transfer", "change", "swap", "restart"},
	},
}

var concordConfig = parseConfig(`.:{{.Addr.Port}} {
	bind {{.Addr.Addr}}
{{- if .Pprof}}
	pprof {{.Pprof}}
{{- end}}
{{- if .Zones}}
	concord {{join .Zones " "}} {
{{- range $i, $p := .Primaries}}
		primary p{{$i}} {{$p}}
{{- end}}
		agree all
{{- range .More}}
		{{.}}
{{- end}}
	}
{{- end}}
}
`)

// Primaries, which hold every zone on two addresses, as if they were two.
var (
	knotPrimary = parseConfig(`server:
  rundir: "{{.Dir}}"
  listen: [{{range $i, $a := .Addrs}}{{if $i}}, {{end}}{{$a.Addr}}@{{$a.Port}}{{end}}]
  udp-workers: 1
  tcp-workers: 2
  tcp-io-timeout: 30000
  tcp-remote-io-timeout: 60000
control:
  listen: "{{.Dir}}/control"
database:
  storage: "{{.Dir}}"
  journal-db-max-size: 4G
log:
  - target: stderr
    any: {{.Log}}
acl:
  - id: out
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    storage: "{{.Dir}}"
    acl: out
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: {{if .Incremental}}changes{{else}}none{{end}}
    semantic-checks: off
zone:
{{- range .Zones}}
  - domain: "{{.Origin}}"
    file: "{{.File}}"
{{- end}}
`)
	corednsPrimary = parseConfig(`.:{{(index .Addrs 0).Port}} {
	bind{{range .Addrs}} {{.Addr}}{{end}}
{{- range .Zones}}
	file {{.File}} {{.Origin}} {
		reload 200ms
	}
{{- end}}
	transfer {
		to *
	}
}
`)
)

func parseConfig(text string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"join": strings.Join}).Parse(text))
}
