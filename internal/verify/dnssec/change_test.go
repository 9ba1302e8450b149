package dnssec

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/concord-dns/concord/internal/answer/answertest"
	"github.com/concord-dns/concord/internal/zone"
)

// Whatever changes, and however it is damaged: verifying it from the State before finds what verifying it all finds, and
// counts the same.
func TestChangedLikeFromTheStart(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			signing := answertest.RandomSigning(r)
			plain := answertest.Generate(r, "example.org.", answertest.Options{})
			signed := plain.Signed(signing)
			state, report := verify(t, version(t, signed), nil)
			if !report.OK() {
				t.Fatal(report.Faults)
			}
			for range 12 {
				if r.IntN(6) == 0 {
					signing = answertest.RandomSigning(r)
				}
				if r.IntN(3) > 0 {
					plain = altered(r, plain)
				}
				signed = plain.Signed(signing)
				state = alike(t, version(t, signed), state)
				if !state.whole {
					_, report := verify(t, version(t, signed), nil)
					t.Fatalf("%v: the zone has faults:\n%s", signing, list(report))
				}
				for range 4 {
					alike(t, damaged(t, r, signed), state)
				}
			}
		})
	}
}

// alike verifies a version in both ways and holds what comes of it against each other.
func alike(t *testing.T, v *zone.Version, before *State) *State {
	t.Helper()
	got, gotReport := verify(t, v, before)
	want, wantReport := verify(t, v, nil)
	if gotReport.Verified > wantReport.Verified {
		t.Errorf("verified %d signatures, and from the start %d", gotReport.Verified, wantReport.Verified)
	}
	gotReport.Verified, wantReport.Verified = 0, 0
	if !reflect.DeepEqual(gotReport, wantReport) {
		t.Fatalf("from the state before:\n%v\nfrom the start:\n%v", list(gotReport), list(wantReport))
	}
	if !got.whole {
		return got
	}
	a, b := got.tally, want.tally
	if a.rrsets != b.rrsets || a.lacking != b.lacking || len(a.odd) != len(b.odd) || !slices.Equal(a.until.list, b.until.list) {
		t.Fatalf("counts from the state before: %+v\nfrom the start: %+v", a, b)
	}
	return got
}

func list(r Report) (s string) {
	for _, f := range append(slices.Clone(r.Faults), r.Warnings...) {
		s += "  " + f.String() + "\n"
	}
	return s
}

// altered returns a zone with some records of it gone and some of another there.
func altered(r *rand.Rand, z *answertest.Zone) *answertest.Zone {
	next := &answertest.Zone{Origin: z.Origin}
	gone := r.IntN(4)
	for _, rr := range z.Records {
		if h := rr.Header(); h.Rrtype != dns.TypeSOA && r.IntN(len(z.Records)) < gone && !(h.Rrtype == dns.TypeNS && h.Name == z.Origin) {
			continue
		}
		next.Records = append(next.Records, rr)
	}
	other := answertest.Generate(r, z.Origin, answertest.Options{})
	for range r.IntN(6) {
		rr := other.Records[r.IntN(len(other.Records))]
		if rr.Header().Rrtype == dns.TypeSOA || slices.ContainsFunc(next.Records, func(s dns.RR) bool {
			return strings.EqualFold(s.Header().Name, rr.Header().Name) && s.Header().Rrtype == rr.Header().Rrtype
		}) {
			continue
		}
		next.Records = append(next.Records, rr)
	}
	return next
}

// damaged returns a version with some records gone, doubled under another name, or flipped in one bit.
func damaged(t *testing.T, r *rand.Rand, z *answertest.Zone) *zone.Version {
	t.Helper()
	apex, _ := zone.ParseName(z.Origin)
	for range 8 { // until a version comes of it
		b := zone.NewBuilder(apex, nil)
		rate := len(z.Records) / (1 + r.IntN(3))
		for _, rr := range z.Records {
			rec, err := zone.FromRR(rr)
			if err != nil {
				t.Fatal(err)
			}
			if rec.Type == dns.TypeSOA || r.IntN(rate+1) > 0 {
				_ = b.Add(rec)
				continue
			}
			switch r.IntN(5) {
			case 0: // gone
			case 1: // elsewhere
				with, _ := zone.FromRR(z.Records[r.IntN(len(z.Records))])
				rec.Owner = with.Owner
				_ = b.Add(rec)
			case 2: // another TTL
				rec.TTL++
				_ = b.Add(rec)
			case 3: // a cut
				_ = b.Add(rec)
				_ = b.Add(zone.Record{Owner: rec.Owner, Type: dns.TypeNS, TTL: 60, Data: []byte{1, 'a', 0}})
			default:
				data := slices.Clone(rec.Data)
				if len(data) > 0 {
					data[r.IntN(len(data))] ^= 1 << r.IntN(8)
				}
				if data, err := zone.AppendRDATA(nil, rec.Type, data, 0, len(data)); err == nil {
					rec.Data = data
				}
				_ = b.Add(rec)
			}
		}
		if v, _, err := b.Build(); err == nil {
			return v
		}
	}
	return version(t, z)
}

func TestExpiriesAreThoseOfAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	e, all := newExpiries(), []int64{}
	for range 20_000 {
		if len(all) == 0 || r.IntN(3) > 0 {
			at := int64(r.IntN(5000))
			e.add(at, 1)
			all = append(all, at)
		} else {
			i := r.IntN(len(all))
			e.remove(all[i])
			all = slices.Delete(all, i, i+1)
		}
		if got, ok := e.earliest(); ok && got != slices.Min(all) {
			t.Fatalf("earliest %d, want %d", got, slices.Min(all))
		} else if !ok && e.known() && len(all) > 0 {
			t.Fatal("says that there is none")
		}
		if len(e.list) > maxInstants {
			t.Fatalf("keeps %d instants", len(e.list))
		}
	}
}
