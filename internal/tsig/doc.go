// Package tsig signs queries to primaries and verifies the answers (RFC 8945), and reads the keys for it.
//
// It is a room beside xfr, and not a part of it, because it needs no connection: octets of a message and the time go in, a
// signed message or a verdict comes out. So it can be held against other implementations message by message.
//
// [Key.Sign] signs a query and returns an [Exchange], which verifies the messages of the answer as they come: the first and
// the last must be signed, up to 99 in a row between them need not be. A verdict is an [Error] that names the key. A
// [Keyring] finds keys by name, among those that were configured and in files in the form of BIND, which are read again when
// they change.
//
// The package refuses to sign answers and to verify queries: CoreDNS does both for NOTIFY and for transfers out. It refuses
// to show a secret, in whatever way it is asked. It starts no goroutine and has no clock.
package tsig
