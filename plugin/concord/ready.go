package concord

// Ready implements the ready.Readiness interface: once every zone has a version, from a primary or from the store. It speaks for
// all server blocks, since *ready* asks only one of the plugins of a name. A zone that expires later, or had expired when it was
// read from the store, is not ready for traffic either, but that is for alerts: what a load balancer could send elsewhere would
// be every other zone, too.
func (h *Handler) Ready() bool {
	in := h.block.instance
	if !in.started.Load() {
		return false
	}
	for _, b := range in.blocks {
		for _, e := range b.order {
			if e.running.zone.Snapshot().Version == nil {
				return false
			}
		}
	}
	return true
}
