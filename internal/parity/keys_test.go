package parity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// signed is a copy of one of several signers: its serial, one record that stands for its content, the keys in its DNSKEY RRset and those
// that it signs with, a letter each. Without the latter it is unsigned.
func signed(t *testing.T, serial int, content, keys, signs string) *zone.Version {
	t.Helper()
	text := []string{
		fmt.Sprintf("example.org. 3600 SOA ns.example.org. host.example.org. %d 7200 900 1209600 300", serial), "example.org. 3600 NS ns.example.org.",
		"www.example.org. 3600 TXT " + content,
	}
	key := func(c rune) *dns.DNSKEY {
		return &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: 256, Protocol: 3, Algorithm: 13, PublicKey: strings.Repeat(string(c), 4),
		}
	}
	for _, c := range keys {
		text = append(text, key(c).String())
	}
	for _, c := range signs {
		text = append(text, fmt.Sprintf("example.org. 3600 RRSIG SOA 13 2 3600 20300101000000 20200101000000 %d example.org. c2ln", key(c).KeyTag()))
	}
	return build(t, text)
}

// A step of a roll is what one provider comes to hold, and what is served then: by its content, and whose copy with which keys.
type step struct {
	who, content, keys, signs string
	want                      string
}

// walkKeys has two providers that agree go some steps, a day each.
func walkKeys(t *testing.T, steps []step) {
	t.Helper()
	w := newWorld(t)
	w.policy.Agree, w.policy.Compare = config.Agree{Kind: config.All}, comparison(t, config.CompareMultisigner)
	w.obs = []Observation{{Name: "red"}, {Name: "blue"}}
	serial := 0
	for n, s := range steps {
		serial++
		for i := range w.obs {
			if o := &w.obs[i]; o.Name == s.who {
				w.see(o, signed(t, serial, s.content, s.keys, s.signs))
			}
		}
		for range 2 { // at once, and when settle has passed
			v := Judge(w.policy, w.served, w.obs, w.now)
			if a, ok := v.Approved(); ok {
				if w.served.Version != nil && w.served.root() != a.Content().Root {
					w.served.Agreed = append(w.served.Agreed, a.Content().Root)
				}
				w.served.Version, w.served.Content, w.served.Source, w.served.Since = a.Version(), a.Content(), a.Source(), a.Since()
			}
			w.now = w.now.Add(time.Minute)
		}
		v := Judge(w.policy, w.served, w.obs, w.now)
		got := "nothing"
		if u := w.served.Version; u != nil {
			txt, _ := u.Find(mustKey(t, "www.example.org.", u.Apex())).Node.RRset(dns.TypeTXT)
			got = fmt.Sprintf("%s of %s, serial %d, %s", txt.First()[1:], w.served.Source, u.Serial(), v.State)
		}
		if got != s.want {
			t.Fatalf("step %d, %+v: %s: %s", n, s, got, v.Reason)
		}
		w.now = w.now.Add(24 * time.Hour)
	}
}

func mustKey(t *testing.T, name string, apex zone.Name) zone.Key {
	t.Helper()
	n, err := zone.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := zone.AppendKey(nil, n, apex)
	return k
}

// agreed are the first steps of all: R and B are the keys that red and blue sign with.
func agreed(steps ...step) []step {
	return append([]step{{"red", "a", "RB", "R", "nothing"}, {"blue", "a", "RB", "B", "a of red, serial 1, in parity"}}, steps...)
}

// TestRollsAreNotHeld goes through what RFC 8901 sections 6 and 8 have providers do, in that order, with content that changes meanwhile.
func TestRollsAreNotHeld(t *testing.T) {
	for name, steps := range map[string][]step{
		"pre-publish": agreed(
			step{"red", "a", "RSB", "R", "a of red, serial 3, in parity"},
			step{"blue", "a", "RSB", "B", "a of red, serial 3, in parity"},
			step{"red", "b", "RSB", "S", "a of red, serial 3, lagging"},
			step{"blue", "b", "RSB", "B", "b of red, serial 5, in parity"},
			step{"red", "b", "SB", "S", "b of red, serial 7, in parity"},
			step{"blue", "b", "SB", "B", "b of red, serial 7, in parity"},
		),
		"pre-publish at the one that is not served": agreed(
			step{"blue", "a", "RBC", "B", "a of red, serial 1, in parity"},
			step{"red", "a", "RBC", "R", "a of red, serial 4, in parity"},
			step{"blue", "a", "RBC", "C", "a of red, serial 4, in parity"},
			step{"red", "a", "RC", "R", "a of red, serial 6, in parity"},
			step{"blue", "a", "RC", "C", "a of red, serial 6, in parity"},
		),
		"two signatures": agreed(
			step{"red", "a", "RSB", "RS", "a of red, serial 3, in parity"},
			step{"blue", "a", "RSB", "B", "a of red, serial 3, in parity"},
			step{"red", "a", "SB", "S", "a of red, serial 5, in parity"},
			step{"blue", "a", "SB", "B", "a of red, serial 5, in parity"},
		),
		"one key for all (model 1)": {
			{"red", "a", "K", "K", "nothing"}, {"blue", "a", "K", "K", "a of red, serial 1, in parity"},
			{"red", "a", "KL", "K", "a of red, serial 3, in parity"}, {"blue", "a", "KL", "K", "a of red, serial 3, in parity"},
			{"red", "a", "KL", "L", "a of red, serial 5, in parity"}, {"blue", "a", "KL", "L", "a of red, serial 5, in parity"},
		},
		"a provider is added": { // whose key the other has yet to get
			{"red", "a", "R", "R", "nothing"}, {"blue", "a", "RB", "B", "a of red, serial 1, in parity"},
			{"red", "a", "RB", "R", "a of red, serial 3, in parity"},
		},
		"a provider is to be removed": agreed( // it stops signing, and then its key goes
			step{"blue", "a", "R", "", "a of red, serial 1, in parity"},
			step{"red", "a", "R", "R", "a of red, serial 4, in parity"},
		),
		"from unsigned to signed": {
			{"red", "a", "", "", "nothing"}, {"blue", "a", "", "", "a of red, serial 1, in parity"},
			{"red", "a", "RB", "R", "a of red, serial 3, in parity"}, {"blue", "a", "RB", "B", "a of red, serial 3, in parity"},
		},
		"incomplete from the start": {
			{"red", "a", "R", "R", "nothing"}, {"blue", "a", "B", "B", "a of red, serial 1, in parity"},
			{"red", "b", "R", "R", "a of red, serial 1, lagging"}, {"blue", "b", "B", "B", "b of red, serial 3, in parity"},
		},
		"the other forgets": agreed( // what is served lacks as much
			step{"blue", "a", "B", "B", "a of red, serial 1, in parity"},
			step{"red", "b", "RB", "R", "a of red, serial 1, lagging"},
			step{"blue", "b", "B", "B", "b of red, serial 4, in parity"},
		),
	} {
		t.Run(name, func(t *testing.T) { walkKeys(t, steps) })
	}
}

