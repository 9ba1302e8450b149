package parity

import (
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// Judge returns the verdict over what is known of the primaries of one zone,
// which come in the Corefile's order. The same arguments always give the same
// verdict, and until Verdict.Again a later now does too.
//
// Which primaries count:
//
//   - one that answers, whatever it holds;
//   - one that fails, with its last word, until policy.Absent has passed, or
//     policy.Settle while nothing is served; it counts again once it is back.
//
// What may be served is content that enough of the counted ones hold, in a
// copy that passed its checks:
//
//   - the newest of it, if it is newer than what is served;
//   - else newer content that enough have held, although some have gone on;
//   - else what is served, if that is still among it;
//   - else content that was served before, if a primary went back to it;
//   - else content new to us that is not known to be newer, if two primaries
//     hold it: one alone may be mistaken.
//
// Newer is by the serial (RFC 1982) under "compare strict". Elsewhere serials
// of two primaries say nothing about each other, and what follows what is seen
// in the line of contents that each primary held.
//
// The operator's word goes before all that: a pinned version, an approved
// copy, a hold. Without agreement there are two ways out: the primary that is
// preferred after a drift that lasts, and, when what is served would expire,
// content that passed its checks and that nobody who answers disputes.
func Judge(p Policy, served Served, obs []Observation, now time.Time) Verdict {
	if p.Compare == nil {
		p.Compare = new(Comparison)
	}
	all := indulge(obs, &served)
	for {
		j := judge{policy: p, served: served, now: now}
		j.count(all)
		j.choose()
		j.compare()
		j.resort()
		if !j.uphold(all, obs) {
			return j.verdict()
		}
	}
}

// Policy is what the operator wants of the primaries of one zone.
type Policy struct {
	Agree   config.Agree
	Settle  time.Duration // how long they may be out of step
	Absent  time.Duration // how long a failing one counts, or config.Never
	Compare *Comparison   // what must be the same; nil: everything
	Drift   config.Drift

	// Hold keeps what is served until it is released: who wants it, when and
	// why, in words. "" is nobody.
	Hold string

	// Pin serves one version until it is released.
	Pin Pin

	// Approve is the root (zone.Version.Root) of a copy that the operator
	// approves: it is served as long as a primary holds it, whoever agrees. A
	// rejected one is not.
	Approve zone.Hash

	// Notice is how long before a deadline the operator is told.
	Notice time.Duration
}

// Pin is a version that an operator wants to be served, whatever primaries
// hold. It is one that was approved before.
type Pin struct {
	Version *zone.Version // nil: none is pinned
	Content Content
	Source  string
	Why     string // who wants it, when and why, in words
}

// Served is what is being served. The zero value is: nothing yet.
type Served struct {
	Version *zone.Version
	Content Content // of Version; the zero Content stands for all of it
	Source  string  // the primary whose copy it is: Approved.Source

	// Origin is the root of the copy as the source sent it, if Version was
	// made of that (KeepSerial); zero: it is Version's own.
	Origin zone.Hash

	// Since is Approved.Since of what is served; zero: not known.
	Since time.Time

	// First is when a verdict gave the zone its first version; zero if the
	// version was there from the start. Primaries that had stopped counting
	// by then are not waited for anew, until they are back.
	First time.Time

	// Agreed are the contents that were served before, newest last. That of
	// Version may be the last of them.
	Agreed []zone.Hash

	// ExpireAt is when Version expires if nobody confirms it, and SignedUntil
	// when the first of its signatures does. Zero: not known, or none.
	ExpireAt, SignedUntil time.Time

	// DriftSince is that of the verdict before.
	DriftSince time.Time
}

// root is that of the content.
func (s *Served) root() zone.Hash { return contentRoot(s.Version, &s.Content) }

// origin is the root of the source's own copy.
func (s *Served) origin() zone.Hash {
	if s.Origin == (zone.Hash{}) {
		return s.Version.Root()
	}
	return s.Origin
}
