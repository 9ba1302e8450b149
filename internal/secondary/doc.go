// Package secondary conducts the life of one zone: it has every primary asked when the timers say so, has what they sent
// checked, hands it to parity, and serves what parity approved.
//
//	refresh says when -> ask: SOA, then IXFR or AXFR, of all primaries at once -> a candidate each
//	  -> verify checks it, where it was asked for -> a copy that passed, or is rejected and why
//	  -> parity.Judge over all of them, again whenever one more has arrived
//	  -> commit: what is approved and has passed, held against what is served now -> one atomic swap
//
// A [Zone] decides nothing of it by itself. What may be served is a [parity.Approved], which only parity makes, together with
// the [verify.Verified] of the same version, which only verify makes; a candidate is an [xfr.Candidate], which only a whole
// transfer makes. Readers take one atomic load, [Zone.Snapshot], and never wait for anything here. Who wants to know more of a zone
// has [Zone.Status] made, between two of its steps. What a zone knows can be kept, as a [State], and another one go on with it.
//
// # Goroutines
//
// A zone at rest has one timer and no goroutine. Something that happens to it (the timer, a NOTIFY, an answer, an operator's
// word) gives it a turn in one of the few goroutines in which the zones of a [Limiter] deal with what has come in: while it has its
// turn, that one alone alters the zone's state, and is what is meant by the zone's goroutine. What happened in a step is told after
// it, so that who is told may ask the zone. The asking of a primary runs in a goroutine of the [Limiter], once it has a place for it,
// and its checks go on without that place, in a goroutine of their own; neither they nor the zone's goroutine ever wait for the
// other. [Zone.Stop] ends and waits for all.
//
// # Primaries
//
// A primary is asked for its SOA first, and for the zone only if the serial is another than that of the copy it sent last. Its
// changes are applied to that copy and to no other's, though it may be rejected. One whose IXFR keeps failing is asked by AXFR
// for a while. One that does not answer is tried less and less often, beside the checks of the zone and at once when it sends
// a NOTIFY; and of all zones that it has, one tries it for the others.
//
// A NOTIFY of a primary that has keys is believed only if it is signed with one of them; what it says of a serial never is.
//
// # Trust
//
// What is served already is not rejected, though it would not pass any more. A copy that failed is checked again when time or a
// change of what is served could let it pass; one that could not be checked counts as a failure of its primary, and is tried
// again. An operator has the last word ([Zone.Approve] and those after it), and each word is kept with who gave it and why.
//
// # The store
//
// Nothing is served that is not on the disk, where the zone has a store: what is approved is written in a goroutine of its own, and
// swapped in by the next verdict that approves it still. While the disk fails the zone is held, and all else of it goes on. After
// each round its state is saved, and copies that the store does not have are written with it. A zone begins with what the
// store has: version, history, timers, words of operators, and what is known of primaries.
//
// # What it cannot see
//
// A primary that changes its records and not its serial is taken to hold what it held, as every secondary takes it. If changes
// that come later fit all the same, they make a copy that nobody holds: while there is drift, copies that changes made are
// therefore fetched whole. With one primary alone there is nothing to see it by.
//
// The package knows no Corefile, no message format, no log and no metrics: what happens goes out as an [Event].
package secondary
