package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the rooms from the street down to the cellar. A room imports rooms of lower layers only: not of higher ones,
// and not its neighbours, which meet in the room above.
var layers = [][]string{
	{"cmd/coredns", "cmd/concordctl"},
	{"plugin/concord"},
	{"internal/secondary"},
	{"internal/xfr", "internal/verify", "internal/parity", "internal/refresh", "internal/store", "internal/answer"},
	{"internal/tsig"},
	{"internal/zone", "internal/config", "internal/files", "internal/plainjson"},
}

// pure are the rooms that only compute: the same arguments give the same result, whenever and wherever.
var pure = []string{"internal/zone", "internal/answer", "internal/parity", "internal/refresh", "internal/config"}

// aside are the rooms of tests and benchmarks. They may enter any room, and no other enters them.
var aside = []string{"internal/primarytest", "internal/scripttest", "internal/answer/answertest", "test", "bench"}

// rules are what the layers do not say.
var rules = []rule{
	{
		in: pure, packages: []string{"net", "crypto/tls"}, except: []string{"net/netip", "net.IP", "net.IPv4len", "net.IPv6len"},
		reason: "it decides and does not ask: what comes from the network is an argument; internal/xfr reads it",
	},
	{
		in: pure, packages: []string{"os", "io/fs", "io/ioutil", "syscall", "embed", "log"},
		reason: "it touches no disk and no process: what was read is an argument, and what it finds is a value",
	},
	{
		in: pure, names: []string{
			"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.Tick", "time.NewTimer", "time.NewTicker",
		},
		reason: "it has no clock: the time is an argument, so that a test can say it; internal/secondary has the timers",
	},
	{
		in: pure, goStatement: true,
		reason: "it starts no goroutine: whoever starts one waits for it, and here nobody could; internal/secondary starts them",
	},
	{
		in: []string{"internal"}, packages: []string{"github.com/coredns", "github.com/prometheus"},
		reason: "it knows no server around it: the Corefile, metrics and the log are plugin/concord's",
	},
	{
		in: []string{"internal", "plugin", "cmd"}, names: []string{"github.com/miekg/dns.Transfer"},
		reason: "dns.Transfer has no context, leaks its goroutine when it is abandoned and compares serials as integers; use internal/xfr",
	},
}

// rule forbids packages (with all below them), names of packages, or the go statement in some rooms (with all below them).
// A package of which a file uses nothing but excepted names is no fault.
type rule struct {
	in, packages, except, names []string
	goStatement                 bool
	reason                      string
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(p.room(), file) {
				t.Errorf("%s/%s %s", p.room(), name, fault)
			}
		}
	}
}

// TestImportsCaught has the rules broken, each by a file that is harmless otherwise.
func TestImportsCaught(t *testing.T) {
	for _, tt := range []struct{ room, source, want string }{
		{"internal/zone", `import "net/netip"; var _ netip.Addr`, ""},
		{"internal/zone", `import "time"; var _ = time.Second`, ""},
		{"internal/xfr", `import ("net"; "os"; "time"); var _ = time.Now; func f() { go f() }`, ""},
		{"internal/primarytest", `import "github.com/concord-dns/concord/internal/zone"`, ""},
		{"plugin/concord", `import "github.com/concord-dns/concord/internal/config"`, ""},
		{"internal/zone", `import "net"; var _ [net.IPv4len]byte`, ""},
		{"internal/zone", `import "net"; var _ net.Conn; var _ [net.IPv4len]byte`, "does not ask"},
		{"internal/zone", `import _ "net"`, "does not ask"},
		{"internal/config", `import "net/http"`, "does not ask"},
		{"internal/answer", `import _ "os/exec"`, "no disk"},
		{"internal/parity", `import clock "time"; var _ = clock.Now`, "uses time.Now: it has no clock"},
		{"internal/refresh", `import "time"; func f() { <-time.After(1) }`, "no clock"},
		{"internal/refresh/deeper", `func f() { go f() }`, "no goroutine"},
		{"internal/secondary", `import "github.com/coredns/caddy"`, "no server around it"},
		{"internal/xfr", `import "github.com/prometheus/client_golang/prometheus"`, "no server around it"},
		{"internal/xfr", `import "github.com/miekg/dns"; var _ dns.Transfer`, "leaks its goroutine"},
		{"internal/zone", `import "github.com/concord-dns/concord/internal/config"`, "neighbour"},
		{"internal/parity", `import "github.com/concord-dns/concord/internal/secondary"`, "upwards"},
		{"internal/secondary", `import "github.com/concord-dns/concord/plugin/concord"`, "upwards"},
		{"internal/secondary", `import "github.com/concord-dns/concord/internal/primarytest"`, "only tests"},
		{"internal/cellar", ``, "not in a layer"},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; "+tt.source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(faults(tt.room, file), "\n")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s\n got %q\nwant %q", tt.room, tt.source, got, tt.want)
		}
	}
}

