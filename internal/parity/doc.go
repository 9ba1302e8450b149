// Package parity says whether a zone's primaries hold the same content, and
// what may be served because of it.
//
// [Judge] is a pure function: what is known of every primary goes in, with
// the time, and a [Verdict] comes out, with its reasons in words. It asks
// nobody and starts no goroutine, and what it keeps between two calls decides
// nothing: how many records of two versions differ, which never changes. It
// refuses to merge: what may be served is always one primary's copy, whole.
//
// What it calls the same content is what a [Comparison] makes of a version:
// everything (then it is [zone.Version.Root]), or what providers with serials
// of their own have in common. [Comparison.Report] tells how two versions
// differ.
package parity
