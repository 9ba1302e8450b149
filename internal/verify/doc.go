// Package verify judges what a primary sent: whether a copy of a zone may be served.
//
// A [Checker] belongs to one zone. [Checker.Check] holds a copy against the zone's configuration and against what is served,
// and returns a [Result]: what was found, as values, and, if nothing of it is a failure, a [Verified], which nobody else can
// make. One check is one file:
//
//	structure   what a name server could not serve truly, and what is odd           always
//	guard       what the copy would do to what is served                            unless off
//	zonemd      the zone's own digest (RFC 8976)                                    where present
//	dnssec      signatures, denial of existence, anchors (package dnssec below)     when asked for
//	command     the operator's own program                                          when asked for
//
// They run in this order. A failure of structure ends it, unless an operator may overrule it: the others would judge what is no
// zone. Guard, zonemd and dnssec all run, so that whoever overrules a guard has seen the rest. The command runs only where
// nothing has failed.
//
// A check that failed is told apart from one that could not be done ([Result.Err]): the copy may be good, and is looked at
// again. Neither is ever served.
//
// What the same content came to is remembered by its root, and with a served version structure and guard look at the
// difference alone; dnssec does so since the last copy that passed. A digest and a command are over the whole zone.
//
// The package refuses to decide what becomes of a copy: that it is held, for how long, and whom to tell. It asks nobody on the
// network.
//
// It owns no goroutine beyond a call: those of dnssec and of a command end before Check returns, and the end of its context
// ends them. How many processors and commands the process has for all zones, [Limits] says. Whatever a primary sends, no check
// takes longer than [WorkTime], and no command longer than [CommandTime]; waiting for a processor comes on top.
package verify
