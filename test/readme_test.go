package test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are where a reader copies a Corefile from.
var documents = []string{"../README.md", "../ARCHITECTURE.md", "../plugin/concord/README.md"}

// TestReadme starts the binary with every Corefile in the documentation: whole, or a concord block, which is put into a
// server block. A block that is shown as a mistake says so with "text" in place of "corefile".
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, path := range documents {
		text := read(t, path)
		blocks := corefiles(text)
		if len(blocks) == 0 && path != "../ARCHITECTURE.md" {
			t.Errorf("%s has no Corefile to copy", path)
		}
		for _, block := range blocks {
			c := NewCoreDNS(t)
			for _, name := range []string{"example.org.zone", "example.net.zone"} {
				if err := os.WriteFile(filepath.Join(c.dir, name), []byte(MasterFile{Serial: 1}.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			c.Start(onFreePorts(t, block))
			c.Stop()
		}
	}
}

// corefiles returns the code blocks that are a Corefile: of that language, or of none and with a concord block in them.
func corefiles(markdown string) []string {
	var found []string
	for _, m := range fence.FindAllStringSubmatch(markdown, -1) {
		language, text := strings.ToLower(m[2]), m[3]
		if language != "corefile" && (language != "" || !concordBlock.MatchString(text)) {
			continue
		}
		if m := firstWord.FindStringSubmatch(text); m != nil && (m[1] == "concord" || m[1] == "primary") {
			if m[1] == "primary" {
				text = "concord {\n" + text + "\n}"
			}
			text = "example.org {\n" + text + "\n}"
		}
		found = append(found, text)
	}
	return found
}

var (
	fence        = regexp.MustCompile("(?ms)^(```|~~~) *([a-zA-Z]*) *\n(.*?)^(?:```|~~~) *$")
	concordBlock = regexp.MustCompile(`(?m)^\s*concord\b.*\{\s*$`)
	firstWord    = regexp.MustCompile(`(?m)^\s*([a-z]+)\b.*$`)
	serverKey    = regexp.MustCompile(`(?m)^(\S.*)\{[ \t]*$`)
	metricsPlace = regexp.MustCompile(`(?m)^(\s*)prometheus\b.*$`)
	keyPort      = regexp.MustCompile(`:\d+$`)
)

// onFreePorts has the server blocks of a Corefile listen on 127.0.0.1, on ports of the test's.
func onFreePorts(t *testing.T, corefile string) string {
	ports := make(map[string]netip.AddrPort)
	corefile = serverKey.ReplaceAllStringFunc(corefile, func(line string) string {
		keys := strings.Fields(strings.TrimRight(line, "{ \t"))
		if keys[0][0] == '(' { // a snippet
			return line
		}
		for i, key := range keys {
			key = strings.TrimSuffix(key, ",")
			port := keyPort.FindString(key)
			if _, ok := ports[port]; !ok {
				ports[port] = FreeAddr(t, "127.0.0.1")
			}
			keys[i] = strings.TrimSuffix(key, port) + ":" + ports[port].String()[len("127.0.0.1:"):]
		}
		return strings.Join(keys, " ") + " {\n    bind 127.0.0.1"
	})
	return metricsPlace.ReplaceAllString(corefile, "${1}prometheus $$METRICS")
}
