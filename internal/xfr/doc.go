// Package xfr gets zones from primaries: it asks for the SOA record, and transfers zones by AXFR (RFC 5936) over TCP.
//
// It has two halves. [AXFR] and [ParseSOA] are interpreters without a socket: messages in wire form go in, a
// [zone.Version] or a SOA record comes out. [Client] and [Conn] connect, ask, read and keep to deadlines, and decide
// nothing about what they read. A transfer is used whole or not at all: the first fault ends it, with an [Error] that says
// which, and frees what had come until then.
//
// The package refuses to judge a zone: what it returns is what one primary sent, as a [Candidate] that only this package
// makes.
//
// It owns no goroutine. While a call runs, the end of its context closes the connection from a goroutine of package
// context, and the call returns only after that one has ended.
package xfr
