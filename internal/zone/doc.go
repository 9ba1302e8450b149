// Package zone holds versions of DNS zones.
//
// A [Version] is immutable. Its owner names, in canonical order (RFC 4034 section 6.1), are cut into pages: packed blocks
// of octets that hold a run of names with their RRsets. Where a page ends is decided by the names alone, so the same
// records always make the same pages, whoever sent them and in whatever order. Pages are hashed, and their hashes are
// chunked and hashed upwards in the same way, to one root (a prolly tree). Two versions hold the same records if and only
// if their roots are equal, and what differs between two versions is found without looking at what they share.
//
// NSEC3 records, with the signatures over them, lie in a tree of their own beside the one of names: an NSEC3 owner name
// is a hash and no name of the zone (RFC 5155 section 7.2.8).
//
// # Bounds
//
// An RRset has at most [MaxRRsetRecords] records and an owner name at most [MaxNameBytes] octets of them; a record that
// goes beyond is an error and no version comes of it. A page has 8 to 96 names, and takes no further name from
// 16 KiB on; a branch has 16 to 256 children. Nothing takes more than O(n log n) time, whatever names and whatever order a
// primary chooses.
//
// The package refuses whatever is not a value in memory: it knows no socket, disk or clock and starts no goroutine.
// A [Builder] belongs to one goroutine; a [Version], a [Pool] and everything that is read from them may be used by any number.
package zone
