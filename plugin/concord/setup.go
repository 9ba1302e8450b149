package concord

import (
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
)

const pluginName = "concord"

var log = clog.NewWithPlugin(pluginName)

func init() { plugin.Register(pluginName, setup) }

// setup runs once for each server block that has the directive, however many names and sockets the block listens on.
func setup(c *caddy.Controller) error {
	in := instanceOf(c)
	zones, err := parse(c, &in.pace)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	cfg := dnsserver.GetConfig(c)
	if err := shareKeys(cfg, zones); err != nil {
		return plugin.Error(pluginName, err)
	}
	b := newBlock(zones, &in.pace, func() plugin.Handler { return cfg.Handler("transfer") })
	in.add(b)
	// One chain is made for each socket. What they share is the block.
	cfg.AddPlugin(func(next plugin.Handler) plugin.Handler { return &Handler{Next: next, block: b} })
	return nil
}

// instanceKey is where a Caddy instance keeps its [instance].
type instanceKey struct{}

// instanceOf returns the instance that is being set up, and has its hooks called.
func instanceOf(c *caddy.Controller) *instance {
	if in, ok := c.Get(instanceKey{}).(*instance); ok {
		return in
	}
	in := &instance{process: process}
	in.pace.begin(process.reloading())
	c.Set(instanceKey{}, in)
	c.OnStartup(in.start)
	c.OnRestart(in.restarting)
	c.OnRestartFailed(in.restartFailed)
	c.OnShutdown(in.stop)
	return in
}
