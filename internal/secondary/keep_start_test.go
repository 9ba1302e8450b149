package secondary

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// TestStartAfter spreads the first looks of zones that serve, of many over longer, and keeps nothing waiting that serves nothing or
// is about to expire.
func TestStartAfter(t *testing.T) {
	v := primarytest.Make(t, "example.org.", 1, "@ SOA ns1 host 1 3600 60 604800 300\n@ NS ns1.example.net.\n").Version(t)
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			name    string
			version *zone.Version
			expired bool
			expire  time.Duration
			seed    time.Duration
			within  time.Duration
			want    time.Duration
		}{
			{name: "nothing to serve", seed: time.Minute, within: time.Hour},
			{name: "expired", version: v, expired: true, expire: -time.Hour, seed: time.Minute, within: time.Hour},
			{name: "few", version: v, expire: time.Hour, seed: time.Minute + 300*time.Millisecond, want: 300 * time.Millisecond},
			{name: "many", version: v, expire: time.Hour, seed: time.Minute + 7*time.Second, within: 10 * time.Second, want: 7 * time.Second},
			{name: "about to expire", version: v, expire: 2 * time.Second, seed: 7 * time.Second, within: 10 * time.Second, want: 2 * time.Second},
			{name: "past its end", version: v, expire: -time.Second, seed: 7 * time.Second, within: 10 * time.Second},
		} {
			s := &Snapshot{Version: row.version, Expired: row.expired, ExpireAt: time.Now().Add(row.expire)}
			if got := startAfter(s, &Options{Seed: uint64(row.seed), StartWithin: row.within}); got != row.want {
				t.Errorf("%s: after %v, want %v", row.name, got, row.want)
			}
		}
	})
}
