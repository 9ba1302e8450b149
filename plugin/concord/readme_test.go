package concord

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

// TestReadme has every Corefile of the README be valid, and every property and metric of the plugin be in it.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	corefiles := strings.Split(text, "~~~ corefile\n")[1:]
	if len(corefiles) == 0 {
		t.Error("no examples")
	}
	for _, corefile := range corefiles {
		corefile, _, _ = strings.Cut(corefile, "~~~")
		if err := caddy.ValidateAndExecuteDirectives(input(corefile), nil, true); err != nil {
			t.Errorf("%v\n%s", err, corefile)
		}
	}
	for _, property := range propertyNames() {
		if !strings.Contains(text, "`"+property) {
			t.Errorf("property %s is not explained", property)
		}
	}
	for _, metric := range metricNames() {
		if !strings.Contains(text, "* `"+metric+"{") {
			t.Errorf("metric %s is not listed", metric)
		}
	}
	at := 0
	for _, section := range []string{"Name", "Description", "Syntax", "Metrics", "Ready", "Examples", "Bugs", "See Also"} {
		i := strings.Index(text, "\n## "+section+"\n")
		if i < at {
			t.Errorf("section %s is not in its place", section)
		}
		at = max(at, i)
	}
}

func metricNames() []string {
	var names []string
	for _, d := range allDescriptions() {
		_, rest, _ := strings.Cut(d, `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
