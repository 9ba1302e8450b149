package concord

import (
	"context"
	"strconv"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"

	"github.com/concord-dns/concord/internal/secondary"
)

// Metadata implements the metadata.Provider interface.
func (h *Handler) Metadata(ctx context.Context, state request.Request) context.Context {
	e := h.block.match(state.QName(), state.QType())
	if e == nil {
		return ctx
	}
	metadata.SetValueFunc(ctx, "concord/zone", func() string { return e.config.Origin })
	s := e.running.zone.Snapshot()
	metadata.SetValueFunc(ctx, "concord/state", func() string { return stateOf(s) })
	if s.Version != nil {
		metadata.SetValueFunc(ctx, "concord/serial", func() string { return strconv.FormatUint(uint64(s.Version.Serial()), 10) })
	}
	return ctx
}

const stateExpired = "expired"

// stateOf returns the state of a zone in the words of the log and of the documentation.
func stateOf(s *secondary.Snapshot) string {
	if s.Expired {
		return stateExpired
	}
	return s.State.String()
}

// CacheBypassZones implements the cache.ZoneBypasser interface: a cache in front would answer from the version before for as
// long as its TTLs last, and nothing is gained by it.
func (h *Handler) CacheBypassZones() []string {
	zones := make([]string, len(h.block.order))
	for i, e := range h.block.order {
		zones[i] = e.config.Origin
	}
	return zones
}
