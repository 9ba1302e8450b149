// Package secondary conducts the life of one zone: it has every primary asked when the timers say so, hands what they sent
// to parity, and serves what parity approved.
//
//	refresh says when -> ask: SOA, then AXFR, of all primaries at once -> a candidate each
//	  -> parity.Judge over all of them, again whenever one more has arrived -> commit: one atomic swap
//
// A [Zone] decides nothing of it by itself. What may be served is a [parity.Approved], which only parity makes; a candidate
// is an [xfr.Candidate], which only a whole transfer makes. Readers take one atomic load, [Zone.Snapshot], and never wait for
// anything here.
//
// # Goroutines
//
// A zone at rest has one timer and no goroutine. Something that happens to it (the timer, a NOTIFY, an answer) starts the
// zone's one goroutine, which owns all of its state, deals with what has come in, and ends. The asking of a primary runs in
// a goroutine of the [Limiter], once it has a place for it; neither of the two ever waits for the other. [Zone.Stop] ends
// and waits for all of them.
//
// # What it cannot see
//
// A primary is asked for its SOA first, and for the zone only if the serial is another than that of the copy it sent last. A
// primary that changes its records and not its serial is therefore taken to hold what it held, as every secondary takes it.
//
// The package knows no Corefile, no message format, no log and no metrics: what happens goes out as an [Event].
package secondary