// TestKeysLacking goes through rolls in a wrong order: what resolvers would find bogus is held until the key is there.
func TestKeysLacking(t *testing.T) {
	for name, steps := range map[string][]step{
		"signs before the other has the key": agreed(
			step{"red", "a", "RSB", "S", "a of red, serial 1, held"},
			step{"blue", "a", "RSB", "B", "a of red, serial 3, in parity"},
		),
		"with new content": agreed( // the other's copy is served, which lacks no more than what was served
			step{"red", "b", "RSB", "S", "a of red, serial 1, lagging"},
			step{"blue", "b", "RB", "B", "b of blue, serial 4, in parity"},
			step{"blue", "b", "RSB", "B", "b of blue, serial 5, in parity"},
		),
		"takes the other's key away": agreed(
			step{"red", "a", "R", "R", "a of red, serial 1, held"},
			step{"blue", "a", "R", "", "a of red, serial 3, in parity"}, // which signs no more
		),
		"takes it away and adds it again": agreed(
			step{"red", "b", "R", "R", "a of red, serial 1, lagging"},
			step{"blue", "b", "RB", "B", "a of red, serial 1, held"},
			step{"red", "b", "RB", "R", "b of red, serial 5, in parity"},
		),
		"one is unsigned": agreed(
			step{"red", "a", "", "", "a of red, serial 1, held"},
			step{"red", "a", "RB", "R", "a of red, serial 4, in parity"},
		),
	} {
		t.Run(name, func(t *testing.T) { walkKeys(t, steps) })
	}
}

// TestKeysLackingTold has the reason name provider, key and what to do, give settle to a provider that is seen to last, and the operator
// have the last word; after that nothing is held for the same key.
func TestKeysLackingTold(t *testing.T) {
	w := newWorld(t)
	w.policy.Agree, w.policy.Compare = config.Agree{Kind: config.All}, comparison(t, config.CompareMultisigner)
	w.obs = []Observation{{Name: "red"}, {Name: "blue"}}
	judge := func(state State, serial zone.Serial, reason string) {
		t.Helper()
		v := Judge(w.policy, w.served, w.obs, w.now)
		if a, ok := v.Approved(); ok {
			w.served.Version, w.served.Content, w.served.Source, w.served.Since = a.Version(), a.Content(), a.Source(), a.Since()
		}
		if v.State != state || w.served.Version.Serial() != serial || !strings.Contains(v.Reason, reason) {
			t.Fatalf("%s, serial %d is served: %s; want %s, serial %d: %s", v.State, w.served.Version.Serial(), v.Reason, state, serial, reason)
		}
		w.now = w.now.Add(20 * time.Second)
	}
	w.see(&w.obs[0], signed(t, 1, "a", "RB", "R"))
	w.see(&w.obs[1], signed(t, 1, "a", "RB", "B"))
	judge(InParity, 1, "")
	next := signed(t, 2, "b", "RS", "S")
	w.see(&w.obs[0], next)
	w.see(&w.obs[1], signed(t, 2, "b", "RB", "B"))
	const why = "serial 2 of red is not served: it is signed with key 57137 (algorithm 13), which the DNSKEY RRset of blue lacks, and whoever has that " +
		"would find it bogus; have blue add the key, or approve the copy"
	judge(Settling, 1, why)
	judge(Settling, 1, why)
	judge(Held, 1, why)
	end := w.served
	end.ExpireAt = w.now
	v := Judge(w.policy, end, w.obs, w.now)
	if a, _ := v.Approved(); a.Version() != next {
		t.Errorf("when what is served expires, rather than nothing: %s", v.Reason)
	}
	w.policy.Approve = next.Root()
	judge(InParity, 2, "an operator approved serial 2 of red")
	w.policy.Approve = zone.Hash{}
	w.see(&w.obs[0], signed(t, 3, "c", "RS", "S"))
	w.see(&w.obs[1], signed(t, 3, "c", "RB", "B"))
	judge(InParity, 3, "")
}
