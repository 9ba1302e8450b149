// Package dnssec says whether a version of a zone is signed as validators need it (RFC 4035, RFC 5155, RFC 6840): every
// authoritative RRset has a signature that verifies and is valid now, nothing else has one, the chain of NSEC or NSEC3 records
// is whole and tells the truth, and the keys are those of a trust anchor where one is given.
//
// # What a validator needs, and what it does not
//
// A zone in the middle of a roll must pass, so what is asked of a zone with several algorithms is what RFC 6840 section 5.11
// asks of validators and no more. Of each RRset, one signature has to verify. Where anchors are given, one of each algorithm
// that they signal has to: a validator that knows but one of them relies on it. A further algorithm of the DNSKEY RRset may be
// incomplete, as while a signer brings it in; that is a warning, with a count. A signature that does not verify is passed over
// beside one that does, as validators pass it over (section 5.4). Keys that sign nothing are fine (a roll, RFC 8901), and so are
// signatures by keys that are not there yet, beside others that are.
//
// An anchor that fits no key of the zone is passed over as long as another fits; a revoked key (RFC 5011) signs nothing.
//
// NSEC3 chains are verified for each NSEC3PARAM record without flags. NSEC3 records with other parameters belong to a chain that
// is being built or taken down, and nothing but their signatures is looked at. With an NSEC3PARAM record, NSEC records are
// leftovers in the same way.
//
// # The next time
//
// A State of an earlier version makes the cost go with the change: RRsets that did not change, by keys that are still there,
// need no verifying again. A State of a version with faults is of no such use.
//
// # Bounds
//
// Whatever a primary sends: no more than 64 keys and 8 chains of a zone, 64 NSEC3 records at one hash, and 32 signatures and 16
// attempts at one RRset; RSA of at most 4096 bits, with exponents of at most 64. What goes beyond is a fault. At most MaxFaults
// faults are returned. How long it may take in all is the caller's to say, with the context.
//
// The package refuses what is not a value in memory. [Verify] starts its goroutines and waits for them.
package dnssec