const module = "github.com/concord-dns/concord/"

// faults returns what a file of a room may not do, with the reason.
func faults(room string, file *ast.File) []string {
	uses, starts := usesOf(file)
	var found []string
	if layerOf(room) < 0 && !below(room, aside) {
		found = append(found, "is in a room that is not in a layer: give it one in test/imports_test.go, and in ARCHITECTURE.md")
	}
	for path := range uses {
		if other, ours := strings.CutPrefix(path, module); ours {
			if why := mayEnter(room, other); why != "" {
				found = append(found, fmt.Sprintf("imports %s: %s", other, why))
			}
		}
	}
	for _, r := range rules {
		if !below(room, r.in) || below(room, aside) {
			continue
		}
		if r.goStatement && starts {
			found = append(found, "has a go statement: "+r.reason)
		}
		for path, names := range uses {
			if below(path, r.packages) && !r.allows(path, names) {
				found = append(found, fmt.Sprintf("imports %s: %s", path, r.reason))
			}
			for _, name := range names {
				if slices.Contains(r.names, name) {
					found = append(found, fmt.Sprintf("uses %s: %s", name, r.reason))
				}
			}
		}
	}
	return found
}

// allows reports whether a package, or all that a file uses of it, is excepted.
func (r rule) allows(path string, names []string) bool {
	harmful := func(name string) bool { return !slices.Contains(r.except, name) }
	return below(path, r.except) || len(names) > 0 && !slices.ContainsFunc(names, harmful)
}

// usesOf returns the packages that a file imports, with the names that it uses of each, and whether it starts a goroutine.
func usesOf(file *ast.File) (uses map[string][]string, starts bool) {
	uses = make(map[string][]string)
	paths := make(map[string]string) // by their name in this file
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name], uses[path] = path, nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && paths[x.Name] != "" {
				path := paths[x.Name]
				uses[path] = append(uses[path], path+"."+n.Sel.Name)
			}
		}
		return true
	})
	return uses, starts
}

// mayEnter returns why a room may not import another, or nothing.
func mayEnter(room, other string) string {
	from, to := layerOf(room), layerOf(other)
	switch {
	case below(room, aside), strings.HasPrefix(other, room+"/"):
		return ""
	case below(other, aside):
		return "only tests may"
	case to < from:
		return "imports run downwards, and this is upwards; " + strings.Join(layers[max(to, 0)], ", ") + " import this room"
	case to == from:
		return "this is a neighbour; they meet in the layer above"
	}
	return ""
}

// layerOf returns how deep a room lies, or -1.
func layerOf(room string) int {
	return slices.IndexFunc(layers, func(rooms []string) bool { return below(room, rooms) })
}

// below reports whether a path is one of some or lies below one.
func below(path string, of []string) bool {
	return slices.ContainsFunc(of, func(s string) bool { return path == s || strings.HasPrefix(path, s+"/") })
}

// listed is one package as go list describes it.
type listed struct {
	ImportPath, Dir string
	GoFiles         []string
}

func (p listed) room() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages returns every package of the module.
func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}
