// Command coredns is CoreDNS with every standard plugin and one more, concord, whose directive stands beside secondary.
//
// It is a drop-in: flags, defaults and exit codes are CoreDNS's own, and it adds nothing but the plugin and a line to
// what -version prints.
package main

import (
	"flag"
	"slices"

	_ "github.com/concord-dns/concord/plugin/concord"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/core/plugin" // every standard plugin
	"github.com/coredns/coredns/coremain"
)

// version is ours; a release sets it with -ldflags "-X main.version=v1.2.3".
var version = "devel"

func main() {
	if err := dnsserver.SetDirectives(directives(dnsserver.Directives)); err != nil {
		panic(err) // the list is fixed when this is built, and a test has tried it
	}
	flag.Parse() // as coremain.Run does again
	if asked := flag.Lookup("version"); asked != nil && asked.Value.String() == "true" {
		// CoreDNS prints its lines, which end in this, and exits. The first line stays what scripts expect. Only here:
		// a metric and a user agent carry the commit of a server that runs.
		coremain.GitCommit += "\nConcord-" + version
	}
	coremain.Run()
}

// directives returns CoreDNS's directives, in their order, with concord right after secondary: what transfers, caches,
// rewrites or signs in front of the one does so in front of the other.
func directives(standard []string) []string {
	return slices.Insert(slices.Clone(standard), slices.Index(standard, "secondary")+1, "concord")
}
