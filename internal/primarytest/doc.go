// Package primarytest plays the primary of a zone in tests: one server that answers SOA queries, AXFR and IXFR, over TCP or
// TLS, with or without TSIG, and that can be told to be slow, silent, wrong, lying or dying.
//
//	p := primarytest.New(t, primarytest.Make(t, "example.org.", 7, "www A 192.0.2.1"))
//	client.AXFR(ctx, p.Addr(), ...)
//	p.Set(primarytest.Make(t, "example.org.", 8, "www A 192.0.2.2")) // from now on it holds serial 8
//	p.Behave(primarytest.Behaviour{Rcode: dns.RcodeRefused})         // from now on it refuses
//
// [New] and [Listen] serve TCP and UDP on a loopback port; [Pipe] serves only what comes in by [Dialer], over net.Pipe, so
// that it also works inside a synctest bubble, where no socket does.
//
// A Primary owns its goroutines: one for each listener and one for each connection. Stop, which the end of the test calls,
// waits for all of them. The package refuses to be a name server: it looks nothing up but the SOA, and it has no place
// outside tests.
package primarytest
