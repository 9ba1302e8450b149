package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are where a reader copies a Corefile from.
var documents = []string{"../README.md", "../ARCHITECTURE.md", "../plugin/concord/README.md", "../docs/providers.md"}

// TestReadme starts the binary with every Corefile in the documentation: a code block of the language corefile, or of none
// that has a server block with concord in it. What is shown as a pattern or a mistake is of another language, as text.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, path := range documents {
		blocks := corefiles(read(t, path))
		if len(blocks) == 0 && path != "../ARCHITECTURE.md" {
			t.Errorf("%s has no Corefile to copy", path)
		}
		for i, block := range blocks {
			t.Run(fmt.Sprintf("%s/%d", strings.TrimPrefix(path, "../"), i+1), func(t *testing.T) {
				c := NewCoreDNS(t)
				for _, name := range []string{"example.org.zone", "example.net.zone"} {
					if err := os.WriteFile(filepath.Join(c.dir, name), []byte(MasterFile{Serial: 1}.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				c.Start(athome(t, block))
				c.Stop()
			})
		}
	}
}

// corefiles returns the Corefiles in a document. A concord block alone is put into a server block.
func corefiles(markdown string) []string {
	var found []string
	for _, m := range fence.FindAllStringSubmatch(markdown, -1) {
		language, text := m[1], m[2]
		bare := concordAlone.MatchString(text)
		switch {
		case language == "corefile" && bare:
			found = append(found, "example.org {\n"+text+"}\n")
		case language == "corefile", language == "" && !bare && serverKey.MatchString(text) && concordInside.MatchString(text):
			found = append(found, text)
		}
	}
	return found
}

var (
	fence         = regexp.MustCompile("(?ms)^(?:```|~~~) *([a-zA-Z]*) *\n(.*?)^(?:```|~~~) *$")
	serverKey     = regexp.MustCompile(`(?m)^([^\s(#].*?)\s*\{\s*$`)
	concordAlone  = regexp.MustCompile(`(?m)^concord\b`)
	concordInside = regexp.MustCompile(`(?m)^\s+concord\b`)
	ownListener   = regexp.MustCompile(`(?m)^(\s+(?:prometheus|ready|health|pprof))\b[^{\n]*`)
	keyPort       = regexp.MustCompile(`:\d+$`)
	elsewhere     = regexp.MustCompile(`\b(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+|\[?2001:db8:[0-9a-f:]*\]?`)
)

// athome has a Corefile listen on free ports of 127.0.0.1 only, and talk to nobody outside: an address that is set aside
// for documentation becomes one of 127.0.0.0/8.
func athome(t *testing.T, corefile string) string {
	t.Helper()
	homes := make(map[string]string)
	home := func(of, format string, n func() int) string {
		if homes[of] == "" {
			homes[of] = fmt.Sprintf(format, n())
		}
		return homes[of]
	}
	freePort := func() int { return int(FreeAddr(t, "127.0.0.1").Port()) }
	corefile = serverKey.ReplaceAllStringFunc(corefile, func(line string) string {
		keys := strings.Fields(strings.TrimRight(line, "{ \t\n"))
		for i, key := range keys {
			port := keyPort.FindString(key)
			keys[i] = strings.TrimSuffix(key, port) + home(port, ":%d", freePort)
		}
		return strings.Join(keys, " ") + " {\n    bind 127.0.0.1"
	})
	corefile = ownListener.ReplaceAllStringFunc(corefile, func(line string) string {
		return ownListener.FindStringSubmatch(line)[1] + " " + home(line, "127.0.0.1:%d ", freePort)
	})
	return elsewhere.ReplaceAllStringFunc(corefile, func(addr string) string {
		return home(addr, "127.100.100.%d", func() int { return len(homes) + 1 })
	})
}
