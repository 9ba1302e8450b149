package main

import (
	"slices"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
)

func TestDirectives(t *testing.T) {
	standard := slices.Clone(dnsserver.Directives)
	got := directives(standard)
	at := slices.Index(got, "concord")
	if at < 1 || got[at-1] != "secondary" {
		t.Fatalf("concord does not follow secondary: %v", got)
	}
	if rest := slices.Delete(slices.Clone(got), at, at+1); !slices.Equal(rest, dnsserver.Directives) {
		t.Errorf("CoreDNS's own directives changed:\n got %v\nwant %v", rest, dnsserver.Directives)
	}
	if !slices.Equal(standard, dnsserver.Directives) {
		t.Error("the list that was passed in was changed")
	}
	t.Cleanup(func() { dnsserver.Directives = standard })
	if err := dnsserver.SetDirectives(got); err != nil {
		t.Errorf("CoreDNS refuses the list: %v", err)
	}
}
