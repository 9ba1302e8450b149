// Package xfr gets zones from primaries: it asks for the SOA record, and transfers zones by AXFR (RFC 5936) and by IXFR (RFC
// 1995), over TCP or TLS (RFC 9103), with or without TSIG (RFC 8945).
//
// It has two halves. [AXFR], [IXFR] and [ParseSOA] are interpreters without a socket: messages in wire form go in, a
// [zone.Version] or a SOA record comes out. [Client] and [Conn] connect, sign, ask, read, verify and keep to deadlines, and
// decide nothing about what they read. A transfer is used whole or not at all: the first fault ends it, with an [Error] that
// says which, and frees what had come until then. With a key, what was not signed to its end is a fault.
//
// [Conn.Transfer] is the way for whoever holds a version: IXFR, and in the same breath AXFR where IXFR is at fault. For how
// long a primary whose IXFR keeps failing is asked by AXFR at once is for the caller to say, who remembers it.
//
// [Conns] keeps idle connections, and what was found out about primaries: which key they take, whether they know EDNS,
// whether they take several questions at once, and sessions of TLS. Over one connection go one transfer, or the SOA queries
// of several zones, which do not wait for each other's answers (RFC 7766 section 6.2.1.1). What fails there is asked again
// alone before it is an error, so that no zone fails for what another asked.
//
// The package refuses to judge a zone: what it returns is what one primary sent, as a [Candidate] that only this package
// makes. It refuses to go back from TLS to TCP, and from signed to unsigned.
//
// It owns no goroutine: of those who wait for answers over one connection one reads for all. While a call runs, the end of
// its context interrupts what it does with the connection from a goroutine of package context, and the call returns only
// after that one has ended. A kept connection has a timer, and what that starts is waited for by [Conns.Close].
package xfr
