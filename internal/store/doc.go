// Package store keeps versions of zones, and what is known of their primaries, where a restart finds them again: in one
// file, by way of bbolt.
//
// # What is in the file
//
//	concord   format: the version of what follows
//	pages     number -> SHA-256, octets     the pages, branches and roots of versions (zone.Version.Nodes), each once
//	zones     name   -> check sum, roots, JSON     one State for each zone
//
// A page is addressed by its hash, so versions and zones share what they have in common, and damage shows when it is read.
// The hash is not the key in the file, however. Hashes scatter: with them as keys, a change of one record would write a dozen
// leaves of the tree all over the file, each half empty in the long run. Pages are numbered as they come instead: a commit
// appends, its pages lie together, are read in the order in which they were written, and go together when the version
// goes. Which hash has which number is kept in memory, some 60 octets a page, 2 a record, and read from the file when it is
// opened. Neither whole versions nor lists of their pages are kept: a root leads to branches and they to pages, and a version
// that differs in one record has five to nine nodes of its own.
//
// # Commits
//
// [DB.Commit] returns when the version is on the disk: first all pages, then, by bbolt's own rule, the page of its file that
// makes them count, with an fsync after either. What waits goes into one transaction. Pages of a large version go ahead in
// transactions of their own, which bounds the memory; nothing refers to them until the last one does.
//
// [Durable] is the result, and only Commit makes one: what is not durable cannot be swapped in.
//
// # Collection
//
// Pages that no version refers to any more are found by a walk from all roots over the branches, and deleted in
// small transactions while nothing else is to be written. A commit in between takes back what it refers to again.
//
// # Damage
//
// Before bbolt sees a file, the structure of that file is checked: bbolt takes its file on trust, and would panic, run in circles
// or write over what is in use. A file with damage is renamed and stays; whatever has its hash or check sum in it is
// carried over to a new one. Damage within pages is found when a version is loaded: the error names the page, an older version is
// served if one is whole, and the caller is told to have the zone fetched again. A file that is not Concord's, or of
// a later format, is an error and stays as it is.
//
// # Goroutines
//
// One, the writer, started by [Open] and ended by [DB.Close]. Whoever waits for it waits with a context.
//
// The package knows zones as bytes and states as values: it decides nothing about them, and refuses to know configuration,
// parity or timers. It logs nothing: what it finds are values.
package store
